"""Proof, before anything is measured, that what is read really is the model's attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from reportgen.capture.block import Block
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import StreamingPass, attention_implementation, streaming
from reportgen.errors import ModelError

TOKENS = 48
ROWS_AT_MOST = 20  # several blocks even on a short text
TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-4}
COARSE = 3e-2  # of half-precision models, whose own eager attention rounds the weights


def check_model(model: Any, layout: TextLayout) -> None:
    """Raise `ModelError`, with the figures, when the streamed weights or logits differ from the model's own eager attention."""
    short = layout.head(TOKENS)
    ids = torch.from_numpy(short.ids.astype(np.int64))[None].to(model.device)
    collected = _WholeWeights(model.config.num_hidden_layers, model.config.num_attention_heads, short.tokens)
    with streaming(model, StreamingPass(layout=short, reducers=[collected], rows_at_most=ROWS_AT_MOST)):
        logits = model(input_ids=ids, use_cache=False).logits
    with attention_implementation(model, "eager"), torch.no_grad():
        eager = model(input_ids=ids, use_cache=False, output_attentions=True)
    if eager.attentions is None or any(layer is None for layer in eager.attentions):
        raise ModelError(f"{type(model).__name__} does not return its attention, so what is measured cannot be checked against it.")
    if any(bool((layer[0].triu(1) > 0).any()) for layer in eager.attentions):
        raise ModelError(f"{type(model).__name__} looks at later tokens as well; reportgen measures decoder-only models, which look back.")
    weights = max(float((ours - own[0].float()).abs().max()) for ours, own in zip(collected.weights, eager.attentions, strict=True))
    outputs = float((logits - eager.logits).abs().max() / eager.logits.abs().max().clamp(min=1.0))
    allowed = TOLERANCES.get(model.dtype, COARSE)
    if not (weights <= allowed and outputs <= allowed):
        raise ModelError(
            f"{type(model).__name__} failed its self-check: on {short.tokens} tokens attention weights differ by {weights:.2g} and logits by {outputs:.2g} "
            f"(relative) from the model's own eager attention; {allowed:.0e} is allowed. Its attention is not of a form that reportgen reads exactly."
        )


class _WholeWeights:
    """A reducer that keeps everything: for texts of a few tokens only."""

    def __init__(self, layers: int, heads: int, tokens: int) -> None:
        self.weights = torch.zeros(layers, heads, tokens, tokens)

    def add(self, block: Block) -> None:
        self.weights[block.layer, :, block.rows, block.keys] = block.weights

    def arrays(self) -> dict[str, np.ndarray]:
        return {}
