"""Attention flow: the maximum flow from a sentence in the last layer to each sentence of the input."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

UNIT = 1 << 20  # capacities are whole numbers of this part of 1
ENOUGH = 2 * UNIT  # more than can leave one sentence
AT_ONCE = 32  # keys that flow is pushed to together


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
    if np.triu(whole.any(0), 1).any():
        return _flows(whole, query, keys, looks_ahead=True)
    flows = np.zeros(len(keys))
    flows[keys <= query] = _flows(whole[:, : query + 1, : query + 1], query, keys[keys <= query], looks_ahead=False)
    return flows


def edges_looked_at(layers: int, nodes: int, *, looks_ahead: bool) -> int:
    """About how many edges `attention_flow` goes through for all keys; ten million take a second or less."""
    return layers * nodes**3 if looks_ahead else layers * nodes**3 // 6


def _flows(whole: Int[np.ndarray, "layer node node"], query: int, keys: Int[np.ndarray, " key"], *, looks_ahead: bool) -> Float[np.ndarray, " key"]:
    """The maximum flow to each key, through edges of these whole capacities.

    No more can flow than leaves the query and than reaches the key. Where pushing finds ways for that much, it is the maximum flow; the graph is gone through for
    the other keys.
    """
    whole = whole.copy()
    whole[-1, np.arange(whole.shape[1]) != query] = 0  # nothing comes to the others of the last layer
    order, firsts = np.argsort(keys), keys * (not looks_ahead)  # what flows to later keys passes no node before them either
    most = np.minimum(whole[-1, query, ::-1].cumsum()[::-1][firsts], whole[0].sum(0)[keys])
    flows, graph = most.astype(float), _graph_of(whole)
    for places in (order[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE)):
        first = int(firsts[places[0]])
        found = pushed_flow(whole[:, first:, first:], query - first, keys[places] - first)
        for place in places[found < most[places] - 0.5].tolist():  # flows of whole capacities are whole numbers
            graph = graph.without(int(firsts[place]))
            flows[place] = graph.flow(query, int(keys[place]))
    return flows / UNIT


def pushed_flow(whole: Int[np.ndarray, "layer node node"], query: int, keys: Int[np.ndarray, " key"]) -> Float[np.ndarray, " key"]:
    """A flow from the query, which alone has edges in the last layer, to each key; often the greatest.

    What leaves the query is pushed down once, layer by layer, to nodes whose edges to the key still take some. What a node has beyond that it keeps as far as
    its edges of later layers can bring it there; the rest is spread over nodes that can bring more, there or to others that can.
    """
    held, taken = (np.array(np.broadcast_to(amounts, (len(keys), whole.shape[1])), float) for amounts in (whole[-1, query], whole[0].T[keys]))
    edges = whole[1:-1].astype(float)
    carried = np.diagonal(edges, axis1=1, axis2=2).copy()
    edges[:, np.arange(whole.shape[1]), np.arange(whole.shape[1])] = 0
    later = edges.sum(0)
    for layer in reversed(range(len(edges))):
        later -= edges[layer]
        lack, extra = np.maximum(taken - held, 0), np.maximum(held - taken, 0)
        used = _shares(extra, lack, edges[layer])
        gone, come = _pushed(extra, used, edges[layer])
        lack, extra = np.maximum(lack - come, 0), np.maximum(extra - gone, 0)
        most = np.maximum(carried[:layer].min(0, initial=ENOUGH) - taken, 0)
        brought = _shares(extra, lack, later)
        kept = np.minimum(brought @ later.T, most)
        over = np.maximum(extra - kept, 0)
        brought += _shares(over, np.maximum(kept - extra, 0), later)
        room = np.where(over > 0, 0, np.maximum(np.minimum(brought @ later.T, most) - extra, 0))
        spread, arrived = _pushed(over, np.minimum(_shares(over, room, edges[layer]), 1 - used), edges[layer])
        held = np.minimum(held - gone - spread, carried[layer]) + come + arrived
    return np.minimum(held, taken).sum(1)


def _shares(extra: Float[np.ndarray, "key node"], room: Float[np.ndarray, "key node"], edges: Float[np.ndarray, "node node"]) -> Float[np.ndarray, "key node"]:
    """The share of its edges from nodes with something extra that fills each node's room, at most all of them."""
    return np.minimum(room / np.maximum((extra > 0).astype(float) @ edges, 1), 1)


def _pushed(
    extra: Float[np.ndarray, "key node"], shares: Float[np.ndarray, "key node"], edges: Float[np.ndarray, "node node"]
) -> tuple[Float[np.ndarray, "key node"], Float[np.ndarray, "key node"]]:
    """What leaves each node and what comes to each when all send what is extra through these shares of the edges to each node, as far as they hold it."""
    capacity = shares @ edges.T
    sent = np.minimum(extra / np.maximum(capacity, 1e-9), 1)
    return sent * capacity, shares * (sent @ edges)


@dataclass(frozen=True, kw_only=True)
class _Graph:
    """Edges from the nodes of each layer to those of the layer below, in the order of where they leave: `starts` is where those of each node begin."""

    layers: int
    nodes: int
    capacity: Int[np.ndarray, " edge"]
    below: Int[np.ndarray, " edge"]
    reached: Int[np.ndarray, " edge"]
    starts: Int[np.ndarray, " end"]

    def without(self, first: int) -> _Graph:
        """The graph without edges to nodes before `first`."""
        if not first:
            return self
        kept = self.below >= first
        edges = {name: getattr(self, name)[kept] for name in ("capacity", "below", "reached")}
        return replace(self, **edges, starts=_counted(kept)[self.starts])

    def flow(self, query: int, key: int) -> int:
        """The maximum flow from a node of the last layer to one of the input; edges to other nodes of the input lead nowhere."""
        last = self.starts[2 * self.nodes]
        to_key = self.below[:last] == key
        capacity, reached = (np.concatenate([edges[:last][to_key], edges[last:]]) for edges in (self.capacity, self.reached))
        starts = np.where(self.starts < last, _counted(to_key)[np.minimum(self.starts, last)], self.starts - last + to_key.sum())
        graph = csr_array((capacity, reached, starts.astype(np.int32)), shape=(len(starts) - 1,) * 2)
        return int(maximum_flow(graph, self.layers * self.nodes + query, key).flow_value)


def _counted(edges: Bool[np.ndarray, " edge"]) -> Int[np.ndarray, " end"]:
    """How many of the edges there are before each place."""
    return np.concatenate([[0], np.cumsum(edges, dtype=np.int32)])


def _graph_of(whole: Int[np.ndarray, "layer node node"]) -> _Graph:
    layers, nodes, _ = whole.shape
    layer, above, below = np.nonzero(whole)
    leaving = np.bincount((layer + 1) * nodes + above, minlength=(layers + 1) * nodes)
    return _Graph(
        layers=layers,
        nodes=nodes,
        capacity=whole[layer, above, below],
        below=below,
        reached=(layer * nodes + below).astype(np.int32),
        starts=np.concatenate([[0], np.cumsum(leaving)]),
    )
