"""Even attention: by walking over every visible pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import Sizes, made_up

from reportgen.analyses.even_attention import EvenAttention, even_attention, expected_between

MEMBERS = np.array([-1, 0, 0, 0, -1, 1, 1, 2, 2, 2, 2])


def mask(causal: bool) -> np.ndarray:
    return np.tri(11) if causal else np.ones((11, 11))


def made(causal: bool) -> EvenAttention:
    return EvenAttention(causal=causal, seen=mask(causal).sum(1).astype(int), members=MEMBERS)


@pytest.mark.parametrize("causal", [True, False])
def test_shares_between_sentences_are_those_of_the_whole_matrix(causal: bool) -> None:
    inside = (MEMBERS[:, None] == np.arange(3)).astype(float)
    weights = mask(causal) / mask(causal).sum(1, keepdims=True)
    np.testing.assert_allclose(expected_between(MEMBERS, causal), inside.T @ weights @ inside / inside.sum(0)[:, None])


@pytest.mark.parametrize("causal", [True, False])
def test_weights_by_distance_are_means_over_visible_pairs(causal: bool) -> None:
    weights = mask(causal) / mask(causal).sum(1, keepdims=True)
    edges = np.array([0, 1, 2, 4, 8, 16, 32])
    for index, found in enumerate(made(causal).by_distance(edges)):
        walked = [
            weights[query, key]
            for query in range(11)
            for key in range(11)
            if MEMBERS[query] >= 0 and mask(causal)[query, key] and edges[index] <= abs(query - key) < edges[index + 1]
        ]
        assert found == pytest.approx(np.mean(walked)) if walked else np.isnan(found)


@pytest.mark.parametrize("causal", [True, False])
def test_shares_of_tokens_sum_to_one_and_are_column_means(causal: bool) -> None:
    weights = mask(causal) / mask(causal).sum(1, keepdims=True)
    np.testing.assert_allclose(made(causal).by_token(), weights.mean(0))


@settings(max_examples=20, deadline=None)
@given(sentences=st.integers(1, 7), tokens=st.sampled_from([11, 23, 29]))
def test_the_mask_of_a_decoder_is_recognised(sentences: int, tokens: int) -> None:
    found = even_attention(made_up(sizes=Sizes(layers=2, heads=3, sentences=sentences, tokens=tokens)))
    assert found.causal
    assert found.seen.tolist() == list(range(1, tokens + 1))


def test_local_layers_have_no_even_attention() -> None:
    by_layer = np.repeat(made_up()["*.sentence_expected"][None], 3, axis=0)
    assert even_attention(made_up(replaced={"decoder.sentence_expected": by_layer})) is None
