"""Attention flow against networkx, and what must be true of any flow."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.analyses.flows.maximum_flow import UNIT, attention_flow, capacities, edges_looked_at, joined_capacities, pushed_flow


def attention(layers: int, sentences: int, seed: int = 0, causal: bool = True) -> np.ndarray:
    weights = np.random.default_rng(seed).gamma(0.5, size=(layers, sentences, sentences))
    weights = np.tril(weights) + 1e-9 * np.eye(sentences) if causal else weights
    return weights / weights.sum(-1, keepdims=True)


def flow_of_networkx(capacity: np.ndarray, query: int, key: int) -> float:
    graph = networkx.DiGraph()
    for layer, above, below in zip(*np.nonzero(capacity), strict=True):
        graph.add_edge((layer + 1, above), (layer, below), capacity=capacity[layer, above, below])
    top, bottom = (len(capacity), query), (0, key)
    return networkx.maximum_flow_value(graph, top, bottom) if top in graph and bottom in graph else 0.0


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("layers", "sentences"), [(2, 5), (3, 5), (5, 7), (7, 3), (11, 5)])
def test_flows_are_those_of_networkx(layers: int, sentences: int, causal: bool) -> None:
    capacity = capacities(attention(layers, sentences, causal=causal))
    for query in range(sentences):
        found = attention_flow(capacity, query, np.arange(sentences))
        others = [flow_of_networkx(capacity, query, key) for key in range(sentences)]
        np.testing.assert_allclose(found, others, atol=layers * sentences / UNIT)


def test_a_narrow_place_bounds_the_flow() -> None:
    capacity = np.array([[[1, 0, 0], [0.2, 0.8, 0], [0.1, 0.3, 0.6]], [[1, 0, 0], [0, 1, 0], [0.3, 0.5, 0.2]]])
    # From 2 to 0: over 0 min(.3, 1), over 1 min(.5, .2), over 2 min(.2, .1); to 1: over 1 min(.5, .8), over 2 min(.2, .3); to 2: min(.2, .6).
    np.testing.assert_allclose(attention_flow(capacity, 2, np.arange(3)), [0.6, 0.7, 0.2], atol=3 / UNIT)
    np.testing.assert_allclose(attention_flow(capacity, 1, np.arange(3)), [0.2, 0.8, 0], atol=3 / UNIT)


def test_what_lies_before_a_key_is_looked_at_only_where_a_node_looks_ahead() -> None:
    """A key after the query is reached over a node that looks ahead in an upper layer."""
    capacity = np.array([[[0, 0, 0], [0, 0, 0], [0, 0, 0.9]], [[0, 0, 0], [0.3, 0, 0.6], [0, 0, 0]]])
    np.testing.assert_allclose(attention_flow(capacity, 1, np.arange(3)), [0, 0, 0.6], atol=1 / UNIT)
    np.testing.assert_array_equal(attention_flow(np.tril(capacity), 1, np.arange(3)), np.zeros(3))
    assert edges_looked_at(5, 12, looks_ahead=True) == 6 * edges_looked_at(5, 12, looks_ahead=False) == 5 * 12**3


def test_with_one_layer_the_flow_is_the_capacity() -> None:
    capacity = capacities(attention(1, 7))
    np.testing.assert_allclose(attention_flow(capacity, 6, np.arange(7)), capacity[0, 6], atol=1 / UNIT)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), layers=st.integers(1, 5), causal=st.booleans())
def test_no_more_flows_than_leaves_the_query_or_reaches_the_key(seed: int, layers: int, causal: bool) -> None:
    capacity = capacities(attention(layers, 5, seed, causal))
    flow = attention_flow(capacity, 4, np.arange(5))
    slack = 5 * layers / UNIT
    assert (flow <= np.minimum(capacity[-1, 4].sum(), capacity[0].sum(0)) + slack).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), kept=st.sets(st.integers(0, 5), min_size=1).map(lambda chosen: np.array(sorted({*chosen, 6}))))
def test_joining_sentences_never_takes_flow_away_and_leaving_them_out_never_adds(seed: int, kept: np.ndarray) -> None:
    weights = attention(3, 7, seed)
    whole = attention_flow(capacities(weights), 6, kept)
    others = np.setdiff1d(np.arange(7), kept)
    bounds = [attention_flow(joined_capacities(weights, kept, rest), len(kept) - 1, np.arange(len(kept))) for rest in (others, others[:0])]
    assert (bounds[0] >= whole - 21 / UNIT).all()
    assert (bounds[1] <= whole + 21 / UNIT).all()


def test_joining_adds_capacities_up_and_keeps_the_order_asked_for() -> None:
    weights = np.arange(16.0).reshape(1, 4, 4)
    weights[0, 2, 1] = np.nan
    joined = joined_capacities(weights, np.array([3, 1]), np.array([0, 2]))[0]
    assert (2 * joined - np.diag([1, 1, 2])).tolist() == [[15, 13, 12 + 14], [7, 5, 4 + 6], [3 + 11, 1 + 0, 0 + 2 + 8 + 10]]
    left_out = joined_capacities(weights, np.array([3, 1]), np.array([], int))[0]
    assert (2 * left_out - np.eye(2)).tolist() == [[15, 13], [7, 5]]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), layers=st.integers(1, 7), causal=st.booleans())
def test_what_is_pushed_is_a_flow(seed: int, layers: int, causal: bool) -> None:
    whole = np.rint(capacities(attention(layers, 6, seed, causal)) * UNIT).astype(np.int32)
    whole[-1, :5] = 0
    found = pushed_flow(whole, 5, np.arange(6))
    assert (found >= 0).all()
    assert (found <= [flow_of_networkx(whole, 5, key) + 1e-3 for key in range(6)]).all()


def test_pushing_goes_over_several_nodes_within_what_these_carry() -> None:
    """From 3 to 0 there is no edge: all goes over 1 and 2, from 2 in part over 1."""
    edges = np.array([[5, 0, 0, 0], [2, 3, 0, 0], [1, 4, 9, 0], [0, 1, 3, 9]])
    whole = np.stack([edges] * 5)
    whole[-1, :3] = 0
    assert [flow_of_networkx(whole, 3, key) for key in range(4)] == [8, 8, 12, 9]
    np.testing.assert_allclose(pushed_flow(whole, 3, np.arange(4)), [113 / 15, 8, 12, 9])


def test_most_flows_of_a_deep_model_are_found_by_pushing() -> None:
    capacity = capacities(attention(20, 40, causal=True))
    whole = np.rint(capacity * UNIT).astype(np.int32)
    whole[-1, :39] = 0
    keys = np.arange(39)
    reached = np.isclose(pushed_flow(whole, 39, keys), attention_flow(capacity, 39, keys) * UNIT, atol=0.5)
    assert reached.mean() > 0.75
