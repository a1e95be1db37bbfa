"""Divergence of heads against scipy's Jensen-Shannon distance over the model's own eager attention."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

sys.path.insert(0, str(Path(__file__).parent))
from families import SEAM
from tiny import arrays_of, eager_experts, made_up_layout, reference_of, stack_of, tiny_gpt2, tiny_llama, tiny_mistral

from reportgen.capture.head_divergence import sampled_queries
from reportgen.capture.layout import TextLayout
from reportgen.capture.shared_entropies import add_entropies_of_means, log2

FAMILIES = {family.name: family for family in SEAM}
TOLERANCE = 1e-5


def by_scipy(p: np.ndarray, layout: TextLayout, queries: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    """Mean over queries of the squared distance, other sentences as wholes, over those at which both heads have something left."""
    heads = p.reshape(-1, *p.shape[2:])[:, queries].copy()
    rest = 1 - heads.sum(-1, keepdims=True)
    heads[..., left_out] = 0
    for place, query in enumerate(queries.tolist()):
        heads[:, place] = pooled(heads[:, place], layout, int(layout.sentence_of_token[query]))
    heads = heads if len(left_out) else np.concatenate([heads, np.clip(rest, 0, None)], axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.array([[jensenshannon(one, other, axis=-1) ** 2 for other in heads] for one in heads])
    return np.nanmean(apart, axis=-1)


def pooled(rows: np.ndarray, layout: TextLayout, own: int) -> np.ndarray:
    """The weight of every sentence but the own one at its first token that is no sink, 0 at its others."""
    moved = rows.copy()
    for sentence in set(layout.sentence_of_token.tolist()) - {own, -1}:
        members = np.setdiff1d(np.flatnonzero(layout.sentence_of_token == sentence), layout.sinks)
        if len(members):
            moved[:, members] = 0
            moved[:, members[0]] = rows[:, members].sum(1)
    return moved


def built(name: str) -> Any:
    return eager_experts(FAMILIES[name].build())


@pytest.mark.parametrize("name", ["GPT-2", "Llama", "Gemma 2", "Gemma 3", "gpt-oss", "BERT", "ModernBERT"])
def test_the_divergence_of_every_two_heads_equals_scipy_over_eager_attention(name: str) -> None:
    model, layout = built(name), made_up_layout(67, 5)
    found, p = arrays_of(model, layout), reference_of(model, layout).p
    queries = found["head_divergence_queries"]
    assert len(queries) == 32
    np.testing.assert_allclose(found["head_divergence"], by_scipy(p, layout, queries, np.array([], int)), atol=TOLERANCE)
    np.testing.assert_allclose(found["head_divergence_without_sink"], by_scipy(p, layout, queries, layout.sinks), atol=TOLERANCE)
    assert found["head_divergence"].max() > 0.05
    assert (np.diagonal(found["head_divergence"]) == 0).all()


def test_a_query_that_sees_the_sink_alone_counts_with_all_keys_only() -> None:
    layout = made_up_layout(29, 3)
    found = arrays_of(tiny_mistral(2), layout)  # tokens beside the special one see that and themselves
    queries = found["head_divergence_queries"]
    assert queries[0] == 0
    p = reference_of(tiny_mistral(2), layout).p
    np.testing.assert_allclose(found["head_divergence_without_sink"], by_scipy(p, layout, queries, layout.sinks), atol=TOLERANCE)


def test_queries_are_spread_evenly_over_sentences() -> None:
    layout = made_up_layout(613, 11)
    many = sampled_queries(stack_of(layout, 3, 7))
    assert len(many) == 32
    assert (layout.sentence_of_token[many] >= 0).all()
    gaps = np.diff(np.searchsorted(np.flatnonzero(layout.sentence_of_token >= 0), many))
    assert set(gaps.tolist()) <= {17, 18, 19, 20}


def test_sentences_as_wholes_are_no_farther_apart_than_their_tokens() -> None:
    model, layout = tiny_gpt2(), made_up_layout(67, 5)
    found = arrays_of(model, layout)
    queries = found["head_divergence_queries"]
    heads = reference_of(model, layout).p
    heads = heads.reshape(-1, *heads.shape[2:])[:, queries]
    by_token = np.array([[(jensenshannon(one, other, axis=-1) ** 2).mean() for other in heads] for one in heads])
    assert (found["head_divergence"] <= by_token + TOLERANCE).all()
    assert found["head_divergence"].sum() < 0.95 * by_token.sum()


def test_only_counted_queries_in_sentences_are_sampled() -> None:
    layout = made_up_layout(67, 5)
    counted = np.arange(67) >= 50
    found = sampled_queries(stack_of(layout.changed(counted=counted), 2, 3))
    np.testing.assert_array_equal(found, np.flatnonzero(counted & (layout.sentence_of_token >= 0)))


@settings(max_examples=20, deadline=None)
@drawn(seed=st.integers(0, 10_000), heads=st.integers(1, 5), keys=st.integers(1, 1100))
def test_entropies_of_means_equal_the_plain_formula(seed: int, heads: int, keys: int) -> None:
    weights = np.random.default_rng(seed).gamma(0.1, size=(heads, keys)).astype(np.float32)
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-30)
    found = np.zeros((heads, heads))
    add_entropies_of_means(weights, found)
    mean = (weights[:, None].astype(float) + weights) / 2
    expected = -(mean * np.log(np.where(mean > 0, mean, 1))).sum(-1)
    np.testing.assert_allclose(found, np.tril(expected), atol=5e-6)


@settings(max_examples=100, deadline=None)
@drawn(st.floats(-69, 69))
def test_the_logarithm_is_right_to_the_last_places(power: float) -> None:
    value = np.float32(np.exp(power))
    assert float(log2(value)) == pytest.approx(np.log2(float(value)), rel=3e-7, abs=2e-7)


def test_equal_heads_are_at_no_distance() -> None:
    model = tiny_llama()
    attention = model.model.layers[1].self_attn
    size = attention.head_dim
    attention.q_proj.weight.data[size : 2 * size] = attention.q_proj.weight.data[:size]  # two heads of one group
    found = arrays_of(model, made_up_layout(67, 5))["head_divergence"]
    assert found[6, 7] < 1e-6
    assert found[6, 8] > 1e-3


def test_divergences_are_symmetric_and_at_most_ln_2() -> None:
    found = arrays_of(tiny_gpt2(), made_up_layout(67, 5))
    for name in ("head_divergence", "head_divergence_without_sink"):
        np.testing.assert_array_equal(found[name], found[name].T)
        assert 0 <= found[name].min() <= found[name].max() <= np.float32(np.log(2))
