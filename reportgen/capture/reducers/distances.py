"""How far each head looks: everything that depends on the token distance q - k alone."""

from __future__ import annotations

import numpy as np

from reportgen.capture.block import Block, decay_edges
from reportgen.capture.layout import Stack
from reportgen.capture.visibility import Visibility

LOCAL_BINS = 3  # distances 0, 1, and 2 to 3


class Distances:
    """`distance`, `locality`, `decay` with and without the sink; `previous_token` likewise; `next_token` where the future is seen.

    Means over queries of sum_k p abs(q - k), of the mass at abs(q - k) <= 3, of p[q, q - 1] and p[q, q + 1]; decay is the mean of p over visible pairs in
    a bin of distances. Source of distance: Vig and Belinkov 2019. Indices called kind are 0 for all keys and 1 for those that are no sinks.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout, layers, heads = stack.queries, stack.layers, stack.heads
        self.edges = decay_edges(self.layout.tokens)
        self.mass = np.zeros((2, layers, heads, len(self.edges) - 1))  # kind layer head bin
        self.away, self.rows = np.zeros((2, layers, heads)), np.zeros((2, layers, heads))
        self.previous, self.rows_previous = np.zeros((2, layers, heads)), np.zeros((2, layers, heads))
        self.next = np.zeros((layers, heads))
        self.skipped: list[dict[int, np.ndarray]] = [{} for _ in range(layers)]
        self.visibility: dict[int, Visibility] = {}

    def add(self, block: Block) -> None:
        self.visibility[block.layer] = block.visibility
        inverse = np.divide(1.0, block.sums.left, out=np.zeros(block.sums.left.shape), where=block.any_left)
        for kind, factor in enumerate((np.ones_like(inverse), inverse)):
            self._add_rows(kind, block, factor * block.counted)
        self._add_sinks(block)
        self._note_skipped(block)
        if not block.visibility.causal:
            self.next[block.layer] += _beside(block, 1)[1].sum(1)

    def _add_rows(self, kind: int, block: Block, factor: np.ndarray) -> None:
        """Sums over rows, each times its factor (head row); a factor of 0 leaves the row out."""
        self.mass[kind, block.layer] += np.einsum("hqb,hq->hb", block.sums.by_distance, factor)
        self.away[kind, block.layer] += (block.sums.tokens_away * factor).sum(1)
        self.rows[kind, block.layer] += (factor > 0).sum(1)
        self.rows_previous[kind, block.layer] += (factor[:, 1 if block.rows.start == 0 else 0 :] > 0).sum(1)
        queries, before = _beside(block, -1)
        looked_at = ~np.isin(queries - 1, self.layout.sinks) if kind == 1 else np.ones(len(queries), bool)
        self.previous[kind, block.layer] += (before * factor[:, queries - block.rows.start] * looked_at).sum(1)

    def _add_sinks(self, block: Block) -> None:
        for place, key in enumerate(block.plan.of_keys.sinks.tolist()):
            gap = np.abs(np.arange(block.rows.start, block.rows.stop) - key - block.keys.start)
            weights = (block.sums.sink_weights[:, :, place] * block.counted).astype(np.float64)
            bins = np.searchsorted(self.edges, gap, side="right") - 1
            np.add.at(self.mass[0, block.layer], (slice(None), bins), weights)
            self.away[0, block.layer] += weights @ gap

    def _note_skipped(self, block: Block) -> None:
        """Remember, by head, the rows with nothing left: their pairs do not count in the decay without the sink."""
        empty = ~block.any_left & (block.counted > 0)
        for head in np.flatnonzero(empty.any(1)).tolist():
            rows = np.flatnonzero(empty[head]) + block.rows.start
            self.skipped[block.layer][head] = np.concatenate([self.skipped[block.layer].get(head, rows[:0]), rows])

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows, or pairs in each bin, the means are over that leave some out."""
        rows = {"distance_without_sink": self.rows[1], "locality_without_sink": self.rows[1], "previous_token_without_sink": self.rows_previous[1]}
        pairs = (_bins(self._pairs(without_sink=kind == 1), self.edges[:-1]) for kind in range(2))
        return rows | dict(zip(("decay", "decay_without_sink"), pairs, strict=True))

    def arrays(self) -> dict[str, np.ndarray]:
        named = self._scores(0) | {f"{name}_without_sink": values for name, values in self._scores(1).items()}
        if not all(visibility.causal for visibility in self.visibility.values()):
            followed = self.layout.sentence_queries[:-1].sum()
            named["next_token"] = (self.next / followed).astype(np.float32)
        return named | {"decay_edges": self.edges}

    def _scores(self, kind: int) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = {
                "distance": self.away[kind] / self.rows[kind],
                "locality": self.mass[kind, :, :, :LOCAL_BINS].sum(2) / self.rows[kind],
                "previous_token": self.previous[kind] / self.rows_previous[kind],
                "decay": self.mass[kind] / _bins(self._pairs(without_sink=kind == 1), self.edges[:-1]),
            }
        return {name: values.astype(np.float32) for name, values in scores.items()}

    def _pairs(self, without_sink: bool) -> np.ndarray:
        """Visible pairs at each distance, by layer and head; without sink keys and without rows that have nothing left."""
        pairs = np.zeros((*self.next.shape, self.layout.tokens))
        counted = self.layout.sentence_queries.astype(float)
        for layer, visibility in self.visibility.items():
            pairs[layer] = self._visible_pairs(visibility, counted, without_sink)
            for head, rows in self.skipped[layer].items() if without_sink else ():
                excluded = np.zeros_like(counted)
                excluded[rows] = 1.0
                pairs[layer, head] -= self._visible_pairs(visibility, excluded, without_sink)
        return pairs

    def _visible_pairs(self, visibility: Visibility, counted: np.ndarray, without_sink: bool) -> np.ndarray:
        pairs = visibility.pairs_by_distance(counted)
        for key in self.layout.sinks.tolist() if without_sink else ():
            seeing = visibility.queries_that_see(key)
            np.subtract.at(pairs, np.abs(seeing - key), counted[seeing])
        return pairs


def _beside(block: Block, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The queries of the block that have a key `step` tokens on, and what each head gives it (head query); 0 for queries of no sentence."""
    queries = np.arange(block.rows.start, block.rows.stop)
    queries = queries[(queries + step >= block.keys.start) & (queries + step < block.keys.stop)]
    rows = queries - block.rows.start
    return queries, block.at(rows, queries + step - block.keys.start) * block.counted[rows].astype(np.float64)


def _bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sums over distances from each edge to the next; the last bin takes the rest."""
    starts = np.minimum(edges, values.shape[2] - 1)
    sums = np.add.reduceat(values, starts, axis=2)
    return np.where(edges < values.shape[2], sums, 0.0)


class SentenceDistance:
    """`sentence_distance`: mean over queries of sum_k p abs(s(q) - s(k)) over the keys that lie in sentences, divided by their mass. Source: none; defined here."""

    def __init__(self, stack: Stack) -> None:
        self.total, self.rows = np.zeros((stack.layers, stack.heads)), np.zeros((stack.layers, stack.heads))

    def add(self, block: Block) -> None:
        counted = (block.sums.inside > 0) * block.counted
        with np.errstate(invalid="ignore", divide="ignore"):
            away = np.where(counted > 0, block.sums.sentences_away / block.sums.inside, 0.0)
        self.total[block.layer] += away.sum(1, dtype=np.float64)
        self.rows[block.layer] += counted.sum(1, dtype=np.float64)

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the mean is over."""
        return {"sentence_distance": self.rows}

    def arrays(self) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            return {"sentence_distance": (self.total / self.rows).astype(np.float32)}
