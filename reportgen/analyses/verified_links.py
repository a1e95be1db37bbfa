"""What links between sentences do when they are hidden, beside the attention that they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.link_effects.chance import (
    CONFIDENCE,
    FEWEST,
    Correlation,
    Count,
    correlate,
    count_against_chance,
    idle_links,
    joined,
    percentiles,
    vital_links,
)
from reportgen.analyses.link_effects.hidden import NOTHING, Hidden, crosses, hidden_links
from reportgen.analyses.link_effects.pictures import draw_effects
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import counted, percent, significant, two_decimals

LISTED_AT_MOST = 10
TABLE_AT_MOST = 20
EFFECT = CONTRACT["attribution.link_effect"]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link that was hidden. `percentile` is the share of the `compared` other links of its length that do less; None for fewer than 20 of these."""

    query: int
    key: int
    query_text: str
    key_text: str
    share: float
    lift: float
    effect: float
    drop: float
    percentile: float | None
    compared: int
    drawn: bool


@dataclass(frozen=True, kw_only=True)
class Cost:
    """How many links there are and were measured, and what that took: tokens, in passes over the text; None where the file does not say."""

    links: int
    sample: int
    possible: int | None
    tokens_run: int | None
    passes: float | None
    way: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Of the links that were hidden: the strongest by lift, those that are strong but idle and weak but vital, and how attention and effect agree.

    `every` says that all links of the text were hidden; else each is compared with those drawn by chance. Links to the first sentence of the same text take no part but in
    `first`, how many there are, and `first_idle`, how many of them that can be compared do no more than half of the others of their length. `compared` is how many
    other links there were enough of their length to compare with. `idle_of_all` says that no link does anything.
    """

    crosses: bool
    every: bool
    cost: Cost
    correlation: Correlation
    strongest: tuple[Link, ...]
    idle: tuple[Link, ...]
    vital: tuple[Link, ...]
    idle_count: Count
    vital_count: Count
    first: int
    first_compared: int
    first_idle: int
    compared: int
    idle_of_all: bool
    hidden: Hidden = field(repr=False)


def analyse(measurements: Measurements) -> Result:
    """Compare attention with effect over the links that were hidden."""
    every = measurements.metadata.get("link_effect", {}).get("chosen") == "all"
    links = hidden_links(measurements)
    pool = ~links.first & (links.drawn | every)
    judged = ~links.first & ~np.isnan(links.lift)
    correlation = correlate(links.where(judged))
    links = replace(links, band=joined(links.band, pool))
    percentile, compared = percentiles(links, pool)
    idle, vital = judged & idle_links(links, percentile), judged & vital_links(links, percentile)
    counts = count_against_chance(links.where(judged), pool[judged])
    listed = _Listed(measurements=measurements, links=links, percentile=percentile, compared=compared)
    first_known = links.first & ~np.isnan(percentile)
    return Result(
        crosses=crosses(measurements),
        every=every,
        cost=_cost(measurements, links),
        correlation=correlation,
        strongest=listed.of(judged & ~links.drawn, links.lift, TABLE_AT_MOST),
        idle=listed.of(idle, links.lift, LISTED_AT_MOST),
        vital=listed.of(vital, links.effect, LISTED_AT_MOST),
        idle_count=counts[0],
        vital_count=counts[1],
        first=int(links.first.sum()),
        first_compared=int(first_known.sum()),
        first_idle=int((percentile[first_known] <= 0.5).sum()),
        compared=int((judged & ~np.isnan(percentile)).sum()),
        idle_of_all=len(links.effect) > 0 and not (links.effect > 0).any(),
        hidden=links,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Listed:
    measurements: Measurements
    links: Hidden
    percentile: Float[np.ndarray, " link"]
    compared: Int[np.ndarray, " link"]

    def of(self, kept: Bool[np.ndarray, " link"], ranked_by: Float[np.ndarray, " link"], count: int) -> tuple[Link, ...]:
        """Some of the links, those of the greatest values first."""
        places = np.flatnonzero(kept)
        order = places[np.argsort(-ranked_by[places], kind="stable")][:count]
        return tuple(self._link(place) for place in order.tolist())

    def _link(self, at: int) -> Link:
        links, sentences = self.links, self.measurements.sentences
        looking = self.measurements.target_sentences if crosses(self.measurements) else sentences
        query, key = int(links.queries[at]), int(links.keys[at])
        return Link(
            query=query,
            key=key,
            query_text=looking[query],
            key_text=sentences[key],
            share=float(links.share[at]),
            lift=float(links.lift[at]),
            effect=float(links.effect[at]),
            drop=float(links.drop[at]),
            percentile=None if np.isnan(self.percentile[at]) else float(self.percentile[at]),
            compared=int(self.compared[at]),
            drawn=bool(links.drawn[at]),
        )


def _cost(measurements: Measurements, links: Hidden) -> Cost:
    said = measurements.metadata.get("link_effect", {})
    drawn = int(links.drawn.sum())
    known = {name: said.get(name) for name in ("possible", "tokens_run", "passes", "way")}
    return Cost(links=len(links.drawn) - drawn, sample=drawn, **known)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Effect against lift."""
    return {"effect": draw_effects(result.hidden)} if (result.hidden.lift > 0).any() else {}


def find(result: Result) -> str:
    """Whether links that get more attention do more, what the strongest does, and how many links are strong but idle or weak but vital."""
    number = len(result.hidden.effect)
    if not number:
        return "No sentence looks at another, and so no link was hidden."
    if result.idle_of_all:
        return f"Hiding {'the one link' if number == 1 else f'any of {number:,} links'} changes nothing that the model predicts ({'each ' if number > 1 else ''}less than {NOTHING:g} nats): attention between sentences is idle here."
    parts = [_about_correlation(result.correlation, result.crosses), _about_strongest(result), _about_counts(result)]
    return " ".join(part for part in parts if part)


def lead(result: Result) -> str:
    """What hiding the strongest link does; the finding where no link can be named."""
    return find(result) if result.idle_of_all else _about_strongest(result) or find(result)


def _about_correlation(found: Correlation, crosses: bool) -> str:
    if np.isnan(found.rho):
        if not found.links:
            return "No link was hidden that does not lead to the first sentence, so that it cannot be said whether attention tells what links do."
        were = f"{counted(found.links, 'link that does', 'links that do')} not lead to the first sentence {'was' if found.links == 1 else 'were'} hidden"
        return f"{were}, too few or too alike to say whether attention tells what they do."
    says = {1: "Links that get more attention do more when hidden", -1: "Links that get more attention do less when hidden"}
    start = says.get(found.tells, "It cannot be said here that links that get more attention do more when hidden")
    interval = "" if np.isnan(found.low) else f"{CONFIDENCE:.0%} interval {two_decimals(found.low)} to {two_decimals(found.high)}, "
    return (
        f"{start}: {'' if crosses else 'among links of one length, '}the rank correlation of lift and effect is {two_decimals(found.rho)} ({interval}p {found.p_value:.2g}) over "
        f"{found.links:,} links."
    )


def _about_strongest(result: Result) -> str:
    if not result.strongest:
        return ""
    link = result.strongest[0]
    whose = ("Output sentence", "source sentence") if result.crosses else ("Sentence", "sentence")
    begin = (
        f"{whose[0]} {link.query + 1} looks at {whose[1]} {link.key + 1} with {percent(link.share)} of its attention, {significant(link.lift)} times what even "
        f"attention gives; hiding it changes the prediction by {significant(link.effect)} nats"
    )
    return f"{begin}{said_percentile(link, result)}."


def said_percentile(link: Link, result: Result) -> str:
    """How that compares with other links of its length."""
    what = "other links" if result.every else "links drawn by chance"
    length = "" if result.crosses else " of about that length"
    if link.percentile is None:
        return f" ({f'only {link.compared}' if link.compared else 'no'} {what}{length} to compare with)"
    if link.percentile == 1:
        return f", more than any of {link.compared} {what}{length}"
    return f", more than {link.percentile:.0%} of {link.compared} {what}{length}"


def _about_counts(result: Result) -> str:
    idle, vital = result.idle_count, result.vital_count
    if not result.compared:
        return "There are too few links to say which are idle or vital."
    both = " Chance alone explains both numbers." if idle.by_chance and vital.by_chance else ""
    return (
        f"{idle.found} link{'s are' if idle.found != 1 else ' is'} strong but idle ({idle.expected:.3g} would be if attention and effect had nothing to do with each other, p {idle.p_value:.2g}), "
        f"{vital.found} weak but vital ({vital.expected:.3g}, p {vital.p_value:.2g}).{both}"
    )


ANALYSIS = Analysis(
    name="verified_links",
    question="Do the links that get attention matter?",
    needs=("attribution.link_effect", "attribution.link_drop", "sentence_attention|sentence_attention_by_layer", "sentence_expected"),
    analyse=analyse,
    draw=draw,
    find=find,
    lead=lead,
    caveat=(
        "Only the direct look is cut: what other sentences carry over from the hidden one still reaches the sentence that looks, so a link can be idle because "
        "others do the same. No model was trained with links cut, so effects are measured off what it has learnt from. Long sentences that are looked at carry "
        "more, and sentences that are hard to predict change more, whatever their attention; links of one length are compared, not links of one sentence."
    ),
    methods=(
        Method(name="Effect when hidden", formula=EFFECT.formula, source=EFFECT.source),
        Method(name="Drop", formula=CONTRACT["attribution.link_drop"].formula, source=CONTRACT["attribution.link_drop"].source),
        Method(
            name="More than ... of links of that length",
            formula=(
                "share with a smaller effect among the other links whose distance in sentences reaches the same power of two, with the next ones where these are fewer than 21: those drawn by chance, or all "
                f"where all were measured; none to the first sentence; not told for fewer than {FEWEST}"
            ),
            source="none; defined here",
        ),
        Method(
            name="Strong but idle, weak but vital",
            formula=(
                "strong: lift greater than that of 90% of all pairs of that length; idle: effect greater than that of at most half of the links of that length, "
                f"or below {NOTHING:g} nats; weak: lift and share at most the median; vital: effect greater than that of 95%. Numbers by chance: mean of 199 shuffles of "
                "the effects among links of one length; p two-sided"
            ),
            source="none; defined here",
        ),
        Method(
            name="Rank correlation",
            formula=(
                "Pearson's correlation of the ranks of lift and effect, each among links of one length; interval: percentiles of 500 resamples of the sentences "
                "that look, with all of their links; p two-sided from 199 shuffles of effects among links of one length"
            ),
            source="Spearman 1904; Efron and Tibshirani 1993; Mantel 1967",
        ),
    ),
)
