"""Agreement of documents about heads: a published example, cases by hand, chance, bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.corpus.kappa import Disagreement, disagreement, in_total, jaccard
from reportgen.corpus.resampling import document_counts, interval

# Fleiss 1971, table 1: how many of 6 psychiatrists gave each of 30 patients which of 5 diagnoses, and the kappas printed there.
DIAGNOSES = """00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"""
PUBLISHED = (0.245, 0.245, 0.520, 0.471, 0.566)


def by_category(category: int) -> np.ndarray:
    """Which psychiatrist gave the diagnosis to which patient, as documents and heads of one layer; who of them did changes nothing."""
    given_by = np.array([int(patient[category]) for patient in DIAGNOSES.split()])
    return (np.arange(6)[:, None] < given_by)[:, None, :]


def once(carried: np.ndarray) -> Disagreement:
    return disagreement(carried, np.ones((1, len(carried))))


@pytest.mark.parametrize(("category", "kappa"), list(enumerate(PUBLISHED)))
def test_kappa_of_a_category_is_the_published_one(category: int, kappa: float) -> None:
    assert once(by_category(category)).kappa()[0] == pytest.approx(kappa, abs=5e-4)


def test_kappa_of_all_categories_is_the_published_one() -> None:
    assert in_total([once(by_category(category)) for category in range(5)], 1).kappa()[0] == pytest.approx(0.430, abs=5e-4)


def grid(*documents: str) -> np.ndarray:
    """Documents written as layers of marks: `x.. .x.` is two layers of three heads."""
    return np.array([[[mark == "x" for mark in layer] for layer in document.split()] for document in documents])


def test_kappa_and_kappa_within_layers_by_hand() -> None:
    carried = grid("xx. ...", "x.. ...", "xx. ..x")
    # Heads 0.0, 0.1 and 1.2 are held by 3, 2 and 1 of 3: two of 6 heads have 2 of 3 pairs apart. p is 6 / 18; in the layers 5 / 9 and 1 / 9.
    found = once(carried)
    assert found.observed[0] == pytest.approx(2 * (2 / 3) / 6)
    assert found.kappa()[0] == pytest.approx(1 - (2 / 9) / (2 * (1 / 3) * (2 / 3)))
    assert found.kappa_in_layer()[0] == pytest.approx(1 - (2 / 9) / ((2 * (5 / 9) * (4 / 9) + 2 * (1 / 9) * (8 / 9)) / 2))


def test_a_document_drawn_twice_is_not_held_against_itself() -> None:
    carried = grid("xx. ...", "x.. ..x")
    drawn = disagreement(carried, np.array([[2.0, 1.0], [3.0, 0.0]]))
    assert drawn.observed[0] == pytest.approx(2 / 6)
    assert np.isnan(drawn.kappa()[1])


def test_roles_of_layers_and_not_of_heads_have_no_kappa_within_layers() -> None:
    whole = grid("xxx ...", "xxx ...")
    assert once(whole).kappa()[0] == 1
    assert np.isnan(once(whole).kappa_in_layer()[0])


@pytest.mark.filterwarnings("error")
def test_a_role_that_no_head_or_every_head_holds_has_no_kappa() -> None:
    assert np.isnan(once(grid("... ...", "... ...")).kappa()[0])
    assert np.isnan(once(grid("xxx xxx", "xxx xxx")).kappa()[0])


def test_a_role_of_one_document_adds_nothing_to_all_roles() -> None:
    two, one = once(grid("xx.", "x..")), once(grid("x.x"))
    assert in_total([two, one], 1).kappa()[0] == two.kappa()[0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), documents=st.integers(2, 6))
def test_kappa_is_at_most_one_and_does_not_depend_on_the_order_of_documents_or_heads(seed: int, documents: int) -> None:
    random = np.random.default_rng(seed)
    carried = random.random((documents, 3, 7)) < random.random()
    shuffled = carried[random.permutation(documents)][:, random.permutation(3)][:, :, random.permutation(7)]
    found = once(carried).kappa()[0]
    assert np.isnan(found) or found <= 1
    np.testing.assert_allclose(once(shuffled).kappa()[0], found)


def test_shared_heads_and_their_chance_by_hand() -> None:
    carried = grid("xx..", "x.x.", "....")[:, 0]
    found, by_chance = jaccard(carried)
    assert found.value == pytest.approx((1 / 3 + 0 + 0) / 3)
    # Two sets of 2 of 4: they share 0, 1 or 2 with chances 1/6, 4/6, 1/6, which is 0, 1/3 and 1 of those in either.
    assert by_chance == pytest.approx(((4 / 6) / 3 + 1 / 6) / 3)


def test_chance_is_what_permuted_heads_give() -> None:
    random = np.random.default_rng(1)
    carried = random.random((4, 11)) < 0.4
    drawn = [jaccard(np.stack([row[random.permutation(11)] for row in carried]))[0].value for _ in range(800)]
    assert jaccard(carried)[1] == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(800))


@pytest.mark.filterwarnings("error")
def test_documents_without_a_head_of_the_role_share_nothing() -> None:
    found, by_chance = jaccard(np.zeros((3, 5), bool))
    assert np.isnan(found.value)
    assert np.isnan(by_chance)


def test_intervals_need_five_documents_and_hold_the_value() -> None:
    carried = np.random.default_rng(0).random((9, 3, 7)) < 0.4
    carried[:, 0, :4] = True
    for documents in (4, 9):
        some = carried[:documents]
        found = interval(float(once(some).kappa()[0]), disagreement(some, document_counts(documents)).kappa(), documents)
        assert np.isnan(found.low) == (documents == 4)
        assert documents == 4 or found.low < found.value < found.high <= 1


def test_resamples_are_the_same_each_time_and_draw_as_many_documents_as_there_are() -> None:
    assert (document_counts(7).sum(1) == 7).all()
    assert document_counts(7) is document_counts(7)
