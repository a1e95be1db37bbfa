"""Which layers' and heads' attention agrees with what the target depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.agreement.heads import CHANCE, ByHead, by_head
from reportgen.analyses.agreement.methods import LABELS
from reportgen.analyses.agreement.pictures import SERIES
from reportgen.analyses.agreement.reading import compared
from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import composed, frameless, packed, plotted
from reportgen.measurements import Measurements
from reportgen.wording import counted, two_decimals

DISCOVERY_RATE = 0.05
NAMED = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Each head's attention from the target's rows, held against the reference's label, over so many sentences; `layers` is the mean of each layer's heads.

    `rho`, `partial` and `q_value` are layer x head. `best` names the heads with the greatest partial correlation that pass the false-discovery rate, five at most.
    """

    reference: str
    stood_in: bool
    sentences: int
    rho: Float[np.ndarray, "layer head"]
    partial: Float[np.ndarray, "layer head"]
    q_value: Float[np.ndarray, "layer head"]
    chance: float
    chance_best: float
    layers: ByHead
    best: tuple[tuple[int, int], ...]
    discoveries: int

    @property
    def chance_known(self) -> bool:
        """Whether there is anything to say of chance; too few sentences leave nothing to move."""
        return bool(np.isfinite(self.chance) and np.isfinite(self.chance_best))


def analyse(measurements: Measurements) -> Result:
    """Compare every head over the sentences that the target can depend on."""
    read = compared(measurements, flow=False)
    attention = measurements["attribution.attention_by_head"][..., read.sentences].astype(float)
    shape, accounted = attention.shape[:2], read.accounted
    reference = read.sizes(read.reference)
    heads = by_head(attention.reshape(shape[0] * shape[1], len(reference)), reference, accounted)
    found = np.flatnonzero(heads.q_value <= DISCOVERY_RATE)
    order = found[np.argsort(-heads.partial[found], kind="stable")][:NAMED]
    return Result(
        reference=LABELS[read.reference],
        stood_in=read.reference != "ablation",
        sentences=len(reference),
        **{name: getattr(heads, name).reshape(shape) for name in ("rho", "partial", "q_value")},
        chance=heads.chance,
        chance_best=heads.chance_best,
        layers=by_head(attention.mean(1), reference, accounted),
        best=tuple((int(place) // shape[1], int(place) % shape[1]) for place in order),
        discoveries=len(found),
    )


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Maps of both correlations by layer and head, and the layers' own as a line; nothing where nothing can be compared."""
    import altair as alt

    if np.isnan(result.rho).all():
        return {}
    return {"heads": _maps(alt, result), "layers": _lines(alt, result)} if np.isfinite(result.partial).any() else {"heads": _maps(alt, result)}


def _maps(alt: Any, result: Result) -> dict[str, Any]:
    """Layers downwards and heads across; heads that pass the rate are dotted."""
    scale = alt.Scale(scheme="blueorange", domain=[-1, 1], reverse=True)
    panels = []
    for title, values in (("Rank correlation", result.rho), ("Beyond distance, length and the sink", result.partial)):
        cells = [{"layer": layer, "head": head, "correlation": plotted(value, 3)} for (layer, head), value in np.ndenumerate(values)]
        found = [{"layer": layer, "head": head} for layer, head in np.argwhere(result.q_value <= DISCOVERY_RATE).tolist()] if values is result.partial else []
        x, y = alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0)), alt.Y("layer:O", title="layer", axis=alt.Axis(labelOverlap=True))
        rects = alt.Chart(alt.Data(values=packed(cells)), title=title, width=alt.Step(26), height=alt.Step(12)).mark_rect()
        rects = rects.encode(x=x, y=y, color=alt.Color("correlation:Q", title="correlation", scale=scale))
        dots = alt.Chart(alt.Data(values=packed(found))).mark_point(filled=True, size=14, color="#101010", opacity=1).encode(x=x, y=y)
        panels.append(composed("layer", rects, dots) if found else rects)
    return frameless(composed("hconcat", *panels, resolve={"scale": {"color": "shared"}}))


def _lines(alt: Any, result: Result) -> dict[str, Any]:
    """By layer: the mean of its heads and its best head, beyond distance, length and the sink; below the dots, the chance of the best of all."""
    best = [np.nanmax(row) if np.isfinite(row).any() else np.nan for row in result.partial]
    series = {"mean of the layer's heads": result.layers.partial, "best head of the layer": best}
    rows = [
        {"layer": layer, "correlation": plotted(value, 3), "of": name}
        for name, values in series.items()
        for layer, value in enumerate(values)
        if np.isfinite(value)
    ]
    names = list(series)
    lines = (
        alt.Chart(alt.Data(values=packed(rows)), width=560, height=200)
        .mark_line(point={"filled": True, "size": 30})
        .encode(
            x=alt.X("layer:Q", title="layer", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, grid=False)),
            y=alt.Y("correlation:Q", title=["partial rank correlation", f"with the {result.reference}"]),
            color=alt.Color("of:N", title=None, scale=alt.Scale(domain=names, range=list(SERIES[:2])), legend=alt.Legend(orient="top", columnPadding=32)),
            strokeDash=alt.StrokeDash("of:N", title=None, scale=alt.Scale(domain=names, range=[[1, 0], [4, 2]])),
        )
    )
    if not result.chance_known:
        return frameless(lines)
    rules = alt.Chart(alt.Data(values=packed([{"at": plotted(result.chance_best, 3)}]))).mark_rule(strokeDash=[2, 3], color="#5f5e5a").encode(y=alt.Y("at:Q"))
    return frameless(composed("layer", lines, rules))


def find(result: Result) -> str:
    """How many heads agree beyond distance, length and the sink, which most, what chance gives, and which layer."""
    heads = result.partial.size
    if np.isnan(result.rho).all():
        return f"The {heads} heads' attention to {_sentences(result)} cannot be ranked against the {result.reference}."
    if np.isnan(result.partial).all():
        return (
            f"The {heads} heads' attention to {_sentences(result)} agrees with the {result.reference} at {two_decimals(np.nanmedian(result.rho))} "
            "(median rank correlation); there are too few sentences to account for distance, length and the sink."
        )
    chance = f"by chance the best of all heads exceeds {two_decimals(result.chance_best)} one time in twenty"
    stand_in = ", which stands in for what mattered," if result.stood_in else ""
    of = f"Over {_sentences(result)}"
    if not result.best:
        return (
            f"{of}, no head's attention of {heads} agrees with the {result.reference}{stand_in} beyond distance, length and the sink at a false-discovery "
            f"rate of {DISCOVERY_RATE:.0%}; the greatest partial rank correlation is {two_decimals(np.nanmax(result.partial))} ({chance})."
        )
    named = ", ".join(f"{layer}.{head} ({two_decimals(result.partial[layer, head])})" for layer, head in result.best)
    return (
        f"{of}, the attention of {result.discoveries} of {heads} heads agrees with the {result.reference}{stand_in} beyond distance, length and the sink "
        f"(false-discovery rate {DISCOVERY_RATE:.0%}); most of all {named} ({chance}).{_best_layer(result)}"
    )


def _sentences(result: Result) -> str:
    return counted(result.sentences, "sentence")


def _best_layer(result: Result) -> str:
    partial, q_value = result.layers.partial, result.layers.q_value
    if len(partial) < 2 or not (q_value <= DISCOVERY_RATE).any():
        return ""
    best = int(np.nanargmax(partial))
    return f" Of layers, their heads' mean taken, {int((q_value <= DISCOVERY_RATE).sum())} of {len(partial)} do, layer {best} most ({two_decimals(partial[best])})."


ANALYSIS = Analysis(
    name="head_agreement",
    question="Which heads look at what mattered?",
    needs=("attribution.attention_by_head", "attribution.gradient", "attribution.input_x_gradient", "attribution.attention"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "Agreement is not effect: a head may look at what mattered and pass nothing of it on, and a head that matters may look elsewhere. One target only. What is left "
        "beyond distance, length and the sink is what a smooth surface over them does not explain. Heads of a layer look alike, so that discoveries come in groups."
    ),
    methods=(
        Method(
            name="Agreement of a head",
            formula="Spearman's rho of the head's mean attention, over the target's rows, to each sentence with the size of the reference (ablation, else gradient)",
            source="Spearman 1904",
        ),
        Method(
            name="Partial, by head",
            formula="correlation of the residuals of both rankings on distance, length and the sink, as in the section above",
            source="Conover and Iman 1981; Freedman and Lane 1983",
        ),
        Method(
            name="q",
            formula="false-discovery rate over all heads; p: share of all heads' correlations with the moved reference, in each head's standard deviations, that are as great; one-sided",
            source="Benjamini and Hochberg 1995; after Tusher et al. 2001",
        ),
        Method(
            name="What a random head would reach",
            formula=f"the {CHANCE:.0%} quantile over moves of the reference along the document, of all heads and of the greatest among them",
            source="after Westfall and Young 1993 (maximum over tests)",
        ),
    ),
)
