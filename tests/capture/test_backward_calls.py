"""Single calls of the streamed attention against the plain formula: masks, sinks, biases and caps that no tiny model combines; blocks; refusals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from tiny import made_up_layout

from reportgen.capture import block
from reportgen.capture.backward import BackwardPass, row_blocks
from reportgen.capture.backward.interface import _attention
from reportgen.capture.backward.relevance import Relevance
from reportgen.capture.backward.stack_sums import StackSums
from reportgen.capture.position_bias import PositionBias
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError


def test_blocks_have_fewer_rows_where_they_see_more_keys() -> None:
    layout, causal = made_up_layout(257, 5), Visibility(first=np.zeros(257, int), last=np.arange(257) + 1, keys=257)
    rows = [block.rows for block in row_blocks.plan_row_blocks(layout, layout, causal, heads=7, rows_at_most=48, cells_at_most=7 * 20 * 97)]
    assert [(row.start, row.stop) for row in rows[:4]] == [(0, 40), (40, 62), (62, 79), (79, 95)]
    assert {row.stop - row.start for row in rows[3:-1]} == {block.ROWS_AT_LEAST}
    assert [row.start for row in rows[1:]] == [row.stop for row in rows[:-1]]
    assert rows[-1].stop == 257


QUERIES, KEYS, HEADS, KEY_HEADS, DIM, VALUE_DIM = 29, 37, 6, 2, 5, 11


def visible(kind: str) -> Visibility:
    query = np.arange(QUERIES)
    last = {"all keys": np.full(QUERIES, KEYS), "causal": query + 1, "window": query + 3}[kind]
    return Visibility(first=np.maximum(query - 7, 0) if kind == "window" else np.zeros(QUERIES, int), last=last, keys=KEYS)


def plain_attention(tensors: list[torch.Tensor | None], seen: Visibility, scaling: float, cap: float | None) -> torch.Tensor:
    """The formula over whole arrays."""
    query, key, value, bias, sinks = tensors
    key, value = (tensor.repeat_interleave(HEADS // KEY_HEADS, 1) for tensor in (key, value))
    scores = query @ key.transpose(2, 3) * scaling
    scores = scores if cap is None else cap * torch.tanh(scores / cap)
    offset = torch.arange(KEYS)[None] - torch.arange(QUERIES)[:, None] + QUERIES - 1
    scores = scores if bias is None else scores + bias[:, offset]
    keys = np.arange(KEYS)
    scores = scores.masked_fill(torch.from_numpy((keys < seen.first[:, None]) | (keys >= seen.last[:, None])), -torch.inf)
    nowhere = torch.full((1, HEADS, QUERIES, 1), -torch.inf, dtype=scores.dtype) if sinks is None else sinks[None, :, None, None].expand(1, HEADS, QUERIES, 1)
    return (torch.cat([scores, nowhere], 3).softmax(3)[..., :-1] @ value).transpose(1, 2)


@pytest.mark.parametrize("kind", ["all keys", "causal", "window"])
@pytest.mark.parametrize("extra", ["nothing", "cap", "bias", "sinks", "bias and sinks"])
def test_every_input_of_an_attention_call_gets_its_gradient(kind: str, extra: str) -> None:
    random = torch.Generator().manual_seed(5)
    shapes = [(1, HEADS, QUERIES, DIM), (1, KEY_HEADS, KEYS, DIM), (1, KEY_HEADS, KEYS, VALUE_DIM), (HEADS, QUERIES + KEYS - 1), (HEADS,)]
    tensors = [torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_(True) for shape in shapes]
    tensors[3], tensors[4] = tensors[3] if "bias" in extra else None, tensors[4] if "sinks" in extra else None
    seen, cap, direction = visible(kind), 0.7 if extra == "cap" else None, torch.randn(1, QUERIES, HEADS, VALUE_DIM, generator=random, dtype=torch.float64)
    layouts = {"encoder": made_up_layout(KEYS, 5), "decoder": made_up_layout(QUERIES, 3)}
    found = BackwardPass(layouts=layouts, rows_at_most=11).attend(None, "cross", seen, tensors, 0.9, cap)
    expected = plain_attention(tensors, seen, 0.9, cap)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    known = [tensor for tensor in tensors if tensor is not None]
    for ours, theirs in zip(*(torch.autograd.grad(output, known, direction) for output in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


def test_a_call_that_is_recomputed_gives_what_it_gave_the_first_time_and_another_call_its_own() -> None:
    random = torch.Generator().manual_seed(7)
    shapes = [(1, HEADS, QUERIES, DIM), (1, KEY_HEADS, KEYS, DIM), (1, KEY_HEADS, KEYS, VALUE_DIM)]
    calls = [[*(torch.randn(shape, generator=random) for shape in shapes), None, None] for _ in range(3)]
    running = BackwardPass(layouts={"encoder": made_up_layout(KEYS, 5), "decoder": made_up_layout(QUERIES, 3)})
    seen, module = visible("causal"), object()
    first, second = (running.attend(module, "cross", seen, call, 0.9, None) for call in calls[:2])
    kept = [one.output for one in running.kept[module]]
    running.recomputing = True
    again = [running.attend(module, "cross", seen, calls[index], 0.9, None) for index in (1, 2, 0)]
    for found, expected in ((again[0], second), (again[2], first)):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(again[1], plain_attention(calls[2], seen, 0.9, None), rtol=1e-5, atol=1e-5)
    assert len(kept) == 2
    assert not running.kept[module]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"head_mask": torch.ones(7)}, "uses head_mask"),
        ({"dropout": 0.1}, "uses dropout"),
        ({"softcap": 2.0, "position_bias": PositionBias(table=np.zeros((7, 21), np.float32), queries=11)}, "both caps"),
        ({"position_bias": torch.zeros(1, 7, 11, 11)}, "a position bias of tokens x tokens"),
    ],
)
def test_what_would_change_the_weights_unread_is_refused_by_name(keywords: dict[str, Any], message: str) -> None:
    seen = Visibility(first=np.zeros(11, int), last=np.arange(11) + 1, keys=11)
    with pytest.raises(ModelError, match=message):
        _attention(None, *torch.zeros(3, 1, 7, 11, 5), seen, **keywords)


def test_a_mask_that_is_not_asked_for_is_refused() -> None:
    with pytest.raises(ModelError, match="builds its own attention mask"):
        _attention(None, *torch.zeros(3, 1, 7, 11, 5), None)


def test_layers_out_of_order_or_of_other_sizes_are_refused() -> None:
    layout = made_up_layout(31, 3)
    relevance = Relevance({"decoder": layout, "encoder": layout})
    sums, cross = (StackSums(name, texts, relevance) for name, texts in (("decoder", ("decoder", "decoder")), ("cross", ("decoder", "encoder"))))
    assert [sums.next_layer(7), sums.next_layer(7)] == [0, 1]
    with pytest.raises(ModelError, match="7 and 5 heads"):
        sums.next_layer(5)
    cross.next_layer(7)
    sums.close(0, sums.open(0), share=1.0)
    with pytest.raises(ModelError, match="layer 1 of the decoder after layer 0 of the decoder"):
        sums.open(1)
    with pytest.raises(ModelError, match="layer 0 of the cross after layer 0 of the decoder"):
        cross.open(0)
