"""Overlapping windows of whole sentences that cover a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from reportgen.errors import DocumentError
from reportgen.sentences import Sentence


@dataclass(frozen=True, kw_only=True)
class Window:
    """Consecutive whole sentences that the model reads at once: from `first` up to, not including, `last`; characters `start` to `end`.

    Its own sentences are those from `own` on: no earlier window reads them, so this one reads them with the most text before them.
    """

    first: int
    last: int
    own: int
    start: int
    end: int


def plan_windows(tokens: Int[np.ndarray, " sentence"], *, special: int, size: int, stride: int) -> list[tuple[int, int]]:
    """First sentence and last + 1 of windows of at most `size` tokens, `special` of them added by the tokenizer to each; `tokens` counts each sentence's.

    A window starts at most `stride` tokens after the one before it (later only when a long sentence leaves no other way on), reaches as far as it can
    from there, and then starts as early as it can for where it ends. So windows overlap wherever two sentences fit together, each reaches further than
    the one before, and a sentence has the most text before it in the first window that reads it.
    Raises `DocumentError` for a sentence that no window holds.
    """
    _refuse_what_fits_nowhere(tokens, special, size)
    before = np.concatenate([[0], np.cumsum(tokens)])
    room, windows, first = size - special, [], 0
    last = _reach(before, 0, room)
    windows.append((0, last))
    while last < len(tokens):
        by_stride = int(np.searchsorted(before, before[first] + stride, side="right")) - 1
        start = max(min(by_stride, last - 1), _earliest(before, last + 1, room))
        last = _reach(before, start, room)
        first = _earliest(before, last, room)
        windows.append((first, last))
    return windows


def _refuse_what_fits_nowhere(tokens: Int[np.ndarray, " sentence"], special: int, size: int) -> None:
    longest = int(np.argmax(tokens))
    if tokens[longest] > size - special:
        added = f" beside the {special} that the tokenizer adds" if special else ""
        raise DocumentError(
            f"Sentence {longest + 1} has {tokens[longest]} tokens, and a window holds {size - special}{added}: it cannot be read whole. Split it, or take a larger window."
        )


def _reach(before: Int[np.ndarray, " border"], first: int, room: int) -> int:
    """The end of the longest window from a sentence on."""
    return int(np.searchsorted(before, before[first] + room, side="right")) - 1


def _earliest(before: Int[np.ndarray, " border"], last: int, room: int) -> int:
    """The start of the longest window up to a sentence."""
    return int(np.searchsorted(before, before[last] - room, side="left"))


def place_windows(sentences: Sequence[Sentence], plan: Sequence[tuple[int, int]]) -> tuple[Window, ...]:
    """The planned windows with the characters they span and the first sentence of their own."""
    owns = [0, *(last for _, last in plan)]
    return tuple(
        Window(first=first, last=last, own=own, start=sentences[first].start, end=sentences[last - 1].end)
        for (first, last), own in zip(plan, owns, strict=False)
    )
