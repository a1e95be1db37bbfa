"""The numbers and curves that every report is lined up by, the same in the same order, taken from the results of its analyses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reportgen.analyses import layer_progression
from reportgen.report import Report
from reportgen.website.card import Curve, Number
from reportgen.wording import percent, significant, two_decimals

DIGITS = 6
Results = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number that every report is lined up by: what it is called in a list and in a table's head, what it says, and which analysis it is read from."""

    name: str
    label: str
    short: str
    meaning: str
    needs: str
    read: Callable[[Results], float | None] = field(repr=False)
    show: Callable[[float], str] = field(repr=False)


def line_up(report: Report) -> tuple[Number, ...]:
    """The number of each of `MEASURES`, an en dash where the report does not have it."""
    results = {section.name: section.result for section in report.sections}
    return tuple(_number(one, one.read(results) if one.needs in results else None) for one in MEASURES)


def _number(measure: Measure, value: float | None) -> Number:
    if value is None or not math.isfinite(value):
        return Number(name=measure.name, value=math.nan, shown=significant(None))
    return Number(name=measure.name, value=float(f"{value:.{DIGITS}g}"), shown=measure.show(value))


def curves_of(report: Report) -> tuple[Curve, ...]:
    """Scores by layer, in the order of the report's own section; none where it has no such section."""
    found = [section.result for section in report.sections if section.name == layer_progression.ANALYSIS.name]
    return tuple(_curve(quantity) for result in found for quantity in result.quantities)


def _curve(quantity: layer_progression.LayerQuantity) -> Curve:
    values = tuple(float(f"{value:.{DIGITS}g}") for value in quantity.mean.tolist())
    return Curve(name=quantity.key, label=quantity.label, unit=quantity.unit, values=values)


def _own(results: Results) -> float:
    return results["sentence_matrix"].averages.own


def _first(results: Results) -> float:
    return results["sentence_matrix"].averages.first


def _others(results: Results) -> float:
    return 1 - _own(results) - _first(results)


def _strongest(results: Results) -> float | None:
    """Of the whole model, between sentences that are no neighbours of the first: the lift that the list of links begins with."""
    lift = results["top_links"].content_lift
    return float(lift[0, 0]) if lift.size else None


def _sinks(results: Results) -> float:
    return float(results["sinks"].sink_head_share)


def _with_role(results: Results) -> float:
    """Of heads that hold a role with the sink set aside, among all."""
    roles = results["head_roles"].roles_without_sink
    return sum(any(role != "sink" for role in held) for held in roles.values()) / len(roles)


def _falling(results: Results) -> float:
    """The median over layers, without the sink."""
    exponents = results["decay"].law_without_sink.exponent
    known = exponents[np.isfinite(exponents)]
    return float(np.median(known)) if len(known) else math.nan


def _agreeing(results: Results) -> float | None:
    """Of attention with what methods are held against, with distance, length and the sink accounted for."""
    found = results["attribution_agreement"]
    if "attention" not in found.methods or found.reference == "attention":
        return None
    return float(found.agreement("attention").partial)


def _times(value: float) -> str:
    return f"{significant(value)} times"


MEASURES = (
    Measure(
        name="own",
        label="Attention on the own sentence",
        short="Own sentence",
        meaning="Share of a sentence’s attention that stays within it, mean over the sentences after the first, all layers and heads.",
        needs="sentence_matrix",
        read=_own,
        show=percent,
    ),
    Measure(
        name="first",
        label="Attention on the first sentence",
        short="First sentence",
        meaning="Share that goes to the document’s first sentence, where most of the attention sink lies.",
        needs="sentence_matrix",
        read=_first,
        show=percent,
    ),
    Measure(
        name="others",
        label="Attention on other sentences",
        short="Other sentences",
        meaning="The rest: what goes from sentence to sentence.",
        needs="sentence_matrix",
        read=_others,
        show=percent,
    ),
    Measure(
        name="strongest",
        label="Strongest link, in times even attention",
        short="Strongest link",
        meaning="The greatest share of one sentence’s attention on another, in times what even attention would give, first sentence and own sentence aside.",
        needs="top_links",
        read=_strongest,
        show=_times,
    ),
    Measure(
        name="sinks",
        label="Heads that rest on the first token",
        short="Sink heads",
        meaning="Share of heads that give over 0.3 of their attention to the first token.",
        needs="sinks",
        read=_sinks,
        show=percent,
    ),
    Measure(
        name="roles",
        label="Heads with a role",
        short="Heads with a role",
        meaning="Share of heads that hold a role, the sink aside, which scores and resampled sentences bear out.",
        needs="head_roles",
        read=_with_role,
        show=percent,
    ),
    Measure(
        name="decay",
        label="Exponent of the fall with distance",
        short="Fall with distance",
        meaning="Exponent of the power of distance by which a pair’s weight falls, without the sink, median over layers.",
        needs="decay",
        read=_falling,
        show=two_decimals,
    ),
    Measure(
        name="agreement",
        label="Agreement of attention with attribution",
        short="With attribution",
        meaning="Rank correlation of attention’s order of sentences with that of their effect or gradient, with distance, length and the sink accounted for.",
        needs="attribution_agreement",
        read=_agreeing,
        show=two_decimals,
    ),
)
