"""Attention flow: the maximum flow from a sentence in the last layer to each sentence of the input."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

UNIT = 1 << 20  # capacities are whole numbers of this part of 1
ENOUGH = 2 * UNIT  # more than can leave one sentence


def capacities(attention: Float[np.ndarray, "layer sentence sentence"]) -> Float[np.ndarray, "layer sentence sentence"]:
    """0.5 attention + 0.5 I for each layer: half of a sentence's attention, half of what it carries on. *Source:* Abnar and Zuidema 2020, section 3."""
    return 0.5 * attention + 0.5 * np.eye(attention.shape[-1])


def contract(capacity: Float[np.ndarray, "layer sentence sentence"], kept: Int[np.ndarray, " kept"]) -> Float[np.ndarray, "layer node node"]:
    """The kept sentences in their order, and after them one node for all others, with the sums of their capacities.

    Joining nodes of a layer takes no flow away, so flows in the smaller graph are upper bounds of those in the whole.
    """
    others = np.setdiff1d(np.arange(capacity.shape[-1]), kept)
    if not len(others):
        return capacity[:, kept[:, None], kept]
    rows = np.concatenate([capacity[:, kept], capacity[:, others].sum(1, keepdims=True)], axis=1)
    return np.concatenate([rows[..., kept], rows[..., others].sum(-1, keepdims=True)], axis=-1)


def attention_flow(capacity: Float[np.ndarray, "layer node node"], query: int, keys: Int[np.ndarray, " key"]) -> Float[np.ndarray, " key"]:
    """The maximum flow from node `query` of the last layer to each of `keys` in the input, through edges of these capacities from each layer to the one below.

    *Source:* Abnar and Zuidema 2020, section 3; computed by Dinic's algorithm on capacities rounded to 1 / 2^20. Between 0 and 1.
    """
    layers, nodes, _ = capacity.shape
    whole = np.minimum(np.rint(capacity * UNIT), ENOUGH).astype(np.int32)
    layer, above, below = np.nonzero(whole)
    graph = csr_array((whole[layer, above, below], ((layer + 1) * nodes + above, layer * nodes + below)), shape=((layers + 1) * nodes,) * 2)
    return np.array([maximum_flow(graph, layers * nodes + query, key).flow_value / UNIT for key in keys.tolist()])
