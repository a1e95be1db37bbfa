"""The matrices of single heads: codes by hand, the three shares by hand, pooling, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import Sizes, made_up

from reportgen.analyses import head_matrices
from reportgen.analyses.sentence_matrix import group_of
from reportgen.measurements import Measurements

FIRST = np.array([[1, 0, 0, 0], [0.4, 0.6, 0, 0], [0.3, 0.2, 0.5, 0], [0.1, 0.3, 0.2, 0.3]])
SECOND = np.array([[1, 0, 0, 0], [0.88, 0.12, 0, 0], [0.8, 0.02, 0.1, 0], [0.7, 0.004, 0.04, 0.2]])
STEP = np.log(100) / 13  # 0.2 / 4 sentences is 0.05, so the scale begins at 0.01


def by_hand() -> Measurements:
    """One layer of two heads; in the second most rests on the first sentence."""
    shares = np.stack([FIRST, SECOND])[None].astype(np.float32)
    return made_up(sizes=Sizes(layers=1, heads=2, sentences=4, tokens=11), replaced={"decoder.sentence_attention": shares})


def values_of(codes: str, rows: int, low: float, step: float, causal: bool = True) -> np.ndarray:
    """A second reading of the codes: down one column after the other."""
    found, left = np.full((rows, rows), np.nan), iter(codes)
    for key in range(rows):
        for query in range(key if causal else 0, rows):
            code = int(next(left), 16)
            found[query, key] = 0 if code == 0 else np.nan if code == 15 else low * np.exp((code - 1) * step)
    assert next(left, None) is None
    return found


def test_codes_go_down_the_columns_and_stand_for_their_values_within_half_a_step() -> None:
    result = head_matrices.analyse(by_hand())
    assert (result.causal, result.group, result.low) == (True, 1, 0.01)
    assert result.step == pytest.approx(STEP, rel=1e-9)
    for codes, true in zip(result.codes[0], (FIRST, SECOND), strict=True):
        found = values_of(codes, 4, result.low, result.step)
        seen = np.tri(4, dtype=bool) & (true >= 0.01)
        assert (np.abs(np.log(found[seen] / true[seen])) <= STEP / 2 + 1e-6).all()
        assert (found[seen] / true[seen] <= 1 + result.rounding + 1e-6).all()
        assert (found[np.tri(4, dtype=bool) & (true < 0.01)] == 0).all()


def test_rows_and_columns_are_not_exchanged() -> None:
    codes = head_matrices.analyse(by_hand()).codes[0][1]
    assert codes[:4] == "eedd"  # the first column: 1, 0.88, 0.8, 0.7
    assert codes[4:7] == "830"  # the second: 0.12, 0.02, 0.004


def test_shares_to_the_first_to_itself_and_to_others_are_means_over_the_later_sentences() -> None:
    result = head_matrices.analyse(by_hand())
    np.testing.assert_allclose(result.first[0], [0.8 / 3, 2.38 / 3], rtol=1e-6)
    np.testing.assert_allclose(result.own[0], [1.4 / 3, 0.42 / 3], rtol=1e-6)
    np.testing.assert_allclose(result.others[0], [0.7 / 3, 0.064 / 3], rtol=1e-6)
    assert result.link[0].tolist() == [[3, 1], [3, 2]]
    np.testing.assert_allclose(result.link_share[0], [0.3, 0.04], rtol=1e-6)
    assert result.listed == ((0, 0), (0, 1))


def test_the_finding_counts_heads_and_names_the_one_that_looks_most_at_others() -> None:
    finding = head_matrices.find(head_matrices.analyse(by_hand()))
    assert "Of 2 heads, 1 gives the first sentence more than half" in finding
    assert (
        "head 0.0 looks most at others, with 23\N{NARROW NO-BREAK SPACE}%; its strongest link goes from sentence 4 to sentence 2 (30\N{NARROW NO-BREAK SPACE}%)"
        in finding
    )


def test_where_no_head_looks_at_others_none_is_named() -> None:
    finding = head_matrices.find(head_matrices.analyse(made_up(sizes=Sizes(layers=2, heads=3, sentences=2, tokens=7))))
    assert finding.endswith(" the sentence itself; none looks at any other sentence.")


def test_a_document_of_one_sentence_says_so() -> None:
    result = head_matrices.analyse(made_up(sizes=Sizes(layers=2, heads=3, sentences=1, tokens=5)))
    assert result.listed == ()
    assert "only one sentence" in head_matrices.find(result)


@pytest.mark.parametrize(("sentences", "heads", "causal", "group"), [(240, 270, True, 1), (1000, 270, True, 4), (240, 270, False, 2), (1, 10**9, True, 1)])
def test_matrices_are_pooled_until_all_heads_have_ten_million_cells(sentences: int, heads: int, causal: bool, group: int) -> None:
    assert group_of(sentences, heads, causal, head_matrices.CELLS_AT_MOST) == group


def test_nothing_is_said_of_heads_that_are_shown_whole() -> None:
    assert head_matrices.notices(head_matrices.analyse(by_hand())) == ()


def test_pooled_heads_are_means_over_pairs_and_a_notice_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_matrices, "CELLS_AT_MOST", 6)
    result = head_matrices.analyse(by_hand())
    assert result.group == 2
    found = values_of(result.codes[0][0], 2, result.low, result.step)
    assert found[1, 0] == pytest.approx((0.3 + 0.2 + 0.1 + 0.3) / 4, rel=STEP / 2)
    assert found[0, 0] == pytest.approx((1 + 0.4 + 0.6) / 3, rel=STEP / 2)
    (notice,) = head_matrices.notices(result)
    assert "groups of 2 consecutive sentences" in notice


def test_what_no_window_saw_has_a_code_of_its_own() -> None:
    shares = np.stack([FIRST, SECOND])[None].astype(np.float32)
    shares[..., 3, 0] = np.nan
    result = head_matrices.analyse(made_up(sizes=Sizes(layers=1, heads=2, sentences=4, tokens=11), replaced={"decoder.sentence_attention": shares}))
    assert [codes[3] for codes in result.codes[0]] == ["f", "f"]
    np.testing.assert_allclose(result.first[0], [0.35, 0.84], rtol=1e-6)
