"""The white strips that run down between the columns of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from reportgen.documents.pdf.words import Word, type_size

JOINED = 0.7  # of the size: a gap as wide as this may be a gutter, a smaller one is a space
HALF_GUTTER, STEP = 0.3, 0.2  # of the size
NARROWEST, MARGIN = 14, 0.2  # a column's width in sizes; the share of the page at each side that holds no gutter
TALLEST_GAP = 4.5  # lines that a gutter has to run past
PROSE_FILL, PROSE_WORDS = 0.58, 3.0  # the share of a column's width that its words take, and the words to a line
FEWEST_LINES = 4  # of prose on each side of a gutter
OWN_BASELINE, MOST_OWN = 0.12, 0.6  # of the size, off the next baseline of the other side; of the lines


@dataclass(frozen=True, kw_only=True)
class Run:
    """Words one after another on a baseline, with no gap between them that could be a gutter."""

    words: list[Word] = field(default_factory=list)

    @property
    def left(self) -> float:
        return min(word.left for word in self.words)

    @property
    def right(self) -> float:
        return max(word.right for word in self.words)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Runs with their edges as arrays, sorted from the top."""

    runs: tuple[Run, ...]
    left: np.ndarray
    right: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    size: float

    def where(self, chosen: np.ndarray) -> Page:
        picked = tuple(self.runs[index] for index in np.flatnonzero(chosen))
        return Page(runs=picked, left=self.left[chosen], right=self.right[chosen], top=self.top[chosen], bottom=self.bottom[chosen], size=self.size)


def find_gutter(words: Sequence[Word]) -> float | None:
    """The middle of the page's gutter; None where the page has one column."""
    return gutter_of(page_of(words)) if words else None


def page_of(words: Sequence[Word]) -> Page:
    """The words of a page as runs, from the top."""
    runs = sorted(_runs(words), key=lambda run: (run.words[0].top, run.left))
    edges = np.array([(run.left, run.right, min(w.top for w in run.words), max(w.bottom for w in run.words)) for run in runs])
    left, right, top, bottom = edges.T
    return Page(runs=tuple(runs), left=left, right=right, top=top, bottom=bottom, size=type_size(words))


def gutter_of(page: Page) -> float | None:
    """The middle of the white strip that runs down most of the page with columns at its sides."""
    left, right = float(page.left.min()), float(page.right.max())
    if right - left < 2 * NARROWEST * page.size or len(page.runs) < 6:
        return None
    places = np.arange(left + MARGIN * (right - left), right - MARGIN * (right - left), max(1.0, STEP * page.size))
    heights = free_heights(page, places)
    for place in _peaks(places, heights):
        if _is_gutter(page, place):
            return place
    return None


def free_heights(page: Page, places: np.ndarray) -> np.ndarray:
    """For each x, how much of the page's height is in white stretches of several lines."""
    half = HALF_GUTTER * page.size
    crossing = (page.left < places[:, None] + half) & (page.right > places[:, None] - half)  # places x runs
    bottoms = np.maximum.accumulate(np.where(crossing, page.bottom, page.top.min()), axis=1)
    above = np.concatenate([np.full((len(places), 1), page.top.min()), bottoms[:, :-1]], axis=1)
    gaps = np.where(crossing, page.top - above, 0.0)
    gaps = np.concatenate([gaps, page.bottom.max() - bottoms[:, -1:]], axis=1)
    return np.where(gaps > TALLEST_GAP * page.size, gaps, 0.0).sum(axis=1)


def crossing_runs(page: Page, place: float) -> np.ndarray:
    """Which runs cross the strip and do not merely reach a little over it."""
    half = HALF_GUTTER * page.size
    return (page.left < place + half) & (page.right > place - half)


def sides(page: Page, place: float, stretch: tuple[float, float]) -> list[tuple[int, bool]]:
    """For the left and the right of the strip: how many lines there are, and whether they are prose."""
    middle = (page.top + page.bottom) / 2
    inside = (middle > stretch[0]) & (middle < stretch[1])
    is_left = (page.left + page.right) / 2 < place
    return [_lines_and_prose(page.where(inside & side)) for side in (is_left, ~is_left)]


def _runs(words: Sequence[Word]) -> list[Run]:
    runs: list[Run] = []
    for word in words:
        last = runs[-1].words[-1] if runs else None
        if last is not None and _follows(last, word):
            runs[-1].words.append(word)
        else:
            runs.append(Run(words=[word]))
    return runs


def _follows(last: Word, word: Word) -> bool:
    size = max(last.style.size, word.style.size)
    return abs(last.base - word.base) < 0.6 * size and -0.3 * size < word.left - last.right < JOINED * min(last.style.size, word.style.size)


def _peaks(places: np.ndarray, heights: np.ndarray) -> list[float]:
    """The middles of the strips of places past which white runs equally far, the tallest first."""
    peaks: list[tuple[float, float]] = []
    while heights.max(initial=0.0) > 0 and len(peaks) < 6:
        best = int(heights.argmax())
        start, end = best, best
        while start > 0 and heights[start - 1] >= 0.9 * heights[best]:
            start -= 1
        while end + 1 < len(heights) and heights[end + 1] >= 0.9 * heights[best]:
            end += 1
        peaks.append((float(heights[best]), float(places[start : end + 1].mean())))
        heights = heights.copy()
        heights[start : end + 1] = 0.0
    return [place for _, place in peaks]


def _free_stretches(page: Page, place: float) -> list[tuple[float, float]]:
    crossing = crossing_runs(page, place)
    tops = np.append(page.top[crossing], page.bottom.max())
    bottoms = np.maximum.accumulate(np.insert(page.bottom[crossing], 0, page.top.min()))
    return [(float(start), float(end)) for start, end in zip(bottoms, tops, strict=True) if end > start]


def _is_gutter(page: Page, place: float) -> bool:
    """Whether there is prose on both sides of the strip, or on one of them beside lines on baselines of their own."""
    prose, lines = [0, 0], [0, 0]
    for top, bottom in _free_stretches(page, place):
        if bottom - top > TALLEST_GAP * page.size:
            for side, (count, is_prose) in enumerate(sides(page, place, (top, bottom))):
                prose[side] += count * is_prose
                lines[side] += count
    return min(prose) >= FEWEST_LINES or (max(prose) >= FEWEST_LINES <= min(lines) and _has_own_baselines(page, place))


def _has_own_baselines(page: Page, place: float) -> bool:
    """Whether most lines of the side with fewer stand between those of the other: a table's rows do not."""
    is_left = (page.left + page.right) / 2 < place
    left, right = (np.array([run.words[0].base for run in page.where(side).runs]) for side in (is_left, ~is_left))
    few, many = sorted((left, right), key=len)
    off = np.abs(few[:, None] - many[None, :]).min(axis=1)
    return float((off > OWN_BASELINE * page.size).mean()) >= MOST_OWN


def _lines_and_prose(side: Page) -> tuple[int, bool]:
    if not len(side.runs):
        return 0, False
    bases = np.sort([run.words[0].base for run in side.runs])
    lines = 1 + int((np.diff(bases) > 0.5 * side.size).sum())
    words = [word for run in side.runs for word in run.words]
    width = float(side.right.max() - side.left.min())
    fill = sum(word.right - word.left for word in words) / (lines * max(width, 1.0))
    return lines, fill >= PROSE_FILL and len(words) >= PROSE_WORDS * lines and width > NARROWEST * side.size * 0.6
