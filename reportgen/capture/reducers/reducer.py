"""What a reducer promises."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.visibility import Visibility


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


@runtime_checkable
class OfPairs(Protocol):
    """A reducer that takes single weights."""

    def pairs_taken(self, plan: BlockPlan, visibility: Visibility) -> Pairs:
        """Which weights of a block of this plan it finds in the block's `pairs`, under itself."""


@runtime_checkable
class OfWholeRows(Protocol):
    """A reducer that takes all weights of a block, which are copied for it: as much memory as the block has cells."""

    whole_rows: bool
