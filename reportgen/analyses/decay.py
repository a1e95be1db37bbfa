"""How attention falls with distance, layer by layer, and the heads for which it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import composed, faceted, frameless, packed
from reportgen.analyses.even_attention import even_attention
from reportgen.analyses.layer_progression import mean_over_heads
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import significant

CONFIDENCE = 0.95
FEWEST_BINS = 4
FAR_OVER_NEAR = 2.0
RISES = 0.1  # exponent: a quarter more for ten times the distance
HEADS_AT_MOST, HEADS_AT_LEAST = 20, 5
PANELS_AT_MOST = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class PowerLaw:
    """Exponents of distance, for each curve one, and their intervals; NaN where fewer than 4 bins have weight."""

    exponent: Float[np.ndarray, "*curve"]
    low: Float[np.ndarray, "*curve"]
    high: Float[np.ndarray, "*curve"]


@dataclass(frozen=True, kw_only=True)
class FarHead:
    """A head's weight per pair in the near and in the far half of the bins, and its fit, the sink left out; `defies` says whether far pairs get more."""

    head: str
    defies: bool
    near: float
    far: float
    ratio: float
    exponent: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Mean weight of a pair of tokens by bin of distance, from `edges[b]` up to, not including, `edges[b + 1]`; layers are means over heads.

    `even` is what even attention would give, None where that is not known; `even_exponent` its power law. `far_from` is the distance at which the far half of
    the bins begins. `far_heads` has the heads with most for far pairs, the strongest first: those of the `defying_heads` that give them more than near ones, but
    5 at least and 20 at most. `drawn` lists the layers that the chart shows.
    """

    edges: Int[np.ndarray, " edge"]
    places: Float[np.ndarray, " bin"]
    all_keys: Float[np.ndarray, "layer bin"]
    without_sink: Float[np.ndarray, "layer bin"]
    even: Float[np.ndarray, " bin"] | None
    law: PowerLaw
    law_without_sink: PowerLaw
    even_exponent: float | None
    heads: int
    far_from: int
    defying_heads: int
    far_heads: tuple[FarHead, ...]
    drawn: tuple[int, ...]


def analyse(measurements: Measurements) -> Result:
    """Fit each layer's and each head's curve from distance 1 on."""
    edges = measurements["*.decay_edges"]
    heads, bare = measurements["*.decay"], measurements["*.decay_without_sink"]
    places, even = bin_places(edges, len(measurements["token_ids"])), even_attention(measurements)
    by_layer, by_layer_bare = _over_heads(heads), _over_heads(bare)
    weights = even.by_distance(edges) if even else None
    near, far, middle = _halves(bare)
    ranked, layers = list(_ranked(near, far, power_law(places, bare))), len(heads)
    defying = sum(head.defies for head in ranked)
    return Result(
        edges=edges,
        places=places,
        all_keys=by_layer,
        without_sink=by_layer_bare,
        even=weights,
        law=power_law(places, by_layer),
        law_without_sink=power_law(places, by_layer_bare),
        even_exponent=None if weights is None else float(power_law(places, weights[None]).exponent[0]),
        heads=heads.shape[0] * heads.shape[1],
        far_from=int(edges[middle]),
        defying_heads=defying,
        far_heads=tuple(ranked[: min(max(defying, HEADS_AT_LEAST), HEADS_AT_MOST)]),
        drawn=tuple(np.unique(np.linspace(0, layers - 1, min(layers, PANELS_AT_MOST)).round().astype(int)).tolist()),
    )


def bin_places(edges: Int[np.ndarray, " edge"], tokens: int) -> Float[np.ndarray, " bin"]:
    """The middle of each bin on a logarithmic scale, its last distance cut to the document's."""
    last = np.maximum(np.minimum(edges[1:] - 1, tokens - 1), edges[:-1])
    return np.sqrt(edges[:-1].astype(float) * last)


def _over_heads(values: Float[np.ndarray, "layer head bin"]) -> Float[np.ndarray, "layer bin"]:
    return np.stack([mean_over_heads(values[..., index]) for index in range(values.shape[-1])], axis=-1)


def power_law(places: Float[np.ndarray, " bin"], weights: Float[np.ndarray, "*curve bin"]) -> PowerLaw:
    """Least squares of ln weight on ln distance over the bins from distance 1 on that have weight; the interval is Student's."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(weights[..., 1:].astype(float))
        x = np.broadcast_to(np.log(places[1:]), y.shape)
    kept = np.isfinite(y)
    count = kept.sum(-1)
    y, x = np.where(kept, y, 0.0), np.where(kept, x, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        dx = np.where(kept, x - (x.sum(-1) / count)[..., None], 0.0)
        dy = np.where(kept, y - (y.sum(-1) / count)[..., None], 0.0)
        exponent = np.where(count >= FEWEST_BINS, (dx * dy).sum(-1) / (dx**2).sum(-1), np.nan)
        residual = ((dy - exponent[..., None] * dx) ** 2).sum(-1) / (count - 2)
        margin = stats.t.ppf((1 + CONFIDENCE) / 2, np.maximum(count - 2, 1)) * np.sqrt(residual / (dx**2).sum(-1))
    return PowerLaw(exponent=exponent, low=exponent - margin, high=exponent + margin)


def _halves(weights: Float[np.ndarray, "layer head bin"]) -> tuple[Float[np.ndarray, "layer head"], Float[np.ndarray, "layer head"], int]:
    """Mean over the bins of the near and of the far half of those from distance 1 on, and the far half's first bin."""
    used = weights.shape[-1] - (1 if np.isnan(weights[..., -1]).all() else 0)
    middle = 1 + max((used - 1) // 2, 1)
    return _mean_of_bins(weights[..., 1:middle]), _mean_of_bins(weights[..., middle:]), min(middle, weights.shape[-1])


def _mean_of_bins(weights: Float[np.ndarray, "layer head bin"]) -> Float[np.ndarray, "layer head"]:
    known = ~np.isnan(weights)
    return np.divide(np.where(known, weights, 0).sum(-1), known.sum(-1), out=np.full(weights.shape[:2], np.nan), where=known.any(-1))


def _ranked(near: Float[np.ndarray, "layer head"], far: Float[np.ndarray, "layer head"], law: PowerLaw) -> Iterator[FarHead]:
    """Those that defy decay first, then by ratio: twice the weight for far pairs, or the whole interval of the exponent above 0.1."""
    ratio = np.divide(far, near, out=np.full(near.shape, np.nan), where=near > 0)
    defies = (law.low > RISES) | ((ratio >= FAR_OVER_NEAR) & ~np.isnan(law.exponent))
    numbers = {"near": near, "far": far, "ratio": ratio, "exponent": law.exponent, "low": law.low, "high": law.high}
    for place in np.lexsort((-np.nan_to_num(ratio, nan=-np.inf).ravel(), ~defies.ravel())).tolist():
        layer, head = divmod(place, near.shape[1])
        if not np.isnan(law.exponent[layer, head]):
            yield FarHead(head=f"{layer}.{head}", defies=bool(defies[layer, head]), **{name: float(values[layer, head]) for name, values in numbers.items()})


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """A small panel for each layer, both axes logarithmic: all keys, without the sink, even attention, in the lines of the layers' own charts."""
    import altair as alt

    kinds = ["all keys", "without the sink", "even attention"]
    x = alt.X("distance:Q", title="distance, tokens", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(tickCount=3, format="~s"))
    log, ticks = alt.Scale(type="log", nice=False), alt.Axis(tickCount=4, format="~g")
    look = {
        "color": {
            "scale": {"domain": kinds, "range": ["#3b6ea8", "#b8621b", "#7a7a7a"]},
            "legend": {"orient": "top", "symbolType": "stroke", "symbolSize": 400, "columnPadding": 24},
        },
        "strokeDash": {"scale": {"domain": kinds, "range": [[1, 0], [6, 3], [1, 3]]}},
    }
    line = alt.Chart(alt.Data(values=packed(_rows(result, kinds))), width=110, height=90).mark_line(invalid="filter")  # goes on where a weight is missing
    lines = [
        line.encode(
            x=x,
            y=alt.Y(f"{kind}:Q", title="weight of a pair", scale=log, axis=ticks),
            color=alt.ColorDatum(kind, type="nominal", title=None),
            strokeDash=alt.StrokeDashDatum(kind, type="nominal", title=None),
        )
        for kind in kinds
    ]
    panel = composed("layer", *lines, encoding=look)
    return {"layers": frameless(faceted(panel, alt.Facet("layer:O", title="layer"), columns=min(6, len(result.drawn))))}


def _rows(result: Result, kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row for each distance of a layer, with a weight of each kind, None where there is none above zero, which has no logarithm."""
    nowhere = np.zeros(len(result.places))
    for layer in result.drawn:
        curves = [nowhere if curve is None else curve for curve in (result.all_keys[layer], result.without_sink[layer], result.even)]
        for place, *weights in zip(result.places[1:], *(curve[1:] for curve in curves), strict=False):
            if any(weight > 0 for weight in weights):
                found = (float(f"{weight:.4g}") if weight > 0 else None for weight in weights)
                yield {"layer": layer, "distance": float(f"{place:.4g}"), **dict(zip(kinds, found, strict=True))}


def find(result: Result) -> str:
    """The range of exponents, and how many heads go against it."""
    exponents = result.law_without_sink.exponent
    if np.isnan(exponents).all() or not result.far_heads:
        return "The document is too short to say how attention changes with distance."
    falls = int((result.law_without_sink.high < 0).sum())
    flat, steep = int(np.nanargmax(exponents)), int(np.nanargmin(exponents))
    even = f"; even attention would give {significant(result.even_exponent)}" if result.even_exponent is not None and np.isfinite(result.even_exponent) else ""
    return (
        f"Without the sink, a pair's weight falls with distance in {falls} of {len(exponents)} layers, as a power of distance with exponents from "
        f"{significant(exponents[steep])} (layer {steep}) to {significant(exponents[flat])} (layer {flat}){even}. {_defiance(result)}"
    )


def _defiance(result: Result) -> str:
    first = result.far_heads[0]
    gives = f"gives a pair {result.far_from} tokens apart or more {significant(first.ratio)} times what it gives a nearer one"
    if not result.defying_heads:
        rule = f"none gives far pairs {FAR_OVER_NEAR:g} times what near ones get, or has an exponent that is surely above {RISES:g}"
        return f"None of {result.heads} heads defies it: {rule}. The greatest ratio is that of head {first.head}, which {gives}."
    return f"{result.defying_heads} of {result.heads} heads {'defies' if result.defying_heads == 1 else 'defy'} it: head {first.head} {gives}."


ANALYSIS = Analysis(
    name="decay",
    question="How does attention fall with distance?",
    needs=("decay", "decay_without_sink", "decay_edges"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "Under a causal mask only late tokens have far keys, and they share their attention among more of them, so even attention falls with distance as well: read "
        "the dotted line. The first token is far from most and lifts the far end of the curve with all keys. A power law is a summary of few points that are "
        "not independent; its interval says how well a straight line fits, no more."
    ),
    methods=(
        Method(name="Attention by distance", formula=CONTRACT["*.decay"].formula, source=CONTRACT["*.decay"].source),
        Method(name="Attention by distance without the sink", formula=CONTRACT["*.decay_without_sink"].formula, source=CONTRACT["*.decay_without_sink"].source),
        Method(name="Even attention", formula="mean of 1 / (number of visible keys) over the same pairs, all keys", source="none; defined here"),
        Method(
            name="Exponent",
            formula="slope of ln weight on ln distance, least squares over bins from distance 1 on, each at its logarithmic middle; bins of no weight left out; "
            "interval: Student's, 95 %",
            source="none; defined here",
        ),
        Method(
            name="Heads that defy decay",
            formula="without the sink: mean over the far half of the bins / mean over the near half >= 2, or interval of the exponent above 0.1",
            source="none; defined here",
        ),
    ),
)
