"""The sentences that the target of attribution predicts, and the first that was read with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportgen.measurements import Measurements


def sentences_of_target(target: Mapping[str, Any]) -> range:
    """The sentences that the target of these metadata predicts, none where it predicts none."""
    if target["sentence"] is None:
        return range(0)
    return range(target["sentence"], target.get("last_sentence", target["sentence"]) + 1)


def first_read_with_target(measurements: Measurements) -> int:
    """The first sentence of the window that the target was read in, which is the first that holds its last sentence; a target that is no sentence is of the last."""
    first_read, own = measurements.first_read, sentences_of_target(measurements.metadata["target"])
    return 0 if first_read is None else int(first_read[own[-1] if own else -1])
