"""Matrices at equal distances: ranks by hand, moves by hand, and about one finding in twenty where distance and sentences' own pull decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reportgen.analyses.agreement.mantel import (
    FEWEST_PAIRS,
    SomePairs,
    WholeMatrices,
    compare_some,
    compare_two_some,
    compare_whole,
    distance_bands,
    ranks_within,
)

DOCUMENTS = 100


def causal(sentences: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of two sentences, the key before the query and not the first."""
    return np.nonzero(np.tri(sentences, k=-1) * (np.arange(sentences) > 0))


def noise(sentences: int, random: np.random.Generator, pull: float = 0.0) -> np.ndarray:
    """By pair: falls with distance; with `pull`, some sentences draw more and some look farther."""
    queries, keys = causal(sentences)
    own = random.normal(size=(2, sentences)) * pull
    return -np.log(queries - keys) + own[0][queries] + own[1][keys] + 0.5 * random.normal(size=len(keys))


def whole(*values: np.ndarray, sentences: int = 23) -> WholeMatrices:
    queries, keys = causal(sentences)
    return WholeMatrices(names=tuple("abcde"[: len(values)]), values=np.array(values), queries=queries, keys=keys, sentences=sentences)


def test_ranks_are_among_the_pairs_of_a_group() -> None:
    found = ranks_within(np.array([[5.0, 1.0, 9.0, 3.0, 3.0, 7.0]]), np.array([2, 1, 2, 2, 1, 5]))
    np.testing.assert_allclose(found, [[0, -1 / 4, 1 / 3, -1 / 3, 1 / 4, 0]])


def test_equals_of_a_group_share_their_rank() -> None:
    np.testing.assert_allclose(ranks_within(np.array([[4.0, 4.0, 1.0, 4.0]]), np.array([1, 1, 1, 2])), [[1 / 6, 1 / 6, -1 / 3, 0]])


def test_bands_are_half_octaves_and_tell_before_from_after() -> None:
    found = distance_bands(np.arange(1, 17))
    assert [np.flatnonzero(found == band).tolist() for band in np.unique(found)] == [[0], [1], [2], [3, 4], [5, 6], [7, 8, 9, 10], [11, 12, 13, 14], [15]]
    np.testing.assert_array_equal(distance_bands(-np.arange(1, 17)), -found)


def test_rho_is_scipys_and_within_is_the_correlation_of_ranks_within() -> None:
    values = [noise(23, np.random.default_rng(seed)) for seed in (0, 1)]
    (row,) = compare_whole(whole(*values))
    queries, keys = causal(23)
    ranks = [
        np.concatenate([(stats.rankdata(v[queries - keys == d]) - ((queries - keys == d).sum() + 1) / 2) / (queries - keys == d).sum() for d in range(1, 22)])
        for v in values
    ]
    assert row.rho == pytest.approx(stats.spearmanr(*values).statistic)
    assert row.within == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert (row.first, row.second, row.pairs, row.moves) == ("a", "b", 231, 22)


def test_partial_is_the_correlation_of_what_sentence_terms_leave() -> None:
    values = [noise(23, np.random.default_rng(seed), pull=1) for seed in (0, 1)]
    found = whole(*values)
    design = np.concatenate([np.eye(23)[found.queries], np.eye(23)[found.keys]], axis=1)
    left = [within - design @ np.linalg.lstsq(design, within, rcond=None)[0] for within in found.within]
    (row,) = compare_whole(found)
    assert row.partial == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-6)


def test_p_is_the_share_of_moves_by_hand() -> None:
    one, other = (noise(23, np.random.default_rng(seed)) for seed in (2, 3))
    found = whole(one, other + 0.2 * one)
    matrices, own = found.as_matrices(found.within), float(np.corrcoef(found.within)[0, 1])
    as_great = 1
    for step in range(1, 12):
        for still, moved in ((matrices[0], matrices[1]), (matrices[1], matrices[0])):
            a, b = still[:-step, :-step], moved[step:, step:]
            as_great += abs((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()) * np.sqrt((23 - step) / 23)) >= abs(own) - 1e-6
    (row,) = compare_whole(found)
    assert row.within_p == pytest.approx(as_great / 23)


@pytest.mark.parametrize("pull", [0.0, 1.0])
def test_noise_that_falls_with_distance_agrees_in_about_one_document_of_twenty(pull: float) -> None:
    """More than 10 of 100 come at 5 % in one trial of a hundred. Without regard to distance nearly all would agree."""
    rows = [compare_whole(whole(*(noise(31, np.random.default_rng([seed, side]), pull) for side in (0, 1)), sentences=31))[0] for seed in range(DOCUMENTS)]
    assert sum(row.within_p <= 0.05 for row in rows) <= 10
    assert sum(row.partial_p <= 0.05 for row in rows) <= 10
    assert np.mean([row.rho for row in rows]) > 0.2


@pytest.mark.parametrize("pull", [0.0, 1.0])
def test_so_do_links_chosen_for_their_strength_with_others_at_the_same_distances(pull: float) -> None:
    found = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        strength, effect = noise(47, random, pull), noise(47, random, pull)
        queries, keys = causal(47)
        chosen = np.argsort(-(strength + np.log(queries - keys)))[:30]
        drawn = [random.choice(np.flatnonzero(queries - keys == distance)) for distance in (queries - keys)[chosen]]
        kept = np.union1d(chosen, drawn)
        some = SomePairs(name="effect", values=effect[kept], queries=queries[kept], keys=keys[kept])
        found += compare_some(some, whole(strength, sentences=47))[0].within_p <= 0.05
    assert found <= 8


def test_what_two_matrices_share_at_equal_distances_is_found() -> None:
    found = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        one, other, shared = noise(31, random), noise(31, random), random.normal(size=435)
        row = compare_whole(whole(one + 0.4 * shared, other + 0.4 * shared, sentences=31))[0]
        found += row.within_p <= 0.05 and row.partial_p <= 0.05
    assert found >= 18


def test_a_matrix_known_of_some_pairs_is_compared_where_it_is_known() -> None:
    random = np.random.default_rng(0)
    one = noise(31, random)
    queries, keys = causal(31)
    kept = np.sort(random.choice(435, 60, replace=False))
    some = SomePairs(name="effect", values=np.exp(one[kept]), queries=queries[kept], keys=keys[kept])
    same, other = compare_some(some, whole(one, noise(31, random), sentences=31))
    assert same.pairs == 60
    assert same.rho == pytest.approx(1)
    assert (same.within > 0.8, same.within_p < 0.05, other.within_p > 0.05) == (True, True, True)
    ranks = ranks_within(some.values[None], distance_bands(some.queries - some.keys))[0]
    there = whole(one, sentences=31).within[0][kept]
    assert same.within == pytest.approx(ranks @ there / np.sqrt((ranks @ ranks) * (there @ there)))


def test_two_that_know_some_pairs_have_rho_of_what_both_know() -> None:
    random = np.random.default_rng(1)
    queries, keys = causal(23)
    parts = [np.sort(random.choice(231, 120, replace=False)) for _ in range(2)]
    values = [random.normal(size=231) for _ in range(2)]
    one, other = (SomePairs(name=name, values=v[part], queries=queries[part], keys=keys[part]) for name, v, part in zip("ab", values, parts, strict=True))
    both = np.intersect1d(*parts)
    row = compare_two_some(one, other)
    assert (row.pairs, row.moves) == (len(both), 0)
    assert row.rho == pytest.approx(stats.spearmanr(values[0][both], values[1][both]).statistic)
    assert np.isnan(row.within_p)


@pytest.mark.filterwarnings("error")
def test_too_few_pairs_and_equal_numbers_have_no_correlation() -> None:
    (few,) = compare_whole(whole(*np.random.default_rng(0).random((2, 21)), sentences=8))
    assert few.pairs < FEWEST_PAIRS
    (even,) = compare_whole(whole(np.ones(231), noise(23, np.random.default_rng(0))))
    for row in (few, even):
        assert np.isnan([row.rho, row.within, row.within_p, row.partial, row.partial_p]).all()
