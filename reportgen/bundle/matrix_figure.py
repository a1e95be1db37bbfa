"""The sentence-by-sentence matrix as a figure for print, of rectangles in the page's 16 shades."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from reportgen.bundle.sizing import TEXT, Column
from reportgen.drawing.matrix_picture import SHADES, shade, shade_colours
from reportgen.drawing.pictures import INK, QUIET
from reportgen.packing.codes import Scale, find_scale
from reportgen.report import Section
from reportgen.wording import significant

CELLS_AT_MOST = 120  # rows: finer ones are under half a point in one column
LEFT, TOP, RIGHT, BELOW = 30.0, 4.0, 4.0, 50.0  # points beside the matrix
WIDEST = 300.0  # points: in two columns a square as wide as both is higher than what is left of a page
BAR, OVERLAP = 7.0, 0.03  # the legend's height in points; what hides the seams between cells, in cells


@dataclass(frozen=True, kw_only=True)
class Matrices:
    """Pictures as SVG and what they show, by name; none for other sections than the matrix's."""

    pictures: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)


def draw_matrices(section: Section, column: Column) -> Matrices:
    """Share of attention and lift of the whole model's view."""
    if section.name != "sentence_matrix" or len(section.result.sentences) < 2:
        return Matrices()
    result = section.result
    share = result.attention[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.where(result.expected > 0, share / result.expected, np.nan)
    scales = {"share": find_scale(share), "lift": Scale(low=0.1, high=10.0)}
    group = -(-len(share) // CELLS_AT_MOST)
    named = {"share": "Share of attention", "lift": "Lift over even attention"}
    shades = {name: shade(values, scales[name], result.causal, group) for name, values in (("share", share), ("lift", lift))}
    per_cell = result.group * group
    return Matrices(
        pictures={name: _picture(shades[name], scales[name], column, title, per_cell) for name, title in named.items()},
        descriptions={name: _description(title, scales[name], per_cell) for name, title in named.items()},
    )


def _description(title: str, scale: Scale, per_cell: int) -> str:
    grouped = f" Each cell is the mean over {per_cell} by {per_cell} sentences." if per_cell > 1 else ""
    return (
        f"{title} of every sentence (rows, from the top) on every sentence (columns), mean over all layers and heads; 16 shades, logarithmic from "
        f"{significant(scale.low, 2)} or less to {significant(scale.high, 2)} or more.{grouped}"
    )


def _picture(shades: UInt8[np.ndarray, "cell cell"], scale: Scale, column: Column, title: str, per_cell: int) -> str:
    side = min(column.points - LEFT - RIGHT, WIDEST)
    left = LEFT + (column.points - LEFT - RIGHT - side) / 2
    height = TOP + side + BELOW
    parts = [
        f'<rect width="{column.points:g}" height="{height:g}" fill="white"/>',
        f'<g transform="translate({left:g},{TOP:g}) scale({side / len(shades):.6g})">{"".join(_paths(shades))}</g>',
        *_axes(len(shades), per_cell, left, side),
        *_legend(scale, title, left, side),
    ]
    size = f'width="{column.points:g}" height="{height:g}"'
    return f'<svg {size} viewBox="0 0 {column.points:g} {height:g}" font-size="{TEXT:g}">{"".join(parts)}</svg>'


def _paths(shades: UInt8[np.ndarray, "cell cell"]) -> Iterator[str]:
    """A path for each shade, of all runs of it."""
    for place, colour in enumerate(shade_colours()):
        runs = "".join(f"M{x} {y}h{length + OVERLAP:g}v{1 + OVERLAP:g}h-{length + OVERLAP:g}z" for x, y, length in _runs(shades == place))
        if runs:
            yield f'<path fill="{colour}" d="{runs}"/>'


def _runs(chosen: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Column, row and length of the longest runs of chosen cells in rows."""
    edges = np.diff(np.pad(chosen.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    for (row, start), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True):
        yield start, row, end - start


def _axes(cells: int, per_cell: int, left: float, side: float) -> Iterator[str]:
    """Numbers of sentences along both sides, as on the page, and what they are of."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 10**9) if cells * per_cell / step <= 8)
    for sentence in [1, *range(step if step > 1 else 2, cells * per_cell + 1, step)]:
        place = ((sentence - 1) // per_cell + 0.5) * side / cells
        yield _text(sentence, left - 3, TOP + place + 0.35 * TEXT, "end", QUIET)
        yield _text(sentence, left + place, TOP + side + TEXT + 1, "middle", QUIET)
    yield f'<g transform="translate({left - 20:g},{TOP + side / 2:g}) rotate(-90)">{_text("looks (query sentence)", 0.0, 0.0, "middle", INK)}</g>'
    yield _text("is looked at (key sentence)", left + side / 2, TOP + side + 2 * TEXT + 4, "middle", INK)


def _legend(scale: Scale, title: str, left: float, side: float) -> Iterator[str]:
    """The shades with powers of ten below them, and what they are of to their left."""
    top, width = TOP + side + 2 * TEXT + 10, 0.58 * side
    start = left + side - width
    for place, colour in enumerate(shade_colours()):
        yield f'<rect x="{start + place * width / SHADES:g}" y="{top:g}" width="{width / SHADES + OVERLAP:g}" height="{BAR:g}" fill="{colour}"/>'
    for power in range(math.ceil(math.log10(scale.low) - 1e-9), math.floor(math.log10(scale.high) + 1e-9) + 1):
        along = (power - math.log10(scale.low)) / math.log10(scale.high / scale.low)
        yield _text(f"{10.0**power:g}", start + along * width, top + BAR + TEXT, "middle", QUIET)
    yield _text(title, start - 8, top + BAR - 0.5, "end", INK)


def _text(words: object, x: float, y: float, anchor: str, colour: str) -> str:
    return f'<text x="{x:.4g}" y="{y:.4g}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
