"""How alike heads are, within a layer and over all layers, what each is for the prediction, and how many the prediction can do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import composed, frameless, packed
from reportgen.analyses.heads.head_map import ALL_KEYS, CLOSE, PERMUTATIONS, WITHOUT_SINK, HeadMap, close_heads, draw_map, draw_tree, head_map
from reportgen.analyses.heads.layer_diversity import LayerDiversity, diversity_by_layer, draw_lines
from reportgen.analyses.heads.pruning_curve import CHANGED, PruningCurve, draw_curve, pruning_curve, say
from reportgen.characters import capitalised
from reportgen.contract import CONTRACT
from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements
from reportgen.wording import percent, rounded, significant

SIGNIFICANT = 0.05
MOST = 0.1  # the share of heads whose part of all importance is told
FEWEST = 5
DIVERGENCES = {ALL_KEYS: "*.head_divergence", WITHOUT_SINK: "*.head_divergence_without_sink"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Diversity by layer; maps of all heads with and without the sink, none where divergences were not measured; importance, None where no target was; pruning likewise.

    `queries` is how many query tokens the divergences are estimated from, of `query_tokens` in sentences. `most_important` names the tenth of the heads with most
    importance, and `their_share` is their part of the sum; `importance_agreement` is Spearman's rho of `importance` and `importance_abs`.
    """

    shape: tuple[int, int]
    layers: tuple[LayerDiversity, ...]
    queries: int
    query_tokens: int
    maps: tuple[HeadMap, ...]
    unit: str
    importance: Float[np.ndarray, "layer head"] | None
    importance_abs: Float[np.ndarray, "layer head"] | None
    importance_agreement: float | None
    most_important: tuple[str, ...]
    their_share: float | None
    pruning: PruningCurve | None


def analyse(measurements: Measurements) -> Result:
    """Each part from the arrays that are there."""
    layers, heads = measurements["*.head_similarity"].shape[:2]
    divergence = {keys: measurements[name] for keys, name in DIVERGENCES.items() if name in measurements}
    importance, absolute = (measurements[name] if name in measurements else None for name in ("*.importance", "*.importance_abs"))
    most, share = _most_important(importance)
    return Result(
        shape=(layers, heads),
        layers=diversity_by_layer(measurements, divergence),
        queries=len(measurements["*.head_divergence_queries"]) if divergence else 0,
        query_tokens=int((measurements["token_sentences"] >= 0).sum()),
        maps=tuple(head_map(values, layers, keys) for keys, values in divergence.items() if not np.isnan(values).all()),
        unit=measurements.metadata.get("target", {}).get("unit", "nats"),
        importance=importance,
        importance_abs=absolute,
        importance_agreement=_agreement(importance, absolute),
        most_important=most,
        their_share=share,
        pruning=pruning_curve(measurements),
    )


def _agreement(importance: Float[np.ndarray, "layer head"] | None, absolute: Float[np.ndarray, "layer head"] | None) -> float | None:
    if importance is None or absolute is None or importance.size < FEWEST or not (np.ptp(importance) > 0 and np.ptp(absolute) > 0):
        return None
    return float(stats.spearmanr(importance.ravel(), absolute.ravel())[0])


def _most_important(importance: Float[np.ndarray, "layer head"] | None) -> tuple[tuple[str, ...], float | None]:
    """The tenth of the heads with most, rounded up, and their part of the sum."""
    if importance is None or not importance.sum() > 0:
        return (), None
    count = -(-importance.size // round(1 / MOST))
    order = np.argsort(-importance.ravel(), kind="stable")[:count]
    names = tuple(head_name(place, importance.shape[1]) for place in order.tolist())
    return names, float(importance.ravel()[order].sum() / importance.sum())


def head_name(place: int, heads: int) -> str:
    """Layer and head of a place among all heads."""
    return f"{place // heads}.{place % heads}"


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Lines by layer; the map and the tree where there are divergences, importance where there is a target, the curve where heads were masked."""
    import altair as alt

    charts = {"by-layer": draw_lines(alt, result.layers, divergence=bool(result.maps))}
    layers = result.shape[0]
    if result.maps:
        charts["map"] = draw_map(alt, result.maps, layers)
        if len(result.maps[-1].tree):
            charts["tree"] = draw_tree(alt, result.maps[-1], layers)
    if result.importance is not None and result.importance_abs is not None:
        charts["importance"] = _importance(alt, result)
    if result.pruning is not None:
        charts["pruning"] = draw_curve(alt, result.pruning)
    return charts


def _importance(alt: Any, result: Result) -> dict[str, Any]:
    """Two maps on one logarithmic scale, layers downwards and heads across."""
    known = np.concatenate([result.importance.ravel(), result.importance_abs.ravel()])
    positive = known[known > 0]
    high = float(positive.max()) if len(positive) else 1.0
    low = max(float(positive.min()) if len(positive) else 0.1, high / 1e4)
    scale = alt.Scale(type="log", scheme="cividis", domain=[low, high * 1.001], clamp=True)
    panels = [
        alt.Chart(
            alt.Data(values=packed([{"layer": layer, "head": head, "importance": rounded(value, 4)} for (layer, head), value in np.ndenumerate(values)])),
            title=title,
            width=alt.Step(24),
            height=alt.Step(11),
        )
        .mark_rect()
        .encode(
            x=alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("layer:O", title="layer", axis=alt.Axis(labelOverlap=True)),
            color=alt.Color("importance:Q", title=[f"{result.unit},", "logarithmic"], scale=scale, legend=alt.Legend(tickCount=4)),
        )
        for title, values in (("Importance", result.importance), ("Absolute value inside the sum", result.importance_abs))
    ]
    return frameless(composed("hconcat", *panels, resolve={"scale": {"color": "shared"}}))


def find(result: Result) -> str:
    """Diversity, heads that double another, whether heads of a layer are alike, importance, pruning."""
    return " ".join(part for part in (_diversity(result), _doubles(result), _layers_alike(result), _importance_said(result), say(result.pruning)) if part)


def _diversity(result: Result) -> str:
    if result.shape[1] == 1:
        return "Each layer has one head, so there is no diversity within layers."
    found = [_mean([getattr(row, f"diversity{suffix}") for row in result.layers]) for suffix in ("", LEFT)]
    known = [row for row in result.layers if np.isfinite(row.diversity_without_sink)]
    if not known:
        return f"Diversity of a layer's heads (1 minus cosine) is {significant(found[0])}, mean over layers."
    least, most = (extreme(known, key=lambda row: row.diversity_without_sink) for extreme in (min, max))
    between = ""
    if least is not most:
        between = f", least in layer {least.layer} ({significant(least.diversity_without_sink)}) and most in layer {most.layer} ({significant(most.diversity_without_sink)})"
    return f"Diversity of a layer's heads (1 minus cosine) is {significant(found[0])} with all keys and {significant(found[1])} without the sink, mean over layers{between}."


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def _doubles(result: Result) -> str:
    if not result.maps or not np.isfinite(result.maps[-1].nearest_divergence).any():
        return ""
    found = result.maps[-1]
    close, one = close_heads(found), int(np.nanargmin(found.nearest_divergence))
    pair = " and ".join(head_name(place, result.shape[1]) for place in sorted((one, int(found.nearest[one]))))
    return (
        f"{capitalised(found.keys)}, {int(close.sum())} of {len(found.compared)} heads have another within {CLOSE:g} nats of divergence in any layer "
        f"(estimated from {result.queries} queries); the closest are {pair} ({significant(found.nearest_divergence[one])})."
    )


def _layers_alike(result: Result) -> str:
    found = result.maps[-1] if result.maps else None
    if found is None or found.p_value is None:
        return ""
    figures = f"{significant(found.same_layer)} against {significant(found.other_layers)} nats, permutation p = {significant(found.p_value)}"
    if found.p_value < SIGNIFICANT:
        return f"Heads of the same layer are more alike than those of different layers ({figures})."
    return f"That heads of the same layer are more alike than those of different layers cannot be said ({figures})."


def _importance_said(result: Result) -> str:
    if result.their_share is None:
        return ""
    count = len(result.most_important)
    which = (
        f"The most important head, {result.most_important[0]}, has"
        if count == 1
        else f"The {count} most important heads ({result.most_important[0]} first) have"
    )
    return f"{which} {percent(result.their_share, 3)} of all importance for the target."


ANALYSIS = Analysis(
    name="head_redundancy",
    question="Which heads do the same, and how many can the prediction do without?",
    needs=("head_similarity", "entropy"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "Heads that look at the same tokens may read different things there: likeness is of weights, not of what heads write. A sink makes heads alike that share "
        "nothing else, so read the numbers without it. Divergences over all layers are estimated from a sample of queries. Distances on the map are as far from the measured ones "
        "as its stress says; go by the table. Importance and pruning are for one target, and the curve masks heads by the importance that they have for that very target: on "
        "another text the order would serve less well."
    ),
    methods=(
        Method(name="Diversity of a layer", formula="1 - mean over pairs of heads of " + CONTRACT["*.head_similarity"].formula, source="none; defined here"),
        Method(name="Divergence of heads", formula=CONTRACT["*.head_divergence"].formula, source=CONTRACT["*.head_divergence"].source),
        Method(
            name="Map",
            formula="metric scaling of the divergences to the plane by SMACOF, from classical scaling; stress = root of sum (d - delta)^2 / sum delta^2",
            source="de Leeuw 1977; use for heads: Clark et al. 2019, section 6",
        ),
        Method(
            name="Tree and clusters",
            formula=f"average linkage of the divergences; a cluster is what joins at {CLOSE:g} nats or below; cophenetic: Pearson's r of divergences and heights of joining",
            source="Sokal and Michener 1958; Sokal and Rohlf 1962; threshold: chosen here",
        ),
        Method(
            name="Heads of the same layer",
            formula=f"mean divergence of heads of the same layer; p: share of {PERMUTATIONS} random deals of heads to layers (and this one) with as small a mean or smaller",
            source="after Mantel 1967",
        ),
        Method(name="Importance", formula=CONTRACT["*.importance"].formula, source=CONTRACT["*.importance"].source),
        Method(name="Importance, absolute value inside the sum", formula=CONTRACT["*.importance_abs"].formula, source=CONTRACT["*.importance_abs"].source),
        Method(
            name="Pruning curve",
            formula=f"{CONTRACT['pruning.loss'].formula}; order: {CONTRACT['pruning.order'].formula}; can be masked: the target stays within {CHANGED:g} of itself up to there",
            source=CONTRACT["pruning.loss"].source,
        ),
    ),
)
