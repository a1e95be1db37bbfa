"""What attention says of the attribution target: the rows whose predictions the target reads."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack


class TargetRows:
    """`attribution.attention`: mean over the target's rows, layers and heads of the mass on each sentence."""

    def __init__(self, stack: Stack) -> None:
        self.rows, self.slots = stack.queries.target_rows, stack.keys.slot_of_token
        self.total = torch.zeros(stack.keys.sentences + 1, dtype=torch.float64)
        self.count = len(self.rows) * stack.layers * stack.heads

    def add(self, block: Block) -> None:
        inside = self.rows[(self.rows >= block.rows.start) & (self.rows < block.rows.stop)] - block.rows.start
        if len(inside):
            sums = block.weights[:, torch.from_numpy(inside)].sum((0, 1)).double()
            self.total.index_add_(0, self.slots[block.keys], sums)

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    def of_target(self) -> np.ndarray:
        """Mean mass on each sentence."""
        return (self.total[:-1] / self.count).numpy().astype(np.float32)
