"""The linear layer that an attention's output goes through, head by head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import nn
from transformers.pytorch_utils import Conv1D

LINEAR = (nn.Linear, Conv1D)


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """W_O, cut into what it makes of each head's values, and its bias, 0 where it has none; in float32."""

    by_head: Float[torch.Tensor, "head value_dim dim"]
    bias: Float[torch.Tensor, " dim"]

    @classmethod
    def of(cls, module: Any, heads: int) -> Projection:
        """That of a linear layer, whose inputs are the heads' values one head after the other."""
        weight = module.weight.detach().float()
        weight = weight if isinstance(module, Conv1D) else weight.T  # Conv1D keeps input x output
        bias = torch.zeros_like(weight[0]) if module.bias is None else module.bias.detach().float()
        return cls(by_head=weight.unflatten(0, (heads, -1)), bias=bias)

    def output(self, context: Float[torch.Tensor, "head row value_dim"]) -> Float[torch.Tensor, "row dim"]:
        """What the layer makes of the heads' means of values."""
        return torch.bmm(context, self.by_head).sum(0) + self.bias


def is_projection(module: Any) -> bool:
    """Whether a module is a linear layer of a kind whose weights are known to be all that it computes."""
    return type(module) in LINEAR
