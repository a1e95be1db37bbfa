"""Numbers of half precision as numbers of single precision."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Float32


def single(values: Float[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """The same numbers as float32. Halves are looked up by their bits: attention is full of numbers near 0, which numpy converts one by one and slowly."""
    return _every_half().take(values.view(np.uint16)) if values.dtype == np.float16 else values.astype(np.float32)


@cache
def _every_half() -> Float32[np.ndarray, " bits"]:
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
