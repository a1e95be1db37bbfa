"""The forward pass: every statistic of the attention of one text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reportgen.capture.block import ROWS_AT_MOST
from reportgen.capture.layout import TextLayout
from reportgen.capture.reducers.distances import Distances, SentenceDistance
from reportgen.capture.reducers.repeats import Repeats
from reportgen.capture.reducers.rollout import Rollout
from reportgen.capture.reducers.sentence_mass import InterSentenceMaximum, SentenceMass
from reportgen.capture.reducers.similarity import HeadSimilarity
from reportgen.capture.reducers.spread import Confidence, Spread
from reportgen.capture.reducers.target_rows import TargetRows
from reportgen.capture.streaming import StreamingPass, streaming
from reportgen.capture.token_links import SegmentBounds, token_links
from reportgen.capture.visibility import Visibility

Report = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class ForwardNumbers:
    """What one forward pass gives: arrays of the stack, and what attention says of the target, by sentence."""

    arrays: dict[str, np.ndarray]
    target_attention: np.ndarray
    target_rollout: np.ndarray


def measure_forward(model: Any, layout: TextLayout, report: Report, rows_at_most: int = ROWS_AT_MOST) -> ForwardNumbers:
    """All statistics of the text's attention, in one pass through the model and a second look at the scores for the token links.

    Memory: that of a plain forward pass, the queries and keys of all layers, and a few arrays of tokens x sentences.
    """
    layers, heads = model.config.num_hidden_layers, model.config.num_attention_heads
    rollout, target, bounds = Rollout(layout, layers), TargetRows(layout, layers, heads), SegmentBounds(layout, layers)
    reducers = [
        SentenceMass(layout, layers, heads),
        InterSentenceMaximum(layout, layers),
        Confidence(layout, layers, heads),
        SentenceDistance(layers, heads),
        Repeats(layout, layers, heads),
        rollout,
        target,
        bounds,
        Distances(layout, layers, heads),
        HeadSimilarity(layers, heads),
        Spread(layout, layers, heads),
    ]
    streaming_pass = StreamingPass(layout=layout, reducers=reducers, keep_layers=True, rows_at_most=rows_at_most, progress=_layer_progress(report, layers))
    run_through(model, layout, streaming_pass)
    arrays = {name: values for reducer in reducers for name, values in reducer.arrays().items()}
    arrays["sentence_expected"] = _expected_by_mask(layout, [record.visibility for record in streaming_pass.layers])
    arrays["coverage"] = np.ones((layout.sentences, layout.sentences), np.int32)
    arrays["token_links"] = token_links(layout, streaming_pass.layers, bounds, lambda _, share: report("strongest token links", share))
    return ForwardNumbers(arrays=arrays, target_attention=target.of_target(), target_rollout=rollout.of_target())


def run_through(model: Any, layout: TextLayout, streaming_pass: StreamingPass) -> None:
    """Send the text through the model's layers, without its next-token head."""
    with streaming(model, streaming_pass):
        ids = torch.from_numpy(layout.ids.astype(np.int64))[None].to(model.device)
        model.base_model(input_ids=ids, use_cache=False)


def _layer_progress(report: Report, layers: int) -> Callable[[int, float], None]:
    return lambda layer, share: report(f"attention, layer {layer + 1} of {layers}", (layer + share) / layers)


def _expected_by_mask(layout: TextLayout, masks: list[Visibility]) -> np.ndarray:
    """One matrix when all layers share their mask, else one for each layer."""
    different = {mask: expected_attention(layout, mask) for mask in dict.fromkeys(masks)}
    if all(np.array_equal(expected, different[masks[0]]) for expected in different.values()):
        return different[masks[0]]
    return np.stack([different[mask] for mask in masks])


def expected_attention(layout: TextLayout, visibility: Visibility) -> np.ndarray:
    """`sentence_expected`: what `sentence_attention` would be if each query spread its weight evenly over the keys it sees."""
    members = layout.sentence_of_token
    before = np.zeros((layout.tokens + 1, layout.sentences))
    np.cumsum(members[:, None] == np.arange(layout.sentences), axis=0, out=before[1:])
    expected = np.zeros((layout.sentences, layout.sentences))
    inside = np.flatnonzero(members >= 0)
    share = (before[visibility.last[inside]] - before[visibility.first[inside]]) / visibility.keys_seen[inside, None]
    np.add.at(expected, members[inside], share)
    return (expected / layout.tokens_in_sentence[:, None]).astype(np.float32)
