"""A page cut into its columns, in the order in which they are read.

A gutter is a white strip that runs down a good part of the page with prose beside it. What crosses it (a title, an abstract, a wide figure's
caption) makes a band of its own; between two such bands the left column is read before the right one. Columns are cut again, so a page with
three of them is read as well. A table's columns are no prose, and stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.documents.pdf.gutters import FEWEST_LINES, Page, crossing_runs, free_heights, gutter_of, page_of, sides
from reportgen.documents.pdf.words import Word

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


def regions(words: Sequence[Word], gutter: float | None = None) -> list[Region]:
    """The columns and bands of a page in reading order; `gutter` is where the document's other pages have theirs."""
    if not words:
        return []
    page = page_of(words)
    return _cut(page, (float(page.left.min()), float(page.right.max())), gutter)


def _cut(page: Page, edges: tuple[float, float], known: float | None) -> list[Region]:
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


def _gutter_here(page: Page, edges: tuple[float, float], known: float | None) -> tuple[float | None, bool]:
    """Where the page has its gutter, if it has one, and whether other pages have it there too."""
    own = gutter_of(page)
    if known is not None and edges[0] < known < edges[1] and (own is None or abs(own - known) < NEAR * page.size):
        return (known if own is None else own), True
    tall = own is not None and float(free_heights(page, np.array([own]))[0]) > TALL * float(page.bottom.max() - page.top.min())
    return (own if tall else None), False


def _columns(band: Page, edges: tuple[float, float], gutter: float) -> list[Region]:
    """The regions of the left side, then those of the right one."""
    is_left = (band.left + band.right) / 2 < gutter
    left, right = band.where(is_left), band.where(~is_left)
    inner = float(left.right.max()) if len(left.runs) else gutter, float(right.left.min()) if len(right.runs) else gutter
    found = _cut(left, (edges[0], max(inner[0], edges[0])), None) if len(left.runs) else []
    return found + (_cut(right, (min(inner[1], edges[1]), edges[1]), None) if len(right.runs) else [])


def _region(page: Page, edges: tuple[float, float]) -> Region:
    return Region(words=tuple(word for run in page.runs for word in run.words), left=edges[0], right=edges[1])


def _really_crossing(page: Page, place: float) -> np.ndarray:
    over = np.minimum(place - page.left, page.right - place)
    return crossing_runs(page, place) & (over > OVERHANG * page.size)


def _bands(page: Page, gutter: float, *, strict: bool) -> list[tuple[float, float, bool]]:
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


def _free_between(page: Page, crossing: np.ndarray) -> list[tuple[float, float]]:
    tops = np.append(page.top[crossing], np.inf)
    bottoms = np.maximum.accumulate(np.insert(page.bottom[crossing], 0, -np.inf))
    return [(float(start), float(end)) for start, end in zip(bottoms, tops, strict=True) if end > start]


def _past_short_last_line(page: Page, crossing: np.ndarray, gutter: float, top: float) -> float:
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


def _past_table(page: Page, top: float, gutter: float) -> float:
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


def _has_columns(page: Page, gutter: float, stretch: tuple[float, float], *, strict: bool) -> bool:
    (left, left_prose), (right, right_prose) = sides(page, gutter, stretch)
    enclosed = stretch[0] > page.top.min() and stretch[1] < page.bottom.max()
    if (strict or enclosed) and max(left, right) < FEWEST_LINES - 1:
        return False
    if left_prose or right_prose:
        return min(left, right) >= 1 or max(left, right) >= 3
    return False
