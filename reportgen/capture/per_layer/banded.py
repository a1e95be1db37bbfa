"""The layout of Longformer and LED's encoder: a band around the diagonal, and columns and rows of the tokens with global attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.per_layer.whole_layer import Call, Placing, Seen, real_tokens

LocalWeights = Float[torch.Tensor, "position head slot"]  # slots: the global tokens, then the keys from q - w to q + w


def read_banded(call: Call) -> tuple[tuple[Any, ...], Seen]:
    """Band and global columns put back to token pairs; a global token's own row comes from its own projections.

    A key that a query reads both in the band and as a global token counts with the sum.
    """
    output = call.run()
    tokens, chosen, overlap = _band(call)
    weights = _with_global_rows([part.float() for part in output[1:]], tokens, chosen, overlap)
    return output, Seen(weights=weights, visible=_visible(tokens, chosen, overlap), global_tokens=tuple(chosen.cpu().tolist()))


@contextmanager
def place_banded(call: Call) -> Iterator[Placing]:
    """A softmax of the band and the global columns, and where there are global tokens another of their own rows.

    The first one's rows of global tokens are written over by the module: nothing depends on them.
    """
    tokens, chosen, overlap = _band(call)

    def place(parts: Sequence[torch.Tensor]) -> Float[torch.Tensor, "head query key"]:
        rows = [part.unflatten(0, (1, -1)) if part.ndim == 3 else part for part in parts[1:]]
        return _with_global_rows([parts[0], *rows], tokens, chosen, overlap)

    yield Placing(place=place, parts=2 if len(chosen) else 1, head_axis=-2)


def _band(call: Call) -> tuple[int, Int[torch.Tensor, " global_token"], int]:
    """The number of real tokens, those with global attention, and how far the band reaches to each side."""
    chosen = call.arguments["is_index_global_attn"][0].nonzero()[:, 0]
    return real_tokens(~call.arguments["is_index_masked"][0]), chosen, call.module.one_sided_attn_window_size


def _with_global_rows(
    parts: Sequence[torch.Tensor], tokens: int, chosen: Int[torch.Tensor, " global_token"], overlap: int
) -> Float[torch.Tensor, "head query key"]:
    """Band and columns at their places, then the rows of global tokens."""
    pairs = _pairs(parts[0][0], tokens, chosen, overlap)
    if len(chosen):
        pairs[:, chosen] = parts[1][0, :, : len(chosen), :tokens]
    return pairs


def _pairs(local: LocalWeights, tokens: int, chosen: Int[torch.Tensor, " global_token"], overlap: int) -> Float[torch.Tensor, "head query key"]:
    """Each query's slots at the keys they stand for; slots beyond the text's borders are padding and left out."""
    weights = local.new_zeros(local.shape[1], tokens, tokens)
    weights[:, :, chosen] = local[:tokens, :, : len(chosen)].transpose(0, 1)
    for offset in range(max(-overlap, 1 - tokens), min(overlap, tokens - 1) + 1):
        queries = slice(max(-offset, 0), tokens - max(offset, 0))
        weights.diagonal(offset, 1, 2).add_(local[queries, :, len(chosen) + overlap + offset].T)
    return weights


def _visible(tokens: int, chosen: Int[torch.Tensor, " global_token"], overlap: int) -> Bool[torch.Tensor, "query key"]:
    position = torch.arange(tokens, device=chosen.device)
    visible = (position[:, None] - position).abs() <= overlap
    visible[chosen] = True
    visible[:, chosen] = True
    return visible
