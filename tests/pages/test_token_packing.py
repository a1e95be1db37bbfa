"""Packed tokens come back as they were, weights and vectors within the steps they state, read by a second reading of the format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_up import Sizes, made_up
from made_up_tokens import with_neurons
from pages.elements import inflated
from pages.reports import long_report, section_of

from reportgen.analyses import token_links
from reportgen.packing.tokens import PackedIntegers, PackedTokens, pack_behind, pack_integers, pack_tokens

RESULTS = [token_links.analyse(with_neurons()), section_of(long_report(sentences=53, layers=3, heads=7), "token_links").result]


def integers(packed: PackedIntegers) -> np.ndarray:
    """The whole numbers, one by one."""
    stored = inflated(packed.data)
    found = []
    for place in range(packed.count):
        code = sum(stored[plane * packed.count + place] * 256**plane for plane in range(packed.planes))
        found.append(-(code + 1) // 2 if code % 2 else code // 2)
    return np.array(found, np.int64)


def read_bytes(data: str, kind: str) -> np.ndarray:
    return np.frombuffer(inflated(data), kind)


def links_of(packed: PackedTokens) -> list[dict[int, float]]:
    """For each token its keys with their weights."""
    offsets = integers(packed.offsets).reshape(packed.ranks, packed.tokens)
    codes = read_bytes(packed.weights.data, "u1").reshape(packed.ranks, packed.tokens).astype(float)
    found = []
    for token in range(packed.tokens):
        keys, weights = token - offsets[:, token], packed.low * np.exp((codes[:, token] - 1) * packed.step)
        found.append({int(key): float(weight) for key, weight in zip(keys, weights, strict=True) if key >= 0})
    return found


@given(arrays.arrays(np.int32, st.integers(0, 40), elements=st.integers(-70_000, 70_000) | st.integers(-3, 3)))
def test_any_whole_numbers_come_back(values: np.ndarray) -> None:
    packed = pack_integers(values)
    np.testing.assert_array_equal(integers(packed), values)
    assert packed.planes == 1 + (values.max(initial=0) > 127 or values.min(initial=0) < -128) + (
        values.max(initial=0) > 32767 or values.min(initial=0) < -32768
    )


@pytest.mark.parametrize("result", RESULTS, ids=["measured", "long"])
def test_links_come_back_with_weights_within_half_a_step(result: token_links.Result) -> None:
    packed = pack_tokens(result)
    for token, found in enumerate(links_of(packed)):
        true = {int(key): float(weight) for key, weight in zip(result.keys[token], result.weights[token], strict=True) if key >= 0}
        assert found.keys() == true.keys()
        for key, weight in true.items():
            assert abs(np.log(found[key] / weight)) <= packed.step / 2 + 1e-6
    assert packed.rounding == pytest.approx(np.exp(packed.step) - 1)
    assert packed.rounding < 0.06


@pytest.mark.parametrize("result", RESULTS, ids=["measured", "long"])
def test_places_and_heads_come_back(result: token_links.Result) -> None:
    packed = pack_tokens(result)
    sentences = np.cumsum(integers(packed.sentences))
    np.testing.assert_array_equal(sentences, result.places.sentences)
    end = 0
    for token, (gap, length) in enumerate(zip(integers(packed.gaps), integers(packed.lengths), strict=True)):
        start = int(gap) + (end if token and sentences[token] == sentences[token - 1] else 0)
        end = start + int(length)
        assert (start, end) == (result.places.starts[token], result.places.ends[token])
    last = [np.flatnonzero(sentences == sentence)[-1] for sentence in range(sentences.max() + 1)]
    back = integers(packed.heads).reshape(result.heads.shape)
    np.testing.assert_array_equal(np.where(back == 0, -1, last - back), result.heads)


def test_what_the_text_does_not_show_is_named() -> None:
    packed = pack_tokens(RESULTS[0])
    assert packed.others == {"↵↵": (8,)}
    assert packed.sinks[0][:2] == (0, "first")


@pytest.mark.parametrize("result", RESULTS, ids=["measured", "long"])
def test_queries_and_keys_come_back_within_the_step_they_state(result: token_links.Result) -> None:
    packed, true = pack_tokens(result).behind, result.behind
    links, dimensions = packed.links, packed.dimensions
    np.testing.assert_array_equal(integers(packed.places).reshape(4, links).T, true.places)
    score, weight, *greatest = read_bytes(packed.numbers.data, "<f4").reshape(4, links)
    codes = read_bytes(packed.codes.data, "i1").reshape(links, 2, dimensions)
    np.testing.assert_allclose(score, true.scores, rtol=1e-6)
    np.testing.assert_allclose(weight, true.weights, rtol=1e-6)
    most = np.stack(greatest, 1)[..., None]
    assert (np.abs(codes / 127 * most - true.vectors) <= most * packed.rounding / 2 + 1e-6).all()
    np.testing.assert_allclose(most[..., 0], np.abs(true.vectors).max(2))


def test_dimensions_that_a_head_does_not_have_are_marked() -> None:
    vectors = RESULTS[0].behind.vectors.copy()
    vectors[0, :, -2:] = np.nan
    packed = pack_behind(replace(RESULTS[0].behind, vectors=vectors))
    codes = read_bytes(packed.codes.data, "i1").reshape(packed.links, 2, packed.dimensions)
    assert (codes[0, :, -2:] == -128).all()
    assert (codes[1:] > -128).all()


def test_what_was_not_measured_is_not_packed() -> None:
    packed = pack_tokens(token_links.analyse(made_up(leave_out=["decoder.strongest_key"], sizes=Sizes(sentences=1, tokens=2))))
    assert packed.heads is None
    assert packed.behind is None
