"""Which pairs of sentences a document's matrices know of: all of them, or those that some window holds together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reportgen.archive import StoredArrays, described
from reportgen.contract import PAIR_KEY
from reportgen.errors import MeasurementsError

PAIR_SENTENCES = f"{PAIR_KEY}sentences"
WHOLE_AT_MOST = 1 << 33  # bytes of an array that is made whole out of its pairs


@dataclass(frozen=True, kw_only=True, eq=False)
class SentencePairs:
    """Pairs of a document's sentences in reading order: the query sentence and the key sentence of each. No pair is there twice.

    `first_read` has of each query sentence the first that was read with it, in windows that of its own window; None where it is always the document's.
    """

    sentences: int
    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    first_read: Int[np.ndarray, " sentence"] | None = None

    @classmethod
    def every(cls, sentences: int, first_read: Int[np.ndarray, " sentence"] | None = None) -> SentencePairs:
        """All pairs, as in a whole matrix that is read row by row."""
        queries, keys = np.indices((sentences, sentences), np.int32).reshape(2, -1)
        return cls(sentences=sentences, queries=queries, keys=keys, first_read=first_read)

    @cached_property
    def to_first(self) -> Bool[np.ndarray, " pair"]:
        """Whether the key is the first sentence that was read with the query: it holds the sink."""
        return self.keys == (0 if self.first_read is None else self.first_read[self.queries])

    def matrix(self, values: Shaped[np.ndarray, "*views pair"]) -> Shaped[np.ndarray, "*views sentence sentence"]:
        """Whole matrices: NaN where there is no pair, 0 where the numbers are integers. Memory: that of the matrices, none where all pairs are there."""
        if len(self.queries) == self.sentences**2:
            return values.reshape(*values.shape[:-1], self.sentences, self.sentences)
        absent = np.nan if values.dtype.kind == "f" else 0
        whole = np.full((*values.shape[:-1], self.sentences, self.sentences), absent, values.dtype)
        whole[..., self.queries, self.keys] = values
        return whole

    def pooled(self, values: Shaped[np.ndarray, " pair"], size: int) -> Shaped[np.ndarray, "group group"]:
        """Means over groups of `size` consecutive sentences looking at such groups, of the pairs that have a value; NaN where none has."""
        groups = -(-self.sentences // size)
        known = ~np.isnan(values)
        cells = (self.queries[known] // size).astype(np.int64) * groups + self.keys[known] // size
        sums, counts = (np.bincount(cells, weights, groups * groups) for weights in (values[known], None))
        means = np.divide(sums, counts, out=np.full(groups * groups, np.nan), where=counts > 0)
        return means.reshape(groups, groups).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairArrays:
    """A file's arrays between sentences with one last axis of pairs in the place of query and key sentences, whichever way they are stored.

    Names are those of whole arrays; one that starts with `*.` means `stack`. Arrays on disk are read each time they are asked for.
    """

    arrays: Mapping[str, np.ndarray]
    stack: str
    first_read: Int[np.ndarray, " sentence"] | None = None

    @cached_property
    def pairs(self) -> SentencePairs:
        """The sentences of each pair."""
        sentences = len(self.arrays["sentence_spans"])
        if PAIR_SENTENCES not in self.arrays:
            return SentencePairs.every(sentences, self.first_read)
        queries, keys = self.arrays[PAIR_SENTENCES].T
        return SentencePairs(sentences=sentences, queries=queries, keys=keys, first_read=self.first_read)

    def __getitem__(self, name: str) -> Shaped[np.ndarray, "*views pair"]:
        """All of an array."""
        name = name.replace("*", self.stack, 1)
        if PAIR_KEY + name in self.arrays:
            return self.arrays[PAIR_KEY + name]
        array = self.arrays[name]
        return array.reshape(*array.shape[:-2], -1)

    def layers(self, name: str) -> Iterator[Shaped[np.ndarray, "*views pair"]]:
        """An array layer by layer. Memory: one layer where it is on disk."""
        stored = PAIR_KEY + name.replace("*", self.stack, 1)
        yield from self.arrays.layers(stored) if stored in self.arrays and isinstance(self.arrays, StoredArrays) else self[name]

    def dtype(self, name: str) -> np.dtype:
        """An array's number type, without reading it."""
        whole = name.replace("*", self.stack, 1)
        return next(dtype for stored, _, dtype in described(self.arrays) if stored in (whole, PAIR_KEY + whole))

    def whole(self, name: str) -> Shaped[np.ndarray, "*views sentence sentence"]:
        """Whole matrices of an array that is stored by pair. Raises `MeasurementsError` where they take more than 8 GiB."""
        values = self.arrays[PAIR_KEY + name]
        size = values.nbytes // values.shape[-1] * self.pairs.sentences**2
        if size > WHOLE_AT_MOST:
            raise MeasurementsError(f"As a whole array {name} would take {size / 1e9:,.0f} GB; take it by pair, from {PAIR_KEY}{name}.")
        matrices = self.pairs.matrix(values)
        matrices.setflags(write=False)
        return matrices
