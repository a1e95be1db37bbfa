"""How often the word that a head looks at most is the word's syntactic head, for each dependency relation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.layout import Stack
from reportgen.capture.visibility import Visibility
from reportgen.syntax import SyntaxWords

OFFSETS = (*range(-10, 0), *range(1, 11))  # words
CELLS_AT_ONCE = 1 << 20
FORWARD, REVERSE = "syntax", "syntax_reverse"


@dataclass(frozen=True, kw_only=True, eq=False)
class WordsOfSentence:
    """One sentence: its first word, where the words' tokens begin among its tokens, how many each has, and its words' heads (counted from its first word; -1: none)."""

    first: int
    tokens: Int[np.ndarray, " token"]
    starts: Int[np.ndarray, " word"]
    sizes: Int[np.ndarray, " word"]
    heads: Int[np.ndarray, " word"]

    @property
    def words(self) -> slice:
        """Its words among those of the text."""
        return slice(self.first, self.first + len(self.starts))


@dataclass(kw_only=True, eq=False)
class OpenSentence:
    """What is known of a sentence that has begun: the sums of a word that the next block goes on with, and of each word which other attends most to it."""

    part_of_word: Float[np.ndarray, "head word"] | float = 0.0
    greatest: Float[np.ndarray, "head word"] = field(default_factory=lambda: np.zeros((0, 0)))
    by_word: Int[np.ndarray, "head word"] = field(default_factory=lambda: np.zeros((0, 0), np.int64))


class Syntax:
    """`syntax_accuracy`, `syntax_reverse_accuracy`, with the accuracies of fixed offsets, the best of them (`_baseline`), `_pairs`, and `syntax_example`.

    Attention from a word is the mean over its tokens, to a word the sum over its tokens; special tokens, the text's first token and the word itself are left
    out, and only words of the same sentence are looked at. Accuracy: of the words of a relation, the share whose most attended word is their syntactic head;
    reverse: the share whose head is the word that attends most to them. Where the stack is causal, words count whose head stands before them
    (reverse: after them): the others cannot be seen. In layers that see a window, a head outside of it is missed. A fixed offset says that the head is
    so many words away, -10 to 10. Source: Clark et al. 2019, section 4.2. Memory: heads x words, and heads x tokens of a block x tokens of their sentences.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, self.text = stack, stack.queries.syntax
        self.sentences = _counted_sentences(stack)
        self.bounds = np.array([(one.tokens[0], one.tokens[-1]) for one in self.sentences], np.int64).reshape(-1, 2)
        self.first_token = self.text.tokens[np.searchsorted(self.text.word_of_token, np.arange(len(self.text.head)))]
        self.counts, self.causal = np.zeros(len(self.text.head), bool), False
        for one in self.sentences:
            self.counts[one.words] = True
        shape = (stack.layers, stack.heads, len(self.text.relations))
        self.right = {FORWARD: np.zeros(shape), REVERSE: np.zeros(shape)}
        self.example, self.greatest = np.full((*shape, 2), -1, np.int32), np.zeros(shape, np.float32)

    @staticmethod
    def pairs_of_rows(stack: Stack) -> Int[np.ndarray, " row"]:
        """As many as the row's sentence has tokens of words."""
        found = np.zeros(stack.queries.tokens, np.int64)
        for one in _counted_sentences(stack):
            found[one.tokens] = len(one.tokens)
        return found

    def pairs_taken(self, plan: BlockPlan, visibility: Visibility) -> Pairs:
        """All tokens of words on those of their sentence: sentence by sentence, row by row."""
        rows, keys = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        for sentence, first, last in self._within(plan.rows):
            rows.append(np.repeat(sentence.tokens[first:last] - plan.rows.start, len(sentence.tokens)).astype(np.int32))
            keys.append(np.tile(sentence.tokens - plan.keys.start, last - first).astype(np.int32))
        return Pairs(rows=np.concatenate(rows), keys=np.concatenate(keys))

    def _within(self, rows: slice) -> Iterator[tuple[WordsOfSentence, int, int]]:
        """The sentences that have some of the rows; which of their tokens these are: the first, and the one after the last."""
        for index in np.flatnonzero((self.bounds[:, 0] < rows.stop) & (self.bounds[:, 1] >= rows.start)).tolist():
            sentence = self.sentences[index]
            yield sentence, *np.searchsorted(sentence.tokens, [rows.start, rows.stop]).tolist()

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self.causal, self.open = block.visibility.causal, OpenSentence()
            self.found = {name: np.zeros((self.stack.heads, len(self.text.head)), np.float32) for name in self.right}
        start = 0
        for sentence, first, last in self._within(block.rows):
            shape = (self.stack.heads, last - first, len(sentence.tokens))
            stop = start + shape[1] * shape[2]
            self._add_rows(block.pairs[self][:, start:stop].reshape(shape), sentence, first)
            start = stop
        if block.rows.stop == self.stack.queries.tokens:
            self._close_layer(block.layer)

    def _add_rows(self, weights: Float[np.ndarray, "head row token"], sentence: WordsOfSentence, first: int) -> None:
        """Take in the rows of a sentence from its `first` token on, a few at a time."""
        step = max(CELLS_AT_ONCE // (self.stack.heads * len(sentence.tokens)), 1)
        for start in range(0, weights.shape[1], step):
            self._add_some(weights[:, start : start + step], sentence, first + start)

    def _add_some(self, weights: Float[np.ndarray, "head row token"], sentence: WordsOfSentence, first: int) -> None:
        last = first + weights.shape[1]
        if first == 0:
            shape = (self.stack.heads, len(sentence.starts))
            self.open = OpenSentence(greatest=np.zeros(shape), by_word=np.full(shape, -1))
        words, sums = self._from_words(weights, sentence, first, last)
        if len(words):
            weights = sums / sentence.sizes[words][None, :, None]
            weights[:, np.arange(len(words)), words] = 0.0
            self._note_forward(sentence, words, weights)
            self._note_reverse(words, weights)
        if last == len(sentence.tokens):
            self._close_sentence(sentence)

    def _from_words(
        self, tokens: Float[np.ndarray, "head row token"], sentence: WordsOfSentence, first: int, last: int
    ) -> tuple[Int[np.ndarray, " whole"], Float[np.ndarray, "head whole word"]]:
        """The words whose last token is among the rows, and the sums over their tokens of attention to each word of the sentence."""
        by_key = np.add.reduceat(tokens.astype(np.float64), sentence.starts, axis=2)
        word_of_row = np.searchsorted(sentence.starts, np.arange(first, last), side="right") - 1
        words, starts = np.unique(word_of_row, return_index=True)
        sums = np.add.reduceat(by_key, starts, axis=1)
        sums[:, 0] += self.open.part_of_word
        self.open.part_of_word = 0.0
        if sentence.starts[words[-1]] + sentence.sizes[words[-1]] > last:
            self.open.part_of_word = sums[:, -1]
            words, sums = words[:-1], sums[:, :-1]
        return words, sums

    def _note_forward(self, sentence: WordsOfSentence, words: np.ndarray, weights: Float[np.ndarray, "head whole word"]) -> None:
        chosen = weights.argmax(2)
        greatest = np.take_along_axis(weights, chosen[:, :, None], 2)[:, :, 0]
        self.found[FORWARD][:, sentence.first + words] = np.where(chosen == sentence.heads[words], greatest, 0.0)

    def _note_reverse(self, words: np.ndarray, weights: Float[np.ndarray, "head whole word"]) -> None:
        chosen = weights.argmax(1)
        greatest = np.take_along_axis(weights, chosen[:, None], 1)[:, 0]
        better = greatest > self.open.greatest
        self.open.greatest[better], self.open.by_word[better] = greatest[better], words[chosen][better]

    def _close_sentence(self, sentence: WordsOfSentence) -> None:
        self.found[REVERSE][:, sentence.words] = np.where(self.open.by_word == sentence.heads, self.open.greatest, 0.0)

    def _close_layer(self, layer: int) -> None:
        for relation in range(len(self.text.relations)):
            for name, right in self.right.items():
                words = np.flatnonzero(self._reached(name) & (self.text.relation == relation))
                right[layer, :, relation] = (self.found[name][:, words] > 0).sum(1)
                if name == FORWARD and len(words):
                    self._note_example(layer, relation, words)

    def _note_example(self, layer: int, relation: int, words: np.ndarray) -> None:
        weights = self.found[FORWARD][:, words]
        best = words[weights.argmax(1)]
        some = weights.max(1) > 0
        self.greatest[layer, :, relation] = weights.max(1)
        self.example[layer, some, relation] = np.stack([self.first_token[best], self.first_token[self.text.head[best]]], 1)[some]

    def _reached(self, name: str) -> Bool[np.ndarray, " word"]:
        """The words that count: of counted sentences, with a head that the stack lets them look at (reverse: that it lets look at them)."""
        away = self.text.head - np.arange(len(self.text.head))
        seen = (away < 0) if name == FORWARD else (away > 0)
        return self.counts & (self.text.head >= 0) & (seen | (not self.causal))

    def _pairs(self, name: str) -> Int[np.ndarray, " relation"]:
        kinds = self.text.relation[self._reached(name) & (self.text.relation >= 0)]
        return np.bincount(kinds, minlength=len(self.text.relations)).astype(np.int32)

    def _offsets(self, name: str) -> Float[np.ndarray, "relation word_offset"]:
        words = np.flatnonzero(self._reached(name) & (self.text.relation >= 0))
        away = self.text.head[words] - words
        found = np.zeros((len(self.text.relations), len(OFFSETS)))
        np.add.at(found, self.text.relation[words], away[:, None] == np.array(OFFSETS))
        with np.errstate(invalid="ignore"):
            return (found / self._pairs(name)[:, None]).astype(np.float32)

    def weights(self) -> dict[str, np.ndarray]:
        """How many words each accuracy is over, and the attention of each example."""
        found: dict[str, np.ndarray] = {"syntax_example": self.greatest}
        for name in self.right:
            found |= {f"{name}_accuracy": self._pairs(name), f"{name}_offsets": self._pairs(name)[:, None]}
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {"syntax_example": self.example}
        for name, right in self.right.items():
            offsets, pairs = self._offsets(name), self._pairs(name)
            with np.errstate(invalid="ignore"):
                found[f"{name}_accuracy"] = (right / pairs).astype(np.float32)
            found |= {f"{name}_offsets": offsets, f"{name}_baseline": best_offset(offsets), f"{name}_pairs": pairs}
        return found


def best_offset(offsets: Float[np.ndarray, "relation word_offset"]) -> Float[np.ndarray, " relation"]:
    """The accuracy of the best fixed offset of each relation; NaN where no word counts."""
    return np.where(np.isnan(offsets).any(1), np.nan, np.nan_to_num(offsets).max(1)).astype(np.float32)


def _counted_sentences(stack: Stack) -> list[WordsOfSentence]:
    """The sentences that have words and count, in order."""
    return [one for one in _sentences(stack.queries.syntax) if stack.queries.sentence_queries[one.tokens[0]]]


def _sentences(text: SyntaxWords) -> Iterator[WordsOfSentence]:
    """The sentences that have words, in order."""
    word_starts = np.searchsorted(text.word_of_token, np.arange(len(text.head) + 1))
    borders = [0, *(np.flatnonzero(np.diff(text.sentence)) + 1).tolist(), len(text.sentence)]
    for first, last in itertools.pairwise(borders):
        if first == last:
            continue
        starts = word_starts[first : last + 1]
        heads = np.where(text.head[first:last] < 0, -1, text.head[first:last] - first)
        yield WordsOfSentence(first=first, tokens=text.tokens[starts[0] : starts[-1]], starts=starts[:-1] - starts[0], sizes=np.diff(starts), heads=heads)
