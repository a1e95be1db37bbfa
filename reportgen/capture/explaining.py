"""What a target's value depends on, by every way that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reportgen.capture.attribution import FullAttribution
from reportgen.capture.attribution.faithfulness import Faithfulness
from reportgen.capture.knockout import MeasuredLinks
from reportgen.capture.pruning import Pruned


@dataclass(frozen=True, kw_only=True, eq=False)
class Explained:
    """The target's value; arrays about weights and about the source's sentences; what many passes give (None where they were not asked for); links that were
    hidden; heads that were masked; curves of sentences taken out; what is to be said of the gradients."""

    value: float
    arrays: dict[str, np.ndarray]
    full: FullAttribution | None
    links: MeasuredLinks
    pruned: Pruned | None = None
    faithful: Faithfulness | None = None
    notices: tuple[str, ...] = ()

    @property
    def by_sentence(self) -> dict[str, np.ndarray]:
        """Arrays whose axes of sentences and tokens are those of the text that was read: a window's, where the target is read in a window."""
        return self.arrays | ({} if self.full is None else self.full.arrays)

    @property
    def numbered(self) -> dict[str, np.ndarray]:
        """Arrays that number the document's sentences themselves, or have none."""
        found = self.links.arrays | ({} if self.full is None else self.full.pair_rows)
        found = found | ({} if self.pruned is None else self.pruned.arrays)
        return found | ({} if self.faithful is None else dict(self.faithful.arrays))

    def add_to(self, metadata: dict[str, Any]) -> None:
        """Say in the metadata what was measured, how, and what was not."""
        metadata["target"]["value"] = round(self.value, 6)
        metadata["link_effect"] = self.links.metadata
        metadata["notices"] += (*self.notices, *self.links.notices)
        if self.full is not None:
            self.full.add_to(metadata)
        if self.pruned is not None:
            self.pruned.add_to(metadata)
        if self.faithful is not None:
            self.faithful.add_to(metadata)
