"""A page cut into its columns, in the order in which they are read.

A gutter is a white strip that runs down a good part of the page with prose beside it. What crosses it (a title, an abstract, a wide figure's
caption) makes a band of its own; between two such bands the left column is read before the right one. Columns are cut again, so a page with
three of them is read as well. A table's columns are no prose, and stay together.
"""

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
TALL = 0.4  # of the page's text: a gutter that no other page has runs past as much
NEAR = 2.0  # sizes: gutters of two pages nearer than this are one
ROW_GAP, WIDEST_CELL, FEWEST_ROWS = 2.5, 0.3, 4  # sizes between rows; of the page's width; cells that have one beside them over the gutter
OVERHANG = 1.5  # sizes by which a line may reach over a gutter and still belong to its side


@dataclass(frozen=True, kw_only=True)
class Region:
    """The words of one column or of one band across the page, with the column's edges."""

    words: tuple[Word, ...]
    left: float
    right: float


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Words one after another on a baseline, with no gap between them that could be a gutter."""

    words: list[Word] = field(default_factory=list)

    @property
    def left(self) -> float:
        return min(word.left for word in self.words)

    @property
    def right(self) -> float:
        return max(word.right for word in self.words)


@dataclass(frozen=True, kw_only=True)
class _Page:
    """Runs with their edges as arrays, sorted from the top."""

    runs: tuple[_Run, ...]
    left: np.ndarray
    right: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    size: float

    def where(self, chosen: np.ndarray) -> _Page:
        picked = tuple(self.runs[index] for index in np.flatnonzero(chosen))
        return _Page(runs=picked, left=self.left[chosen], right=self.right[chosen], top=self.top[chosen], bottom=self.bottom[chosen], size=self.size)


def regions(words: Sequence[Word], gutter: float | None = None) -> list[Region]:
    """The columns and bands of a page in reading order; `gutter` is where the document's other pages have theirs."""
    if not words:
        return []
    page = _page(words)
    return _cut(page, (float(page.left.min()), float(page.right.max())), gutter)


def find_gutter(words: Sequence[Word]) -> float | None:
    """The middle of the page's gutter; None where the page has one column."""
    return _gutter(_page(words)) if words else None


def _page(words: Sequence[Word]) -> _Page:
    runs = sorted(_runs(words), key=lambda run: (run.words[0].top, run.left))
    edges = np.array([(run.left, run.right, min(w.top for w in run.words), max(w.bottom for w in run.words)) for run in runs])
    left, right, top, bottom = edges.T
    return _Page(runs=tuple(runs), left=left, right=right, top=top, bottom=bottom, size=type_size(words))


def _runs(words: Sequence[Word]) -> list[_Run]:
    runs: list[_Run] = []
    for word in words:
        last = runs[-1].words[-1] if runs else None
        if last is not None and _follows(last, word):
            runs[-1].words.append(word)
        else:
            runs.append(_Run(words=[word]))
    return runs


def _follows(last: Word, word: Word) -> bool:
    size = max(last.style.size, word.style.size)
    return abs(last.base - word.base) < 0.6 * size and -0.3 * size < word.left - last.right < JOINED * min(last.style.size, word.style.size)


def _cut(page: _Page, edges: tuple[float, float], known: float | None) -> list[Region]:
    gutter, is_known = _gutter_here(page, edges, known)
    bands = _bands(page, gutter, strict=not is_known) if gutter is not None else []
    if not any(split for *_, split in bands):
        return [_region(page, edges)] if len(page.runs) else []
    found = []
    middle = (page.top + page.bottom) / 2
    for top, bottom, split in bands:
        band = page.where((middle >= top) & (middle < bottom))
        found += _columns(band, edges, gutter) if split else _cut(band, edges, None)
    return [region for region in found if region.words]


def _gutter_here(page: _Page, edges: tuple[float, float], known: float | None) -> tuple[float | None, bool]:
    """Where the page has its gutter, if it has one, and whether other pages have it there too."""
    own = _gutter(page)
    if known is not None and edges[0] < known < edges[1] and (own is None or abs(own - known) < NEAR * page.size):
        return (known if own is None else own), True
    tall = own is not None and float(_free_heights(page, np.array([own]))[0]) > TALL * float(page.bottom.max() - page.top.min())
    return (own if tall else None), False


def _columns(band: _Page, edges: tuple[float, float], gutter: float) -> list[Region]:
    """The regions of the left side, then those of the right one."""
    is_left = (band.left + band.right) / 2 < gutter
    left, right = band.where(is_left), band.where(~is_left)
    inner = float(left.right.max()) if len(left.runs) else gutter, float(right.left.min()) if len(right.runs) else gutter
    found = _cut(left, (edges[0], max(inner[0], edges[0])), None) if len(left.runs) else []
    return found + (_cut(right, (min(inner[1], edges[1]), edges[1]), None) if len(right.runs) else [])


def _region(page: _Page, edges: tuple[float, float]) -> Region:
    return Region(words=tuple(word for run in page.runs for word in run.words), left=edges[0], right=edges[1])


def _gutter(page: _Page) -> float | None:
    """The middle of the white strip that runs down most of the page with columns at its sides."""
    left, right = float(page.left.min()), float(page.right.max())
    if right - left < 2 * NARROWEST * page.size or len(page.runs) < 6:
        return None
    places = np.arange(left + MARGIN * (right - left), right - MARGIN * (right - left), max(1.0, STEP * page.size))
    heights = _free_heights(page, places)
    for place in _peaks(places, heights):
        if _is_gutter(page, place):
            return place
    return None


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


def _free_heights(page: _Page, places: np.ndarray) -> np.ndarray:
    """For each x, how much of the page's height is in white stretches of several lines."""
    half = HALF_GUTTER * page.size
    crossing = (page.left < places[:, None] + half) & (page.right > places[:, None] - half)  # places x runs
    bottoms = np.maximum.accumulate(np.where(crossing, page.bottom, page.top.min()), axis=1)
    above = np.concatenate([np.full((len(places), 1), page.top.min()), bottoms[:, :-1]], axis=1)
    gaps = np.where(crossing, page.top - above, 0.0)
    gaps = np.concatenate([gaps, page.bottom.max() - bottoms[:, -1:]], axis=1)
    return np.where(gaps > TALLEST_GAP * page.size, gaps, 0.0).sum(axis=1)


def _free_stretches(page: _Page, place: float) -> list[tuple[float, float]]:
    crossing = _crossing(page, place)
    tops = np.append(page.top[crossing], page.bottom.max())
    bottoms = np.maximum.accumulate(np.insert(page.bottom[crossing], 0, page.top.min()))
    return [(float(start), float(end)) for start, end in zip(bottoms, tops, strict=True) if end > start]


def _crossing(page: _Page, place: float) -> np.ndarray:
    """Which runs cross the strip and do not merely reach a little over it."""
    half = HALF_GUTTER * page.size
    return (page.left < place + half) & (page.right > place - half)


def _really_crossing(page: _Page, place: float) -> np.ndarray:
    over = np.minimum(place - page.left, page.right - place)
    return _crossing(page, place) & (over > OVERHANG * page.size)


def _is_gutter(page: _Page, place: float) -> bool:
    """Whether there is prose on both sides of the strip, or on one of them beside lines on baselines of their own."""
    prose, lines = [0, 0], [0, 0]
    for top, bottom in _free_stretches(page, place):
        if bottom - top > TALLEST_GAP * page.size:
            for side, (count, is_prose) in enumerate(_sides(page, place, (top, bottom))):
                prose[side] += count * is_prose
                lines[side] += count
    return min(prose) >= FEWEST_LINES or (max(prose) >= FEWEST_LINES <= min(lines) and _has_own_baselines(page, place))


def _has_own_baselines(page: _Page, place: float) -> bool:
    """Whether most lines of the side with fewer stand between those of the other: a table's rows do not."""
    is_left = (page.left + page.right) / 2 < place
    left, right = (np.array([run.words[0].base for run in page.where(side).runs]) for side in (is_left, ~is_left))
    few, many = sorted((left, right), key=len)
    off = np.abs(few[:, None] - many[None, :]).min(axis=1)
    return float((off > OWN_BASELINE * page.size).mean()) >= MOST_OWN


def _sides(page: _Page, place: float, stretch: tuple[float, float]) -> list[tuple[int, bool]]:
    """For the left and the right of the strip: how many lines there are, and whether they are prose."""
    middle = (page.top + page.bottom) / 2
    inside = (middle > stretch[0]) & (middle < stretch[1])
    is_left = (page.left + page.right) / 2 < place
    return [_lines_and_prose(page.where(inside & side)) for side in (is_left, ~is_left)]


def _lines_and_prose(side: _Page) -> tuple[int, bool]:
    if not len(side.runs):
        return 0, False
    bases = np.sort([run.words[0].base for run in side.runs])
    lines = 1 + int((np.diff(bases) > 0.5 * side.size).sum())
    words = [word for run in side.runs for word in run.words]
    width = float(side.right.max() - side.left.min())
    fill = sum(word.right - word.left for word in words) / (lines * max(width, 1.0))
    return lines, fill >= PROSE_FILL and len(words) >= PROSE_WORDS * lines and width > NARROWEST * side.size * 0.6


def _bands(page: _Page, gutter: float, *, strict: bool) -> list[tuple[float, float, bool]]:
    """The page from top to bottom as (top, bottom, whether it has two columns there)."""
    crossing = _really_crossing(page, gutter)
    if not crossing.any():
        return [(-np.inf, np.inf, True)]
    bands: list[tuple[float, float, bool]] = []
    at = -np.inf
    for top, bottom in _free_between(page, crossing):
        top = _past_table(page, _past_short_last_line(page, crossing, gutter, top), gutter)
        if top < bottom and _has_columns(page, gutter, (top, bottom), strict=strict):
            bands += [(at, top, False), (top, bottom, True)]
            at = bottom
    bands.append((at, np.inf, False))
    return [band for band in bands if band[0] < band[1]]


def _free_between(page: _Page, crossing: np.ndarray) -> list[tuple[float, float]]:
    tops = np.append(page.top[crossing], np.inf)
    bottoms = np.maximum.accumulate(np.insert(page.bottom[crossing], 0, -np.inf))
    return [(float(start), float(end)) for start, end in zip(bottoms, tops, strict=True) if end > start]


def _past_short_last_line(page: _Page, crossing: np.ndarray, gutter: float, top: float) -> float:
    """The top of the columns, below the last line of the band above where that line is too short to cross the gutter."""
    above = np.flatnonzero(crossing & (np.abs(page.bottom - top) < 0.5 * page.size))
    if not len(above):
        return top
    last = int(above[-1])
    size = page.runs[last].words[0].style.size
    next_ones = np.flatnonzero((page.top >= top - 0.4 * size) & (page.top < top + 0.9 * size) & ~crossing)
    alone = len(next_ones) == 1 and abs(page.runs[next_ones[0]].words[0].style.size - size) < 0.05 * size
    if alone and abs(page.left[next_ones[0]] - page.left[last]) < 2.5 * size and page.right[next_ones[0]] < gutter:
        return float(page.bottom[next_ones[0]])
    return top


def _past_table(page: _Page, top: float, gutter: float) -> float:
    """The top of the columns, below the rows of a table that stands on both sides of the gutter right under a line that crosses it."""
    if top == -np.inf:
        return top
    reached, rows = top, 0
    for index in np.flatnonzero(page.top >= top - 0.4 * page.size):
        near = page.top[index] - reached < ROW_GAP * page.size
        if not near or page.right[index] - page.left[index] > WIDEST_CELL * (page.right.max() - page.left.min()):
            break
        level = np.abs(page.top - page.top[index]) < 0.2 * page.size
        rows += bool((level & (page.left > gutter)).any() and (level & (page.right < gutter)).any())
        reached = max(reached, float(page.bottom[index]))
    return reached if rows >= FEWEST_ROWS else top


def _has_columns(page: _Page, gutter: float, stretch: tuple[float, float], *, strict: bool) -> bool:
    (left, left_prose), (right, right_prose) = _sides(page, gutter, stretch)
    enclosed = stretch[0] > page.top.min() and stretch[1] < page.bottom.max()
    if (strict or enclosed) and max(left, right) < FEWEST_LINES - 1:
        return False
    if left_prose or right_prose:
        return min(left, right) >= 1 or max(left, right) >= 3
    return False
