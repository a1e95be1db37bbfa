"""Whether attention points at what the prediction depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import packed, spec_of
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements

RESAMPLES = 2000
SEED = 0
CONFIDENCE = 0.95
FEWEST = 5
METHODS = {"attention": "attention", "rollout": "rollout", "nearness": "nearness alone", "length": "length alone"}
REFERENCES = {"gradient": "gradient", "input_x_gradient": "|input x gradient|"}
FURTHER = {"ablation": "|ablation|", "integrated_gradients": "|integrated gradients|"}  # measured on request
SPECS = {name: CONTRACT[f"attribution.{name}"] for name in FURTHER}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Spearman's rho of a method with an attribution over n sentences; `low` to `high` is its interval from resampling blocks of sentences.

    NaN where a rank correlation does not exist (fewer than 5 sentences, or all values equal). `p_value` takes sentences as independent.
    """

    method: str
    reference: str
    first_sentence: bool
    rho: float
    low: float
    high: float
    p_value: float
    n: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What attention and rollout of the target's own rows, and gradients, say of each sentence that the target is read with, but for those it predicts.

    `rollout` is None where it was not measured; `further` has those attributions that take many passes, where they were measured.
    """

    target: str
    target_sentence: int | None
    sentences: tuple[int, ...]
    attention: Float[np.ndarray, " compared"]
    rollout: Float[np.ndarray, " compared"] | None
    gradient: Float[np.ndarray, " compared"]
    input_x_gradient: Float[np.ndarray, " compared"]
    agreements: tuple[Agreement, ...]
    further: Mapping[str, Float[np.ndarray, " compared"]] = field(default_factory=dict)


def analyse(measurements: Measurements) -> Result:
    """Compare over the sentences that the target is read with, with and without the first one."""
    target = measurements.metadata["target"]
    own = sentences_of_target(target)
    compared = compared_sentences(measurements, own)
    values = {name: measurements[f"attribution.{name}"][compared] for name in ("attention", "gradient", "input_x_gradient")}
    values["rollout"] = measurements["attribution.rollout"][compared] if "attribution.rollout" in measurements else None
    members = measurements["token_sentences"]
    length = np.bincount(members[members >= 0])[compared].astype(float)
    methods = {"attention": values["attention"], "rollout": values["rollout"], "nearness": nearness(compared, own), "length": length}
    if target["sentence"] is None:
        del methods["nearness"]  # near to what
    methods = {name: weights for name, weights in methods.items() if weights is not None}
    further = {name: measurements[f"attribution.{name}"][compared] for name in FURTHER if f"attribution.{name}" in measurements}
    references = {FURTHER[name]: np.abs(numbers) for name, numbers in further.items()}
    references |= {REFERENCES["gradient"]: values["gradient"], REFERENCES["input_x_gradient"]: np.abs(values["input_x_gradient"])}
    agreements = tuple(
        agreement(METHODS[method], reference, methods[method][start:], numbers[start:], first_sentence=start == 0)
        for start in (0, 1)
        for method in methods
        for reference, numbers in references.items()
    )
    named = {FURTHER[name].strip("|"): numbers for name, numbers in further.items()}
    return Result(
        target=target["description"], target_sentence=target["sentence"], sentences=tuple(compared.tolist()), agreements=agreements, further=named, **values
    )


def sentences_of_target(target: Mapping[str, Any]) -> range:
    """The sentences that the target predicts, none where it predicts none."""
    if target["sentence"] is None:
        return range(0)
    return range(target["sentence"], target.get("last_sentence", target["sentence"]) + 1)


def compared_sentences(measurements: Measurements, own: range) -> Int[np.ndarray, " compared"]:
    """The sentences that something is known of: the target's passes read them, in its window, and they are not what it predicts."""
    known = [~np.isnan(measurements[f"attribution.{name}"]) for name in ("attention", "gradient", "input_x_gradient")]
    return np.setdiff1d(np.flatnonzero(np.any(known, axis=0)), own)


def nearness(compared: Int[np.ndarray, " compared"], own: range) -> Float[np.ndarray, " compared"]:
    """Minus how many sentences each is from the target's nearest one; from the document's end where the target is no sentence."""
    ends = (own[0], own[-1]) if own else (compared[-1:].sum(), compared[-1:].sum())
    return -np.minimum(np.abs(compared - ends[0]), np.abs(compared - ends[1])).astype(float)


def agreement(method: str, reference: str, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], *, first_sentence: bool) -> Agreement:
    """Spearman's rho, its textbook p-value, and a percentile interval from a moving-block bootstrap.

    *Source:* Spearman 1904; Kuensch 1989 for resampling blocks, since neighbouring sentences are alike. Blocks have about n^(1/3) sentences.
    """
    n = len(x)
    if n < FEWEST or not (np.ptp(x) > 0 and np.ptp(y) > 0):  # NaN among the values is not > 0 either
        return Agreement(method=method, reference=reference, first_sentence=first_sentence, rho=np.nan, low=np.nan, high=np.nan, p_value=np.nan, n=n)
    rho, p_value = stats.spearmanr(x, y)
    low, high = np.nanquantile(_resampled(x, y), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Agreement(
        method=method, reference=reference, first_sentence=first_sentence, rho=float(rho), low=float(low), high=float(high), p_value=float(p_value), n=n
    )


def _resampled(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " resample"]:
    """Spearman's rho of each resample; NaN where all values of one came out equal."""
    n = len(x)
    length = max(round(n ** (1 / 3)), 1)
    starts = np.random.default_rng(SEED).integers(0, n - length + 1, (RESAMPLES, -(-n // length)))
    chosen = (starts[:, :, None] + np.arange(length)).reshape(RESAMPLES, -1)[:, :n]
    ranks = [stats.rankdata(values[chosen], axis=1) for values in (x, y)]
    centred = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    lengths = np.sqrt((centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1))
    return np.divide((centred[0] * centred[1]).sum(1), lengths, out=np.full(RESAMPLES, np.nan), where=lengths > 0)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """A panel each: attention and, where it was measured, rollout against the gradient, a point for each sentence, logarithmic axes, the first sentence marked."""
    import altair as alt

    panels = [_panel(alt, result, method) for method in ("attention", "rollout") if getattr(result, method) is not None]
    return {"scatter": spec_of(alt.hconcat(*panels).configure_view(stroke=None))}


def _panel(alt: Any, result: Result, method: str) -> Any:
    """One method against the gradient."""
    values = getattr(result, method)
    rows = [
        {"sentence": index + 1, "x": float(f"{x:.5g}"), "y": float(f"{y:.5g}"), "kind": "first sentence" if index == 0 else "other sentences"}
        for index, x, y in zip(result.sentences, values, result.gradient, strict=True)
        if x > 0 and y > 0
    ]
    colours = alt.Scale(domain=["first sentence", "other sentences"], range=["#b8621b", "#3b6ea8"])
    shapes = alt.Scale(domain=["first sentence", "other sentences"], range=["diamond", "circle"])
    return (
        alt.Chart(alt.Data(values=packed(rows)), width=300, height=240)
        .mark_point(filled=True, opacity=0.7, size=36)
        .encode(
            x=alt.X("x:Q", title=f"{method} of the target's rows (share, logarithmic)", scale=alt.Scale(type="log", nice=False)),
            y=alt.Y("y:Q", title="gradient (logarithmic)", scale=alt.Scale(type="log", nice=False)),
            color=alt.Color("kind:N", title=None, scale=colours),
            shape=alt.Shape("kind:N", title=None, scale=shapes),
        )
    )


def find(result: Result) -> str:
    """Whether attention ranks sentences as ablation does, or the gradient where no sentence was left out, and whether it does so better than nearness alone."""
    reference, does = (FURTHER["ablation"], "leaving each out") if "ablation" in result.further else (REFERENCES["gradient"], "the gradient")
    chosen = {row.method: row for row in result.agreements if row.reference == reference and row.first_sentence}
    attention, length = chosen["attention"], chosen["length alone"]
    if attention.n < FEWEST:
        where = "are in the document" if result.target_sentence is None else f"stand {_where(result)} the target (sentence {result.target_sentence + 1})"
        return f"Too few sentences {where} to compare attention with attribution."
    if np.isnan(attention.rho):
        what = f"Attention and {'ablation' if 'ablation' in result.further else does}"
        return f"{what} of the {attention.n} sentences compared cannot be ranked: one of them has no value or the same for all."
    which = "of the document" if result.target_sentence is None else f"{_where(result)} it"
    rollout = f"rollout with {_with_interval(chosen['rollout'])}; " if "rollout" in chosen else ""
    alone = f"length alone would give {_written(length)}"
    if result.target_sentence is not None:
        alone = f"nearness alone would give {_written(chosen['nearness alone'])} and length alone {_written(length)}"
    return (
        f"For the {result.target}, attention ranks the {attention.n} sentences {which} as {does} does with a Spearman correlation of "
        f"{_with_interval(attention)}; {rollout}{alone}."
    )


def _where(result: Result) -> str:
    """Where the sentences that are compared stand, seen from the target."""
    return "around" if result.sentences and result.target_sentence is not None and result.sentences[-1] > result.target_sentence else "before"


def _with_interval(row: Agreement) -> str:
    if np.isnan(row.rho):
        return _written(row)
    return f"{_written(row)} ({CONFIDENCE:.0%} interval {_signed(row.low)} to {_signed(row.high)})"


def _written(row: Agreement) -> str:
    return "no defined value" if np.isnan(row.rho) else _signed(row.rho)


def _signed(value: float) -> str:
    """Two decimals with a real minus sign."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


ANALYSIS = Analysis(
    name="attribution_agreement",
    question="Does attention point at what the prediction depends on?",
    needs=("attribution.gradient", "attribution.input_x_gradient", "attribution.attention"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "One target only. Attention and gradients both fall with distance and both grow with a sentence's length, and agree for those reasons "
        "alone: compare with the rows for nearness and length. "
        "The p-value takes sentences as independent, which neighbouring sentences are not; the interval resamples blocks of neighbours. A summed absolute "
        "gradient is sensitivity to small changes of the input, not a causal effect."
    ),
    methods=(
        Method(name="Attention of the target's rows", formula=CONTRACT["attribution.attention"].formula, source=CONTRACT["attribution.attention"].source),
        Method(name="Rollout of the target's rows", formula=CONTRACT["attribution.rollout"].formula, source=CONTRACT["attribution.rollout"].source),
        Method(name="Gradient", formula=CONTRACT["attribution.gradient"].formula, source="after Simonyan et al. 2014; Jain and Wallace 2019, section 4.1"),
        Method(name="Input x gradient", formula=CONTRACT["attribution.input_x_gradient"].formula, source="Shrikumar et al. 2017"),
        *(Method(name=f"{FURTHER[name].strip('|').capitalize()} (on request)", formula=spec.formula, source=spec.source) for name, spec in SPECS.items()),
        Method(
            name="Rank correlation",
            formula="Spearman's rho; interval: percentiles of 2000 moving-block resamples of sentences, blocks of n^(1/3)",
            source="Spearman 1904; Kuensch 1989",
        ),
    ),
)
