"""What attention says of the attribution target: the rows whose predictions the target reads."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.capture.block import Block
from reportgen.capture.layout import TextLayout


class TargetRows:
    """`attribution.attention`: mean over the target's rows, layers and heads of the mass on each sentence."""

    def __init__(self, layout: TextLayout, layers: int, heads: int) -> None:
        self.layout = layout
        self.total = torch.zeros(layout.sentences + 1, dtype=torch.float64)
        self.count = len(layout.target_rows) * layers * heads

    def add(self, block: Block) -> None:
        rows = self.layout.target_rows
        inside = rows[(rows >= block.rows.start) & (rows < block.rows.stop)] - block.rows.start
        if len(inside):
            sums = block.weights[:, torch.from_numpy(inside)].sum((0, 1)).double()
            self.total.index_add_(0, self.layout.slot_of_token[block.keys], sums)

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    def of_target(self) -> np.ndarray:
        """Mean mass on each sentence."""
        return (self.total[:-1] / self.count).numpy().astype(np.float32)
