"""An attention function whose chosen heads give nothing: their outputs are zero before the output projection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.attribution.hiding import attend
from reportgen.capture.feeding import StackOf
from reportgen.capture.position_bias import biases_by_offset
from reportgen.capture.scores import score_rule
from reportgen.capture.streaming import attention_implementation, mask_of
from reportgen.errors import ModelError

NAME = "reportgen_masked_heads"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Masking:
    """Which heads are masked, and how many layers of each stack have run; for one pass."""

    masked: Mapping[str, Bool[np.ndarray, "layer head"]]
    stack_of: StackOf
    done: Counter[str] = field(default_factory=Counter)

    def heads_of_next(self, module: Any, visibility: Any) -> Bool[np.ndarray, " head"]:
        """The masked heads of the layer whose attention is called now; layers are numbered in the order of the calls."""
        stack = self.stack_of(module, visibility)
        layer = self.done[stack]
        self.done[stack] += 1
        if stack not in self.masked or layer >= len(self.masked[stack]):
            raise ModelError(f"Layer {layer} of the model's {stack} was not among the layers whose importance was measured; no head of it can be masked.")
        return self.masked[stack][layer]


_current: ContextVar[_Masking] = ContextVar("reportgen_masked_heads")


@contextmanager
def masked_heads(model: Any, masked: Mapping[str, Bool[np.ndarray, "layer head"]], stack_of: StackOf) -> Iterator[None]:
    """Inside the block one forward pass of the model goes on without the output of the masked heads of each stack.

    The output of a head is set to zero as the attention function gives it, which is what the output projection reads; the projection's own bias stays.
    Memory: that of a forward pass and a block of weights. Raises `ModelError` for a layer that `masked` does not know.
    """
    token = _current.set(_Masking(masked=masked, stack_of=stack_of))
    try:
        with attention_implementation(model, NAME), biases_by_offset(model), torch.no_grad():
            yield
    finally:
        _current.reset(token)


def _attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **keywords: Any) -> tuple[torch.Tensor, None]:
    rule = score_rule(query, attention_mask, keywords)
    masked = torch.from_numpy(_current.get().heads_of_next(module, attention_mask)).to(query.device)
    output = attend(query, key, value, attention_mask, rule, None)
    return output.masked_fill_(masked[:, None], 0), None


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, mask_of)
