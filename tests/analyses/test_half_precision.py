"""Looked up, halves are the numbers that numpy converts them to."""

from __future__ import annotations

import numpy as np

from reportgen.analyses.half_precision import single


def test_every_half_becomes_the_same_number() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for values in (halves, halves.reshape(256, 256).T[::3]):
        found = single(values)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, values.astype(np.float32))


def test_other_numbers_are_converted() -> None:
    for dtype in (np.float32, np.float64, ">f2"):
        np.testing.assert_array_equal(single(np.array([0.5, np.nan], dtype)), np.float32([0.5, np.nan]))
