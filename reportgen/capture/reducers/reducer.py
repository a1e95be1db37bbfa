"""What a reducer promises."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from reportgen.capture.block import Block


@runtime_checkable
class Weighted(Protocol):
    """A reducer some of whose numbers are means over other rows than the counted queries in sentences."""

    def weights(self) -> dict[str, np.ndarray]:
        """What those numbers are over, by name: rows, pairs, or squared lengths. For merging the windows of a document."""


@runtime_checkable
class Reducer(Protocol):
    """Adds up blocks in order, layer by layer.

    The result must not depend on how the rows were cut into blocks. `arrays` names its numbers as the contract does, without the stack.
    """

    def add(self, block: Block) -> None:
        """Take one block in."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The finished numbers."""
