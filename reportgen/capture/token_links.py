"""The strongest links of each token over all layers and heads at once: a second look at the weights, block by block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from reportgen.capture.block import plan_blocks, plan_rows
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import LayerRecord, Progress, scores_of
from reportgen.measurements import TOKEN_LINK

LINKS = 8


def token_links(layout: TextLayout, layers: Sequence[LayerRecord], progress: Progress | None = None) -> np.ndarray:
    """`token_links`: for each query token the 8 keys with the largest mean over layers and heads of p, strongest first.

    A query that sees fewer keys has key -1 and weight 0 in what remains. The mean is over all layers, so no single layer's pass can give it:
    scores are computed a second time from the kept queries and keys, for a few rows of all layers, and dropped.
    """
    heads = max(layer.queries.shape[0] * layer.queries.shape[1] for layer in layers)
    widest = max(layers, key=lambda layer: int(layer.visibility.keys_seen.sum()))
    plans = list(plan_blocks(layout, widest.visibility, heads))
    scores = torch.empty(heads * max(plan.cells for plan in plans))
    links = np.zeros((layout.tokens, LINKS), TOKEN_LINK)
    links["key"] = -1
    for plan in plans:
        mean, start = _mean_weights(layout, layers, plan.rows, scores)
        weights, keys = mean.topk(min(LINKS, mean.shape[1]))
        keys = torch.where(weights > 0, keys + start, -1)
        links["key"][plan.rows, : keys.shape[1]], links["weight"][plan.rows, : keys.shape[1]] = keys.numpy(), weights.numpy()
        if progress is not None:
            progress(len(layers), plan.rows.stop / layout.tokens)
    return links


def _mean_weights(layout: TextLayout, layers: Sequence[LayerRecord], rows: slice, scores: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Mean over layers and heads for some rows (row x key), and the first key; layers may see different windows."""
    by_mask = {mask: plan_rows(layout, mask, rows) for mask in {layer.visibility for layer in layers}}
    plans = [by_mask[layer.visibility] for layer in layers]
    first, last = min(plan.keys.start for plan in plans), max(plan.keys.stop for plan in plans)
    total = torch.zeros(rows.stop - rows.start, last - first)
    for layer, plan in zip(layers, plans, strict=True):
        heads = layer.queries.shape[0] * layer.queries.shape[1]
        table = scores[: heads * plan.cells].view(heads, *plan.shape)
        scores_of(layer, plan, out=table)
        total[:, plan.keys.start - first : plan.keys.stop - first] += torch.softmax(table, -1).sum(0) / heads
    return total / len(layers), first
