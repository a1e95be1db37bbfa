"""How far each head looks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from reportgen.capture.block import Block, decay_edges
from reportgen.capture.block_loops import add_rows
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import SentenceSums
from reportgen.capture.visibility import Visibility
from reportgen.contract.rows import LEFT

LOCAL_BINS = 3  # distances 0, 1, and 2 to 3


class Distances:
    """`distance`, `locality`, `decay` with and without the sink; `locality` by sentence as well.

    Means over queries of sum_k p abs(q - k), and of the mass at abs(q - k) <= 3; decay is the mean of p over visible pairs in a bin of distances.
    Source of distance: Vig and Belinkov 2019. Indices called kind are 0 for all keys and 1 for those that are no sinks.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout, layers, heads = stack.queries, stack.layers, stack.heads
        self.edges = decay_edges(self.layout.tokens)
        self.mass = np.zeros((2, layers, heads, len(self.edges) - 1))  # kind layer head bin
        self.away = np.zeros((2, layers, heads))
        self.local = [SentenceSums.of(stack) for _ in range(2)]
        self.skipped: list[dict[int, np.ndarray]] = [{} for _ in range(layers)]
        self.visibility: dict[int, Visibility] = {}

    def add(self, block: Block) -> None:
        self.visibility[block.layer] = block.visibility
        near = block.sums.by_distance[:, :, :LOCAL_BINS].sum(2)
        for kind, factor in enumerate((np.ones_like(block.share_of_left), block.share_of_left)):
            counted = factor * block.counted
            self.mass[kind, block.layer] += np.einsum("hqb,hq->hb", block.sums.by_distance, counted)
            self.away[kind, block.layer] += (block.sums.tokens_away * counted).sum(1)
        self.local[0].add(block, near + self._add_sinks(block))
        self.local[1].add(block, near * block.share_of_left, block.any_left)
        self._note_skipped(block)

    def _add_sinks(self, block: Block) -> Float[np.ndarray, "head row"]:
        """Add what the sinks get; gives what each row gives to near ones."""
        near = np.zeros(block.any_left.shape)
        for place, key in enumerate(block.plan.of_keys.sinks.tolist()):
            gap = np.abs(np.arange(block.rows.start, block.rows.stop) - key - block.keys.start)
            weights = block.sums.sink_weights[:, :, place] * block.counted.astype(np.float64)
            bin_of_row = np.searchsorted(self.edges, gap, side="right") - 1
            add_rows(weights, bin_of_row, self.mass[0, block.layer])
            self.away[0, block.layer] += (weights * gap).sum(1)
            near += weights * (bin_of_row < LOCAL_BINS)
        return near

    def _note_skipped(self, block: Block) -> None:
        """Remember, by head, the rows with nothing left: their pairs do not count in the decay without the sink."""
        empty = ~block.any_left & (block.counted > 0)
        for head in np.flatnonzero(empty.any(1)).tolist():
            rows = np.flatnonzero(empty[head]) + block.rows.start
            self.skipped[block.layer][head] = np.concatenate([self.skipped[block.layer].get(head, rows[:0]), rows])

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows, or pairs in each bin, the means are over that leave some out."""
        rows = {f"{name}_without_sink": self.local[1].counted for name in ("distance", "locality")}
        pairs = (_bins(self._pairs(without_sink=kind == 1), self.edges[:-1]) for kind in range(2))
        return rows | dict(zip(("decay", "decay_without_sink"), pairs, strict=True))

    def arrays(self) -> dict[str, np.ndarray]:
        found = {"decay_edges": self.edges}
        for kind, suffix in enumerate(("", LEFT)):
            with np.errstate(invalid="ignore", divide="ignore"):
                found[f"distance{suffix}"] = (self.away[kind] / self.local[kind].counted).astype(np.float32)
                found[f"decay{suffix}"] = (self.mass[kind] / _bins(self._pairs(without_sink=kind == 1), self.edges[:-1])).astype(np.float32)
            found |= self.local[kind].arrays(f"locality{suffix}")
        return found

    def _pairs(self, without_sink: bool) -> np.ndarray:
        """Visible pairs at each distance, by layer and head; without sink keys and without rows that have nothing left."""
        pairs = np.zeros((*self.away.shape[1:], self.layout.tokens))
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
