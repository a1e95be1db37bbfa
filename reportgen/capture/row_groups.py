"""The rows of a block by sentence, and sums of what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reportgen.capture.block_loops import add_rows
from reportgen.capture.layout import Run, TextLayout


@dataclass(frozen=True, kw_only=True, eq=False)
class RowGroups:
    """The rows of a block that are of one sentence (or of none: -1) and count or do not count, group by group."""

    sentence: Int[np.ndarray, " group"]
    counts: Bool[np.ndarray, " group"]
    of_run: Int[np.ndarray, " run"]
    of_row: Int[np.ndarray, " row"]

    @classmethod
    def of(cls, layout: TextLayout, rows: slice, runs: Sequence[Run]) -> RowGroups:
        """The groups of some rows and of the runs that these fall into, in the order of the text."""
        counts = layout.queries_counted[rows]
        known = {(run.sentence, bool(counts[run.start])): None for run in runs}
        numbers = {group: index for index, group in enumerate(known)}
        of_run = np.array([numbers[run.sentence, bool(counts[run.start])] for run in runs])
        sentence, counted = zip(*known, strict=True)
        return cls(sentence=np.array(sentence), counts=np.array(counted), of_run=of_run, of_row=np.repeat(of_run, [run.stop - run.start for run in runs]))

    def by_sentence(self, values: Shaped[np.ndarray, "*head row"]) -> Float[np.ndarray, "*head sentence"]:
        """Sums of values over the rows that count of each sentence."""
        by_head = np.ascontiguousarray(values, np.float64).reshape(-1, values.shape[-1])
        sums = np.zeros((len(by_head), len(self.scored)))
        add_rows(by_head, self.place_of_row, sums)
        return sums.reshape(*values.shape[:-1], len(self.scored))

    @cached_property
    def scored(self) -> Int[np.ndarray, " sentence"]:
        """The groups that scores are over: those that count and are of a sentence."""
        return np.flatnonzero(self.counts & (self.sentence >= 0))

    @cached_property
    def sentences(self) -> Int[np.ndarray, " sentence"]:
        """The sentences of these groups, each there once."""
        return self.sentence[self.scored]

    @cached_property
    def span(self) -> slice | Int[np.ndarray, " sentence"]:
        """The same as an index: from the first to the last where none between them is missing, which is quicker."""
        first, count = int(self.sentences[0]) if len(self.sentences) else 0, len(self.sentences)
        return slice(first, first + count) if np.array_equal(self.sentences, np.arange(first, first + count)) else self.sentences

    @cached_property
    def place_of_row(self) -> Int[np.ndarray, " row"]:
        """Each row's sentence among these; -1 where the row does not count or is of none."""
        places = np.full(len(self.sentence), -1)
        places[self.scored] = np.arange(len(self.scored))
        return places[self.of_row]

    @cached_property
    def rows_of_sentence(self) -> Int[np.ndarray, " sentence"]:
        """How many rows count of each of these sentences."""
        return np.bincount(self.place_of_row[self.place_of_row >= 0], minlength=len(self.scored))
