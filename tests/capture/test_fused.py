"""The sums of a block, compiled and by array operations, against the plain formulas in float64, on masks and scores that no tested model has."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numba.core.codegen import get_host_cpu_features

sys.path.insert(0, str(Path(__file__).parent))
from tiny import stack_of

from reportgen.capture import fused, taking, vectors
from reportgen.capture.block import Block, BlockPlan, plan_rows
from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.reducers.alignment import Alignment
from reportgen.capture.reducers.distances import Distances, SentenceDistance
from reportgen.capture.reducers.key_shares import FirstToken
from reportgen.capture.reducers.offsets import FixedOffsets
from reportgen.capture.reducers.repeats import Repeats
from reportgen.capture.self_check import WholeWeights
from reportgen.capture.summing import Summing
from reportgen.capture.taking import Taking
from reportgen.capture.torch_sums import DeviceSumming
from reportgen.capture.visibility import Visibility

HEADS, TOKENS = 5, 67
SummingOf = Callable[[Stack], Summing | DeviceSumming]


@pytest.fixture(scope="module", params=[Summing, lambda stack: DeviceSumming(stack, torch.device("cpu"))], ids=["compiled", "array operations"])
def summing_of(request: pytest.FixtureRequest) -> SummingOf:
    return request.param


def block_of(
    given: np.ndarray, plan: BlockPlan, visibility: Visibility, summing: Summing | DeviceSumming, reducers: Sequence[Any] = (), extra: Any = None
) -> Block:
    """The block of these scores (head row key)."""

    def write(rows: slice, keys: slice, out: torch.Tensor) -> None:
        out.copy_(
            torch.from_numpy(given[:, rows.start - plan.rows.start : rows.stop - plan.rows.start, keys.start - plan.keys.start : keys.stop - plan.keys.start])
        )

    return summing.block(0, Taking.of(plan, visibility, summing.stack, reducers), visibility, write, lambda rows, keys, weights: None, extra)


@pytest.fixture(scope="module", params=["both sides", "causal", "window"])
def visibility(request: pytest.FixtureRequest) -> Visibility:
    position = np.arange(TOKENS)
    if request.param == "both sides":
        return Visibility(first=np.zeros(TOKENS, int), last=np.full(TOKENS, TOKENS), keys=TOKENS)
    return Visibility(first=np.maximum(position - 11, 0) if request.param == "window" else np.zeros(TOKENS, int), last=position + 1, keys=TOKENS)


@pytest.fixture(scope="module")
def layout() -> TextLayout:
    members = np.repeat([0, 1, -1, 2, 3], [7, 23, 2, 17, 18]).astype(np.int32)
    return TextLayout(
        ids=np.arange(TOKENS, dtype=np.int32),
        sentence_of_token=members,
        sinks=np.array([0, 31]),
        delimiter=np.zeros(TOKENS, bool),
        target_rows=np.array([], int),
    )


@pytest.fixture(scope="module", params=[None, 2.5], ids=["keys only", "a score of no key"])
def block_and_weights(
    request: pytest.FixtureRequest, layout: TextLayout, visibility: Visibility, summing_of: SummingOf
) -> tuple[Block, np.ndarray, np.ndarray]:
    """A block of rows in the middle; its weights and its log normalisers by the formula."""
    rows, stack = slice(19, 53), stack_of(layout, heads=HEADS)
    plan = plan_rows(stack, visibility, rows)
    given = np.random.default_rng(3).normal(scale=6, size=(HEADS, *plan.shape)).astype(np.float32)
    extra = np.full(HEADS, fused.NO_SCORE if request.param is None else request.param, np.float32)
    block = block_of(given, plan, visibility, summing_of(stack), [WholeWeights(stack)], extra)
    key = np.arange(plan.keys.start, plan.keys.stop)
    seen = (key >= visibility.first[rows, None]) & (key < visibility.last[rows, None])
    powers = np.where(seen, np.exp(given.astype(np.float64)), 0.0)
    total = powers.sum(2) + np.exp(extra[:, None].astype(np.float64))
    return block, powers / total[:, :, None], np.log(total)


class SomeRows(WholeWeights):
    """Takes rows of which the block has some: two that one piece has, and rows that pieces without any lie between."""

    @staticmethod
    def rows_taken(stack: Stack) -> np.ndarray:
        return np.array([3, 19, 23, 24, 36, 60])


def test_a_block_in_pieces_of_a_few_rows_is_the_same_block(layout: TextLayout, visibility: Visibility, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_of(layout.changed(ids=np.arange(TOKENS, dtype=np.int32) % 9, target_rows=np.array([20, 24, 25, 51])), heads=HEADS)
    plan, summing = plan_rows(stack, visibility, slice(19, 53)), Summing(stack)
    given = np.random.default_rng(4).normal(scale=3, size=(HEADS, *plan.shape)).astype(np.float32)
    reducers = [FixedOffsets(stack), FirstToken(stack), Repeats(stack)]
    every, some = WholeWeights(stack), SomeRows(stack)
    whole = deepcopy(block_of(given, plan, visibility, summing).sums)
    monkeypatch.setattr(taking, "ROWS_OF_A_PIECE", 5)
    assert [piece.rows.stop - piece.rows.start for piece in Taking.of(plan, visibility, stack, []).pieces] == [4, 5, 5, 5, 5, 5, 5]
    block = block_of(given, plan, visibility, summing, [every, *reducers, some])
    for name, expected in whole._asdict().items():
        np.testing.assert_array_equal(getattr(block.sums, name), expected, err_msg=name)
    p = block.whole_rows[every]
    np.testing.assert_array_equal(block.whole_rows[some], p[:, [0, 4, 5, 17]])
    np.testing.assert_allclose(block.of_target.numpy(), p[:, [1, 5, 6, 32]].sum(1, dtype=np.float64), rtol=1e-6)
    for reducer in reducers:
        rows, keys = reducer.pairs_taken(plan, visibility)
        inside = (keys >= 0) & (keys < plan.shape[1])
        assert inside.any() == (reducer is not reducers[1] or plan.keys.start == 0)  # a window does not hold the first token
        np.testing.assert_array_equal(block.pairs[reducer], np.where(inside, p[:, rows, np.where(inside, keys, 0)], 0))


def test_a_translation_is_as_aligned_in_pieces_of_a_few_rows(layout: TextLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(name="cross", layers=1, heads=HEADS, queries=layout, keys=layout.changed(ids=layout.ids))
    full = Visibility(first=np.zeros(TOKENS, int), last=np.full(TOKENS, TOKENS), keys=TOKENS)
    given = np.random.default_rng(6).normal(scale=3, size=(HEADS, TOKENS, TOKENS)).astype(np.float32)
    found = []
    for rows in (64, 5):
        monkeypatch.setattr(taking, "ROWS_OF_A_PIECE", rows)
        reducer, summing = Alignment(stack), Summing(stack)
        for span in (slice(0, 30), slice(30, TOKENS)):
            plan = plan_rows(stack, full, span)
            reducer.add(block_of(given[:, span], plan, full, summing, [reducer]))
        found.append(reducer.arrays())
    for name, values in found[0].items():
        np.testing.assert_array_equal(found[1][name], values, err_msg=name)


def rows_of_groups(block: Block) -> list[np.ndarray]:
    """The rows of each group: of the sentences 1, none, 2 and 3, of which 1 and 3 lie only partly in the block."""
    members = block.stack.queries.sentence_of_token[block.rows]
    groups = [np.flatnonzero(members == sentence) for sentence in (1, -1, 2, 3)]
    assert [len(rows) for rows in groups] == [11, 2, 17, 4]
    return groups


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_weights_and_what_holds_every_key(block_and_weights, layout: TextLayout) -> None:
    block, p, log_normaliser = block_and_weights
    start, members = block.keys.start, layout.sentence_of_token
    inside = members[block.keys] >= 0
    gap = np.abs(members[block.rows, None] - members[block.keys])
    (weights,) = block.whole_rows.values()
    close(weights, p)
    close(block.sums.log_normaliser, log_normaliser)
    close(block.sums.greatest, p.max(2))
    close(block.sums.entropy, -(p * np.log(np.where(p > 0, p, 1.0))).sum(2))
    close(block.sums.inside, p[:, :, inside].sum(2))
    close(block.sums.sentences_away, (p * gap)[:, :, inside].sum(2))
    close(block.head_mean.numpy(), p.mean(0))
    close(block.sums.sink_weights, p[:, :, layout.sinks[layout.sinks >= start] - start])
    for index, rows in enumerate(rows_of_groups(block)):
        close(block.sums.group_sums[:, index], p[:, rows].sum(1))
        close(block.sums.group_maxima[index], p[:, rows].max((0, 1)))
        close(block.sums.products[index], _products(p[:, rows]))


def test_what_leaves_the_sinks_out(block_and_weights, layout: TextLayout) -> None:
    block, p, _ = block_and_weights
    start, p = block.keys.start, p.copy()
    p[:, :, layout.sinks[layout.sinks >= start] - start] = 0.0
    left = p.sum(2)
    assert (left > NOTHING_LEFT).all()
    renormalised = p / left[:, :, None]
    distance = np.abs(np.arange(block.rows.start, block.rows.stop)[:, None] - np.arange(block.keys.start, block.keys.stop))
    close(block.sums.left, left)
    close(block.sums.entropy_left, -(renormalised * np.log(np.where(p > 0, renormalised, 1.0))).sum(2))
    close(block.sums.tokens_away / left, (renormalised * distance).sum(2))
    edges = [0, 1, 2, 4, 8, 16, 32, 64, 128]
    for index, (low, high) in enumerate(itertools.pairwise(edges)):
        close(block.sums.by_distance[:, :, index], np.where((distance >= low) & (distance < high), p, 0.0).sum(2))
    for index, rows in enumerate(rows_of_groups(block)):
        close(block.sums.products_left[index], _products(renormalised[:, rows]))


def _products(rows: np.ndarray) -> np.ndarray:
    return np.tril(np.einsum("hqk,gqk->hg", rows, rows))


def test_exp_is_exact_to_rounding_and_zero_far_below() -> None:
    values = np.linspace(-86.9, 0.0, 100_003).astype(np.float32)
    found = np.array([vectors.exp(value) for value in values])
    assert np.max(np.abs(found / np.exp(values.astype(np.float64)) - 1)) < 3e-7
    assert vectors.exp(np.float32(0.0)) == 1.0
    assert vectors.exp(np.float32(-88.0)) == vectors.exp(np.float32(-1e30)) == 0.0


def test_the_greatest_score_is_found_whatever_its_sign() -> None:
    for row in ([-3.0, -1.5, -2.0], [0.0, -0.0, -7.0], [1.0, 2.5, -9.0], [-1e30, -1e30]):
        assert vectors.greatest_of(np.array(row, np.float32)) == np.float32(max(row))


def test_a_row_that_looks_at_sinks_alone_has_nothing_left(layout: TextLayout, summing_of: SummingOf) -> None:
    causal = Visibility(first=np.zeros(TOKENS, int), last=np.arange(TOKENS) + 1, keys=TOKENS)
    plan, summing = plan_rows(stack_of(layout, heads=HEADS), causal, slice(0, 7)), summing_of(stack_of(layout, heads=HEADS))
    block = block_of(np.zeros((HEADS, *plan.shape), np.float32), plan, causal, summing)
    assert not block.any_left[:, 0].any()
    assert block.any_left[:, 1:].all()
    assert (block.sums.left[:, 0] == 0).all()
    assert (block.sums.entropy_left[:, 0] == 0).all()


def test_heads_are_compared_exactly_also_where_almost_all_lies_on_a_sink(layout: TextLayout, summing_of: SummingOf) -> None:
    causal = Visibility(first=np.zeros(TOKENS, int), last=np.arange(TOKENS) + 1, keys=TOKENS)
    plan, summing = plan_rows(stack_of(layout, heads=HEADS), causal, slice(40, 45)), summing_of(stack_of(layout, heads=HEADS))
    given = np.random.default_rng(5).normal(size=(HEADS, *plan.shape)).astype(np.float32)
    given[:, :, 0] = 60.0  # leaves about 1e-25 for each other key
    block = block_of(given, plan, causal, summing)
    powers = np.where(np.arange(plan.shape[1]) <= np.arange(40, 45)[:, None], np.exp(given.astype(np.float64)), 0.0)
    powers[:, :, layout.sinks] = 0.0
    renormalised = powers / powers.sum(2, keepdims=True)
    close(block.sums.products_left.sum(0), np.tril(np.einsum("hqk,gqk->hg", renormalised, renormalised)))


def test_distances_of_three_tokens_that_see_each_other_by_hand(summing_of: SummingOf) -> None:
    weights = np.array([[4, 2, 2], [1, 1, 6], [2, 4, 2]], np.float32) / 8  # the first key is a sink; the last token is a sentence of its own
    layout = TextLayout(
        ids=np.arange(3, dtype=np.int32),
        sentence_of_token=np.array([0, 0, 1], np.int32),
        sinks=np.array([0]),
        delimiter=np.zeros(3, bool),
        target_rows=np.array([], int),
    )
    stack = stack_of(layout)
    full, summing = Visibility(first=np.zeros(3, int), last=np.full(3, 3), keys=3), summing_of(stack)
    reducers = [Distances(stack), SentenceDistance(stack), FixedOffsets(stack)]
    for rows in (slice(0, 2), slice(2, 3)):
        plan = plan_rows(stack, full, rows)
        block = block_of(np.log(weights[None, rows]), plan, full, summing, reducers)
        for reducer in reducers:
            reducer.add(block)
    found = {name: values[0, 0] for reducer in reducers for name, values in reducer.arrays().items() if name not in ("decay_edges", "fixed_offsets")}
    close(found["distance"], (6 / 8 + 7 / 8 + 8 / 8) / 3)
    close(found["distance_without_sink"], (3 / 2 + 6 / 7 + 2 / 3) / 3)
    close(found["locality"], 1.0)
    close(found["previous_token"], (1 / 8 + 4 / 8) / 2)
    close(found["previous_token_without_sink"], (0 + 2 / 3) / 2)
    close(found["next_token"], (2 / 8 + 6 / 8) / 2)
    nothing = [np.nan] * 6
    close(found["fixed_offset"], [(1 / 8 + 4 / 8) / 2, 2 / 8, *nothing, (2 / 8 + 6 / 8) / 2, 2 / 8, *nothing])
    close(found["fixed_offset_without_sink"], [(0 + 2 / 3) / 2, 0, *nothing, (1 / 2 + 6 / 7) / 2, 1 / 2, *nothing])
    np.testing.assert_array_equal(found["previous_token_example"], [2, 1])
    np.testing.assert_array_equal(found["next_token_example"], [1, 2])
    np.testing.assert_allclose(found["previous_token_by_sentence"], [1 / 8, 4 / 8])
    np.testing.assert_allclose(found["next_token_by_sentence"], [(2 / 8 + 6 / 8) / 2, np.nan])
    np.testing.assert_allclose(found["locality_by_sentence"], [1, 1])
    close(found["decay"], np.array([7 / 8 / 3, 13 / 8 / 4, 4 / 8 / 2]))
    close(found["decay_without_sink"], np.array([(1 / 7 + 1 / 3) / 2, (1 / 2 + 6 / 7 + 2 / 3) / 3, 1 / 2]))
    close(found["sentence_distance"], (2 / 8 + 6 / 8 + 6 / 8) / 3)


def test_where_nothing_compiled_can_be_kept_it_is_compiled_anew() -> None:
    module: dict[str, object] = {"__name__": "nowhere"}
    exec(compile(Path(vectors.__file__).read_text(encoding="utf-8"), "<no file>", "exec"), module)
    assert module["exp"](np.float32(-1.0)) == vectors.exp(np.float32(-1.0))
    assert type(module["exp"]._cache) is not type(vectors.exp._cache)


def test_vectors_are_as_wide_as_the_processor_has_them_unless_the_environment_says_otherwise() -> None:
    script = "from reportgen.capture import vectors; import numba; print(numba.config.CPU_FEATURES)"

    def features(**asked: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CPU_FEATURES"} | asked
        return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert features(NUMBA_CPU_FEATURES="+sse2") == "+sse2"
    assert features().endswith(",-prefer-256-bit") is ("+avx512f" in get_host_cpu_features().split(","))
