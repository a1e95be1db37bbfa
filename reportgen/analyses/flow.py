"""Where the information of chosen sentences comes from, layer by layer: rollout against its chance level, and attention flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import composed, faceted, frameless, packed
from reportgen.analyses.even_attention import EvenAttention, even_attention
from reportgen.analyses.flows.maximum_flow import UNIT, attention_flow, capacities, joined_capacities
from reportgen.analyses.flows.receptive_field import METHOD, receptive_field, row_of_rollout
from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.contract import CONTRACT
from reportgen.links import content_pairs, lift_of, strongest
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs
from reportgen.wording import percent

KEPT_AT_MOST = 16
SHOWN = 8
NEARLY_UNIFORM = 0.1
LABELLED_FROM = 0.05  # a thinner band has no room for its name
GAP = 0.004  # between bands
SERIES = ("#3b6ea8", "#b8621b", "#1f7f5c", "#9a4f86", "#7d6a12", "#7a7a7a")


@dataclass(frozen=True, kw_only=True, eq=False)
class Path:
    """How a rollout of the chosen sentence changes with depth: the share that comes from itself and from the first sentence, after each layer."""

    name: str
    own: Float[np.ndarray, " layer"]
    first: Float[np.ndarray, " layer"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """One sentence and its sources, those that matter most in the rollout without the sink first; all shares are after the last layer.

    `null` and `null_without_sink` are the rollouts of even attention, the receptive field alone, None where that is not known. `bands` are the rollout without
    the sink of itself, of the other shown sources in order, and of all the rest with tokens of no sentence, before the first layer and after each.
    `flow_is_bound` says that other sentences were joined to one node, `joined` how many, and flows are upper bounds. `flow_variation` is the flows'
    standard deviation over their mean, the sentence itself left out; NaN for fewer than two sources.
    """

    sentence: int
    why: str
    sources: Int[np.ndarray, " source"]
    attention: Float[np.ndarray, " source"]
    rollout: Float[np.ndarray, " source"]
    rollout_without_sink: Float[np.ndarray, " source"]
    null: Float[np.ndarray, " source"] | None
    null_without_sink: Float[np.ndarray, " source"] | None
    flow: Float[np.ndarray, " source"]
    joined: int
    flow_is_bound: bool
    flow_variation: float
    paths: tuple[Path, ...]
    band_sources: tuple[int, ...]
    bands: Float[np.ndarray, "depth band"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The chosen sentences. `null_is_exact` says that the null was rolled out over tokens, and not over sentences alone; None where there is no null."""

    chosen: tuple[Chosen, ...]
    sentences: int
    null_is_exact: bool | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Matrices:
    """What was measured, by layer, and what even attention is known to be."""

    attention: Float[np.ndarray, "layer sentence sentence"]
    expected: Float[np.ndarray, "*layer sentence sentence"]
    rollout: Float[np.ndarray, "layer sentence sentence"]
    without_sink: Float[np.ndarray, "layer sentence sentence"]
    even: EvenAttention | None
    whole: bool  # read at once, not in windows
    sinks: Int[np.ndarray, " sink"]


def analyse(measurements: Measurements) -> Result:
    """Roll out, compare with the receptive field, and compute flows, for at most three sentences."""
    added = (measurements["token_sentences"] < 0) & (np.ptp(measurements["token_spans"], axis=1) == 0)
    pairs, flat = measurements.by_pair.pairs, attention_views(measurements)
    views = pairs.matrix(flat)
    matrices = _Matrices(
        attention=views[1:],
        expected=measurements["*.sentence_expected"],
        rollout=measurements["*.rollout_by_layer"],
        without_sink=measurements["*.rollout_without_sink_by_layer"],
        even=even_attention(measurements),
        whole=not measurements.windows and not np.isnan(views[0]).any(),
        sinks=np.union1d([0], np.flatnonzero(added)),
    )
    reasons = _reasons(measurements, lift_of(flat[0], expected_attention(measurements)), pairs)
    chosen = tuple(_chosen(matrices, sentence, why) for sentence, why in reasons.items())
    return Result(chosen=chosen, sentences=pairs.sentences, null_is_exact=matrices.even is not None if matrices.whole else None)


def _reasons(measurements: Measurements, lift: Float[np.ndarray, " pair"], pairs: SentencePairs) -> dict[int, str]:
    """The sentences to look at, and why each: target, last, the one with the strongest link."""
    target = measurements.metadata.get("target", {}).get("sentence")
    found = [] if target is None else [(target, "the target of attribution")]
    found.append((pairs.sentences - 1, "the last sentence"))
    (place,) = strongest(content_pairs(lift, pairs), 1)
    found += [(int(pairs.queries[place]), "the sentence with the strongest link by lift")] if place >= 0 else []
    reasons: dict[int, str] = {}
    for sentence, why in found:
        reasons[sentence] = f"{reasons[sentence]}, {why}" if sentence in reasons else why
    return reasons


def _chosen(matrices: _Matrices, query: int, why: str) -> Chosen:
    """Everything of one sentence, over the sentences that were read together with it."""
    seen = np.flatnonzero(~np.isnan(matrices.rollout[-1, query]))
    rollout, bare = matrices.rollout[:, query, seen].astype(float), matrices.without_sink[:, query, seen].astype(float)
    null, null_bare = _nulls(matrices, query, seen)
    own = int(np.searchsorted(seen, query))
    kept = _kept(bare[-1], own)
    flow = _flow(matrices, seen, own, kept)
    others = flow[(seen[kept] != query) & (rollout[-1, kept] > 0)]
    shown = kept[kept != own][:SHOWN]
    return Chosen(
        sentence=query,
        why=why,
        sources=seen[kept],
        attention=matrices.attention[:, query, seen[kept]].mean(0, dtype=float),
        rollout=rollout[-1, kept],
        rollout_without_sink=bare[-1, kept],
        null=None if null is None else null[-1, kept],
        null_without_sink=None if null_bare is None else null_bare[-1, kept],
        flow=flow,
        joined=len(seen) - len(kept),
        flow_is_bound=len(seen) > len(kept),
        flow_variation=float(others.std() / others.mean()) if len(others) > 1 and others.mean() > 0 else np.nan,
        paths=tuple(_paths({"rollout": rollout, "without the sink": bare, "even attention": null, "even, without the sink": null_bare}, own)),
        band_sources=tuple(seen[shown].tolist()),
        bands=_bands(bare, own, shown),
    )


def _kept(weights: Float[np.ndarray, " sentence"], own: int) -> Int[np.ndarray, " kept"]:
    """The sentences with the greatest weights, greatest first, the sentence itself and the first one among them."""
    order = np.argsort(-weights, kind="stable")
    needed = np.unique([0, own])
    chosen = np.concatenate([needed, order[~np.isin(order, needed)]])[:KEPT_AT_MOST]
    return order[np.isin(order, chosen)]


def _flow(matrices: _Matrices, seen: Int[np.ndarray, " seen"], own: int, kept: Int[np.ndarray, " kept"]) -> Float[np.ndarray, " kept"]:
    graph = joined_capacities(matrices.attention, seen[kept], np.setdiff1d(seen, seen[kept]))
    return attention_flow(graph, int(np.flatnonzero(kept == own)[0]), np.arange(len(kept)))


def _nulls(
    matrices: _Matrices, query: int, seen: Int[np.ndarray, " seen"]
) -> tuple[Float[np.ndarray, "layer seen"] | None, Float[np.ndarray, "layer seen"] | None]:
    """Rollouts of even attention with and without the sink: over tokens where the mask is known, else over sentences and with the sink alone; in windows none."""
    layers = len(matrices.attention)
    if not matrices.whole:
        return None, None
    if matrices.even:
        nothing = np.zeros(0, int)
        return tuple(receptive_field(matrices.even, query, layers, sinks)[:, seen] for sinks in (nothing, matrices.sinks))
    expected = matrices.expected[..., seen[:, None], seen]
    steps = capacities(np.broadcast_to(expected, (layers, len(seen), len(seen))))
    return row_of_rollout(steps, int(np.searchsorted(seen, query))), None


def _paths(rollouts: Mapping[str, Float[np.ndarray, "layer seen"] | None], own: int) -> Iterator[Path]:
    for name, values in rollouts.items():
        if values is not None:
            yield Path(name=name, own=values[:, own], first=values[:, 0])


def _bands(bare: Float[np.ndarray, "layer seen"], own: int, shown: Int[np.ndarray, " shown"]) -> Float[np.ndarray, "depth band"]:
    named = np.concatenate([np.eye(1, 1 + len(shown)), bare[:, np.concatenate([[own], shown])]])
    return np.concatenate([named, np.maximum(1 - named.sum(1, keepdims=True), 0)], axis=1)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """For each chosen sentence the bands of its sources by layer; for the first of them the rollouts by depth."""
    import altair as alt

    charts = {f"sources-of-{chosen.sentence + 1}": _streams(alt, chosen) for chosen in result.chosen}
    return {**charts, "depth": _depth(alt, result.chosen[0])}


def _streams(alt: Any, chosen: Chosen) -> Mapping[str, Any]:
    """Bands as wide as the share that comes from each source, from the input on the left to the last layer on the right."""
    names = ["itself", *(f"sentence {source + 1}" for source in chosen.band_sources), "all others"]
    colours = [SERIES[0], *(SERIES[1 + rank % 4] for rank in range(len(names) - 2)), SERIES[5]]
    tops = np.cumsum(chosen.bands, axis=1)
    rows = [
        {"layer": depth, "source": name, "from": round(float(top - width), 5), "to": round(float(max(top - GAP, top - width)), 5)}
        for band, name in enumerate(names)
        for depth, (top, width) in enumerate(zip(tops[:, band], chosen.bands[:, band], strict=True))
    ]
    labels = [
        {"layer": len(tops) - 1, "middle": round(float(top - width / 2), 5), "label": f"{name} {percent(width)}"}
        for name, top, width in zip(names, tops[-1], chosen.bands[-1], strict=True)
        if width >= LABELLED_FROM
    ]
    x = alt.X("layer:Q", title="layers passed", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, grid=False))
    y = alt.Y("from:Q", title=f"what sentence {chosen.sentence + 1} is made of (share)", scale=alt.Scale(domain=[0, 1]))
    colour = alt.Color("source:N", scale=alt.Scale(domain=names, range=colours), legend=None)
    areas = alt.Chart(alt.Data(values=packed(rows)), width=560, height=240).mark_area(interpolate="monotone", opacity=0.75)
    bands = areas.encode(x=x, y=y, y2=alt.Y2("to:Q"), color=colour)
    text = alt.Chart(alt.Data(values=packed(labels))).mark_text(align="left", dx=6).encode(x=alt.X("layer:Q"), y=alt.Y("middle:Q"), text=alt.Text("label:N"))
    return frameless(composed("layer", bands, text))


def _depth(alt: Any, chosen: Chosen) -> Mapping[str, Any]:
    """Two panels: what comes from the sentence itself and from the first one, in each rollout, after each layer."""
    rows = [
        {"layer": layer, "rollout": path.name, "part": part, "share": round(float(share), 5)}
        for path in chosen.paths
        for part, values in (("from itself", path.own), ("from the first sentence", path.first))
        for layer, share in enumerate(values)
    ]
    names = [path.name for path in chosen.paths]
    colours = alt.Scale(domain=names, range=[SERIES[1] if "without" in name else SERIES[0] for name in names])
    dashes = alt.Scale(domain=names, range=[[2, 3] if name.startswith("even") else [1, 0] for name in names])
    chart = (
        alt.Chart(alt.Data(values=packed(rows)), width=250, height=180)
        .mark_line()
        .encode(
            x=alt.X("layer:Q", title="layer", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, grid=False)),
            y=alt.Y("share:Q", title=f"rollout of sentence {chosen.sentence + 1} (share)", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("rollout:N", title=None, scale=colours, legend=alt.Legend(orient="top", symbolType="stroke", symbolSize=400, columnPadding=24)),
            strokeDash=alt.StrokeDash("rollout:N", title=None, scale=dashes),
        )
    )
    return frameless(faceted(chart, alt.FacetMapping(column=alt.Column("part:N", title=None, sort=["from itself", "from the first sentence"]))))


def find(result: Result) -> str:
    """Of the first chosen sentence: where rollout ends up, what is left without the sink, whether flows tell sources apart."""
    chosen = result.chosen[0]
    if not chosen.band_sources:
        alone = "There is only one sentence" if result.sentences == 1 else f"Sentence {chosen.sentence + 1} was read together with no other"
        return f"{alone}, and so no flow from another was measured."
    first = chosen.paths[0].first[-1]
    null = next((path.first[-1] for path in chosen.paths if path.name == "even attention"), None)
    alone = f" ({percent(null, 3)} if every visible key had the same weight)" if null is not None else ""
    place = int(np.flatnonzero(chosen.sources == chosen.band_sources[0])[0])
    chance = "" if chosen.null_without_sink is None else f" (even attention: {percent(chosen.null_without_sink[place], 3)})"
    return (
        f"After the last layer, rollout says that {percent(first, 3)} of sentence {chosen.sentence + 1} comes from the first sentence read with it{alone}; without the sink, "
        f"{percent(chosen.bands[-1, 0], 3)} comes from itself and the greatest share of the rest, "
        f"{percent(chosen.rollout_without_sink[place], 3)}{chance}, from sentence {chosen.band_sources[0] + 1}. {_of_flows(chosen)}"
    )


def _of_flows(chosen: Chosen) -> str:
    """Whether the maximum flow says anything."""
    if np.isnan(chosen.flow_variation):
        return "Maximum flow has too few sources to compare."
    varies = f"the flows of its sources differ by {percent(chosen.flow_variation, 3)} of their mean (coefficient of variation)"
    if chosen.flow_variation < NEARLY_UNIFORM:
        return f"Maximum flow is nearly the same from every source and says little: {varies}."
    return f"Maximum flow tells sources apart: {varies}."


ANALYSIS = Analysis(
    name="flow",
    question="Where does a sentence's information come from, layer by layer?",
    needs=("sentence_attention|sentence_attention_by_layer", "sentence_expected", "rollout_by_layer", "rollout_without_sink_by_layer"),
    analyse=analyse,
    draw=draw,
    find=find,
    sentences_at_most=2_000,
    caveat=(
        "Both follow attention weights alone, not what the values or the other parts of a layer do with them, and give the residual half by decree. Deep rollouts of "
        "a decoder end on the first tokens whatever the text: compare with even attention. Flow takes the narrowest place on the way, which in a deep model is "
        "the first or the last step, so sources hardly differ. It leaves out what passes through tokens of no sentence."
    ),
    methods=(
        Method(name="Attention rollout", formula=CONTRACT["*.rollout"].formula, source=CONTRACT["*.rollout"].source),
        Method(name="Rollout without the sink", formula=CONTRACT["*.rollout_without_sink"].formula, source=CONTRACT["*.rollout_without_sink"].source),
        METHOD,
        Method(
            name="Attention flow",
            formula="maximum flow from the sentence after the last layer to a sentence of the input, edge capacities 0.5 (mean over heads of sentence_attention) + "
            f"0.5 I in each layer; Dinic's algorithm, capacities rounded to 1 / {UNIT:,}; the {KEPT_AT_MOST} sentences with most rollout without the sink, "
            "the others of a layer joined to one node with the sums of their capacities, which gives an upper bound; in windows, pairs that none saw carry nothing",
            source="Abnar and Zuidema 2020, section 3, there over tokens",
        ),
        Method(name="Coefficient of variation", formula="standard deviation of the flows / their mean, the sentence itself left out", source="textbook"),
    ),
)
