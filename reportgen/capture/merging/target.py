"""What the attribution target depends on, measured in one window, in the document's sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reportgen.contract import spec_of
from reportgen.windows import Window


def target_of_window(arrays: Mapping[str, np.ndarray], window: Window, sentences: int) -> dict[str, np.ndarray]:
    """Arrays under the names of the contract, as the document's: NaN along sentences that the target's window does not read.

    Raises `ValueError` for an array whose axes say nothing of where its sentences are.
    """
    return {name: _placed(name, values, window, sentences) for name, values in arrays.items()}


def _placed(name: str, values: np.ndarray, window: Window, sentences: int) -> np.ndarray:
    spec = spec_of(name)
    if spec is None or values.dtype.kind != "f":
        raise ValueError(f"there is no rule that places {name} in the document")
    axes = ["sentence" in axis for axis in spec.axes]
    merged = np.full([sentences if of_sentences else size for of_sentences, size in zip(axes, values.shape, strict=True)], np.nan, values.dtype)
    merged[tuple(slice(window.first, window.last) if of_sentences else slice(None) for of_sentences in axes)] = values
    return merged
