"""What chance gives: the effects of links of the same length, and what would be found if effects had nothing to do with attention."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from reportgen.analyses.link_effects.hidden import Hidden

FEWEST = 20  # links of one length, to tell a percentile
FEWEST_LINKS = 10  # for a correlation
STRONG, WEAK = 0.9, 0.5  # standings among all pairs of one length
IDLE, VITAL = 0.5, 0.95  # percentiles among links of one length
SHUFFLES, RESAMPLES, SEED = 199, 500, 0
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation of attention and effect, with the interval from resampling sentences that look; `p_value` is of shuffled effects.

    `lift` and `share` are over all links; `rho` is that of lift with links ranked among those of their length alone, and `low`, `high` and `p_value` are of it. NaN where
    there is none.
    """

    links: int
    share: float
    lift: float
    rho: float
    low: float
    high: float
    p_value: float

    @property
    def tells(self) -> int:
        """1 where effect grows with attention beyond chance, -1 where it falls, 0 where neither can be said."""
        sure = self.p_value <= 1 - CONFIDENCE and (self.low > 0 or self.high < 0)
        return int(np.sign(self.rho)) if sure else 0


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many links were found, how many would be by chance (mean of shuffles), and how rarely shuffles are as far from that."""

    found: int
    expected: float
    p_value: float

    @property
    def by_chance(self) -> bool:
        """Whether chance alone explains the number."""
        return not self.p_value <= 1 - CONFIDENCE


def joined(band: Int[np.ndarray, " link"], pool: Bool[np.ndarray, " link"]) -> Int[np.ndarray, " link"]:
    """Bands of length, each joined with the longer ones after it until 21 links of the pool are in it; what is left at the end belongs to the last."""
    names = np.unique(band)
    groups, group, held = np.zeros(len(names), np.int64), 0, 0
    sizes = np.array([(pool & (band == name)).sum() for name in names], np.int64)
    for place, size in enumerate(sizes.tolist()):
        groups[place], held = group, held + size
        if held > FEWEST and sizes[place + 1 :].sum() > FEWEST:
            group, held = group + 1, 0
    return groups[np.searchsorted(names, band)]


def percentiles(links: Hidden, pool: Bool[np.ndarray, " link"]) -> tuple[Float[np.ndarray, " link"], Int[np.ndarray, " link"]]:
    """The share of the pool's other links of the same length whose effect is smaller, NaN for fewer than 20; and how many these are."""
    smaller, others = np.zeros((2, len(links.effect)), np.int64)
    for name in np.unique(links.band).tolist():
        here = links.band == name
        compared = np.sort(links.effect[here & pool])
        smaller[here] = np.searchsorted(compared, links.effect[here])
        others[here] = len(compared) - pool[here]
    return np.where(others >= FEWEST, smaller / np.maximum(others, 1), np.nan), others


def idle_links(links: Hidden, percentile: Float[np.ndarray, " link"]) -> Bool[np.ndarray, " link"]:
    """High attention, and no greater effect than half of the links of that length have, or none at all."""
    return (links.standing >= STRONG) & ((percentile <= IDLE) | (links.effect == 0))


def vital_links(links: Hidden, percentile: Float[np.ndarray, " link"]) -> Bool[np.ndarray, " link"]:
    """Low attention by lift and by share, and a greater effect than 95 % of the links of that length."""
    return (links.standing <= WEAK) & (links.share_standing <= WEAK) & (percentile > VITAL) & (links.effect > 0)


def count_against_chance(links: Hidden, pool: Bool[np.ndarray, " link"]) -> tuple[Count, Count]:
    """The numbers of strong but idle and of weak but vital links, beside those when effects are shuffled among links of one length."""
    random, found = np.random.default_rng(SEED), []
    bands = [np.flatnonzero(links.band == name) for name in np.unique(links.band)]
    shuffled, effect = links, links.effect.copy()
    for _ in range(SHUFFLES + 1):
        percentile, _ = percentiles(shuffled, pool)
        found.append((int(idle_links(shuffled, percentile).sum()), int(vital_links(shuffled, percentile).sum())))
        for places in bands:
            effect[places] = links.effect[random.permutation(places)]
        shuffled = replace(links, effect=effect)
    (idle, vital), by_chance = found[0], np.array(found[1:])
    return _count(idle, by_chance[:, 0]), _count(vital, by_chance[:, 1])


def _count(found: int, shuffled: Int[np.ndarray, " shuffle"]) -> Count:
    mean = float(shuffled.mean())
    as_far = (np.abs(shuffled - mean) >= abs(found - mean) - 1e-9).sum()
    return Count(found=found, expected=mean, p_value=float(1 + as_far) / (1 + len(shuffled)))


def correlate(links: Hidden) -> Correlation:
    """How attention and effect rank the links alike. NaN for fewer than 10, or where all have the same lift or effect."""
    varies = len(links.effect) >= FEWEST_LINKS and np.ptp(links.effect) > 0 and np.ptp(links.lift) > 0 and np.ptp(links.share) > 0
    if not varies:
        return Correlation(links=len(links.effect), share=np.nan, lift=np.nan, rho=np.nan, low=np.nan, high=np.nan, p_value=np.nan)
    ranks = [_ranks_in_bands(values, links.band) for values in (links.lift, links.effect)]
    rho, shuffled = _pearson(*ranks), _shuffled(*ranks, links.band)
    low, high = _interval(*ranks, links.queries)
    return Correlation(
        links=len(links.effect),
        share=float(stats.spearmanr(links.share, links.effect).statistic),
        lift=float(stats.spearmanr(links.lift, links.effect).statistic),
        rho=rho,
        low=low,
        high=high,
        p_value=float(1 + (np.abs(shuffled) >= abs(rho) - 1e-12).sum()) / (1 + SHUFFLES) if np.isfinite(rho) else np.nan,
    )


def _ranks_in_bands(values: Float[np.ndarray, " link"], band: Int[np.ndarray, " link"]) -> Float[np.ndarray, " link"]:
    """The rank of each among those of its length, from -0.5 to 0.5."""
    ranks = np.empty(len(values))
    for name in np.unique(band).tolist():
        here = band == name
        ranks[here] = (stats.rankdata(values[here]) - 0.5) / here.sum() - 0.5
    return ranks


def _shuffled(x: Float[np.ndarray, " link"], y: Float[np.ndarray, " link"], band: Int[np.ndarray, " link"]) -> Float[np.ndarray, " shuffle"]:
    """The correlation when y is shuffled among links of one length."""
    random = np.random.default_rng(SEED)
    mixed = np.tile(y, (SHUFFLES, 1))
    for name in np.unique(band).tolist():
        here = np.flatnonzero(band == name)
        mixed[:, here] = random.permuted(mixed[:, here], axis=1)
    return _pearson(x, mixed)


def _pearson(x: Float[np.ndarray, " link"], y: Float[np.ndarray, "*resample link"]) -> Float[np.ndarray, "*resample"] | float:
    x, y = x - x.mean(), y - y.mean(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (y @ x) / np.sqrt((x @ x) * (y**2).sum(-1))
    return float(found) if found.ndim == 0 else found


def _interval(x: Float[np.ndarray, " link"], y: Float[np.ndarray, " link"], queries: Int[np.ndarray, " link"]) -> tuple[float, float]:
    """Percentiles of the correlation when sentences that look are drawn again, each with all of its links. Source: Efron and Tibshirani 1993 (cluster bootstrap)."""
    _, member = np.unique(queries, return_inverse=True)
    sentences = int(member.max()) + 1
    if sentences < 3:
        return np.nan, np.nan
    drawn = np.random.default_rng(SEED).integers(0, sentences, (RESAMPLES, sentences))
    times = np.stack([np.bincount(row, minlength=sentences) for row in drawn])[:, member].astype(np.float64)
    total = times.sum(1)
    means = [(times @ values) / total for values in (x, y)]
    with np.errstate(divide="ignore", invalid="ignore"):
        together = (times @ (x * y)) / total - means[0] * means[1]
        spread = [(times @ values**2) / total - mean**2 for values, mean in zip((x, y), means, strict=True)]
        found = together / np.sqrt(spread[0] * spread[1])
    low, high = np.nanquantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) if np.isfinite(found).any() else (np.nan, np.nan)
    return float(low), float(high)
