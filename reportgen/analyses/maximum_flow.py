"""Attention flow: the maximum flow from a sentence in the last layer to each sentence of the input."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

UNIT = 1 << 20  # capacities are whole numbers of this part of 1
ENOUGH = 2 * UNIT  # more than can leave one sentence


def capacities(attention: Float[np.ndarray, "layer node node"], sizes: Int[np.ndarray, " node"] | None = None) -> Float[np.ndarray, "layer node node"]:
    """0.5 attention + 0.5 I for each layer: half of a sentence's attention, half of what it carries on; `sizes` are the sentences in each node, by default one.

    *Source:* Abnar and Zuidema 2020, section 3.
    """
    carried = np.ones(attention.shape[-1]) if sizes is None else sizes
    return 0.5 * attention.astype(float) + 0.5 * np.diag(carried)


def joined_capacities(
    attention: Float[np.ndarray, "layer sentence sentence"], kept: Int[np.ndarray, " kept"], others: Int[np.ndarray, " other"]
) -> Float[np.ndarray, "layer node node"]:
    """Capacities between the kept sentences in their order and, after them, one node for the others with the sums of theirs; sentences in neither are left out.

    Joining nodes of a layer takes no flow away, so flows in the smaller graph are upper bounds of those in the whole. What is NaN carries nothing.
    """
    nodes = len(kept) + (1 if len(others) else 0)
    belongs = np.zeros((attention.shape[-1], nodes), attention.dtype)
    belongs[kept, np.arange(len(kept))] = 1
    belongs[others, nodes - 1] = 1
    sums = np.stack([belongs.T @ (np.nan_to_num(layer) @ belongs) for layer in attention])
    return capacities(sums, belongs.sum(0).astype(int))


def attention_flow(capacity: Float[np.ndarray, "layer node node"], query: int, keys: Int[np.ndarray, " key"]) -> Float[np.ndarray, " key"]:
    """The maximum flow from node `query` of the last layer to each of `keys` in the input, through edges of these capacities from each layer to the one below.

    *Source:* Abnar and Zuidema 2020, section 3; computed by Dinic's algorithm on capacities rounded to 1 / 2^20: in error by at most half of that for each
    edge of the narrowest cut. Between 0 and 1. Where no node looks ahead, what flows to a key passes no node before it, and only those from the key to the query are looked at.
    """
    whole = np.minimum(np.rint(capacity * UNIT), ENOUGH).astype(np.int32)
    looks_ahead = bool(np.triu(whole.any(0), 1).any())
    return np.array([_flow_to(whole, query, key) if looks_ahead else _flow_without_what_is_before(whole, query, key) for key in keys.tolist()])


def edges_looked_at(layers: int, nodes: int, *, looks_ahead: bool) -> int:
    """About how many edges `attention_flow` goes through for all keys; ten million take a second or less."""
    return layers * nodes**3 if looks_ahead else layers * nodes**3 // 6


def _flow_without_what_is_before(whole: Int[np.ndarray, "layer node node"], query: int, key: int) -> float:
    return _flow_to(whole[:, key : query + 1, key : query + 1], query - key, 0) if key <= query else 0.0


def _flow_to(whole: Int[np.ndarray, "layer node node"], query: int, key: int) -> float:
    """The maximum flow from one node to another, through edges of these whole capacities."""
    layers, nodes, _ = whole.shape
    layer, above, below = np.nonzero(whole)
    leaving = np.bincount((layer + 1) * nodes + above, minlength=(layers + 1) * nodes)
    starts = np.concatenate([[0], np.cumsum(leaving)]).astype(np.int32)
    graph = csr_array((whole[layer, above, below], (layer * nodes + below).astype(np.int32), starts), shape=((layers + 1) * nodes,) * 2)
    return maximum_flow(graph, layers * nodes + query, key).flow_value / UNIT
