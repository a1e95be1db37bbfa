"""Sentence matrices small enough for a page: 8-bit logarithmic codes, each stored as its difference to what is expected of it.

How often a difference occurs is counted by what was expected and by how far off it was for the cells around. templates/static/decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.coding import code
from reportgen.expecting import BEFORE, UNIT, cells_before, moved, weights_of
from reportgen.packing import LAYER_STEP, WHOLE_STEP, Scale, as_text, deflated, encode, find_scale, step_of, tight_scale

NEAR = ((1, 0), (0, 1), (1, 1), (1, -1))  # whose errors tell how sure one can be
ERRORS = (1, 2, 3, 5, 8, 12, 18, 26)  # of these cells together
LOW = (1229, UNIT, 4 * UNIT)  # what is expected, in parts of a code
ERROR_STEPS = np.digitize(np.arange(ERRORS[-1] + 1), ERRORS)
CONTEXTS = 2 * (len(LOW) + 1) * (len(ERRORS) + 1)


@dataclass(frozen=True, kw_only=True)
class PackedViews:
    """Several square matrices of one scale, view 0 the whole model; `steps` are between neighbouring codes, in natural logarithms, `bytes` are those of each view.

    Weights, by view, and frequencies are 16-bit numbers, lower bytes first.
    """

    low: float
    steps: tuple[float, ...]
    sentences: int
    triangle: bool
    bytes: tuple[int, ...]
    weights: str
    frequencies: str
    data: str

    @property
    def rounding(self) -> float:
        """How far apart neighbouring codes of the first view are, as a share of the value."""
        return float(np.expm1(self.steps[0]))

    @property
    def layer_rounding(self) -> float:
        """The same of the last view, that is of layers."""
        return float(np.expm1(self.steps[-1]))


@dataclass(frozen=True, kw_only=True)
class PackedMeasure:
    """One measure of the workspace: the whole model finely, the layers more coarsely, on the same scale."""

    scale: Scale
    views: PackedViews


def pack_measure(values: Float[np.ndarray, "view row row"], triangle: bool) -> PackedMeasure:
    """View 0 is the whole model. `triangle`: nothing above the diagonal counts."""
    scale = find_scale(values)
    steps = (step_of(scale, WHOLE_STEP), *[step_of(scale, LAYER_STEP)] * (len(values) - 1))
    return PackedMeasure(scale=scale, views=pack_views(values, scale, steps, triangle))


def pack_expected(values: Float[np.ndarray, "*layer row row"], triangle: bool) -> PackedViews:
    """One matrix or one per layer, as finely as a byte allows."""
    views, scale = values.reshape(-1, *values.shape[-2:]), tight_scale(values)
    return pack_views(views, scale, (step_of(scale, 0.0),) * len(views), triangle)


def pack_views(values: Float[np.ndarray, "view row row"], scale: Scale, steps: tuple[float, ...], triangle: bool) -> PackedViews:
    """Packs each view in steps of its own."""
    rows = values.shape[-1]
    within = np.tri(rows, dtype=bool) if triangle else np.ones((rows, rows), bool)
    views = [np.where(within, encode(view, scale, step), 0) for view, step in zip(values, steps, strict=True)]
    weights, symbols, contexts = zip(*(_against_expected(views, view, within) for view in range(len(views))), strict=True)
    coded = code(np.stack(symbols), np.stack(contexts), (CONTEXTS, 256))
    return PackedViews(
        low=scale.low,
        steps=steps,
        sentences=rows,
        triangle=triangle,
        bytes=tuple(len(view) for view in coded.rows),
        weights=deflated(np.stack(weights).astype("<i2").tobytes()),
        frequencies=deflated(coded.frequencies.astype("<u2").tobytes()),
        data=as_text(b"".join(coded.rows)),
    )


def _against_expected(views: Sequence[Int[np.ndarray, "row row"]], view: int, within: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights of a view, how its codes differ from what is expected, modulo 256, and the context of each."""
    known, cells = _known(views, view, within), views[view][within].astype(float)
    weights = weights_of(known, cells)
    wanted = weights @ known
    off = cells - np.floor(wanted / UNIT + 0.5)
    return weights, (off % 256).astype(np.uint8), _contexts(wanted, off, within)


def _known(views: Sequence[Int[np.ndarray, "row row"]], view: int, within: np.ndarray) -> Float[np.ndarray, "known cell"]:
    """1, the cells before in the same view, the cell itself and those before it in the layer before, and it in the one before that; the whole model is not before layer 0."""
    before, twice = (views[view - back] if view > back else np.zeros_like(views[view]) for back in (1, 2))
    known = [*(moved(views[view], *step) for step in BEFORE), before, *(moved(before, *step) for step in BEFORE[:3]), twice]
    return cells_before(known, within)


def _contexts(wanted: Float[np.ndarray, " cell"], off: Float[np.ndarray, " cell"], within: np.ndarray) -> Int[np.ndarray, " cell"]:
    """How far off the cells around were, how much is expected, and to which side of a whole number."""
    errors = np.zeros(within.shape, np.int16)
    errors[within] = np.abs(off)
    near = np.minimum(sum(moved(errors, *step) for step in NEAR)[within], ERRORS[-1])
    side = (wanted // (UNIT // 2) + 1).astype(np.int32) & 1
    return (ERROR_STEPS[near] * (len(LOW) + 1) + np.digitize(wanted, LOW)).astype(np.int32) * 2 + side
