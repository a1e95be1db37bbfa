"""What attention says of the attribution target: the rows whose predictions the target reads."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack


class TargetRows:
    """`attribution.attention`: mean over the target's rows, layers and heads of the mass on each sentence; the same by token, and by layer and head."""

    def __init__(self, stack: Stack) -> None:
        self.rows, self.slots = len(stack.queries.target_rows), stack.keys.slot_of_token
        self.by_token = torch.zeros(stack.keys.tokens, dtype=torch.float64)
        self.by_head = torch.zeros(stack.layers, stack.heads, stack.keys.sentences + 1, dtype=torch.float64)
        self.heads = stack.layers * stack.heads

    def add(self, block: Block) -> None:
        if block.of_target is not None:
            self.by_head[block.layer].index_add_(1, self.slots[block.keys], block.of_target)
            self.by_token[block.keys] += block.of_target.sum(0)

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    def of_target(self) -> dict[str, np.ndarray]:
        """Mean mass on each sentence and on each token, named as the contract names it; NaN where the target has no rows."""
        by_head = self.by_head[:, :, :-1] / self.rows
        found = {"attention": by_head.mean((0, 1)), "attention_by_head": by_head, "token_attention": self.by_token / (self.rows * self.heads)}
        return {f"attribution.{name}": values.numpy().astype(np.float32) for name, values in found.items()}
