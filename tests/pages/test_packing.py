"""Packed matrices come back within the step they state, read by a second reading of the format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages.reports import long_report, section_of, without_heads
from pages.second_reading import read_heads, read_views, reader

from reportgen.analyses.sentence_matrix import Result
from reportgen.packing import coding
from reportgen.packing.codes import NEVER, Scale, find_scale, step_of
from reportgen.packing.coding import Symbols, code, code_all
from reportgen.packing.expecting import UNIT, expected, weights_of
from reportgen.packing.heads import pack_heads
from reportgen.packing.views import PackedMeasure, PackedViews, Views, pack_all, pack_matrices


def unpack(packed: PackedViews) -> np.ndarray:
    """The values of the codes as the page reads them; NaN where nothing was computed."""
    codes = read_views(packed)
    if packed.triangle:
        codes[:, *np.triu_indices(packed.sentences, 1)] = NEVER
    values = [np.concatenate([[0], packed.low * np.exp(np.arange(254) * step), [np.nan]]) for step in packed.steps]
    return np.stack([of_view[view] for of_view, view in zip(values, codes, strict=True)])


def packed_measure(values: Sequence[np.ndarray], causal: bool) -> PackedMeasure:
    """One measure, packed beside the others of a small document."""
    return pack_matrices(replace(small_result(), attention=tuple(values), causal=causal)).attention


def packed_expected(values: np.ndarray, causal: bool) -> PackedViews:
    return pack_matrices(replace(small_result(), expected=values, causal=causal)).expected


@cache
def small_result() -> Result:
    return section_of(long_report(sentences=3, layers=2), "sentence_matrix").result


def within(found: np.ndarray, true: np.ndarray, packed: PackedViews) -> bool:
    shown = true >= packed.low
    steps = np.broadcast_to(np.array(packed.steps)[:, None, None], true.shape)
    close = np.abs(np.log(found[shown] / true[shown])) <= steps[shown] / 2 + 1e-6
    return bool(close.all() and (found[true < packed.low] == 0).all() and np.isnan(found[np.isnan(true)]).all())


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5, 7]), st.sampled_from([1, 3, 5]), st.booleans())
@settings(max_examples=30, deadline=None)
def test_any_matrix_comes_back_within_half_a_step(seed: int, sentences: int, views: int, triangle: bool) -> None:
    random = np.random.default_rng(seed)
    values = np.exp(random.normal(-4, 3, (views, sentences, sentences))).clip(0, 1)
    values[random.random(values.shape) < 0.1] = 0
    values[random.random(values.shape) < 0.1] = np.nan
    if triangle:
        values[:, *np.triu_indices(sentences, 1)] = np.nan
    (packed,) = pack_all([Views(values=values, scale=Scale(low=1e-4, high=1.0), steps=(0.05,) * views, triangle=triangle)])
    assert within(unpack(packed), values, packed)


def test_real_looking_matrices_come_back_and_the_stated_rounding_is_the_step() -> None:
    result = section_of(long_report(sentences=29, layers=5), "sentence_matrix").result
    packed = packed_measure(result.attention, result.causal)
    true = np.where(np.tri(29, dtype=bool), result.attention, np.nan)
    (views,) = packed.sets
    assert within(unpack(views), true, views)
    assert packed.rounding == pytest.approx(np.exp(views.steps[0]) - 1)
    assert packed.layer_rounding == pytest.approx(np.exp(views.steps[5]) - 1)
    assert packed.rounding < packed.layer_rounding < 0.1


def test_layers_of_fewer_rows_come_back_on_the_scale_of_the_whole_model() -> None:
    result = section_of(without_heads(long_report(sentences=29, layers=5)), "sentence_matrix").result
    layers = [matrix[::2, ::2] for matrix in result.attention[1:]]
    packed = packed_measure([result.attention[0], *layers], result.causal)
    for views, true in zip(packed.sets, (result.attention[:1], layers), strict=True):
        rows = len(true[0])
        assert within(unpack(views), np.where(np.tri(rows, dtype=bool), np.stack(true), np.nan), views)
        assert views.low == packed.scale.low
    assert (packed.rounding, packed.layer_rounding) == (packed.sets[0].rounding, packed.sets[1].rounding)
    assert packed.rounding < packed.layer_rounding < 0.1


def test_rows_and_columns_are_not_exchanged() -> None:
    values = np.array([[[1.0, 0, 0], [0.1, 0.9, 0], [0.02, 0.3, 0.68]]])
    (packed,) = pack_all([Views(values=values, scale=Scale(low=0.01, high=1.0), steps=(0.02,), triangle=True)])
    found = unpack(packed)
    assert found[0, 1, 0] == pytest.approx(0.1, rel=0.011)
    assert found[0, 2, 1] == pytest.approx(0.3, rel=0.011)
    assert np.isnan(found[0, 0, 1])


def test_a_step_finer_than_a_byte_can_hold_is_widened_and_said() -> None:
    assert step_of(Scale(low=1e-6, high=1.0), 0.001) == pytest.approx(np.log(1e6) / 253)
    assert step_of(Scale(low=1e-6, high=1.0), 0.0) == pytest.approx(np.log(1e6) / 253)


def test_the_baseline_of_lift_is_never_below_its_scale() -> None:
    expected = np.tril(np.random.default_rng(0).random((11, 11)) + 1e-5)
    found = unpack(packed_expected(expected, causal=True))[0]
    assert (found[np.tri(11, dtype=bool)] > 0).all()


@pytest.mark.parametrize("values", [np.zeros((2, 3, 3)), np.full((2, 3, 3), np.nan), np.zeros((1, 1, 1))])
def test_matrices_with_nothing_in_them_can_be_packed(values: np.ndarray) -> None:
    packed = packed_measure(values, causal=False)
    assert packed.scale.low == find_scale(values[0]).low == 0.01
    assert np.nan_to_num(unpack(packed.sets[0])).sum() == 0


@pytest.mark.parametrize(
    ("triangle", "sentences", "group", "of_layers"), [(True, 11, 1, 1), (False, 7, 1, 1), (True, 13, 2, 1), (True, 13, 1, 2), (False, 13, 2, 3)]
)
def test_matrices_of_heads_come_back_as_they_were(triangle: bool, sentences: int, group: int, of_layers: int) -> None:
    random, rows, coarse = np.random.default_rng(3), -(-sentences // group), -(-sentences // of_layers)
    within = np.tri(rows, dtype=bool) if triangle else np.ones((rows, rows), bool)
    codes = np.minimum(random.poisson(3 * random.random((3, 2, 1, rows)), (3, 2, rows, rows)), 15)
    attention = [np.exp(random.normal(-3, 1, (side, side))) for side in (sentences, coarse, coarse, coarse)]
    digits = [["".join(f"{cell:x}" for cell in head.T[within.T]) for head in layer] for layer in codes]
    packed = pack_heads(digits, triangle, attention, group / of_layers)
    layers, means = read_views(packed_measure(attention, triangle).sets[-1])[-3:], np.zeros((3, rows, rows), int)
    if of_layers > group:
        finer = np.arange(rows) * group // of_layers
        means += layers[:, finer[:, None], finer]
    else:
        shared = np.arange(coarse) * of_layers // group
        for view, mean in zip(layers, means, strict=True):
            np.add.at(mean, (shared[:, None], shared), view)
    assert (read_heads(packed, 2, rows, triangle, means) == np.where(within, codes, 0)).all()


@pytest.mark.parametrize("cells", [1, 255, 256, 2_000])
def test_sums_of_bytes_are_exact_in_few_bits(cells: int) -> None:
    random = np.random.default_rng(4)
    known = random.integers(200, 256, (13, cells)).astype(np.float32)
    np.testing.assert_array_equal(weights_of(known), weights_of(known.astype(float)))
    for most in (2 * UNIT, 1 << 15):  # more than this float32 has no room for
        weights = random.integers(most - 9, most, 13).astype(float)
        np.testing.assert_array_equal(expected(weights, known), weights.astype(int) @ known.astype(int))


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_symbols_come_back_in_any_context(seed: int, rows: int, length: int) -> None:
    random = np.random.default_rng(seed)
    contexts = random.integers(0, 3, (rows, length))
    symbols = (random.random((rows, length)) ** (1 + 4 * contexts) * 7).astype(np.uint8)
    coded = code(Symbols(symbols=symbols, contexts=contexts, shape=(3, 7)))
    occurring = coded.frequencies.sum(1)
    assert set(occurring.tolist()) <= {0, 4096}
    for row, words in enumerate(coded.rows):
        symbol = reader(iter(np.frombuffer(words, "<u2").tolist()), coded.frequencies, length)
        assert [symbol(context) for context in contexts[row].tolist()] == symbols[row].tolist()


def test_several_are_coded_as_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    shapes = ((3, 5, 11), (2, 7, 9_001), (5, 3, 17), (7, 2, 1))
    several = [
        Symbols(symbols=random.integers(0, symbols, (rows, length)).astype(np.uint8), contexts=np.zeros((rows, length), np.int32), shape=(1, symbols))
        for symbols, rows, length in shapes
    ]
    alone = [code(one).rows for one in several]
    assert [one.rows for one in code_all(several)] == alone
    monkeypatch.setattr(coding, "TOGETHER", 60_000)
    assert [one.rows for one in code_all(several)] == alone
    assert code_all([]) == []


def test_matrices_of_the_workspace_are_packed_as_each_by_itself() -> None:
    result = replace(section_of(long_report(sentences=29, layers=5), "sentence_matrix").result, rollout=None)
    packed = pack_matrices(result)
    assert packed.rollout is None
    assert packed.isa == packed_measure(result.isa, result.causal)
    assert packed.rollout_without_sink == packed_measure(result.rollout_without_sink, result.causal)
    assert packed.expected == packed_expected(result.expected, result.causal)


def test_long_rows_are_coded_in_equal_pieces_in_nearly_as_few_bits_as_their_frequencies_allow() -> None:
    symbols = (np.random.default_rng(1).random((1, 20_001)) < 0.1).astype(np.uint8)
    coded = code(Symbols(symbols=symbols, contexts=np.zeros((1, 20_001), np.int32), shape=(1, 2)))
    symbol = reader(iter(np.frombuffer(coded.rows[0], "<u2").tolist()), coded.frequencies, 20_001)
    assert [symbol(0) for _ in range(20_001)] == symbols[0].tolist()
    share = symbols.mean()
    assert 8 * len(coded.rows[0]) < 1.01 * 20_001 * -(share * np.log2(share) + (1 - share) * np.log2(1 - share)) + 3 * 32
