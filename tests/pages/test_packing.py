"""Packed matrices come back within the step they state, read by a second reading of the format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages.elements import inflated
from pages.reports import long_report, section_of

from reportgen.packing import NEVER, PackedViews, Scale, find_scale, pack_digits, pack_expected, pack_measure, pack_views


def unpack(packed: PackedViews) -> np.ndarray:
    """The values of the codes, cell by cell as the page reads them; NaN where nothing was computed."""
    stored = iter(inflated(packed.data))
    size = packed.sentences
    codes = np.zeros((packed.views, size, size), np.uint8)
    for view, name in enumerate(packed.predictions):
        for query in range(size):
            for key in range(query + 1 if packed.triangle else size):
                above = int(codes[view, query - 1, key]) if query else 0
                before = int(codes[view - 1, query, key]) if view else 0
                corner = int(codes[view - 1, query - 1, key]) if view and query else 0
                guess = {"a": above, "b": before, "m": (above + before) // 2, "g": before + above - corner}[name]
                codes[view, query, key] = (next(stored) + guess) % 256
    assert next(stored, None) is None
    if packed.triangle:
        codes[:, *np.triu_indices(size, 1)] = NEVER
    values = np.concatenate([[0], packed.low * np.exp(np.arange(254) * packed.step), [np.nan]])
    return values[codes]


def within(found: np.ndarray, true: np.ndarray, packed: PackedViews) -> bool:
    shown = true >= packed.low
    close = np.abs(np.log(found[shown] / true[shown])) <= packed.step / 2 + 1e-6
    return bool(close.all() and (found[true < packed.low] == 0).all() and np.isnan(found[np.isnan(true)]).all())


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5, 7]), st.sampled_from([1, 3]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_matrix_comes_back_within_half_a_step(seed: int, sentences: int, views: int, triangle: bool) -> None:
    random = np.random.default_rng(seed)
    values = np.exp(random.normal(-4, 3, (views, sentences, sentences))).clip(0, 1)
    values[random.random(values.shape) < 0.1] = 0
    values[random.random(values.shape) < 0.1] = np.nan
    if triangle:
        values[:, *np.triu_indices(sentences, 1)] = np.nan
    packed = pack_views(values, Scale(low=1e-4, high=1.0), 0.05, triangle)
    assert within(unpack(packed), values, packed)


def test_real_looking_matrices_come_back_and_the_stated_rounding_is_the_step() -> None:
    result = section_of(long_report(sentences=29, layers=5), "sentence_matrix").result
    packed = pack_measure(result.attention, result.causal)
    for views, true in ((packed.whole, result.attention[:1]), (packed.layers, result.attention[1:])):
        true = np.where(np.tri(29, dtype=bool), true, np.nan)
        assert within(unpack(views), true, views)
        assert views.rounding == pytest.approx(np.exp(views.step) - 1)
    assert packed.whole.step < packed.layers.step < 0.1


def test_rows_and_columns_are_not_exchanged() -> None:
    values = np.array([[[1.0, 0, 0], [0.1, 0.9, 0], [0.02, 0.3, 0.68]]])
    found = unpack(pack_views(values, Scale(low=0.01, high=1.0), 0.0, triangle=True))
    assert found[0, 1, 0] == pytest.approx(0.1, rel=0.01)
    assert found[0, 2, 1] == pytest.approx(0.3, rel=0.01)
    assert np.isnan(found[0, 0, 1])


def test_a_step_finer_than_a_byte_can_hold_is_widened_and_said() -> None:
    packed = pack_views(np.full((1, 2, 2), 0.5), Scale(low=1e-6, high=1.0), 0.001, triangle=False)
    assert packed.step == pytest.approx(np.log(1e6) / 253)


def test_the_baseline_of_lift_is_never_below_its_scale() -> None:
    expected = np.tril(np.random.default_rng(0).random((11, 11)) + 1e-5)
    found = unpack(pack_expected(expected, triangle=True))[0]
    assert (found[np.tri(11, dtype=bool)] > 0).all()


@pytest.mark.parametrize("values", [np.zeros((2, 3, 3)), np.full((2, 3, 3), np.nan), np.zeros((1, 1, 1))])
def test_matrices_with_nothing_in_them_can_be_packed(values: np.ndarray) -> None:
    packed = pack_measure(values, triangle=False)
    assert packed.scale.low == find_scale(values).low == 0.01
    assert len(packed.layers.predictions) == len(values) - 1


def test_digits_of_all_heads_lie_one_after_the_other_two_to_a_byte() -> None:
    stored = inflated(pack_digits([["0a3", "f01"], ["2", "9e"]]))
    assert stored.hex() == "0a3f0129e0"
