"""What a reducer promises."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.layout import Stack
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

    @staticmethod
    def pairs_of_rows(stack: Stack) -> Int[np.ndarray, " row"]:
        """How many weights of each of the text's rows it takes at most."""


@runtime_checkable
class OfWholeRows(Protocol):
    """A reducer that takes all weights of some rows, which are copied for it. Memory: heads x these rows of a block x keys."""

    @staticmethod
    def rows_taken(stack: Stack) -> Int[np.ndarray, " row"]:
        """Which of the text's rows, in order; it finds their weights in the block's `whole_rows`, under itself."""
