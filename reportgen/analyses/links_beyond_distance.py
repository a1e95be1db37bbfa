"""The links between sentences that distance, length and a key's general pull do not explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.analyses.sentence_pairs.control import Correlation, Shuffled, correlation, shuffled_lifts
from reportgen.analyses.sentence_pairs.crossing import discovery_rates
from reportgen.analyses.sentence_pairs.distance_model import FEWEST_PAIRS, HUBER, PASSES, Expectation, expect, expect_whole, token_middles
from reportgen.analyses.sentence_pairs.pictures_of_links import draw_distances
from reportgen.analyses.sentence_pairs.tail import Tail
from reportgen.links import content_pairs, strongest
from reportgen.measurements import Measurements
from reportgen.wording import of_pairs

LINKS_AT_MOST = 20
DISCOVERY_RATE = 0.05
REMAINS_AT = 0.05


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link. `lift` is share over expected; `length_lift` the same where the key sentence's length stands in place of its pull.

    `shuffled_lift` and `shuffled_p` are of the same two sentences in shuffled order; NaN without the control run, or where that order has no such pair.
    """

    query: int
    key: int
    share: float
    expected: float
    lift: float
    length_lift: float
    z: float
    p_value: float
    q_value: float
    shuffled_lift: float
    shuffled_p: float

    @property
    def in_shuffled_order(self) -> str:
        """What becomes of it there: it remains at p 0.05, for it alone, or vanishes; nothing where there is no such pair."""
        return "" if np.isnan(self.shuffled_p) else "remains" if self.shuffled_p <= REMAINS_AT else "vanishes"


@dataclass(frozen=True, kw_only=True)
class Control:
    """The control run: how alike the lifts of all pairs are in both orders, and of the `judged` links (the discoveries shown, or without any all that are shown)
    that have a pair in shuffled order, how many `remain` (content) and how many vanish (position)."""

    correlation: Correlation
    judged: int
    remain: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The `count` links of greatest z, greatest first, and beside them the `count` greatest shares (`raw_pairs`: query, key).

    `pairs` were compared. `discoveries` pass the false-discovery rate; `mirrored` fall below what is expected by as much as the least of them is above.
    `distances` is one row for each distance in sentences: its pairs' median share, the 5th and 95th percentile, and the median expected share. `tail` is what
    p-values are read from.
    `control` is None where the sentences were not read in shuffled order.
    """

    pairs: int
    count: int
    links: tuple[Link, ...]
    discoveries: int
    mirrored: int
    raw_pairs: Int[np.ndarray, "rank 2"]
    in_both: int
    neighbours: int
    raw_neighbours: int
    distance: Int[np.ndarray, " distance"]
    distances: Float[np.ndarray, "distance 4"]
    tail: Tail
    control: Control | None


def analyse(measurements: Measurements) -> Result:
    """Fit what distance and each sentence's own terms predict, and rank what is left."""
    pairs, share, middles = measurements.by_pair.pairs, attention_views(measurements)[0], token_middles(measurements)
    model = expect_whole(measurements)
    length_model = expect(pairs, share, middles, expected_attention(measurements))
    p_values = model.p_value
    q_values = discovery_rates(p_values)
    order = np.argsort(-model.z, kind="stable")[: LINKS_AT_MOST if len(model.z) >= FEWEST_PAIRS else 0]
    shuffled = shuffled_lifts(measurements)
    links = tuple(_link(model, length_model, int(at), q_values, shuffled) for at in order)
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
        tail=model.tail,
        control=None if shuffled is None or not links else _control(links, correlation(model, shuffled)),
    )


def _link(model: Expectation, length_model: Expectation, at: int, q_values: Float[np.ndarray, " pair"], shuffled: Shuffled | None) -> Link:
    query, key = int(model.queries[at]), int(model.keys[at])
    return Link(
        query=query,
        key=key,
        share=float(model.share[at]),
        expected=float(model.expected[at]),
        lift=float(model.lift[at]),
        length_lift=float(length_model.lift[at]),
        z=float(model.z[at]),
        p_value=float(model.p_value[at]),
        q_value=float(q_values[at]),
        shuffled_lift=float("nan") if shuffled is None else float(shuffled.lift[query, key]),
        shuffled_p=float("nan") if shuffled is None else float(shuffled.p_value[query, key]),
    )


def _control(links: tuple[Link, ...], alike: Correlation) -> Control:
    """How many of the discoveries shown, or without any of the links shown, remain."""
    found = [link for link in links if link.q_value <= DISCOVERY_RATE] or links
    judged = [link for link in found if not np.isnan(link.shuffled_p)]
    return Control(correlation=alike, judged=len(judged), remain=sum(link.in_shuffled_order == "remains" for link in judged))


def _by_distance(model: Expectation) -> tuple[Int[np.ndarray, " distance"], Float[np.ndarray, "distance 4"]]:
    """The distances there are, and of each the median, 5th and 95th percentile of its shares and the median of what is expected."""
    gaps = np.abs(model.queries - model.keys)
    order = np.argsort(gaps, kind="stable")
    distance, starts = np.unique(gaps[order], return_index=True)
    groups = zip(np.split(model.share[order], starts[1:]), np.split(model.expected[order], starts[1:]), strict=True)
    rows = [[*np.quantile(shares, [0.5, 0.05, 0.95]), np.median(expected)] for shares, expected in groups if len(shares)]
    return distance, np.array(rows).reshape(len(distance), 4)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Share against distance; nothing where there are too few pairs."""
    if not result.links:
        return {}
    points = [(abs(link.query - link.key), link.share, link.q_value <= DISCOVERY_RATE) for link in result.links]
    return {"distance": draw_distances(result.distance, result.distances, points)}


def find(result: Result) -> str:
    """How many links stand out, the strongest of them, and how the list differs from the greatest shares."""
    if not result.links:
        return f"{of_pairs(result.pairs)} to compare, too few to tell a link from what distance explains ({FEWEST_PAIRS} are needed)."
    best = result.links[0]
    found = (
        f"{result.discoveries:,} of {result.pairs:,} pairs get more attention than distance and the two sentences explain"
        if result.discoveries
        else (f"None of {result.pairs:,} pairs gets more attention than distance and the two sentences explain")
    )
    below = f" ({result.mirrored:,} get less by as much)" if result.discoveries else ""
    control = f" {_about_control(result.control, result.discoveries)}" if result.control else ""
    return (
        f"{found} at a false-discovery rate of {DISCOVERY_RATE:.0%}{below}; the strongest leads from sentence {best.query + 1} to sentence {best.key + 1}: "
        f"{100 * best.share:.3g}% of its attention, {best.lift:.3g} times what is expected (z {best.z:.1f}, q {best.q_value:.2g}). Of the {result.count} strongest, "
        f"{result.in_both} {'is' if result.in_both == 1 else 'are'} among the {result.count} greatest shares; {result.neighbours} join{'s' * (result.neighbours == 1)} neighbours, of the greatest shares {result.raw_neighbours} do{'es' * (result.raw_neighbours == 1)}."
        f"{control}"
    )


def _about_control(control: Control, discoveries: int) -> str:
    alike, vanish = control.correlation, control.judged - control.remain
    if not control.judged:
        return "In shuffled order none of these links has a pair to compare."
    if not discoveries:
        return (
            f"With the sentences in shuffled order the lifts of {alike.pairs:,} pairs keep a rank correlation of {alike.rho:.2f} (p {alike.p_value:.2g}); of the "
            f"{control.judged} strongest links {control.remain} remain{'s' * (control.remain == 1)} ({REMAINS_AT * control.judged:.2g} would by chance)."
        )
    return (
        f"With the sentences in shuffled order the lifts of {alike.pairs:,} pairs keep a rank correlation of {alike.rho:.2f} (p {alike.p_value:.2g}); of "
        f"{control.judged} links {control.remain} remain{'s' * (control.remain == 1)} and follow{'s' * (control.remain == 1)} content, {vanish} "
        f"vanish{'es' * (vanish == 1)} and follow{'s' * (vanish == 1)} position ({REMAINS_AT * control.judged:.2g} would remain by chance)."
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
        "sentence that all look at is therefore not found here. p is read from a tail "
        "fitted to the pairs themselves, the greatest 2% aside, so links that are no rarer than that hide each other. A link that remains in shuffled order may "
        "be read in the other direction there, and content that needs its order (an answer after its question) counts as position. The first sentence is left out as key: it holds the sink."
    ),
    methods=(
        Method(
            name="Expected share",
            formula=(
                "log share = term of the query sentence + term of the key sentence + f(distance); f linear in the log of the distance between 1, 2, 4, 8, ... "
                f"sentences, plus a slope on the log of the distance in tokens; least squares with Huber's weights (k {HUBER}), found in {PASSES} fits"
            ),
            source="Wilson 1967 (doubly constrained gravity model); Lieberman-Aiden et al. 2009 and Ay et al. 2014 (contact maps); Huber 1964",
        ),
        Method(
            name="z",
            formula="(log(share / expected) / sqrt(1 - leverage) - median) / (1.4826 x median absolute deviation), both among pairs in the same power of two of the distance",
            source="none; defined here",
        ),
        Method(
            name="q",
            formula=(
                "false-discovery rate over all pairs; p one-sided from Student's distribution with the fewest degrees of freedom within one standard error of the "
                "likeliest for the positive z (the greatest 2% censored), fewer for the estimated scale (0.37 for each pair of about the same distance)"
            ),
            source="Benjamini and Hochberg 1995; after Lange et al. 1989 and Efron 2004 (empirical null)",
        ),
        Method(
            name="Lift over length",
            formula="share / expected with a slope on log(share if every visible key had the same weight) in place of the key's term",
            source="none; defined here",
        ),
        Method(
            name="Control in shuffled order",
            formula=(
                "lift and p of the same two sentences when all but the first are shuffled, in the direction that order shows; a link remains at p <= 0.05; "
                "Spearman's rho of the lifts of all pairs, p by 199 joint permutations of sentences"
            ),
            source="Mantel 1967; otherwise none, defined here",
        ),
    ),
    sentences_at_most=1_000,
)
