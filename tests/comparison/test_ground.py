"""Units that two files have in common: matrices of joined sentences are those of the tokens, and what can be compared."""

from __future__ import annotations

import numpy as np
from comparison.versions import FIRST, SHUFFLED, version
from made_up import Sizes, attention

from reportgen.comparison.aligning import align_versions
from reportgen.comparison.ground import Cells, Pooling, Side, find_cells, find_ground

MEMBERS = np.array([0, 0, 0, 1, 1, -1, 2, 2, 2, 2, 3, 4, 4])


def shares(p: np.ndarray, members: np.ndarray) -> np.ndarray:
    sentences = members.max() + 1
    return np.array([[p[members == i][:, members == j].sum(1).mean() for j in range(sentences)] for i in range(sentences)])


def test_joined_sentences_have_the_shares_of_their_tokens_together() -> None:
    p = attention(Sizes(layers=1, heads=1, tokens=len(MEMBERS)))[0, 0]
    groups, joined = ((0,), (1, 2), (3, 4)), np.array([-1 if member < 0 else [0, 1, 1, 2, 2][member] for member in MEMBERS])
    pooling = Pooling(groups=groups, tokens=np.bincount(MEMBERS[MEMBERS >= 0]))
    np.testing.assert_allclose(pooling.shares(shares(p, MEMBERS)), shares(p, joined), rtol=1e-12)
    np.testing.assert_allclose(pooling.rows(shares(p, MEMBERS).sum(1)), shares(p, joined).sum(1), rtol=1e-12)


def test_a_cell_with_a_pair_that_was_never_read_together_has_no_number() -> None:
    matrix = np.arange(16.0).reshape(4, 4)
    matrix[3, 0] = np.nan
    found = Pooling(groups=((0, 1), (2,), (3,)), tokens=np.array([1, 3, 2, 2])).shares(matrix)
    assert np.isnan(found).tolist() == [[False] * 3, [False] * 3, [True, False, False]]
    np.testing.assert_allclose(found[0], [0.25 * (0 + 1) + 0.75 * (4 + 5), 0.25 * 2 + 0.75 * 6, 0.25 * 3 + 0.75 * 7])


def test_the_greatest_weight_of_joined_sentences_is_the_greatest_of_any() -> None:
    matrix = np.array([[5.0, 0, 1], [2, 7, 0], [3, 1, 4]])
    found = Pooling(groups=((0,), (1, 2)), tokens=np.array([1, 1, 1])).greatest(matrix)
    assert found.tolist() == [[5, 1], [3, 7]]


def test_units_are_those_of_both_in_the_order_of_the_second() -> None:
    a, b = version(FIRST), version(SHUFFLED)
    ground = find_ground(align_versions(a.sentences, b.sentences), a, b)
    assert (ground.a.groups, ground.b.groups) == (((0,), (3,), (1,), (2,)), ((0,), (1,), (2,), (4,)))
    assert ground.ordered.tolist() == [True, False, True, True]
    cells = find_cells(ground, a, b)
    np.testing.assert_array_equal(cells.a.share[1], a["*.sentence_attention"].mean(1, dtype=np.float32).mean(0)[3, [0, 3, 1, 2]].astype(float))
    # In A the fourth sentence sees all before it; in B it is the second.
    assert cells.common.tolist() == [[True, False, False, False], [True, True, False, False], [True, False, True, False], [True, False, True, True]]
    assert cells.content.sum() == 1


def test_change_is_counted_in_doublings_and_changes_its_sign_with_the_sides() -> None:
    expected = np.array([[1.0, 0], [0.5, 0.5]])
    one, other = Side(share=np.array([[1.0, 0], [0.4, 0.6]]), expected=expected), Side(share=np.array([[1.0, 0], [0.2, 0.8]]), expected=expected)
    first = np.array([True, False])
    found = Cells(a=one, b=other, first=first).doublings
    np.testing.assert_allclose(found, [[0, np.nan], [-1, np.log2(8 / 6)]])
    np.testing.assert_array_equal(Cells(a=other, b=one, first=first).doublings, -found)
