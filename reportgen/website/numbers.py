"""The numbers and curves that every report is lined up by, the same in the same order, taken from the results of its analyses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reportgen.analyses import layer_progression
from reportgen.report import Report
from reportgen.website.card import Curve, Number
from reportgen.wording import percent, significant, two_decimals

DIGITS = 6
Results = Mapping[str, Any]


def line_up(report: Report) -> tuple[Number, ...]:
    """Each number of `NUMBERS`, an en dash where the report does not have it."""
    results = {section.name: section.result for section in report.sections}
    return tuple(_number(name, label, read(results) if needs in results else None, show) for name, (label, needs, read, show) in NUMBERS.items())


def _number(name: str, label: str, value: float | None, show: Callable[[float], str]) -> Number:
    known = value is not None and math.isfinite(value)
    return Number(name=name, label=label, value=float(f"{value:.{DIGITS}g}") if known else math.nan, shown=show(value) if known else significant(None))


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


NUMBERS: dict[str, tuple[str, str, Callable[[Results], float | None], Callable[[float], str]]] = {
    "own": ("Attention on the own sentence", "sentence_matrix", _own, percent),
    "first": ("on the first sentence", "sentence_matrix", _first, percent),
    "others": ("on other sentences", "sentence_matrix", _others, percent),
    "strongest": ("Strongest link, against even attention", "top_links", _strongest, _times),
    "sinks": ("Heads with over 0.3 on the first token", "sinks", _sinks, percent),
    "roles": ("Heads with a role, the sink set aside", "head_roles", _with_role, percent),
    "decay": ("Exponent of the fall with distance", "decay", _falling, two_decimals),
    "agreement": ("Attention against attribution, rank correlation", "attribution_agreement", _agreeing, two_decimals),
}
