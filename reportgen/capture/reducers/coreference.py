"""Attention from later mentions of an entity to its earlier ones, beside tokens of the same kind as far away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import halved
from reportgen.contract.rows import LEFT
from reportgen.mentions import FUNCTION, MentionPairs

TENTH, LEAST = 10, 2  # controls lie at the pair's distance, give or take a tenth of it, two tokens at least
CELLS_AT_ONCE = 1 << 20
FOUND, EXPECTED, FROM_PRONOUNS, EXPECTED_FROM_PRONOUNS = range(4)


class Coreference:
    """`coreference`, `coreference_expected`, both `_without_sink`, these four `_by_sentence`, `pronoun_coreference` and its expected value; `coreference_queries`, `coreference_without_sink_queries`, `coreference_example`.

    Mean over the tokens q of later mentions of the sum over the tokens k of the entity's earlier mentions of p[q, k], and of the sum over the same k of the
    mean of p[q, c] over controls c: tokens that q sees, before its own mention, of k's kind (function word, first or later token of another word), at k's
    distance give or take a tenth, two tokens at least, that are neither sinks nor tokens of the entity. A pair counts where q sees k and at least one control, a query where one of its pairs does.
    Without the sink both are divided by what the sinks leave of the row; rows with nothing left are skipped. Mentions are found by a heuristic.
    Source: after Clark et al. 2019, section 4.3; the controls: none, defined here. Memory: heads x (rows of mentions in a block) x keys.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, pairs = stack, stack.queries.mentions
        counted = stack.queries.sentence_queries[pairs.queries] & ~np.isin(pairs.keys, stack.keys.sinks)
        self.pairs = pairs.among(counted)
        self.controls, self.taken = Controls.of(self.pairs, stack), self.rows_taken(stack)
        shape = (stack.layers, stack.heads, stack.queries.sentences)
        self.sums, self.sums_left = np.zeros((4, *shape)), np.zeros((2, *shape))
        self.rows, self.rows_of_pronouns = np.zeros((2, stack.layers, shape[2]))
        self.rows_left = np.zeros(shape)
        self.example, self.greatest = np.full((*shape[:2], 2), -1, np.int32), np.zeros(shape[:2], np.float32)

    @staticmethod
    def rows_taken(stack: Stack) -> Int[np.ndarray, " row"]:
        """Those of later mentions that count."""
        later = np.zeros(stack.queries.tokens, bool)
        later[stack.queries.mentions.queries] = True
        return np.flatnonzero(later & stack.queries.sentence_queries)

    def add(self, block: Block) -> None:
        first, last = np.searchsorted(self.pairs.queries, [block.rows.start, block.rows.stop])
        starts = np.flatnonzero(np.diff(self.pairs.queries[first:last], prepend=-1)) + first
        step = max(CELLS_AT_ONCE // (self.stack.heads * block.plan.shape[1]), 1)
        for index in range(0, len(starts), step):
            stop = starts[index + step] if index + step < len(starts) else last
            self._add_pairs(block, slice(starts[index], stop))

    def _add_pairs(self, block: Block, chosen: slice) -> None:
        """Take in the pairs of some rows of the block."""
        queries, keys = self.pairs.queries[chosen], self.pairs.keys[chosen]
        rows, row_of_pair = np.unique(queries, return_inverse=True)
        weights = block.whole_rows[self][:, np.searchsorted(self.taken, rows) - np.searchsorted(self.taken, block.rows.start)]  # head row key
        expected, counts = self.controls.means(block, weights, rows, row_of_pair, chosen)
        counts &= seen(block, queries, keys)
        found = np.zeros(expected.shape)
        found[:, counts] = weights[:, row_of_pair[counts], keys[counts] - block.keys.start]
        self._note_example(block.layer, found, queries, keys)
        of_pronouns = counts & self.pairs.pronoun_to_name[chosen]
        sums = np.stack([_by_row(values, row_of_pair, which) for which in (counts, of_pronouns) for values in (found, expected)])  # kind head row
        self._add_rows(block, rows, sums, np.bincount(row_of_pair[counts], minlength=len(rows)) > 0)
        self._add_to(self.rows_of_pronouns[block.layer], rows, (np.bincount(row_of_pair[of_pronouns], minlength=len(rows)) > 0).astype(float))

    def _add_rows(self, block: Block, rows: Int[np.ndarray, " row"], sums: Float[np.ndarray, "kind head row"], counted: Bool[np.ndarray, " row"]) -> None:
        places, layer = rows - block.rows.start, block.layer
        left = np.where(block.any_left[:, places], block.sums.left[:, places].astype(np.float64), np.inf)
        self._add_to(self.sums[:, layer], rows, sums)
        self._add_to(self.sums_left[:, layer], rows, sums[:2] / left)
        self._add_to(self.rows[layer], rows, counted.astype(float))
        self._add_to(self.rows_left[layer], rows, (counted & np.isfinite(left)).astype(float))

    def _add_to(self, total: np.ndarray, rows: Int[np.ndarray, " row"], values: np.ndarray) -> None:
        """Add what is of some rows to their sentences, the last axis."""
        np.add.at(total, (..., self.stack.queries.sentence_of_token[rows]), values)

    def _note_example(self, layer: int, found: np.ndarray, queries: np.ndarray, keys: np.ndarray) -> None:
        if not len(queries):
            return
        best = found.argmax(1)
        greatest = np.take_along_axis(found, best[:, None], 1)[:, 0]
        better = greatest > self.greatest[layer]
        self.greatest[layer, better] = greatest[better]
        self.example[layer, better] = np.stack([queries[best], keys[best]], 1)[better]

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the means are over, and the weight of each head's example."""
        rows, left = self.rows.sum(1)[:, None], self.rows_left.sum(2)
        pronouns = self.rows_of_pronouns.sum(1)[:, None]
        return {
            **dict.fromkeys(("coreference", "coreference_expected"), rows),
            **dict.fromkeys((f"coreference{LEFT}", f"coreference_expected{LEFT}"), left),
            **dict.fromkeys(("pronoun_coreference", "pronoun_coreference_expected"), pronouns),
            "coreference_example": self.greatest,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        rows = self.rows[:, None]
        with np.errstate(invalid="ignore"):
            over_rows = self.sums.sum(3) / np.stack([*[rows.sum(2)] * 2, *[self.rows_of_pronouns.sum(1)[:, None]] * 2])
            found = {
                "coreference": over_rows[FOUND],
                "coreference_expected": over_rows[EXPECTED],
                "pronoun_coreference": over_rows[FROM_PRONOUNS],
                "pronoun_coreference_expected": over_rows[EXPECTED_FROM_PRONOUNS],
                f"coreference{LEFT}": self.sums_left[FOUND].sum(2) / self.rows_left.sum(2),
                f"coreference_expected{LEFT}": self.sums_left[EXPECTED].sum(2) / self.rows_left.sum(2),
            }
        found = {name: values.astype(np.float32) for name, values in found.items()} | self._by_sentence()
        counts = {"coreference_queries": self.rows, f"coreference{LEFT}_queries": self.rows_left}
        return found | {name: rows.astype(np.int32) for name, rows in counts.items()} | {"coreference_example": self.example}

    def _by_sentence(self) -> dict[str, np.ndarray]:
        """Means over the rows of each sentence; NaN where there are none."""
        kinds = (("coreference", FOUND), ("coreference_expected", EXPECTED))
        plain = {f"{name}_by_sentence": halved(self.sums[kind], self.rows[:, None]) for name, kind in kinds}
        return plain | {f"{name}{LEFT}_by_sentence": halved(self.sums_left[kind], self.rows_left) for name, kind in kinds}


@dataclass(frozen=True, kw_only=True, eq=False)
class Controls:
    """Which tokens each pair is compared with: those of `columns`, which are sorted by kind, from `first` up to `last`, but for the entity's own."""

    pairs: MentionPairs
    columns: Int[np.ndarray, " column"]
    first: Int[np.ndarray, " pair"]
    last: Int[np.ndarray, " pair"]

    @classmethod
    def of(cls, pairs: MentionPairs, stack: Stack) -> Controls:
        """The controls of the pairs of a stack."""
        kinds, tokens = pairs.kind_of_token, len(pairs.kind_of_token)
        usable = np.setdiff1d(np.flatnonzero(kinds >= FUNCTION), stack.keys.sinks)
        columns = usable[np.argsort(kinds[usable], kind="stable")]
        places = kinds[columns] * tokens + columns  # in order
        reach = np.maximum((pairs.queries - pairs.keys) // TENTH, LEAST)
        offset = kinds[pairs.keys] * tokens
        first = np.searchsorted(places, offset + np.maximum(pairs.keys - reach, 0))
        last = np.searchsorted(places, offset + np.minimum(pairs.keys + reach + 1, pairs.begins))
        return cls(pairs=pairs, columns=columns, first=first, last=np.maximum(first, last))

    def means(
        self,
        block: Block,
        weights: Float[np.ndarray, "head row key"],
        rows: Int[np.ndarray, " row"],
        row_of_pair: Int[np.ndarray, " pair"],
        chosen: slice,
    ) -> tuple[Float[np.ndarray, "head pair"], Bool[np.ndarray, " pair"]]:
        """The mean weight of each pair's controls, and whether it has any; the pairs are all those of the `rows`, whose weights are given."""
        here = (self.columns >= block.keys.start) & (self.columns < block.keys.stop)
        columns, place = self.columns[here], np.concatenate([[0], np.cumsum(here)])
        usable = seen(block, np.repeat(rows, len(columns)), np.tile(columns, len(rows))).reshape(len(rows), -1)
        usable &= ~_among(columns, rows, row_of_pair, self.pairs.keys[chosen])
        mass = _from_the_start(weights[:, :, columns - block.keys.start] * usable)
        number = _from_the_start(usable)
        first, last = place[self.first[chosen]], place[self.last[chosen]]
        controls = number[row_of_pair, last] - number[row_of_pair, first]
        return (mass[:, row_of_pair, last] - mass[:, row_of_pair, first]) / np.maximum(controls, 1), controls > 0


def seen(block: Block, queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"]) -> Bool[np.ndarray, " pair"]:
    """Whether the queries, which are rows of the block, see the keys."""
    mask = block.visibility
    inside = (keys >= mask.first[queries]) & (keys < mask.last[queries])
    return inside if mask.cells is None else inside & mask.cells[queries, keys]


def _among(columns: np.ndarray, rows: np.ndarray, row_of_pair: np.ndarray, keys: np.ndarray) -> Bool[np.ndarray, "row column"]:
    """Which columns are keys of a row's own pairs."""
    order = np.argsort(columns)
    found = np.zeros((len(rows), len(columns)), bool)
    if len(columns):
        place = np.minimum(np.searchsorted(columns, keys, sorter=order), len(columns) - 1)
        same = columns[order[place]] == keys
        found[row_of_pair[same], order[place[same]]] = True
    return found


def _from_the_start(values: np.ndarray) -> np.ndarray:
    """Sums of the first n along the last axis, n from 0 on."""
    return np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1, dtype=np.float64)], axis=-1)


def _by_row(values: Float[np.ndarray, "head pair"], row_of_pair: np.ndarray, which: np.ndarray) -> Float[np.ndarray, "head row"]:
    """Sums over some of the pairs of each row."""
    return np.add.reduceat(values * which, np.flatnonzero(np.diff(row_of_pair, prepend=-1)), axis=1)
