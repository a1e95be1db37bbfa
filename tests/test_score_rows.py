"""How many queries of each sentence a score is over: with them, the score is the mean of its values by sentence."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import Sizes, made_up

from reportgen.analyses.roles.score_rows import queries_counted
from reportgen.contract.heads import BY_SENTENCE


@pytest.mark.parametrize("score", sorted(set(BY_SENTENCE) - {"next_token"}))
@pytest.mark.parametrize("sizes", [Sizes(), Sizes(sentences=2, tokens=29)], ids=["five sentences", "two sentences"])
def test_a_score_is_the_weighted_mean_of_its_values_by_sentence(score: str, sizes: Sizes) -> None:
    measurements = made_up(sizes=sizes)
    rows, by_sentence = queries_counted(measurements, score), measurements[f"*.{score}_by_sentence"].astype(float)
    assert rows.shape == (sizes.sentences,)
    assert (np.isnan(by_sentence) == (rows == 0)).all()
    np.testing.assert_allclose(np.nansum(by_sentence * rows, -1) / rows.sum(), measurements[f"*.{score}"], atol=1e-3, rtol=1e-3)


def test_rows_by_hand() -> None:
    replaced = {"token_ids": np.array([7, 5, 7, 9, 5, 5, *range(20, 37)])}
    measurements = made_up(replaced=replaced)
    by_hand = {
        "locality": [3, 5, 4, 7, 3],
        "first_token": [2, 5, 4, 7, 3],
        "next_token": [3, 5, 4, 7, 2],
        "relative_entropy": [2, 5, 4, 7, 3],
        "relative_entropy_without_sink": [1, 5, 4, 7, 3],
        "delimiter_without_sink": [2, 5, 4, 7, 3],
        "duplicate_token": [1, 2, 0, 0, 0],
        "induction_without_sink": [1, 2, 0, 0, 0],
    }
    for score, rows in by_hand.items():
        assert queries_counted(measurements, score).tolist() == rows, score
