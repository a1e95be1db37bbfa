"""Whether attention tells what mattered for a target: every two methods compared, beyond distance, length and the sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.agreement.by_token import ByToken, by_token
from reportgen.analyses.agreement.comparison import FEWEST, TOP_AT_LEAST, Agreement, Comparison, compare
from reportgen.analyses.agreement.controls import CONTROLS_AT_MOST, POWER_AT_MOST
from reportgen.analyses.agreement.methods import ADVICE, BASELINE, CAUSAL, LABELS, METHODS, SLOPES, Advice
from reportgen.analyses.agreement.pictures import draw_matrix, draw_ranks, draw_scatter
from reportgen.analyses.agreement.ranks import from_greatest
from reportgen.analyses.agreement.reading import Compared, compared
from reportgen.analyses.agreement.resampling import CONFIDENCE, RESAMPLES
from reportgen.analyses.analysis import Analysis, Method
from reportgen.characters import capitalised
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import significant, two_decimals

SIGNIFICANT = 0.05
SHOWN_OF_EACH = 5
RANKED_BY = ("attention",)  # beside the reference


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What each method says of the sentences compared, and how far every two agree.

    `values` has each method's numbers by name, as measured; `ranks` each method's order, 1 for the greatest size. `agreements` are of all pairs by label, those
    with the `reference` first. `rho` and `partial` are the same as matrices in the order of `methods`. `shown` are places among the sentences, those that the
    reference or attention puts first, in the reference's order. `sink` is the place of the sentence that holds it, None where it is not compared.
    `tokens` are those of the sentences that the reference puts first, None where no method has values by token.
    """

    target: str
    target_sentence: int | None
    sentences: tuple[int, ...]
    sink: int | None
    methods: tuple[str, ...]
    reference: str
    values: Mapping[str, Float[np.ndarray, " compared"]]
    ranks: Int[np.ndarray, "method compared"]
    agreements: tuple[Agreement, ...]
    rho: Float[np.ndarray, "method method"]
    partial: Float[np.ndarray, "method method"]
    shown: tuple[int, ...]
    controls: int
    notes: tuple[str, ...]
    tokens: ByToken | None = None
    advice: tuple[Advice, ...] = ADVICE

    @property
    def labels(self) -> tuple[str, ...]:
        """The methods' names on the page."""
        return tuple(LABELS[name] for name in self.methods)

    def agreement(self, method: str) -> Agreement:
        """Of a method with the reference."""
        pair = {LABELS[method], LABELS[self.reference]}
        return next(found for found in self.agreements if {found.method, found.reference} == pair)


def analyse(measurements: Measurements) -> Result:
    """Read what each method says, compare every two, and choose the sentences to show."""
    read = compared(measurements)
    methods = tuple(read.values)
    sizes = np.stack([read.sizes(name) for name in methods])
    accounted = read.accounted
    found = compare(tuple(LABELS[name] for name in methods), sizes, accounted)
    ranks = from_greatest(sizes)
    return Result(
        target=read.target,
        target_sentence=read.target_sentence,
        sentences=tuple(read.sentences.tolist()),
        sink=int(np.argmax(read.sink)) if read.sink.any() else None,
        methods=methods,
        reference=read.reference,
        values=read.values,
        ranks=ranks,
        agreements=_agreements(found, LABELS[read.reference]),
        rho=found.numbers["rho"],
        partial=found.numbers["partial"],
        shown=_shown(read, ranks),
        controls=len(accounted),
        notes=read.notes,
        tokens=by_token(measurements, read),
    )


def _agreements(found: Comparison, reference: str) -> tuple[Agreement, ...]:
    """Of every two, those with the reference first."""
    others = [name for name in found.names if name != reference]
    return tuple(found.of(*pair) for pair in [*((name, reference) for name in others), *combinations(others, 2)])


def _shown(read: Compared, ranks: Int[np.ndarray, "method compared"]) -> tuple[int, ...]:
    """The five sentences that the reference puts first, and the five that attention does, in the reference's order."""
    by_name = dict(zip(read.values, ranks, strict=True))
    first = [place for name in (read.reference, *RANKED_BY) for place in np.flatnonzero(by_name[name] <= SHOWN_OF_EACH).tolist()]
    return tuple(sorted(set(first), key=lambda place: by_name[read.reference][place]))


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Attention against the reference; the order of sentences by each method; the agreement of every two."""
    import altair as alt

    if len(result.sentences) < FEWEST:
        return {}
    x, y = result.values["attention"], np.abs(result.values[result.reference])
    reference = LABELS[result.reference]
    return {
        "scatter": draw_scatter(
            alt, result.sentences, x, y, result.sink, ("attention of the target's rows (share, logarithmic)", f"{reference} (logarithmic)")
        ),
        "ranks": draw_ranks(alt, result.labels, result.ranks, result.sentences, result.shown[:SHOWN_OF_EACH]),
        "agreement": draw_matrix(alt, result.labels, result.rho, result.partial),
    }


def find(result: Result) -> str:
    """Whether attention tells what mattered, beyond distance, length and the sink; what nearness alone would give; which method comes closest."""
    attention = result.agreement("attention")
    if attention.n < FEWEST:
        where = "are in the document" if result.target_sentence is None else f"can be compared for the target (sentence {result.target_sentence + 1})"
        return f"Too few sentences {where} to say whether attention tells what mattered ({attention.n}; {FEWEST} are needed)."
    if np.isnan(attention.rho):
        return f"Attention and {_referred(result)} of the {attention.n} sentences compared cannot be ranked: one of them has the same value for all."
    return " ".join(part for part in (_verdict(result, attention), _first_and_alone(result, attention), _closest(result)) if part)


def lead(result: Result) -> str:
    """Whether attention tells what mattered, and nothing of other methods."""
    attention = result.agreement("attention")
    return find(result) if attention.n < FEWEST or np.isnan(attention.rho) else _verdict(result, attention)


def _referred(result: Result) -> str:
    return "the effect of leaving each sentence out" if result.reference == "ablation" else "the gradient"


def _verdict(result: Result, row: Agreement) -> str:
    """The answer, the correlation with the reference, and what is left of it."""
    what = f"{'place' if result.target_sentence is None else 'distance'}, length and the sink"
    stand_in = "" if result.reference == "ablation" else " (no sentence was left out, so it stands in for what mattered)"
    ranking = f"its ranking of the {row.n} sentences has a Spearman correlation of {two_decimals(row.rho)}{_interval(row.low, row.high)} with {_referred(result)}{stand_in}"
    target = f"{result.target}," if "," in result.target else result.target
    if np.isnan(row.partial):
        why = "too little is left to compare when these are accounted for"
        return f"Whether attention tells more of what mattered for the {target} than {what} do cannot be said: {ranking}, and {why}."
    left = f"{two_decimals(row.partial)}{_interval(row.partial_low, row.partial_high)} once these are accounted for (p {significant(row.partial_p, 2)})"
    if row.partial_p > SIGNIFICANT or row.partial_low <= 0 <= row.partial_high:
        return f"That attention tells more of what mattered for the {target} than {what} do cannot be said: {ranking}, {left}."
    if row.partial < 0:
        return f"For the {result.target}, attention misleads about what mattered, {what} aside: {ranking}, {left}."
    return f"For the {result.target}, attention tells more of what mattered than {what} do: {ranking}, {left}."


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" ({CONFIDENCE:.0%} interval {two_decimals(low)} to {two_decimals(high)})"


def _first_and_alone(result: Result, row: Agreement) -> str:
    """How many of the first sentences are shared, and what baselines give."""
    alone = [(name, result.agreement(name).rho) for name in ("nearness", "length") if name in result.methods]
    given = " and ".join(
        f"{name} alone {'would have ' * (not place)}{two_decimals(rho) if np.isfinite(rho) else 'no defined value'}" for place, (name, rho) in enumerate(alone)
    )
    are = "is" if row.shared == 1 else "are"
    return f"Of the first {row.k} of each, {row.shared} {are} shared ({significant(row.shared_chance, 2)} by chance); {given}."


def _closest(result: Result) -> str:
    """The method that is no baseline and no kin of the reference and agrees with it most beyond distance, length and the sink."""
    kin = SLOPES if result.reference == "gradient" else CAUSAL
    rivals = [method.name for method in METHODS if method.name in result.methods and method.kind not in (kin, BASELINE)]
    rivals = [name for name in rivals if np.isfinite(result.agreement(name).partial)]
    if len(rivals) < 2:
        return ""
    best = max(rivals, key=lambda name: result.agreement(name).partial)
    if best == "attention":
        return "No other method comes closer."
    row = result.agreement(best)
    return capitalised(f"{LABELS[best]} comes closest beyond these, {two_decimals(row.partial)}{_interval(row.partial_low, row.partial_high)}.")


def _of(name: str, title: str) -> Method:
    spec = CONTRACT[f"attribution.{name}"]
    return Method(name=title, formula=spec.formula, source=spec.source)


TITLES = {
    "attention": "Attention of the target's rows",
    "rollout": "Rollout of the target's rows",
    "value_norm": "Value norm",
    "attention_x_gradient": "Attention × gradient",
    "relevance": "Relevance",
    "gradient": "Gradient",
    "gradient_norm": "Gradient norm",
    "input_x_gradient": "Input × gradient",
    "integrated_gradients": "Integrated gradients (on request)",
    "ablation": "Ablation (on request)",
    "surrogate": "Surrogate (on request)",
}

ANALYSIS = Analysis(
    name="attribution_agreement",
    question="Does attention here tell what mattered?",
    needs=("attribution.gradient", "attribution.input_x_gradient", "attribution.attention"),
    analyse=analyse,
    draw=draw,
    find=find,
    lead=lead,
    caveat=(
        "One target only. Attention and attribution both fall with distance and both grow with a sentence's length, and agree for those reasons alone: read the "
        "partial correlation. It takes out what a smooth surface over both can explain; where these explain nearly all of both measures, some of them may remain in it. "
        "p-values are of one pair each: among all pairs of methods one in twenty is below 0.05 by chance. A gradient is sensitivity to small changes, not an effect; "
        "leaving a sentence out is an effect, on a text that is no longer one."
    ),
    methods=(
        *(_of(name, title) for name, title in TITLES.items() if f"attribution.{name}" in CONTRACT),
        Method(
            name="Flow",
            formula="maximum flow from the target's sentence through the sentences compared, capacities 0.5 (mean over heads of sentence_attention) + 0.5 I in each layer",
            source="Abnar and Zuidema 2020, section 3, there over tokens",
        ),
        Method(
            name="Rank correlation",
            formula=f"Spearman's rho and Kendall's tau-b; interval: percentiles of {RESAMPLES} moving-block resamples of sentences (of tau 250 where there are over 200), blocks of n^(1/3)",
            source="Spearman 1904; Kendall 1945; Kuensch 1989",
        ),
        Method(
            name="p",
            formula="share of all moves of one ranking along the document, round the end, forwards and backwards, and none, that agree as much: neighbours stay neighbours; two-sided",
            source="after Harms et al. 2001 (torus translations)",
        ),
        Method(
            name="Shared first sentences",
            formula=f"how many of the k first of each are the same, k a tenth and at least {TOP_AT_LEAST}; by chance k^2 / n; p from the hypergeometric distribution",
            source="textbook",
        ),
        Method(
            name="Partial rank correlation",
            formula=(
                "Pearson's r of what least squares leave of both rankings on being the sentence with the sink and a polynomial of ln distance and ln length, of the highest total "
                f"power, {POWER_AT_MOST} at most, with no more than {CONTROLS_AT_MOST:g} terms for each sentence (the place in the document where the target is no sentence); p: residuals moved and freed of the controls again"
            ),
            source="Conover and Iman 1981; Freedman and Lane 1983",
        ),
    ),
)
