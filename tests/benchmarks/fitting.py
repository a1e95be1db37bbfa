"""How time grows with tokens and with sentences, fitted to measured times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True, kw_only=True)
class GrowthWithTokens:
    """t = constant + linear T + quadratic T^2, seconds; `misfit` is the greatest relative error."""

    constant: float
    linear: float
    quadratic: float
    misfit: float

    @property
    def crossing(self) -> float:
        """The length from which on the part that grows with T^2 is the greater one; infinite where there is no such part."""
        return self.linear / self.quadratic if self.quadratic else float("inf")


@dataclass(frozen=True, kw_only=True)
class GrowthWithSentences:
    """t = constant + linear S at fixed T, seconds; `misfit` is the greatest relative error."""

    constant: float
    linear: float
    misfit: float


def grow_with_tokens(tokens: Sequence[float], seconds: Sequence[float]) -> GrowthWithTokens:
    """Least squares of the relative errors, since times differ by a share of themselves; no coefficient is below 0. Needs three lengths."""
    if len(set(tokens)) < 3:
        raise ValueError(f"three coefficients need three lengths; there are {len(set(tokens))}")
    lengths, times = np.asarray(tokens, float), np.asarray(seconds, float)
    powers = np.stack([np.ones_like(lengths), lengths, lengths**2], axis=1)
    scale = powers.max(0)
    found = nnls(powers / scale / times[:, None], np.ones_like(times))[0] / scale
    return GrowthWithTokens(constant=found[0], linear=found[1], quadratic=found[2], misfit=_misfit(powers @ found, times))


def grow_with_sentences(sentences: Sequence[float], seconds: Sequence[float]) -> GrowthWithSentences:
    """Least squares of the relative errors; the slope may be below 0. Needs two numbers of sentences."""
    if len(set(sentences)) < 2:
        raise ValueError(f"a slope needs two numbers of sentences; there are {len(set(sentences))}")
    counts, times = np.asarray(sentences, float), np.asarray(seconds, float)
    powers = np.stack([np.ones_like(counts), counts], axis=1)
    found = np.linalg.lstsq(powers / times[:, None], np.ones_like(times))[0]
    return GrowthWithSentences(constant=found[0], linear=found[1], misfit=_misfit(powers @ found, times))


def tokens_in_words(what: str, growth: GrowthWithTokens) -> str:
    """One sentence with the coefficients."""
    part = f"the part with T² is the greater one from {growth.crossing:,.0f} tokens on" if growth.quadratic else "nothing grows with T²"
    return (
        f"{what}: t = {growth.constant:.3g} s + {growth.linear * 1e3:.3g} ms T + {growth.quadratic * 1e6:.3g} µs T² for T tokens, "
        f"within {growth.misfit:.0%} of each time; {part}."
    )


def sentences_in_words(what: str, tokens: int, sentences: Sequence[int], growth: GrowthWithSentences) -> str:
    """One sentence with the coefficients, and what they say of the range that was measured."""
    fewest, most = min(sentences), max(sentences)
    change = growth.linear * (most - fewest) / (growth.constant + growth.linear * fewest)
    return (
        f"{what} at {tokens:,} tokens: t = {growth.constant:.3g} s + ({growth.linear * 1e3:.3g} ms) S for S sentences, within {growth.misfit:.0%} of each time; "
        f"by it {most} sentences take {abs(change):.0%} {'more' if change >= 0 else 'less'} than {fewest}."
    )


def _misfit(fitted: np.ndarray, times: np.ndarray) -> float:
    return float(np.abs(fitted / times - 1).max())
