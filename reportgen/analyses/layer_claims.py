"""Whether scores rise or fall with depth, and whether what is often said of layers holds for this document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.even_attention import even_attention
from reportgen.analyses.layer_progression import QUANTITIES, mean_over_heads
from reportgen.characters import capitalised
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import percent, significant

SIGNIFICANT = 0.05
LEAST_CHANGE = 0.1  # of the mean of both thirds
FEWEST_LAYERS = 6  # with fewer no order of the layers is rare enough
LOCAL = 2.0  # times even attention
SAID_OF_LOCALITY, TOLERANCE = 0.8, 0.1
HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be said"
RULES = {
    "local": f"attention within 3 tokens falls with depth, from {LOCAL:g} times even attention or more",
    "near": f"the mean of the first third of the layers lies within {100 * TOLERANCE:g} percentage points of that",
    "further": "the mean distance rises with depth",
    "sinks": "attention on the first token rises with depth",
    "syntax": "how much oftener than by the best fixed offset the most attended word is the syntactic head (Clark et al. 2019), best head of the layer, mean over relations "
    "by their words: more in the middle third of the layers than in either other third, Mann-Whitney p < 0.05",
}


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A score in the first and the last third of the layers, and Kendall's tau of layer and score.

    `p_value` is two-sided, `adjusted` is it after Holm's correction for all the trends tested. `direction` is `rises`, `falls` or `neither`. `even` is what even
    attention would give, None where that is not known or does not apply.
    """

    key: str
    label: str
    unit: str
    without_sink: bool
    early: float
    late: float
    tau: float
    p_value: float
    adjusted: float
    direction: str
    even: float | None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is often said, the verdict for this document, and the figures that it rests on."""

    claim: str
    verdict: str
    reason: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """Trends of every score, with and without the sink, and the claims in the order of the layers they are about."""

    layers: int
    trends: tuple[Trend, ...]
    claims: tuple[Claim, ...]


def analyse(measurements: Measurements) -> Result:
    """Test the trends, then check each claim on them."""
    trends = tuple(_trends(measurements))
    layers = measurements.metadata["layers"]
    return Result(layers=layers, trends=trends, claims=(*_claims(trends, layers), _syntax_claim(syntax_by_layer(measurements), layers)))


def _trends(measurements: Measurements) -> Iterator[Trend]:
    even = even_attention(measurements)
    uniform = even.scores() if even else {}
    series = {(key, False): mean_over_heads(measurements[f"*.{key}"]) for key in QUANTITIES}
    series |= {(key, True): mean_over_heads(measurements[name]) for key in QUANTITIES if (name := f"*.{key}_without_sink") in measurements}
    tests = {name: kendall(values) for name, values in series.items()}
    adjusted = dict(zip(tests, holm(np.array([p_value for _, p_value in tests.values()])), strict=True))
    for key in QUANTITIES:
        for without_sink in (False, True):
            if (key, without_sink) in series:
                yield _trend((key, without_sink), series, tests, adjusted, None if without_sink else uniform.get(key))


def _trend(name: tuple[str, bool], series: Mapping, tests: Mapping, adjusted: Mapping, even: float | None) -> Trend:
    values, (tau, p_value) = series[name], tests[name]
    third = max(len(values) // 3, 1)
    early, late = float(values[:third].mean()), float(values[-third:].mean())
    changes = abs(late - early) >= LEAST_CHANGE * (abs(late) + abs(early)) / 2
    clear = adjusted[name] < SIGNIFICANT and changes and (late - early) * tau > 0
    return Trend(
        key=name[0],
        label=QUANTITIES[name[0]],
        unit=CONTRACT[f"*.{name[0]}"].unit,
        without_sink=name[1],
        early=early,
        late=late,
        tau=tau,
        p_value=p_value,
        adjusted=float(adjusted[name]),
        direction=("rises" if tau > 0 else "falls") if clear else "neither",
        even=even,
    )


def kendall(values: Float[np.ndarray, " layer"]) -> tuple[float, float]:
    """Kendall's tau-b of layer and value (the Mann-Kendall trend test) and its two-sided p; NaN where it does not exist."""
    if len(values) < 3 or not np.ptp(values) > 0:
        return np.nan, np.nan
    tau, p_value = stats.kendalltau(np.arange(len(values)), values)
    return float(tau), float(p_value)


def holm(p_values: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Holm's step-down correction: valid whatever the dependence between tests. *Source:* Holm 1979. NaN stays NaN and does not count as a test."""
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    adjusted = np.full(len(p_values), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def _claims(trends: tuple[Trend, ...], layers: int) -> Iterator[Claim]:
    of = {(trend.key, trend.without_sink): trend for trend in trends}
    locality, distance = ([of[key, without] for without in (False, True)] for key in ("locality", "distance"))
    sink = [of["first_token", False]]
    yield _of_trends("Early layers are more local than later ones.", [_is_local(trend) for trend in locality], locality, layers, RULES["local"])
    yield _near_claim(locality)
    yield _of_trends("Later layers look further.", [trend.direction == "rises" for trend in distance], distance, layers, RULES["further"])
    yield _of_trends("Attention sinks grow with depth.", [trend.direction == "rises" for trend in sink], sink, layers, RULES["sinks"])


def syntax_by_layer(measurements: Measurements) -> Float[np.ndarray, " layer"] | None:
    """How much oftener than the best fixed offset a layer's best head finds a word's syntactic head, mean over relations weighted by their words; None where no parser was run."""
    excess, words = [], []
    for name in ("syntax", "syntax_reverse"):
        if f"*.{name}_accuracy" not in measurements:
            continue
        accuracy, baseline, pairs = (measurements[f"*.{name}_{part}"] for part in ("accuracy", "baseline", "pairs"))
        known = (pairs > 0) & ~np.isnan(accuracy).any((0, 1))
        excess.append((accuracy.max(1) - baseline)[:, known])
        words.append(pairs[known])
    if not excess or not sum(len(some) for some in words):
        return None
    return np.average(np.concatenate(excess, axis=1), axis=1, weights=np.concatenate(words))


def _syntax_claim(excess: Float[np.ndarray, " layer"] | None, layers: int) -> Claim:
    claim, rule = "Middle layers carry syntax.", RULES["syntax"]
    if excess is None:
        return Claim(claim=claim, verdict=OPEN, reason="A parser's dependency relations are needed, and none was run (--syntax).", rule=rule)
    third = max(layers // 3, 1)
    early, middle, late = excess[:third], excess[third:-third], excess[-third:]
    if layers < FEWEST_LAYERS:
        return Claim(claim=claim, verdict=OPEN, reason=f"{layers} {'layer is' if layers == 1 else 'layers are'} too few to compare.", rule=rule)
    p_value = float(stats.mannwhitneyu(middle, np.concatenate([early, late]), alternative="greater").pvalue)
    more = middle.mean() > max(early.mean(), late.mean())
    figures = ", ".join(f"{100 * part.mean():.3g}" for part in (early, middle, late))
    verdict = FAILS if not more else HOLDS if p_value < SIGNIFICANT else OPEN
    return Claim(
        claim=claim,
        verdict=verdict,
        reason=f"First, middle and last third: {figures} percentage points over the best offset, p {significant(p_value)}.",
        rule=rule,
    )


def _is_local(trend: Trend) -> bool | None:
    """None where that cannot be told, because even attention is not known."""
    if trend.direction != "falls" or trend.without_sink:
        return trend.direction == "falls"
    return None if trend.even is None else trend.early >= LOCAL * trend.even


def _near_claim(trends: list[Trend]) -> Claim:
    """The figure alone, which needs no trend: any number of layers will do."""
    answers = [None if np.isnan(trend.early) else abs(trend.early - SAID_OF_LOCALITY) <= TOLERANCE for trend in trends]
    why = "a score has no value" if None in answers else None
    return _claim(f"Early layers keep about {percent(SAID_OF_LOCALITY)} of their attention within 3 tokens.", answers, trends, why, RULES["near"])


def _of_trends(claim: str, answers: list[bool | None], trends: list[Trend], layers: int, rule: str) -> Claim:
    why = "what even attention would give is not known here" if None in answers else None
    if layers < FEWEST_LAYERS:
        why = f"{layers} {'layer is' if layers == 1 else 'layers are'} too few for a trend"
    elif any(np.isnan(trend.tau) for trend in trends):
        why = "a score has no value or the same one in all layers"
    return _claim(claim, answers, trends, why, rule)


def _claim(claim: str, answers: list[bool | None], trends: list[Trend], why: str | None, rule: str) -> Claim:
    """Holds where every form of the score says so, does not where none does; else it cannot be said, `why` or because the forms differ."""
    figures = "; ".join(_in_words(trend) for trend in trends)
    why = why or ("it depends on whether the sink is counted" if len(set(answers)) > 1 else None)
    verdict = OPEN if why else HOLDS if answers[0] else FAILS
    return Claim(claim=claim, verdict=verdict, reason=capitalised(f"{why}: {figures}." if why else f"{figures}."), rule=rule)


def _in_words(trend: Trend) -> str:
    form = " without the sink" if trend.without_sink else ""
    even = "" if trend.without_sink else f", even attention {_written(trend.even, trend.unit)}" if trend.even is not None else ", even attention not known"
    tau = "" if np.isnan(trend.tau) else f", tau {significant(trend.tau)}, p {significant(trend.adjusted)}"
    return f"{trend.label.lower()}{form} {_bare(trend.early, trend.unit)} to {_written(trend.late, trend.unit)}{even}{tau}"


def _written(value: float, unit: str) -> str:
    return _bare(value, unit) + ("" if unit == "share" or np.isnan(value) else f" {unit}")


def _bare(value: float, unit: str) -> str:
    """Without its unit, but for per cent."""
    if np.isnan(value):
        return "no value"
    return percent(value, 3) if unit == "share" else significant(value)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: the layers are drawn by the section on their progression; this one is a table."""
    return {}


def find(result: Result) -> str:
    """The claims by verdict."""
    parts = [f"{verdict}: {', '.join(_short(claim) for claim in found)}" for verdict in (HOLDS, FAILS, OPEN) if (found := _with(result, verdict))]
    return f"Of {len(result.claims)} claims often made about layers, on this document {'; '.join(parts)}."


def _with(result: Result, verdict: str) -> list[Claim]:
    return [claim for claim in result.claims if claim.verdict == verdict]


def _short(claim: Claim) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{claim.claim[0].lower()}{claim.claim[1:].rstrip('.')}\N{RIGHT DOUBLE QUOTATION MARK}"


ANALYSIS = Analysis(
    name="layer_claims",
    question="Does what is often said of layers hold here?",
    needs=("distance", "distance_without_sink", "entropy", "entropy_without_sink", "locality", "locality_without_sink", "first_token", "within_sentence"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "One document and one model: a verdict says nothing of others. The p-value takes the order of layers as free to vary, but each layer reads what the layer "
        "below wrote, so neighbours are alike and p is too small. The rules are stated beside the claims because nobody published any. Short documents raise "
        "locality by themselves: compare with even attention."
    ),
    methods=(
        Method(
            name="Trend by layer",
            formula="Kendall's tau-b of layer and mean over heads, two-sided p, Holm's correction over all trends; rises or falls: corrected p < 0.05 and the last "
            "third of the layers differs from the first by a tenth of their mean or more",
            source="Mann 1945; Kendall 1938; Holm 1979; least change: chosen here",
        ),
        Method(
            name="Verdict",
            formula="holds: by the rule, with all keys and without the sink; does not hold: with neither; else it cannot be said",
            source="none; defined here",
        ),
    ),
)
