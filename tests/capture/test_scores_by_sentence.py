"""A head's score is the mean of its values by sentence, weighted by the queries that `queries_counted` finds in the file: in every kind of model, and in windows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import document
from test_measure_kinds import MODELS, TEXT

from reportgen.analyses.roles.score_rows import queries_counted
from reportgen.capture import MeasureOptions, measure
from reportgen.contract.heads import BY_SENTENCE
from reportgen.measurements import Measurements

HALF = 1e-3


def assert_scores_are_weighted_means(found: Measurements) -> None:
    stacks = {key.partition(".")[0] for key in found.arrays if key.endswith(".strongest_key") and "/" not in key}
    checked = 0
    for stack in stacks:
        for score in (score for score in BY_SENTENCE if f"{stack}.{score}" in found.arrays):
            rows, by_sentence = queries_counted(found, score, stack), found[f"{stack}.{score}_by_sentence"].astype(float)
            assert (np.isnan(by_sentence) == (rows == 0)).all(), (stack, score)
            mean = np.nansum(by_sentence * rows, -1) / rows.sum()
            np.testing.assert_allclose(mean, found[f"{stack}.{score}"], atol=HALF, rtol=HALF, err_msg=f"{stack}.{score}")
            checked += 1
        for suffix in ("", "_without_sink") if f"{stack}.fixed_offset" in found.arrays else ():
            assert_offsets_are_weighted_means(found, stack, f"fixed_offset{suffix}")
    assert checked >= 13


def assert_offsets_are_weighted_means(found: Measurements, stack: str, score: str) -> None:
    for place, offset in enumerate(found[f"{stack}.fixed_offsets"].tolist()):
        rows, by_sentence = queries_counted(found, score, stack, offset), found[f"{stack}.{score}_by_sentence"][:, :, place].astype(float)
        assert (np.isnan(by_sentence) == (rows == 0)).all(), (stack, score, offset)
        np.testing.assert_allclose(np.nansum(by_sentence * rows, -1) / rows.sum(), found[f"{stack}.{score}"][..., place], atol=HALF, rtol=HALF)


@pytest.mark.parametrize("name", ["causal", "masked", "encoder-decoder with a text", "causal, one layer at a time"])
def test_scores_are_weighted_means_of_values_by_sentence(name: str) -> None:
    build, options = MODELS[name]
    assert_scores_are_weighted_means(measure(document(TEXT), build(), options=options))


@pytest.mark.parametrize("stride", [None, 149])
def test_so_they_are_for_a_document_in_windows(stride: int | None) -> None:
    build, _ = MODELS["causal"]
    found = measure(document(TEXT), build(), options=MeasureOptions(window=150, stride=stride, probes=False, attribution="none"))
    assert len(found.windows) > 1
    assert_scores_are_weighted_means(found)
