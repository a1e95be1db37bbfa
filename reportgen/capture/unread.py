"""Arrays of a target whose passes read less than the text that is measured, in the text's own sentences and tokens."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.contract import spec_of


def with_unread(arrays: Mapping[str, np.ndarray], given: Feed) -> dict[str, np.ndarray]:
    """The arrays under the names of the contract, with NaN along the sentences and tokens of `given` that come after those they have.

    Raises `ValueError` for an array that has fewer and cannot hold NaN, or that the contract does not know.
    """
    return {name: _grown(name, values, given) for name, values in arrays.items()}


def _grown(name: str, values: np.ndarray, given: Feed) -> np.ndarray:
    spec = spec_of(name)
    if spec is None or len(spec.axes) != values.ndim:
        raise ValueError(f"the contract has no row for {name} with {values.ndim} axes")
    wanted = tuple(max(size, _size(name, axis, given)) for axis, size in zip(spec.axes, values.shape, strict=True))
    if wanted == values.shape:
        return values
    if values.dtype.kind != "f":
        raise ValueError(f"{name} holds {values.dtype} and cannot say what was not read")
    grown = np.full(wanted, np.nan, values.dtype)
    grown[tuple(slice(size) for size in values.shape)] = values
    return grown


def _size(name: str, axis: str, given: Feed) -> int:
    """How many sentences or tokens the text of an axis has; 0 for other axes."""
    text, kind = _text(name, axis, given), axis.removeprefix("query_").removeprefix("key_")
    return {"sentence": text.sentences, "token": text.tokens}.get(kind, 0)


def _text(name: str, axis: str, given: Feed) -> TextLayout:
    """Of an encoder-decoder's decoder both axes are the decoder's text, of its cross-attention the queries alone."""
    stack = name.partition(".")[0]
    of_target = stack == "decoder" or (stack == "cross" and axis.startswith("query_"))
    return given.target if of_target and given.target is not None else given.source
