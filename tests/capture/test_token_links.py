"""What the first pass keeps for the strongest links of each token: near keys exactly, and for all others a bound."""

import numpy as np
import pytest
import torch

from reportgen.capture.link_sums import add_weights, watch
from reportgen.capture.token_links import AHEAD, BEHIND, FIRST, LONG_SEGMENT, SEGMENT, watched_keys


@pytest.mark.parametrize("segment", [SEGMENT, LONG_SEGMENT])
@pytest.mark.parametrize(("first_row", "rows", "offset", "keys"), [(0, 7, 0, 293), (150, 13, 0, 211), (150, 13, 41, 170), (290, 3, 97, 196), (5, 4, 130, 163)])
def test_each_key_is_either_watched_or_under_its_segments_bound(first_row: int, rows: int, offset: int, keys: int, segment: int) -> None:
    tokens = 293
    mean = np.random.default_rng(7).random((rows, keys), np.float32)
    watched, bounds = np.zeros((tokens, FIRST + BEHIND + AHEAD), np.float32), np.zeros((tokens, -(-tokens // segment)), np.float32)
    for times in (1, 2):
        watch(mean, offset, first_row, BEHIND, AHEAD, FIRST, segment, watched, bounds)
        for index, row in enumerate(range(first_row, first_row + rows)):
            whole = np.zeros(tokens, np.float32)
            whole[offset : offset + keys] = mean[index]
            places = watched_keys(np.array([row]), tokens)[0]
            held = places[places >= 0]
            np.testing.assert_array_equal(watched[row, places >= 0], times * whole[held])
            assert not watched[row, places < 0].any()
            rest = whole.copy()
            rest[held] = 0.0
            np.testing.assert_array_equal(bounds[row], times * np.maximum.reduceat(rest, np.arange(0, tokens, segment)))
    others = np.delete(np.arange(tokens), np.arange(first_row, first_row + rows))
    assert not watched[others].any()
    assert not bounds[others].any()


def test_watched_keys_are_the_first_and_the_near_ones_each_once() -> None:
    found = watched_keys(np.array([3, 200, 292]), 293)
    assert set(found[0]) == {-1, *range(FIRST), *range(FIRST, 3 + AHEAD + 1)}
    assert sorted(found[1]) == [*range(FIRST), *range(200 - BEHIND + 1, 200 + AHEAD + 1)]
    assert set(found[2]) == {-1, *range(FIRST), *range(292 - BEHIND + 1, 293)}


def test_weights_of_known_normalisers_are_summed_over_heads_where_they_are_seen() -> None:
    scores = torch.randn(3, 5, 41).numpy()
    normalisers = np.log(np.exp(scores).sum(2)) + np.float32(0.5)
    starts, stops, total = np.array([0, 3, 7, 0, 41]), np.array([41, 29, 7, 1, 41]), np.zeros((5, 41), np.float32)
    add_weights(scores, normalisers, starts, stops, total)
    key = np.arange(41)
    expected = np.exp(scores - normalisers[:, :, None]).sum(0) * ((key >= starts[:, None]) & (key < stops[:, None]))
    np.testing.assert_allclose(total, expected, rtol=2e-6)
