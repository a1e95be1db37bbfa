"""How large a difference may be that is nothing but the rounding of stored numbers, and whether what has to be zero is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reportgen.comparison.ground import Cells, Ground
from reportgen.measurements import Measurements

STORED = "*.sentence_attention"


@dataclass(frozen=True, kw_only=True)
class Precision:
    """How a file stores shares: a value differs from what was computed by at most `relative` of itself plus `absolute`."""

    name: str
    relative: float
    absolute: float


@dataclass(frozen=True, kw_only=True)
class KnownZero:
    """Sentences at the start whose tokens, and all before them, are the same in both: under a causal mask their numbers must be too.

    `cells` of these were compared in every head; `greatest` is the largest difference of shares found, `beyond` how many differ by more than storing rounds.
    """

    sentences: int
    cells: int
    greatest: float
    beyond: int


def precision_of(measurements: Measurements) -> Precision:
    """Half a unit in the last place of the stored type, and below its normal numbers half the smallest step. *Source:* IEEE 754-2019."""
    whole = STORED if STORED in measurements else f"{STORED}_by_layer"
    kind = measurements.by_pair.dtype(whole)
    info = np.finfo(kind)
    return Precision(name=kind.name, relative=float(info.eps) / 2, absolute=float(info.smallest_subnormal) / 2)


def beyond_rounding(ground: Ground, cells: Cells, a: Measurements, b: Measurements) -> Bool[np.ndarray, "unit unit"]:
    """Common cells whose lifts differ by more than the rounding of all stored numbers behind them could make them.

    A mean over heads is off by at most the mean of what each is off by, a sum over key sentences by the sum.
    """
    found = np.zeros(cells.common.shape)
    for pooling, side, of in ((ground.a, cells.a, a), (ground.b, cells.b, b)):
        kept, parts = precision_of(of), np.array([len(group) for group in pooling.groups])
        single = float(np.finfo(np.float32).eps)  # of the mean over heads and of the expected share, both float32
        found += (kept.relative + single) * np.nan_to_num(side.lift) + _over(kept.absolute * parts[None, :], side.expected)
    with np.errstate(invalid="ignore"):
        return cells.common & (np.abs(cells.b.lift - cells.a.lift) > found)


def _over(values: Float[np.ndarray, "#unit unit"], expected: Float[np.ndarray, "unit unit"]) -> Float[np.ndarray, "unit unit"]:
    return np.divide(values, expected, out=np.zeros(expected.shape), where=expected > 0)


def known_zero(a: Measurements, b: Measurements, sentences: int) -> KnownZero | None:
    """What must be zero, in every head where heads are stored; None where there is no such sentence. Memory: one layer of each file."""
    name = STORED if all(STORED in of for of in (a, b)) else f"{STORED}_by_layer"
    if not sentences or any(name not in of for of in (a, b)):
        return None
    kept = [precision_of(of) for of in (a, b)]
    cells, greatest, beyond = 0, 0.0, 0
    for one, other in zip(*(layers_of(of, name) for of in (a, b)), strict=True):
        one, other = (values[..., :sentences, :sentences].astype(np.float64) for values in (one, other))
        apart = np.abs(other - one)
        allowed = sum(value * how.relative + how.absolute for value, how in zip((one, other), kept, strict=True))
        cells += int((~np.isnan(apart) & np.tri(sentences, dtype=bool)).sum())
        greatest, beyond = max(greatest, float(np.nanmax(apart))), beyond + int((apart > allowed).sum())
    return KnownZero(sentences=sentences, cells=cells, greatest=greatest, beyond=beyond)


def layers_of(measurements: Measurements, name: str) -> Iterator[Float[np.ndarray, "*view sentence sentence"]]:
    """An array between sentences as whole matrices, layer by layer."""
    pairs = measurements.by_pair.pairs
    return (pairs.matrix(values) for values in measurements.by_pair.layers(name))
