"""Windows go in one after the other, the document's arrays come out; no window is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.capture.merging.examples import Examples
from reportgen.capture.merging.heads import LENGTHS, WeightedCosine, WeightedMean
from reportgen.capture.merging.pairs import PairMatrices
from reportgen.capture.merging.storage import BUDGET, WHOLE, by_pair
from reportgen.capture.merging.tokens import TokenLinks, TokenMeans, TokenSums
from reportgen.capture.reducers.syntax import best_offset
from reportgen.contract import ArraySpec, spec_of
from reportgen.sentence_pairs import SentencePairs
from reportgen.windows import Window

STACKS = ("encoder", "decoder")
# Means over every query that lies in a sentence.
OVER_ALL_QUERIES = {"entropy", "distance", "locality", "within_sentence", "delimiter", "confidence", "head_divergence", "head_divergence_without_sink"}
STRONGEST_KEY = "strongest_key"  # tokens of the window
# Numbers that are not of a window's own text, or of one target only: nothing to merge.
NOT_OF_A_WINDOW = ("probe_", "importance", "attention_x_gradient", "query_key")


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowNumbers:
    """What one window gives. `arrays` are named as in the contract, without the stack.

    Means over queries, and sums over them, are over the queries of the window's `counted` tokens alone (those of its own sentences), so that each
    query of the document counts once. `queries` is how many of them lie in a sentence. `weights` gives, for arrays that are means over other queries
    (`first_token`, `duplicate_token`, `relative_entropy`, `..._without_sink`), how many rows each number is the mean of, in any shape that
    broadcasts to the array's; for `decay` the pairs in each bin; for `token_influence` the counted queries that see each token; for
    `head_similarity` the sum of squares of each head's weights (layer x head), which makes it exact.
    `places` are the document's tokens that the window's stand for. Rows and sums of pairs of sentences are over all the window's queries.
    """

    window: Window
    arrays: Mapping[str, np.ndarray]
    queries: int
    weights: Mapping[str, Any]
    places: Int[np.ndarray, " token"]
    counted: Bool[np.ndarray, " token"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MergedNumbers:
    """The document's arrays, named as in the contract without the stack; and what was not stored or is an average, one sentence each.

    Matrices between sentences are whole ones, among `arrays`, or by pair, in `by_pair`: one number for each of `pairs`.
    """

    arrays: dict[str, np.ndarray]
    by_pair: dict[str, np.ndarray]
    pairs: SentencePairs
    notices: tuple[str, ...]


class Merging:
    """Takes in the numbers of one window after the other.

    - Pairs of sentences: from the first window that reads both (`PairMatrices`); by query sentence alone: from the window whose own it is.
    - Means over queries: the mean over all windows' counted queries, weighted by how many each number is over.
    - `decay`: weighted by the pairs in each bin, bins being the same distances in each window. `head_similarity`: the cosine over all counted rows.
    - `token_influence_total`: the sum over windows; `token_influence`: divided by the counted queries that see the token.
    - `head_divergence`: weighted by the windows' counted queries, for which each one's sample stands.
    - `token_links`: those of each token in the window that it is counted in.
    - Examples: that of the window where its weight is greatest, which `weights` gives; how many words or queries: the sum over windows.
    - The best fixed offset of a dependency relation: of the accuracies of offsets over all windows.

    `windows` are all there will be. Matrices are kept by pair; they are made whole in the end where all of them together take at most `whole` bytes so.
    Source: none; defined here. Memory: what of the matrices fits into `budget` bytes by pair, and arrays that grow with sentences and tokens alone.
    Raises `ValueError` for an array or a stack without a rule (cross-attention has two texts), an example without its weight, and for windows out of order.
    """

    def __init__(self, *, stack: str, windows: Sequence[Window], sentences: int, tokens: int, budget: int = BUDGET, whole: int = WHOLE) -> None:
        if stack not in STACKS:
            raise ValueError(f"there is no rule to merge the windows of {stack} attention")
        self.stack, self.sentences, self.tokens = stack, sentences, tokens
        self.planned, self.whole = {window.own: window for window in windows}, whole
        self.pairs = PairMatrices(windows, sentences, budget, stack)
        self.by_query: dict[str, np.ndarray] = {}
        self.means: dict[str, WeightedMean] = {}
        self.cosines: dict[str, WeightedCosine] = {}
        self.token_means: dict[str, TokenMeans] = {}
        self.token_sums: dict[str, TokenSums] = {}
        self.links: dict[str, TokenLinks] = {}
        self.edges: dict[str, np.ndarray] = {}
        self.examples: dict[str, Examples] = {}
        self.counts: dict[str, np.ndarray] = {}
        self.sampled: dict[str, np.ndarray] = {}
        self.guessed: dict[str, None] = {}
        self.reached = 0

    def add(self, numbers: WindowNumbers) -> None:
        """Take in one window."""
        window = numbers.window
        if self.planned.get(self.reached) != window:
            raise ValueError(f"the window of sentences {window.first} to {window.last} does not follow on {self.reached}")
        self.reached = window.last
        pairs = {}
        for name, values in numbers.arrays.items():
            spec = spec_of(f"{self.stack}.{name}")
            if spec is None or name.startswith(NOT_OF_A_WINDOW):
                raise ValueError(f"there is no rule to merge {self.stack}.{name} over windows")
            if {"query_sentence", "key_sentence"} <= set(spec.axes):
                pairs[name] = values
            else:
                self._rule(name, spec)(name, values, numbers)
        self.pairs.add(window, pairs)

    def _rule(self, name: str, spec: ArraySpec) -> Callable[[str, np.ndarray, WindowNumbers], None]:
        match spec.axes:
            case ("layer", "head", "query_sentence") | ("layer", "query_sentence") | ("layer", "head", "offset", "query_sentence"):
                return self._add_by_query
            case (
                ("layer", "head")
                | ("layer", "head", "bin")
                | ("layer", "head", "head")
                | ("layer", "head", "offset")
                | ("layer", "head", "relation")
                | ("relation", "word_offset")
                | ("any_head", "any_head")
            ):
                return self._add_mean
            case ("layer", "key_token"):
                return self._add_to_tokens
            case ("query_token", "rank"):
                return self._add_links
            case ("edge",) | ("offset",):
                return self._add_edges
            case (*_, "query_key"):
                return self._add_examples
            case ("relation",):
                return self._add_counts
            case ("sampled",):
                return self._add_sampled
        raise ValueError(f"there is no rule to merge {self.stack}.{name} over windows")

    def _add_by_query(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        window, of_tokens = numbers.window, name == STRONGEST_KEY
        if of_tokens:
            values = np.where(values < 0, -1, numbers.places[values]).astype(values.dtype)
        if name not in self.by_query:
            missing = np.nan if values.dtype.kind == "f" else -1 if of_tokens else 0
            self.by_query[name] = np.full((*values.shape[:-1], self.sentences), missing, values.dtype)
        self.by_query[name][..., window.own : window.last] = values[..., window.own - window.first :]

    def _weight(self, name: str, numbers: WindowNumbers) -> np.ndarray:
        """How many rows a mean is over; where the window does not say, and it is not one over all counted queries, that many all the same, with a notice."""
        if name not in numbers.weights and name not in OVER_ALL_QUERIES:
            self.guessed[name] = None
        return np.asarray(numbers.weights.get(name, numbers.queries), np.float64)

    def _add_mean(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        weight = self._weight(name, numbers)
        similarity = name.startswith("head_similarity")
        if similarity and weight.ndim != LENGTHS:
            self.guessed[name] = None
        if similarity and weight.ndim == LENGTHS:
            self.cosines.setdefault(name, WeightedCosine()).add(values, weight)
        else:
            self.means.setdefault(name, WeightedMean()).add(values, weight)

    def _add_to_tokens(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        if name.endswith("_total"):
            self.token_sums[name] = self.token_sums.get(name) or TokenSums(len(values), self.tokens)
            self.token_sums[name].add(values, numbers.places)
        else:
            self.token_means[name] = self.token_means.get(name) or TokenMeans(len(values), self.tokens)
            self.token_means[name].add(values, self._weight(name, numbers), numbers.places)

    def _add_links(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        self.links[name] = self.links.get(name) or TokenLinks(self.tokens, values.shape[1])
        self.links[name].add(values, numbers.places, numbers.counted)

    def _add_examples(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        if name not in numbers.weights:
            raise ValueError(f"the windows' {self.stack}.{name} have no weights to be chosen by")
        self.examples.setdefault(name, Examples()).add(values, np.asarray(numbers.weights[name]), numbers.places)

    def _add_counts(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        if values.dtype.kind == "i":
            self.counts[name] = self.counts.get(name, 0) + values

    def _best_offsets(self) -> dict[str, np.ndarray]:
        offsets = {name: self.means[name].mean() for name in self.means if name.endswith("syntax_offsets") or name.endswith("syntax_reverse_offsets")}
        return {name.replace("offsets", "baseline"): best_offset(values) for name, values in offsets.items()}

    def _add_edges(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        shorter, longer = sorted((self.edges.get(name, values), values), key=len)
        if not np.array_equal(shorter, longer[: len(shorter)]):
            raise ValueError(f"the windows' {name} are not the same distances")
        self.edges[name] = longer

    def _add_sampled(self, name: str, values: np.ndarray, numbers: WindowNumbers) -> None:
        self.sampled[name] = np.concatenate([self.sampled.get(name, values[:0]), numbers.places[values].astype(values.dtype)])

    def finish(self) -> MergedNumbers:
        """The document's arrays. Raises `ValueError` when the windows taken in do not reach the document's end."""
        if self.reached != self.sentences:
            raise ValueError(f"the windows end at sentence {self.reached} of {self.sentences}")
        pairs, count, matrices = self.pairs.seen.listed(), self.pairs.seen.count, self.pairs.kept
        fit = sum(values.nbytes for values in matrices.values()) // count * self.sentences**2 <= self.whole
        arrays = {name: pairs.matrix(values) for name, values in matrices.items()} if fit else {}
        arrays |= {**self.by_query, **self.edges, **self.counts, **self.sampled}
        arrays |= {name: merged.best for name, merged in self.examples.items()} | self._best_offsets()
        arrays |= {name: merged.mean() for name, merged in (self.means | self.cosines | self.token_means).items()}
        arrays |= {name: merged.total.astype(np.float32) for name, merged in self.token_sums.items()}
        arrays |= {name: merged.links for name, merged in self.links.items()}
        notices = (*self.pairs.notices, *(() if fit else (by_pair(self.stack, count, self.sentences, self.whole),)), *self._averages())
        return MergedNumbers(arrays=arrays, by_pair={} if fit else matrices, pairs=pairs, notices=notices)

    def _averages(self) -> tuple[str, ...]:
        if not self.guessed:
            return ()
        names = ", ".join(f"{self.stack}.{name}" for name in self.guessed)
        return (f"Averages over windows, weighted by the windows' queries instead of by the rows or pairs that each number is over: {names}.",)
