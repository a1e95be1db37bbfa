"""The still picture of the matrix: each cell's colour by hand, from a decoder that knows nothing of ours."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest

from reportgen.drawing.matrix_picture import draw_matrix
from reportgen.packing.codes import Scale

SCALE = Scale(low=1e-4, high=1.0)
DARK, YELLOW = (0x00, 0x22, 0x4E, 255), (0xFE, 0xE8, 0x38, 255)


def pixels(values: np.ndarray, triangle: bool = False) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    header, data = draw_matrix(values, SCALE, triangle).address.split(",")
    assert header == "data:image/png;base64"
    return np.asarray(image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))


def test_least_and_most_are_dark_and_yellow_and_what_was_never_computed_is_empty() -> None:
    drawn = pixels(np.array([[1.0, np.nan, np.nan], [1e-4, 0.5, np.nan], [0.0, 1e-9, 1.0]]))
    assert tuple(drawn[0, 0]) == tuple(drawn[2, 2]) == YELLOW
    assert tuple(drawn[1, 0]) == tuple(drawn[2, 0]) == tuple(drawn[2, 1]) == DARK
    assert drawn[..., 3].tolist() == [[255, 0, 0], [255, 255, 0], [255, 255, 255]]


def test_shades_grow_lighter_with_the_logarithm() -> None:
    powers = np.tile(10.0 ** -np.arange(4, -1, -1), (5, 1))
    (row,) = {tuple(map(tuple, line.tolist())) for line in pixels(powers)}
    assert len(set(row)) == 5
    assert list(row) == sorted(row, key=sum)


def test_what_no_sentence_of_a_decoder_looks_at_is_empty() -> None:
    assert pixels(np.eye(3), triangle=True)[..., 3].tolist() == [[255, 0, 0], [255, 255, 0], [255, 255, 255]]


def test_many_rows_are_drawn_as_means_of_neighbours() -> None:
    values = np.full((401, 401), 1.0)
    values[:3, :3] = [[np.nan, 1e-4, 1e-4], [np.nan, 1e-4, 1e-4], [np.nan, np.nan, np.nan]]
    picture, drawn = draw_matrix(values, SCALE, False), pixels(values)
    assert (picture.group, drawn.shape, picture.side) == (3, (134, 134, 4), 402)
    assert tuple(drawn[0, 0]) == DARK
    assert {tuple(pixel) for row in drawn[1:] for pixel in row.tolist()} == {YELLOW}


def test_a_matrix_of_one_cell_is_a_picture() -> None:
    assert tuple(pixels(np.ones((1, 1)))[0, 0]) == YELLOW
