"""One token axis for a document out of those of its windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.sentences import Sentence
from reportgen.tokens import TokenisedText
from reportgen.windows.planning import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowedText:
    """A document's tokens, and those of each window that the model reads it in.

    `whole` is the document's own token axis: each sentence's tokens, and those of no sentence after it, are those of the window whose own it is; special
    tokens are there once, the first window's before the text and the last window's after it. `parts` are the windows' texts, their sentences counted
    from the window's first. `places[w][t]` is the document's token that token t of window w stands for (the one that holds its last character
    where a window cuts the text into other tokens), `counted[w][t]` whether the document's token is taken from there: true in one window only.
    """

    whole: TokenisedText
    windows: tuple[Window, ...]
    parts: tuple[TokenisedText, ...]
    places: tuple[Int[np.ndarray, " _"], ...]
    counted: tuple[Bool[np.ndarray, " _"], ...]

    @cached_property
    def metadata(self) -> list[dict[str, Any]]:
        """What the measurements file says of its windows; nothing when there is one only."""
        if len(self.windows) == 1:
            return []
        return [
            {"sentences": [window.first, window.last], "own": window.own, "characters": [window.start, window.end], "tokens": len(part.ids)}
            for window, part in zip(self.windows, self.parts, strict=True)
        ]

    def holding(self, first: int, last: int) -> int | None:
        """The window that reads all these sentences with the most text before them; None where no window reads all."""
        found = next(index for index, window in enumerate(self.windows) if last < window.last)
        return found if self.windows[found].first <= first else None

    def stored(self, index: int) -> dict[str, np.ndarray]:
        """What the measurements file says of the text of one window, under the names it has there."""
        window, part = self.windows[index], self.parts[index]
        arrays = {
            "sentences": np.array([window.first, window.last], np.int32),
            "token_ids": part.ids,
            "token_spans": part.spans,
            "token_sentences": part.sentence_of_token,
        }
        return {f"window{index}/{name}": values for name, values in arrays.items()}


def join(sentences: tuple[Sentence, ...], windows: tuple[Window, ...], parts: tuple[TokenisedText, ...], notices: tuple[str, ...]) -> WindowedText:
    """The document's token axis out of its windows' own; `sentences` are the document's."""
    final = len(windows) - 1
    counted = [_own_tokens(window, part, index == final) for index, (window, part) in enumerate(zip(windows, parts, strict=True))]
    whole = _whole(sentences, windows, parts, counted, notices)
    starts = np.cumsum([0, *(mine.sum() for mine in counted)]).tolist()
    known = _Known.of(whole)
    places = [_places(known, part, mine, start) for part, mine, start in zip(parts, counted, starts, strict=False)]
    return WindowedText(whole=whole, windows=windows, parts=parts, places=tuple(places), counted=tuple(counted))


def _whole(
    sentences: tuple[Sentence, ...],
    windows: tuple[Window, ...],
    parts: tuple[TokenisedText, ...],
    counted: Sequence[Bool[np.ndarray, " _"]],
    notices: tuple[str, ...],
) -> TokenisedText:
    def taken(arrays: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([array[mine] for array, mine in zip(arrays, counted, strict=True)])

    members = (part.sentence_of_token + np.where(part.sentence_of_token < 0, 0, window.first) for window, part in zip(windows, parts, strict=True))
    return TokenisedText(
        ids=taken(part.ids for part in parts),
        spans=taken(part.spans for part in parts),
        sentence_of_token=taken(members).astype(np.int32),
        special=taken(part.special for part in parts),
        delimiter=taken(part.delimiter for part in parts),
        sentences=sentences,
        part_of_sentence=np.zeros(len(sentences), np.int32),
        notices=notices,
    )


def _own_tokens(window: Window, text: TokenisedText, final: bool) -> Bool[np.ndarray, " token"]:
    """All tokens after those of the sentences that an earlier window owns; special tokens before the text in the first window only, those after it in the last."""
    earlier = np.flatnonzero((text.sentence_of_token >= 0) & (text.sentence_of_token < window.own - window.first))
    own = np.arange(len(text.ids)) > (earlier[-1] if len(earlier) else -1)
    return own & (final | ~_after_the_text(text)) & ((window.own == 0) | ~_before_the_text(text))


def _before_the_text(text: TokenisedText) -> Bool[np.ndarray, " token"]:
    """The special tokens that precede all others."""
    return np.arange(len(text.special)) < np.flatnonzero(~text.special)[0]


def _after_the_text(text: TokenisedText) -> Bool[np.ndarray, " token"]:
    """The special tokens that follow all others."""
    return np.arange(len(text.special)) > np.flatnonzero(~text.special)[-1]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    """A document's tokens in the orders in which those of its windows are looked up: once for all windows.

    `tokens` stand for text, `order` sorts them by the numbers of their spans, which `names` holds sorted; `ends` is how far the text is read after each; `before` and
    `after` are the special tokens before and after all others.
    """

    tokens: Int[np.ndarray, " token"]
    names: Int[np.ndarray, " token"]
    order: Int[np.ndarray, " token"]
    ends: Int[np.ndarray, " token"]
    before: Int[np.ndarray, " first"]
    after: Int[np.ndarray, " last"]

    @classmethod
    def of(cls, whole: TokenisedText) -> _Known:
        tokens = np.flatnonzero(~whole.special)
        names = _numbered(whole.spans[tokens])
        order, ends = np.argsort(names, kind="stable"), np.maximum.accumulate(whole.spans[tokens, 1])
        before, after = np.flatnonzero(_before_the_text(whole)), np.flatnonzero(_after_the_text(whole))
        return cls(tokens=tokens, names=names[order], order=order, ends=ends, before=before, after=after)

    def by_characters(self, sought: Int[np.ndarray, "sought 2"]) -> Int[np.ndarray, " sought"]:
        """The token with the same characters, the n-th of those for the n-th; where there is none, the first that reaches the last character."""
        wanted = _numbered(sought)
        place = np.minimum(np.searchsorted(self.names, wanted), len(self.order) - 1)
        nearest = np.minimum(np.searchsorted(self.ends, sought[:, 1], side="left"), len(self.ends) - 1)
        return self.tokens[np.where(self.names[place] == wanted, self.order[place], nearest)]


def _places(known: _Known, text: TokenisedText, mine: Bool[np.ndarray, " token"], start: int) -> Int[np.ndarray, " token"]:
    """The document's token for each of a window's."""
    places = np.empty(len(text.ids), np.int64)
    after, added = _after_the_text(text), text.special
    places[~added] = known.by_characters(text.spans[~added])
    places[after] = _one_by_one(int(after.sum()), known.after)
    places[_before_the_text(text)] = _one_by_one(int(_before_the_text(text).sum()), known.before)
    places[mine] = start + np.arange(mine.sum())
    return places


def _one_by_one(count: int, known: Int[np.ndarray, " special"]) -> Int[np.ndarray, " _"]:
    """The document's added tokens for as many of a window's: a chat template's last token may be part of a window's first word, and not of another's."""
    return known[np.minimum(np.arange(count), len(known) - 1)] if len(known) else np.zeros(count, np.int64)


def _numbered(spans: Int[np.ndarray, "token 2"]) -> Int[np.ndarray, " token"]:
    """One number for start, end, and how many tokens in a row have had this span before."""
    fresh = np.ones(len(spans), bool)
    fresh[1:] = (np.diff(spans, axis=0) != 0).any(1)
    index = np.arange(len(spans))
    repeated = index - np.maximum.accumulate(np.where(fresh, index, 0))
    return (spans[:, 0].astype(np.int64) << 36) + ((spans[:, 1] - spans[:, 0]).astype(np.int64) << 12) + np.minimum(repeated, 4095)
