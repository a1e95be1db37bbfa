"""Both matrices and their difference as pictures, and their numbers for the page's script."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.comparison.between import Between
from reportgen.drawing.matrix_picture import ROWS_AT_MOST, MatrixPicture, draw_matrix, picture_of, pooled
from reportgen.packing.codes import Scale, find_scale

SPAN, STEPS = 2.0, 16  # doublings to either side of no change, and steps from end to end
# As in templates/static/colours.js: green for less, purple for more, safe for colour-blind readers.
AROUND = {
    "light": "0b5330 2f8757 93c5a2 f1efea c2a6d3 8a52a3 4b1263",
    "dark": "a6e3bd 57b380 2c6243 25282c 6a3f80 b07bc9 ecc6ff",
}


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Stills of shares in A and in B on one scale, and of the doublings of lift between them, by day and by night; the same for all is how many units a cell stands for."""

    a: MatrixPicture
    b: MatrixPicture
    light: MatrixPicture
    dark: MatrixPicture
    legend_light: MatrixPicture
    legend_dark: MatrixPicture
    scale: Scale


def draw_pictures_of(between: Between) -> Pictures:
    """The stills; cells that a file does not know, or that cannot be compared, let the page show through."""
    cells = between.cells
    shares = [np.where(side.expected > 0, side.share, np.nan) for side in (cells.a, cells.b)]
    scale = find_scale(np.nan_to_num(np.stack(shares)))
    drawn = [draw_matrix(values, scale, False) for values in shares]
    changes = changes_of(between)
    pictures = {name: _around(changes, stops) for name, stops in AROUND.items()}
    ramp = np.linspace(-SPAN, SPAN, STEPS + 1)[None]
    legends = {name: _around(ramp, stops) for name, stops in AROUND.items()}
    return Pictures(
        a=drawn[0], b=drawn[1], light=pictures["light"], dark=pictures["dark"], legend_light=legends["light"], legend_dark=legends["dark"], scale=scale
    )


def changes_of(between: Between) -> Float[np.ndarray, "unit unit"]:
    """Doublings of lift; 0 where the difference is no more than rounding. A lift of 0 in one file alone counts as the end of the scale."""
    cells = between.cells
    ends = np.where(cells.a.share > 0, -SPAN, SPAN)
    found = np.where(np.isnan(cells.doublings) & cells.common, ends, cells.doublings)
    return np.where(cells.common & ~between.beyond, 0.0, found)


def _around(values: Float[np.ndarray, "row column"], stops: str) -> MatrixPicture:
    group = -(-len(values) // ROWS_AT_MOST)
    cells = values if group == 1 else pooled(values, group)
    along = np.rint(np.clip((np.nan_to_num(cells) / SPAN + 1) / 2, 0, 1) * STEPS)
    return picture_of(np.where(np.isnan(cells), STEPS + 1, along).astype(np.uint8), _palette(stops), group)


def _palette(stops: str) -> bytes:
    colours = np.array([list(bytes.fromhex(stop)) for stop in stops.split()])
    places = np.linspace(0, len(colours) - 1, STEPS + 1)
    shades = np.stack([np.interp(places, np.arange(len(colours)), channel) for channel in colours.T], axis=1)
    return np.rint(shades).astype(np.uint8).tobytes() + bytes(3)


@dataclass(frozen=True, kw_only=True)
class PackedCells:
    """Numbers of each cell of the stills, row after row, as 16-bit floating point numbers in base 64: three significant digits."""

    cells: int
    group: int
    share_a: str
    share_b: str
    lift_a: str
    lift_b: str


def pack_cells(between: Between) -> PackedCells:
    """Means over the pairs that share a cell."""
    cells, size = between.cells, len(between.cells.common)
    group = -(-size // ROWS_AT_MOST)
    values = {"share_a": cells.a.share, "share_b": cells.b.share, "lift_a": cells.a.lift, "lift_b": cells.b.lift}
    return PackedCells(cells=-(-size // group), group=group, **{name: _packed(pooled(matrix, group)) for name, matrix in values.items()})


def _packed(values: Float[np.ndarray, "cell cell"]) -> str:
    return base64.b64encode(values.astype("<f2").tobytes()).decode("ascii")
