"""Sentence matrices small enough for a page: 8-bit logarithmic codes, each stored as its difference to what is expected of it.

How often a difference occurs is counted by what was expected and by how far off it was for the cells around. templates/static/decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, UInt8

from reportgen.analyses.sentence_matrix import Result
from reportgen.packing.codes import LAYER_STEP, WHOLE_STEP, Scale, as_text, deflated, encode, find_scale, step_of, tight_scale
from reportgen.packing.coding import Symbols, code_all
from reportgen.packing.expecting import BEFORE, UNIT, Cells, expected, weights_of

NEAR = 4  # of the cells before, whose errors tell how sure one can be
ERRORS = (1, 2, 3, 5, 8, 12, 18, 26)  # of these cells together
LOW = (1229, UNIT, 4 * UNIT)  # what is expected, in parts of a code
ERROR_STEPS = np.digitize(np.arange(ERRORS[-1] + 1), ERRORS).astype(np.uint8)
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


@dataclass(frozen=True, kw_only=True)
class PackedMeasure:
    """One measure of the workspace: the whole model finely, the layers more coarsely, on the same scale.

    All views together, or the whole model and then the layers where these have fewer rows.
    """

    scale: Scale
    sets: tuple[PackedViews, ...]

    @property
    def rounding(self) -> float:
        """How far apart neighbouring codes of the whole model are, as a share of the value."""
        return float(np.expm1(self.sets[0].steps[0]))

    @property
    def layer_rounding(self) -> float:
        """The same of layers."""
        return float(np.expm1(self.sets[-1].steps[-1]))


@dataclass(frozen=True, kw_only=True)
class PackedMatrices:
    """Every measure of the workspace, None where it was not measured, and what even attention gives."""

    attention: PackedMeasure
    isa: PackedMeasure
    rollout: PackedMeasure | None
    rollout_without_sink: PackedMeasure | None
    expected: PackedViews


def pack_matrices(result: Result) -> PackedMatrices:
    """All matrices of the workspace, coded side by side, which takes little longer than one of them."""
    measures = {name: getattr(result, name) for name in ("attention", "isa", "rollout", "rollout_without_sink")}
    there = {name: _sets_of_measure(values, result.causal) for name, values in measures.items() if values is not None}
    *packed, expected = pack_all([*chain.from_iterable(there.values()), _views_of_expected(result.expected, result.causal)])
    rest = iter(packed)
    found = {name: PackedMeasure(scale=sets[0].scale, sets=tuple(islice(rest, len(sets)))) for name, sets in there.items()}
    return PackedMatrices(**dict.fromkeys(measures) | found, expected=expected)


@dataclass(frozen=True, kw_only=True)
class Views:
    """Matrices of one scale to be packed, each in steps of its own. `triangle`: nothing above the diagonal counts."""

    values: Float[np.ndarray, "view row row"]
    scale: Scale
    steps: tuple[float, ...]
    triangle: bool


def _sets_of_measure(values: Sequence[Float[np.ndarray, "_ _"]], triangle: bool) -> tuple[Views, ...]:
    """View 0 is the whole model, packed more finely. Neighbours of equal size are one set."""
    scale = find_scale(values[0])
    steps = (step_of(scale, WHOLE_STEP), *[step_of(scale, LAYER_STEP)] * (len(values) - 1))
    border = 1 if len(values[0]) != len(values[-1]) else len(values)
    parts = [part for part in (slice(border), slice(border, None)) if values[part]]
    return tuple(Views(values=np.stack(values[part]), scale=scale, steps=steps[part], triangle=triangle) for part in parts)


def _views_of_expected(values: Float[np.ndarray, "*layer row row"], triangle: bool) -> Views:
    """One matrix or one per layer, as finely as a byte allows."""
    views, scale = values.reshape(-1, *values.shape[-2:]), tight_scale(values)
    return Views(values=views, scale=scale, steps=(step_of(scale, 0.0),) * len(views), triangle=triangle)


def pack_all(wanted: Sequence[Views]) -> list[PackedViews]:
    """Each set of views, packed. Memory: the codes of one set, and what coding takes."""
    weights: list[np.ndarray] = []
    all_coded = code_all(_symbols_of(views, weights) for views in wanted)
    return [
        PackedViews(
            low=views.scale.low,
            steps=views.steps,
            sentences=views.values.shape[-1],
            triangle=views.triangle,
            bytes=tuple(len(view) for view in coded.rows),
            weights=deflated(own.astype("<i2").tobytes()),
            frequencies=deflated(coded.frequencies.astype("<u2").tobytes()),
            data=as_text(b"".join(coded.rows)),
        )
        for views, own, coded in zip(wanted, weights, all_coded, strict=True)
    ]


def _symbols_of(views: Views, found: list[np.ndarray]) -> Symbols:
    """What is to be coded of the views; the weights of each are put at the end of `found`."""
    rows = views.values.shape[-1]
    cells = Cells(np.tri(rows, dtype=bool) if views.triangle else np.ones((rows, rows), bool))
    codes = np.stack([encode(cells.of(view), views.scale, step) for view, step in zip(views.values, views.steps, strict=True)])
    symbols, contexts, weights = np.empty(codes.shape, np.uint8), np.empty(codes.shape, np.uint8), []
    for view, known in enumerate(_known(codes, cells)):
        weights.append(weights_of(known))
        wanted = expected(weights[-1], known[:-1]).astype(np.int32)
        off = codes[view] - (wanted + UNIT // 2) // UNIT
        symbols[view], contexts[view] = off.astype(np.uint8), _contexts(wanted, off, cells)
    found.append(np.stack(weights))
    return Symbols(symbols=symbols, contexts=contexts, shape=(CONTEXTS, 256))


def _known(codes: Int[np.ndarray, "view cell"], cells: Cells) -> Iterator[Float32[np.ndarray, "known cell"]]:
    """Of each view: 1, the cells before, the cell and those before it in the layer before, it in the one before that, and it itself; the whole model is not before layer 0."""
    known = np.zeros((len(BEFORE) + 7, cells.count), np.float32)
    known[0] = 1
    around, (before, *around_before, twice, own) = known[1 : 1 + len(BEFORE)], known[1 + len(BEFORE) :]
    for view, values in enumerate(codes):
        if view > 1:
            twice[:], before[:] = before, own
            for cell, same in zip(around_before, around, strict=False):
                cell[:] = same
        own[:] = values
        cells.before(own, around)
        yield known


def _contexts(wanted: Int32[np.ndarray, " cell"], off: Int[np.ndarray, " cell"], cells: Cells) -> UInt8[np.ndarray, " cell"]:
    """How far off the cells around were, how much is expected, and to which side of a whole number."""
    errors = np.empty((NEAR, len(off)), np.int16)
    cells.before(np.abs(off).astype(np.int16), errors)
    near = np.minimum(errors.sum(0, dtype=np.int16), ERRORS[-1])
    much, side = sum((wanted >= low).view(np.uint8) for low in LOW), (wanted // (UNIT // 2) + 1) & 1
    return (ERROR_STEPS[near] * (len(LOW) + 1) + much) * 2 + side.astype(np.uint8)
