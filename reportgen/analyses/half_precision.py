"""Numbers of half precision as numbers of single precision, and all there are of them, by which anything that is made of them can be looked up."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Float16, Float32


def single(values: Float[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """The same numbers as float32. Halves are looked up by their bits: attention is full of numbers near 0, which numpy converts one by one and slowly."""
    return _every_half_as_single().take(values.view(np.uint16)) if values.dtype == np.float16 else values.astype(np.float32)


def every_half() -> Float16[np.ndarray, " bits"]:
    """Each number of half precision at the place that its bits say."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@cache
def _every_half_as_single() -> Float32[np.ndarray, " bits"]:
    return every_half().astype(np.float32)
