"""How far each head looks: everything that depends on the token distance q - k alone."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.capture.block import Block
from reportgen.capture.layout import TextLayout
from reportgen.capture.visibility import Visibility

LOCAL = 3


def decay_edges(tokens: int) -> np.ndarray:
    """0, 1, 2, 4, 8, ... up to above `tokens`."""
    edges = [0, 1]
    while edges[-1] <= tokens:
        edges.append(2 * edges[-1])
    return np.array(edges, np.int32)


class Distances:
    """`distance`, `locality`, `decay` with and without the sink; `previous_token` likewise; `next_token` where the future is seen.

    Each block gives its sums along diagonals; every score is a sum over those. Sink keys are added back for the plain numbers.
    """

    without_sink = True

    def __init__(self, layout: TextLayout, layers: int, heads: int) -> None:
        self.layout, self.heads = layout, heads
        self.by_distance = np.zeros((layers, 2, heads, 2 * layout.tokens))  # layer (all, without sink) head q - k + tokens
        self.skipped: list[dict[int, np.ndarray]] = [{} for _ in range(layers)]
        self.rows_left = np.zeros((layers, 2, heads))  # rows with something left: from q = 0 on, from q = 1 on
        self.visibility: dict[int, Visibility] = {}

    def add(self, block: Block) -> None:
        self.visibility[block.layer] = block.visibility
        tokens, counted = self.layout.tokens, block.counted
        weightings = torch.stack([block.left * counted, counted.expand(self.heads, -1)], 1)  # head weighting row
        sums = block.by_distance(weightings).double().numpy().transpose(1, 0, 2)
        lowest = block.rows.start - block.keys.stop + 1 + tokens
        self.by_distance[block.layer, :, :, lowest : lowest + sums.shape[2]] += sums
        self._add_sinks(block)
        remaining = (block.any_left * counted).double().numpy()
        self.rows_left[block.layer, 0] += remaining.sum(1)
        self.rows_left[block.layer, 1] += remaining[:, 1 if block.rows.start == 0 else 0 :].sum(1)
        self._note_skipped(block)

    def _add_sinks(self, block: Block) -> None:
        rows = np.arange(block.rows.start, block.rows.stop)
        plain = self.by_distance[block.layer, 0]
        for index, key in enumerate(block.plan.sinks.tolist()):
            plain[:, rows - (key + block.keys.start) + self.layout.tokens] += (block.sink_weights[:, :, index] * block.counted).double().numpy()

    def _note_skipped(self, block: Block) -> None:
        """Remember, by head, the rows with nothing left: their pairs do not count in the decay without the sink."""
        empty = ((~block.any_left) * block.counted).numpy() > 0
        for head in np.flatnonzero(empty.any(1)).tolist():
            rows = np.flatnonzero(empty[head]) + block.rows.start
            self.skipped[block.layer][head] = np.concatenate([self.skipped[block.layer].get(head, rows[:0]), rows])

    def arrays(self) -> dict[str, np.ndarray]:
        counted = (self.layout.sentence_of_token >= 0).astype(float)
        rows = np.full_like(self.rows_left, counted.sum())
        rows[:, 1] = counted[1:].sum()
        plain = self._scores(self.by_distance[:, 0], rows, self._pairs(without_sink=False))
        left = self._scores(self.by_distance[:, 1], self.rows_left, self._pairs(without_sink=True))
        named = plain | {f"{name}_without_sink": values for name, values in left.items()}
        if not all(visibility.causal for visibility in self.visibility.values()):
            named["next_token"] = (self.by_distance[:, 0, :, self.layout.tokens - 1] / counted[:-1].sum()).astype(np.float32)
        return named | {"decay_edges": decay_edges(self.layout.tokens)}

    def _scores(self, mass: np.ndarray, rows: np.ndarray, pairs: np.ndarray) -> dict[str, np.ndarray]:
        tokens = self.layout.tokens
        unsigned = mass[:, :, tokens:].copy()  # layer head distance
        unsigned[:, :, 1:] += mass[:, :, 1:tokens][:, :, ::-1]
        edges = decay_edges(tokens)[:-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = {
                "distance": unsigned @ np.arange(tokens) / rows[:, 0],
                "locality": unsigned[:, :, : LOCAL + 1].sum(2) / rows[:, 0],
                "previous_token": mass[:, :, tokens + 1] / rows[:, 1],
                "decay": _bins(unsigned, edges) / _bins(pairs, edges),
            }
        return {name: values.astype(np.float32) for name, values in scores.items()}

    def _pairs(self, without_sink: bool) -> np.ndarray:
        """Visible pairs at each distance, by layer and head; without sink keys and without rows that have nothing left."""
        pairs = np.zeros((len(self.visibility), self.heads, self.layout.tokens))
        counted = (self.layout.sentence_of_token >= 0).astype(float)
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
            seeing = np.flatnonzero((visibility.first <= key) & (key < visibility.last))
            np.subtract.at(pairs, np.abs(seeing - key), counted[seeing])
        return pairs


def _bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sums over distances from each edge to the next; the last bin takes the rest."""
    starts = np.minimum(edges, values.shape[2] - 1)
    sums = np.add.reduceat(values, starts, axis=2)
    return np.where(edges < values.shape[2], sums, 0.0)


class SentenceDistance:
    """`sentence_distance`: how many sentences back or ahead a head looks, over the keys that lie in sentences."""

    without_sink = False

    def __init__(self, layout: TextLayout, layers: int, heads: int) -> None:
        self.layout, self.heads = layout, heads
        self.total, self.rows = np.zeros((layers, heads)), np.zeros((layers, heads))
        self.sentence = torch.from_numpy(layout.sentence_of_token.astype(np.float32))

    def add(self, block: Block) -> None:
        inside = block.times_keys(self.layout.in_sentence[block.keys])  # head row
        counted = (inside > 0) * block.counted
        far = self._far_causal(block, inside) if block.visibility.causal else self._far(block)
        self.total[block.layer] += (torch.where(counted > 0, far / inside, 0.0)).double().sum(1).numpy()
        self.rows[block.layer] += counted.double().sum(1).numpy()

    def _far_causal(self, block: Block, inside: torch.Tensor) -> torch.Tensor:
        """Sum over k of p (s(q) - s(k)): no key lies ahead, so one product serves all rows; counted from the block's own sentence."""
        own = self.sentence[block.rows]
        behind = (own.max() - self.sentence[block.keys]) * self.layout.in_sentence[block.keys]
        return block.times_keys(behind) - (own.max() - own) * inside

    def _far(self, block: Block) -> torch.Tensor:
        """Sum over k of p |s(q) - s(k)|, sentence by sentence."""
        found = torch.zeros_like(block.greatest)
        for run in block.plan.runs:
            far = (self.sentence[block.keys] - run.sentence).abs() * self.layout.in_sentence[block.keys]
            found[:, run.start : run.stop] = block.weights[:, run.start : run.stop] @ far
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            return {"sentence_distance": (self.total / self.rows).astype(np.float32)}
