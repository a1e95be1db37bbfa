"""Small multiples: each score by layer, one small chart for each report, all of a score on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.website.card import Curve
from reportgen.website.entries import Listed
from reportgen.wording import percent, significant

WIDTH, HEIGHT, GAP = 240, 72, 0.15  # of the drawing, and between bars as a share of a bar's place
SHARE = "share"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One report's score by layer: `bars` is the path of an SVG, `first` and `last` the means of the first and last third of the layers."""

    report: Listed
    bars: str
    first: str
    last: str
    highest: str
    said: str


@dataclass(frozen=True, kw_only=True)
class PanelRow:
    """A score over all reports; `top` is what the upper edge of every panel stands for."""

    label: str
    unit: str
    top: str
    panels: tuple[Panel, ...]


def line_up_curves(reports: Sequence[Listed]) -> tuple[PanelRow, ...]:
    """A row for every score that some report has, in the order of the first that has any; reports without it have no panel."""
    order = list(dict.fromkeys(curve.name for report in reports for curve in report.card.curves))
    return tuple(_row([(report, curve) for report in reports for curve in report.card.curves if curve.name == name]) for name in order)


def _row(found: Sequence[tuple[Listed, Curve]]) -> PanelRow:
    curve = found[0][1]
    top = max((value for _, one in found for value in one.values if math.isfinite(value)), default=0.0) or 1.0
    return PanelRow(
        label=curve.label,
        unit="" if curve.unit == SHARE else curve.unit,
        top=show(top, curve.unit),
        panels=tuple(_panel(report, one, top) for report, one in found),
    )


def _panel(report: Listed, curve: Curve, top: float) -> Panel:
    third = max(1, len(curve.values) // 3)
    known = [(value, layer) for layer, value in enumerate(curve.values) if math.isfinite(value)]
    thirds = _mean(curve.values[:third]), _mean(curve.values[-third:])
    value, layer = max(known, key=lambda pair: (pair[0], -pair[1]), default=(math.nan, 0))
    (first, last, highest), (said_first, said_last, said_highest) = ([show(one, unit) for one in (*thirds, value)] for unit in (_bare(curve.unit), curve.unit))
    return Panel(
        report=report,
        bars=draw_bars(curve.values, top),
        first=first,
        last=last,
        highest=f"{highest} in layer {layer}",
        said=f"{curve.label}, {len(curve.values)} layers: {said_first} in the first third, {said_last} in the last, most {said_highest} in layer {layer}.",
    )


def _bare(unit: str) -> str:
    """Shares stay percentages; other units stand once, above the panels."""
    return unit if unit == SHARE else ""


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def draw_bars(values: Sequence[float], top: float) -> str:
    """One bar for each value from the lower edge, as the path of an SVG of 240 x 72; none where there is no number."""
    place = WIDTH / len(values)
    bars = ((layer * place, min(max(value / top, 0.0), 1.0) * HEIGHT) for layer, value in enumerate(values) if math.isfinite(value))
    return "".join(f"M{left:.4g} {HEIGHT}v{0 - height:.3g}h{place * (1 - GAP):.4g}V{HEIGHT}z" for left, height in bars)


def show(value: float, unit: str) -> str:
    """A score as a reader sees it: shares as percentages, others with their unit."""
    return percent(value) if unit == SHARE else f"{significant(value)} {unit}".strip()
