"""Which characters each token stands for, where a tokenizer does not tell: what its tokens write, found again in the text."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.errors import ModelError
from reportgen.tokens.writing import agreement, written_text

AROUND = 8  # tokens that one token is written after: marks of spaces and parts of words show only there
ENOUGH, MOST, FEW = 8, 24, 3  # letters that are looked for together where a text goes on after something that was not found
NEAR, FAR = 40, 2000  # letters that may be passed over for fewer letters than enough, and for enough
# What one unknown token may stand for, by the ways in which tokenizers cut a text: at blanks, at punctuation, and between ideographs.
LETTERS, IDEOGRAPH = r"[^\W_]", r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
WORDS = (r"\S+", rf"{LETTERS}+|[^\w\s]|_", rf"{IDEOGRAPH}|(?:(?!{IDEOGRAPH}){LETTERS})+|[^\w\s]|_")
LEAST_FOUND = 0.5  # of the tokens that write letters
UNFINISHED = "\ufffd"


@dataclass(frozen=True, kw_only=True)
class Letters:
    """A text without case, accents, white space and characters that are not seen: `keys`, and the character of the text that each comes from."""

    keys: str
    places: tuple[int, ...]

    @property
    def between(self) -> list[bool]:
        """Before each letter and after the last, whether something stands there that is none."""
        return [*(place > before + 1 for before, place in itertools.pairwise([-1, *self.places])), True]

    @classmethod
    def of(cls, text: str) -> Letters:
        found = [(key, place) for place, character in enumerate(text) for key in _keys(character)]
        return cls(keys="".join(key for key, _ in found), places=tuple(place for _, place in found))


@lru_cache(maxsize=1 << 16)
def _keys(character: str) -> str:
    """What a tokenizer's normaliser can hardly change of a character: its letters decomposed, without marks and case."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(part for part in plain if unicodedata.category(part)[0] not in "MZC" and part != UNFINISHED)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundSpans:
    """Start and end in a text of each of its tokens; `shared` counts those that stand for the same characters as others without being parts of one."""

    spans: Int[np.ndarray, "token 2"]
    shared: int


def find_spans(tokenizer: Any, ids: Int[np.ndarray, " token"], text: str) -> FoundSpans:
    """Where each token of a text stands in it; none of them were added to it.

    What a token adds to the decoded text is looked for after what the token before it stands for, without case, accents and blanks. Tokens that are not
    found so (unknown words, white space) share the characters between their neighbours: word by word where there are as many. Parts of a character stand
    for the whole of it; a token that stands for nothing has an empty span. Raises `ModelError` when most tokens are not found. Memory: a few numbers for
    each character.
    """
    written = list(_pieces(tokenizer, ids.tolist()))
    pieces = [piece for piece, _ in written]
    letters, unknown = Letters.of(text), getattr(tokenizer, "unk_token_id", None)
    search = _Search(
        keys=letters.keys, between=letters.between, wanted=[Letters.of(piece).keys for piece in pieces], unknown=[number == unknown for number in ids.tolist()]
    )
    found = search.places()
    wanted = sum(map(bool, search.wanted))
    if len(found) < LEAST_FOUND * wanted:
        raise ModelError(
            f"The model's tokenizer does not tell which characters a token stands for, and only {len(found)} of {wanted} tokens are found in the text "
            "by what they write: a fast tokenizer is needed."
        )
    spans = {token: (letters.places[start], letters.places[end - 1] + 1) for token, (start, end) in found.items()}
    placed = _with_parts(_with_gaps(spans, pieces, text), written, text)
    return FoundSpans(spans=placed, shared=_shared(placed))


def _shared(spans: Int[np.ndarray, "token 2"]) -> int:
    """How many tokens have the span of a neighbour that is longer than a character."""
    same = (np.diff(spans, axis=0) == 0).all(1) & (spans[1:, 1] - spans[1:, 0] > 1)
    return int((np.append(same, False) | np.append(False, same)).sum())


def _pieces(tokenizer: Any, ids: Sequence[int]) -> Iterator[tuple[str, bool]]:
    """What each token adds to the decoded text, as it stays when the next one follows; and whether it ends within a character that following ones finish."""
    for place in range(len(ids)):
        first = max(0, place - AROUND)
        start, end = (_settled(tokenizer, ids, first, edge) for edge in (place, place + 1))
        text = written_text(tokenizer, ids[first : place + 1])
        yield text[start:end], text[end:] == UNFINISHED


def _settled(tokenizer: Any, ids: Sequence[int], first: int, end: int) -> int:
    """How much of what the tokens from `first` up to `end` write stays when others follow; up to three more finish a character."""
    text = written_text(tokenizer, ids[first:end])
    further = range(end + 1, min(end + (3 if text.endswith(UNFINISHED) else 1), len(ids)) + 1)
    return min((agreement(text, written_text(tokenizer, ids[first:beyond])) for beyond in further), default=len(text))


@dataclass(frozen=True, kw_only=True)
class _Search:
    """The letters of a text, before which of them something else stands, the letters that each token writes, and which tokens stand for what the tokenizer does not know."""

    keys: str
    between: Sequence[bool]
    wanted: Sequence[str]
    unknown: Sequence[bool]

    def places(self) -> dict[int, tuple[int, int]]:
        """Start and end among the letters of every token that is found, in order."""
        found: dict[int, tuple[int, int]] = {}
        reached, least, passed = 0, 0, 0
        for token, letters in enumerate(self.wanted):
            start = self._start(token, reached, least, passed) if letters else -1
            if start < 0:
                least, passed = least + self.unknown[token], passed + 1
                continue
            reached, least, passed = start + len(letters), 0, 0
            found[token] = start, reached
        return found

    def _start(self, token: int, reached: int, least: int, passed: int) -> int:
        """Where a token's letters begin, after `passed` tokens that were not found, `least` of which stand for a letter at least; -1 where they are not found."""
        if (not least or self.between[reached]) and self.keys.startswith(self.wanted[token], reached):  # what is unknown may stand between the letters
            return reached
        together = self._together(token)
        for length in range(len(together), 0, -1):
            sought = "".join(together[:length])
            if len(sought) < FEW and length < len(together):
                break
            far = FAR if len(sought) >= ENOUGH else NEAR * (passed + 1)
            start = self.keys.find(sought, reached + least, reached + least + far + len(sought))
            if start >= 0:
                return start
        return -1

    def _together(self, token: int) -> list[str]:
        """The letters of a token and of those after it, up to an unknown one."""
        found: list[str] = []
        for place in range(token, len(self.wanted)):
            if self.unknown[place] or sum(map(len, found)) >= MOST:
                break
            found.append(self.wanted[place])
        return found


def _with_gaps(spans: dict[int, tuple[int, int]], pieces: Sequence[str], text: str) -> Int[np.ndarray, "token 2"]:
    """All tokens' spans: of those in `spans`, and of the others, which lie in what is left between them."""
    found = np.zeros((len(pieces), 2), np.int32)
    before, reached = -1, 0
    for token in [*spans, len(pieces)]:
        start = spans[token][0] if token < len(pieces) else len(text)
        between = range(before + 1, token)
        if between:
            found[before + 1 : token] = _share_out([pieces[place] for place in between], text, reached, max(start, reached))
        elif before >= 0:
            found[before, 1] = max(found[before, 1], _marks_until(text, reached, start))
        if token < len(pieces):
            found[token] = spans[token]
            before, reached = token, max(reached, spans[token][1])
    return found


def _marks_until(text: str, start: int, stop: int) -> int:
    """The end of the marks that stand on the character before `start`."""
    return start + sum(1 for _ in itertools.takewhile(lambda character: unicodedata.category(character)[0] == "M", text[start:stop]))


def _share_out(pieces: Sequence[str], text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """Spans between two places: as the tokens write it, else word by word where there are as many, else all of it for each."""
    gap = text[start:stop]
    if "".join(pieces) == gap:
        ends = start + np.cumsum([0, *map(len, pieces)])
        return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))
    start += len(gap) - len(_without_marks(gap))
    gap = text[start:stop]
    for pattern in WORDS if gap.strip() else (r"\s+",):
        words = [(start + word.start(), start + word.end()) for word in re.finditer(pattern, gap)]
        if len(words) == len(pieces):
            return words
    whole = (start + len(gap) - len(gap.lstrip()), stop - len(gap) + len(gap.rstrip())) if gap.strip() else (start, stop)
    return [whole] * len(pieces)


def _without_marks(gap: str) -> str:
    """What follows the marks and unseen characters that belong to what stands before."""
    return "".join(itertools.dropwhile(lambda character: not character.isspace() and not _keys(character), gap))


def _with_parts(spans: Int[np.ndarray, "token 2"], written: Sequence[tuple[str, bool]], text: str) -> Int[np.ndarray, "token 2"]:
    """The same with tokens that begin a character of several bytes reaching to its end, and those that write nothing standing for the mark of an unfinished one before."""
    for token in range(len(written) - 2, -1, -1):
        piece, begins = written[token]
        (start, end), (after, until) = spans[token], spans[token + 1]
        if until > after and not text[after].isascii() and ((begins and piece and end <= after) or (start == end and not piece)):
            spans[token] = start if piece else after, after + 1
    pieces = [piece for piece, _ in written]
    for token in range(1, len(pieces)):
        end = spans[token - 1, 1]
        if spans[token, 0] == spans[token, 1] and not pieces[token] and text[max(end - 1, 0) : end] == UNFINISHED:
            spans[token] = end - 1, end
    return spans
