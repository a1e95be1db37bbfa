"""The whole model's matrix as a still picture, for a reader whose browser runs no script."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from reportgen.packing.codes import Scale

ROWS_AT_MOST, PIXELS = 200, 480
SHADES = 16
CIVIDIS = "00224e 0f326f 35456c 50576c 666970 7d7c78 968f77 b0a473 cbba69 e7d159 fee838"  # as in templates/static/colours.js
EMPTY = SHADES  # the entry of the palette that lets the page show through


@dataclass(frozen=True, kw_only=True)
class MatrixPicture:
    """A PNG as the address of an image, `side` pixels wide and high on the page; a cell stands for `group` rows and columns of the matrix."""

    address: str
    side: int
    group: int


def draw_matrix(values: Float[np.ndarray, "row row"], scale: Scale, triangle: bool) -> MatrixPicture:
    """A square matrix in 16 shades from dark to yellow, logarithmic from `scale.low` to `scale.high`; empty where nothing was computed.

    `triangle`: nothing above the diagonal was. Of more than 200 rows neighbours are drawn as one cell, the mean of those that were computed.
    """
    group = -(-len(values) // ROWS_AT_MOST)
    shades = shade(values, scale, triangle, group)
    return picture_of(shades, palette(), group)


def shade(values: Float[np.ndarray, "row row"], scale: Scale, triangle: bool, group: int) -> UInt8[np.ndarray, "cell cell"]:
    """The shade of every cell, from 0, dark, to 15, yellow; `EMPTY` where nothing was computed. A cell is the mean of group x group pairs."""
    cells = pooled(np.where(np.tri(len(values), dtype=bool), values, np.nan) if triangle else values, group)
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.log(cells / scale.low) / np.log(scale.high / scale.low)
    return np.where(np.isnan(cells), EMPTY, np.rint(np.clip(np.nan_to_num(along, neginf=0), 0, 1) * (SHADES - 1))).astype(np.uint8)


def address_of(picture: bytes) -> str:
    """A PNG as the address of an image that needs no file."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def picture_of(shades: UInt8[np.ndarray, "row column"], colours: bytes, group: int) -> MatrixPicture:
    """Cells as entries of a palette of red, green and blue, the last of which lets the page show through."""
    address = address_of(png(shades, colours, transparent=len(colours) // 3 - 1))
    return MatrixPicture(address=address, side=shades.shape[1] * max(1, PIXELS // shades.shape[1]), group=group)


def pooled(values: Float[np.ndarray, "row row"], group: int) -> Float[np.ndarray, "cell cell"]:
    """Means over group x group cells, leaving out NaN; NaN where there is nothing else."""
    edges = np.arange(0, len(values), group)
    known = ~np.isnan(values)
    sums, counts = (np.add.reduceat(np.add.reduceat(part, edges, 0), edges, 1) for part in (np.where(known, values, 0).astype(np.float64), known.astype(int)))
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def shade_colours() -> list[str]:
    """The shades from dark to yellow, as #rrggbb."""
    entries = palette()
    return ["#" + entries[3 * shade : 3 * shade + 3].hex() for shade in range(SHADES)]


def png(indices: UInt8[np.ndarray, "row column"], colours: bytes, transparent: int | None = None) -> bytes:
    """A PNG of indices into a palette of red, green and blue, the entry `transparent` letting through what is behind.

    *Source:* PNG, third edition (W3C 2025): an image of 8-bit indices into a palette.
    """
    height, width = indices.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1)  # each row begins with its filter, none
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    alpha = () if transparent is None else ((b"tRNS", bytes([255] * transparent + [0])),)
    parts = ((b"IHDR", header), (b"PLTE", colours), *alpha, (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def palette() -> bytes:
    """Red, green and blue of every shade, and of the empty one."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in CIVIDIS.split()])
    places = np.linspace(0, len(stops) - 1, SHADES)
    shades = np.stack([np.interp(places, np.arange(len(stops)), channel) for channel in stops.T], axis=1)
    return np.rint(shades).astype(np.uint8).tobytes() + bytes(3)
