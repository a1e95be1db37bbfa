"""The links between sentences that distance, length and a key's general pull do not explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.analyses.sentence_pairs.crossing import discovery_rates
from reportgen.analyses.sentence_pairs.distance_model import FEWEST_PAIRS, Expectation, expect, token_middles
from reportgen.links import content_pairs, strongest
from reportgen.measurements import Measurements

LINKS_AT_MOST = 20
DISCOVERY_RATE = 0.05
KEYS_COUNTED = 5


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link. `lift` is share over expected; `length_lift` the same where the key sentence's length stands in place of its pull."""

    query: int
    key: int
    share: float
    expected: float
    lift: float
    length_lift: float
    z: float
    p_value: float
    q_value: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The `count` links of greatest z, greatest first, and beside them the `count` greatest shares (`raw_pairs`: query, key).

    `pairs` were compared. `discoveries` pass the false-discovery rate; `mirrored` fall below what is expected by as much as the least of them is above.
    `length_discoveries` would pass with length in place of pull, `length_key_share` of them on their five most frequent keys. `distances` is one row for each
    distance in sentences: its pairs' median share, the 5th and 95th percentile, and the median expected share.
    """

    pairs: int
    count: int
    links: tuple[Link, ...]
    discoveries: int
    mirrored: int
    length_discoveries: int
    length_key_share: float
    raw_pairs: Int[np.ndarray, "rank 2"]
    in_both: int
    neighbours: int
    raw_neighbours: int
    distance: Int[np.ndarray, " distance"]
    distances: Float[np.ndarray, "distance 4"]


def analyse(measurements: Measurements) -> Result:
    """Fit what distance and each sentence's own terms predict, and rank what is left."""
    pairs, share, middles = measurements.by_pair.pairs, attention_views(measurements)[0], token_middles(measurements)
    model = expect(pairs, share, middles)
    length_model = expect(pairs, share, middles, expected_attention(measurements))
    p_values = model.p_value
    q_values = discovery_rates(p_values)
    order = np.argsort(-model.z, kind="stable")[: LINKS_AT_MOST if len(model.z) >= FEWEST_PAIRS else 0]
    links = tuple(_link(model, length_model, int(at), p_values, q_values) for at in order)
    places = strongest(content_pairs(share, pairs), len(links))
    raw = np.where(places < 0, -1, np.stack([pairs.queries[places], pairs.keys[places]])).T if len(links) else np.empty((0, 2), int)
    chosen = {(link.query, link.key) for link in links}
    distance, distances = _by_distance(model)
    found = q_values <= DISCOVERY_RATE
    return Result(
        pairs=len(model.z),
        count=len(links),
        links=links,
        discoveries=int(found.sum()),
        mirrored=int((model.z <= -model.z[found].min()).sum()) if found.any() else 0,
        raw_pairs=raw,
        in_both=sum(tuple(pair) in chosen for pair in raw.tolist()),
        neighbours=sum(abs(query - key) == 1 for query, key in chosen),
        raw_neighbours=int((np.abs(raw[:, 0] - raw[:, 1]) == 1).sum()),
        distance=distance,
        distances=distances,
        **_by_length(length_model),
    )


def _link(model: Expectation, length_model: Expectation, at: int, p_values: Float[np.ndarray, " pair"], q_values: Float[np.ndarray, " pair"]) -> Link:
    return Link(
        query=int(model.queries[at]),
        key=int(model.keys[at]),
        share=float(model.share[at]),
        expected=float(model.expected[at]),
        lift=float(model.lift[at]),
        length_lift=float(length_model.lift[at]),
        z=float(model.z[at]),
        p_value=float(p_values[at]),
        q_value=float(q_values[at]),
    )


def _by_length(model: Expectation) -> dict[str, Any]:
    """How many links length and distance alone would call significant, and the share of them that go to the five keys with most of them."""
    found = discovery_rates(model.p_value) <= DISCOVERY_RATE
    most = np.sort(np.bincount(model.keys[found], minlength=KEYS_COUNTED))[-KEYS_COUNTED:]
    return {"length_discoveries": int(found.sum()), "length_key_share": float(most.sum() / found.sum()) if found.any() else float("nan")}


def _by_distance(model: Expectation) -> tuple[Int[np.ndarray, " distance"], Float[np.ndarray, "distance 4"]]:
    """The distances there are, and of each the median, 5th and 95th percentile of its shares and the median of what is expected."""
    gaps = np.abs(model.queries - model.keys)
    order = np.argsort(gaps, kind="stable")
    distance, starts = np.unique(gaps[order], return_index=True)
    groups = zip(np.split(model.share[order], starts[1:]), np.split(model.expected[order], starts[1:]), strict=True)
    rows = [[*np.quantile(shares, [0.5, 0.05, 0.95]), np.median(expected)] for shares, expected in groups if len(shares)]
    return distance, np.array(rows).reshape(len(distance), 4)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Share against distance, both logarithmic: the median and the range of all pairs, what is expected, and the links of the table."""
    import altair as alt

    if not result.links:
        return {}
    names = ("share", "low", "high", "expected")
    rows = [{"distance": int(gap)} | dict(zip(names, map(_short, row), strict=True)) for gap, row in zip(result.distance, result.distances, strict=True)]
    points = [{"distance": abs(link.query - link.key), "share": _short(link.share), "kind": _kind(link)} for link in result.links]
    x = alt.X("distance:Q", title="distance in sentences (log)", scale=alt.Scale(type="log", nice=False))
    title = "share of attention (log)"
    y = alt.Y("share:Q", title=title, scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~p"))
    base = alt.Chart(alt.Data(values=rows), width=620, height=280)
    kinds = ["discovery", "other link of the table"]
    chart = alt.layer(
        base.mark_area(opacity=0.2, color="#7a7a7a").encode(x=x, y=alt.Y("low:Q", title=title), y2="high:Q"),
        base.mark_line(color="#7a7a7a").encode(x=x, y=y),
        base.mark_line(color="#3b6ea8", strokeDash=[6, 3]).encode(x=x, y=alt.Y("expected:Q", title=title)),
        alt.Chart(alt.Data(values=points))
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(
            x=x,
            y=y,
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=kinds, range=["#b8621b", "#3b6ea8"])),
            shape=alt.Shape("kind:N", title=None, scale=alt.Scale(domain=kinds, range=["diamond", "circle"])),
        ),
    )
    return {"distance": chart.configure_view(stroke=None).properties(description=_summary(result)).to_dict()}


def _kind(link: Link) -> str:
    return "discovery" if link.q_value <= DISCOVERY_RATE else "other link of the table"


def _short(value: float) -> float:
    return float(f"{float(value):.4g}")


def _summary(result: Result) -> str:
    near, far = result.distances[0, 0], result.distances[-1, 0]
    return (
        f"Share of attention against distance in sentences. The median of all pairs is {near:.2%} at distance {result.distance[0]} and {far:.3%} at distance "
        f"{result.distance[-1]}; the {result.count} links of the table are points, {sum(_kind(link) == 'discovery' for link in result.links)} of them discoveries."
    )


def find(result: Result) -> str:
    """How many links stand out, the strongest of them, and how the list differs from the greatest shares."""
    if not result.links:
        return f"There are {result.pairs} pairs of sentences to compare, too few to tell a link from what distance explains ({FEWEST_PAIRS} are needed)."
    best = result.links[0]
    found = (
        f"{result.discoveries:,} of {result.pairs:,} pairs get more attention than distance and the two sentences explain"
        if result.discoveries
        else (f"None of {result.pairs:,} pairs gets more attention than distance and the two sentences explain")
    )
    below = f" ({result.mirrored:,} get less by as much)" if result.discoveries else ""
    return (
        f"{found} at a false-discovery rate of {DISCOVERY_RATE:.0%}{below}; the strongest leads from sentence {best.query + 1} to sentence {best.key + 1}: "
        f"{100 * best.share:.3g}% of its attention, {best.lift:.3g} times what is expected (z {best.z:.1f}, q {best.q_value:.2g}). Of the {result.count} strongest, "
        f"{result.in_both} are among the {result.count} greatest shares; {result.neighbours} join neighbours, of the greatest shares {result.raw_neighbours} do. "
        f"{_about_length(result)}"
    )


def _about_length(result: Result) -> str:
    if not result.length_discoveries:
        return "With the length of the key sentence in place of its pull no link would stand out."
    return (
        f"With the length of the key sentence in place of its pull {result.length_discoveries:,} would stand out, {result.length_key_share:.0%} of them on the "
        f"{KEYS_COUNTED} keys that draw most."
    )


ANALYSIS = Analysis(
    name="links_beyond_distance",
    question="Which links are stronger than distance explains?",
    needs=("sentence_attention|sentence_attention_by_layer", "sentence_expected"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "What every later sentence gives a sentence, be it for its length, its punctuation or its content, counts as that sentence's pull and not as a link; a "
        "sentence that all look at is therefore not found here. p takes pairs as independent and logarithms of lifts as normal but for their estimated scatter; as many pairs far below as far "
        "above what is expected mean that the tails are heavy and that q is too small. The first sentence is left out as key: it holds the sink."
    ),
    methods=(
        Method(
            name="Expected share",
            formula=(
                "log share = term of the query sentence + term of the key sentence + f(distance); f linear between distances of 1, 2, 4, 8, ... sentences, plus "
                "a slope on the log of the distance in tokens; least squares with Huber's weights (k 1.345)"
            ),
            source="Wilson 1967 (doubly constrained gravity model); Lieberman-Aiden et al. 2009 and Ay et al. 2014 (contact maps); Huber 1964",
        ),
        Method(
            name="z",
            formula="(log(share / expected) - median) / (1.4826 x median absolute deviation), both among pairs in the same power of two of the distance",
            source="none; defined here",
        ),
        Method(
            name="q",
            formula="false-discovery rate over all pairs, from one-sided Student's p with 0.37 degrees of freedom for each pair of about the same distance",
            source="Benjamini and Hochberg 1995",
        ),
        Method(
            name="Lift over length",
            formula="share / expected with a slope on log(share if every visible key had the same weight) in place of the key's term",
            source="none; defined here",
        ),
    ),
)
