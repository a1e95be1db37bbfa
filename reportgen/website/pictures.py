"""Pictures of a report beside its page: a small one for lists, and one that other sites show with a link. Both are drawn without letters, so that they are the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from reportgen.analyses.sentence_matrix import Result
from reportgen.drawing.matrix_picture import EMPTY, address_of, palette, png, shade
from reportgen.packing.codes import find_scale
from reportgen.website.card import Curve

CELLS = 64  # of the small picture, at most
WIDTH, HEIGHT, MARGIN, GAP = 1200, 630, 48, 24
BAR, TRACK = EMPTY + 1, EMPTY + 2
PAPER = (0xFD, 0xFC, 0xFA)
COLOURS = palette()[: 3 * EMPTY] + bytes(PAPER) + bytes((0x3B, 0x6E, 0xA8)) + bytes((0xE9, 0xE7, 0xE1))


def draw_thumbnail(matrix: Result) -> str:
    """The whole model's matrix as the address of a PNG of 64 x 64 cells at most, empty where nothing was computed."""
    return address_of(png(_shades(matrix, CELLS), palette(), transparent=EMPTY))


def draw_preview(matrix: Result, curves: Sequence[Curve]) -> bytes:
    """A PNG of 1200 x 630 pixels: the whole model's matrix, beside it a row of bars for each score, a bar for each layer."""
    side = HEIGHT - 2 * MARGIN
    canvas = np.full((HEIGHT, WIDTH), EMPTY, np.uint8)
    canvas[MARGIN : MARGIN + side, MARGIN : MARGIN + side] = _enlarged(_shades(matrix, side // 2), side)
    _draw_bars(canvas[MARGIN : MARGIN + side, 2 * MARGIN + side : WIDTH - MARGIN], curves)
    return png(canvas, COLOURS)


def _shades(matrix: Result, at_most: int) -> UInt8[np.ndarray, "cell cell"]:
    values = matrix.attention[0]
    return shade(values, find_scale(values), matrix.causal, -(-len(values) // at_most))


def _enlarged(cells: UInt8[np.ndarray, "cell cell"], side: int) -> UInt8[np.ndarray, "row row"]:
    """Each cell as a square of nearly the same size."""
    places = np.arange(side) * len(cells) // side
    return cells[places[:, None], places[None]]


def _draw_bars(canvas: UInt8[np.ndarray, "row column"], curves: Sequence[Curve]) -> None:
    """A strip for each curve, one under the other, its largest value as high as the strip."""
    edges = np.linspace(0, len(canvas) + GAP, len(curves) + 1).astype(int)
    for curve, top, end in zip(curves, edges[:-1], edges[1:], strict=True):
        _draw_strip(canvas[top : end - GAP], np.array(curve.values))


def _draw_strip(strip: UInt8[np.ndarray, "row column"], values: Float[np.ndarray, " layer"]) -> None:
    height, width = strip.shape
    known = np.where(np.isfinite(values), np.clip(values, 0, None), 0)
    tall = np.rint(known / (known.max() or 1) * height).astype(int)
    layer = np.arange(width) * len(values) // width
    gaps = (np.arange(width) * len(values) % width) >= len(values) * max(1, width // len(values) // 6)
    filled = np.arange(height)[:, None] >= height - tall[layer][None]
    strip[:] = np.where(gaps[None], np.where(filled, BAR, TRACK), EMPTY)
