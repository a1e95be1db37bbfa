"""The alignment scores of cross-attention heads, on their own and on the average of a layer's heads, beside what even attention would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.measurements import Measurements

LABELS = {
    "alignment_tau": ("Kendall’s tau", "correlation"),
    "monotonicity": ("Monotonicity", "share of steps"),
    "relative_alignment_entropy": ("Entropy over its maximum", "share"),
    "alignment_entropy": ("Absent-mindedness, out", "nats"),
    "absentmindedness_in": ("Absent-mindedness, in", "nats"),
    "coverage_deviation": ("Coverage deviation", "nats"),
    "source_coverage": ("Source coverage", "share of tokens"),
    "alignment_confidence": ("Confidence", "from 0 to 1"),
}
MEASURED = ("alignment_entropy", "absentmindedness_in", "coverage_deviation", "source_coverage", "monotonicity", "alignment_tau")
PENALTIES = ("coverage_deviation", "absentmindedness_in", "alignment_entropy")
STRICTNESS = 0.05
COVERED = 0.1
IN_ORDER = 0.5
CHANCE = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadScore:
    """A score of each head, of the average of each layer's heads, and of even attention (of a random order for tau and monotonicity)."""

    key: str
    label: str
    unit: str
    values: Float[np.ndarray, "layer head"]
    mean_heads: Float[np.ndarray, " layer"]
    even: float


def head_scores(measurements: Measurements, queries: int, keys: int) -> Iterator[HeadScore]:
    """All scores, for `queries` output tokens in sentences that look at `keys` source tokens."""
    even = even_scores(queries, keys)
    by_head, averaged = ({key: measurements[f"cross.{key}{suffix}"] for key in MEASURED} for suffix in ("", "_mean_heads"))
    for numbers in (by_head, averaged):
        numbers |= derived(numbers, keys)
    for key, (label, unit) in LABELS.items():
        yield HeadScore(key=key, label=label, unit=unit, values=by_head[key], mean_heads=averaged[key], even=even[key])


def derived(numbers: Mapping[str, np.ndarray], keys: int) -> dict[str, np.ndarray]:
    """Confidence (Rikters and Fishel 2017), exp(-0.05 (CDP + AP_in + AP_out)^2), and entropy over its greatest, ln of the source tokens."""
    penalties = np.sum([numbers[name].astype(np.float64) for name in PENALTIES], axis=0)
    entropy = numbers["alignment_entropy"].astype(np.float64)
    greatest = np.log(keys) if keys > 1 else np.nan  # of one source token there is no spread
    return {"alignment_confidence": np.asarray(np.exp(-STRICTNESS * penalties**2)), "relative_alignment_entropy": np.asarray(entropy / greatest)}


def even_scores(queries: int, keys: int) -> dict[str, float]:
    """What even attention gives. It has no greatest weight: for tau and monotonicity the greatest weight of each output token is a random one."""
    even = {
        "alignment_tau": 0.0,
        "monotonicity": (1 + 1 / keys) / 2,
        "alignment_entropy": float(np.log(keys)),
        "absentmindedness_in": float(np.log(queries)),
        "coverage_deviation": float(np.log1p((1 - queries / keys) ** 2)),
        "source_coverage": float(1 / keys > COVERED),
    }
    return even | {name: float(value) for name, value in derived({name: np.array(value) for name, value in even.items()}, keys).items()}


def find_ordered(tau: Float[np.ndarray, "layer head"], queries: int) -> tuple[str, ...]:
    """The heads, as `layer.head`, with a tau of 0.5 or more that chance would not give any of them: p times heads below 0.05, one-sided."""
    if queries < 2:
        return ()
    deviation = np.sqrt(2 * (2 * queries + 5) / (9 * queries * (queries - 1)))
    passed = (tau >= IN_ORDER) & (stats.norm.sf(tau / deviation) * tau.size < CHANCE)
    return tuple(f"{layer}.{head}" for layer, head in np.argwhere(passed).tolist())
