"""The curves of each method in a small chart of its own, above the band of random orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.charting import composed, faceted, frameless, packed
from reportgen.wording import rounded

CURVES = {"deletion": "taken out first", "insertion": "left in alone"}
COLOURS, DASHES = ("#3b6ea8", "#b8621b"), ([1, 0], [6, 3])
FEW = 3  # methods up to which panels are large


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """The target by method and step, its spread over random orders, and the shares of sentences; by curve. NaN where not measured."""

    methods: Sequence[str]
    share: Float[np.ndarray, " step"]
    curves: dict[str, Float[np.ndarray, "method step"]]
    low: dict[str, Float[np.ndarray, " step"]]
    high: dict[str, Float[np.ndarray, " step"]]
    unit: str


def draw_curves(alt: Any, drawn: Drawn) -> dict[str, Any]:
    """A panel for each method: two lines, and two bands from the least to the greatest of the random orders."""
    few = len(drawn.methods) <= FEW
    width, height = (240, 180) if few else (150, 110)
    rows = list(_rows(drawn))
    curves = [(name, *look) for name, *look in zip(CURVES.values(), COLOURS, DASHES, strict=True) if any(row["curve"] == name for row in rows)]
    names, colours, dashes = ([curve[part] for curve in curves] for part in range(3))
    x = alt.X("share:Q", title="sentences, %", scale=alt.Scale(domain=[0, 100], nice=False), axis=alt.Axis(tickCount=5))
    colour = alt.Color(
        "curve:N",
        title=None,
        scale=alt.Scale(domain=names, range=colours),
        legend=alt.Legend(orient="top", symbolType="stroke", symbolSize=400, columnPadding=24),
    )
    dash = alt.StrokeDash("curve:N", title=None, scale=alt.Scale(domain=names, range=dashes))
    y = alt.Y("value:Q", title=f"target, {drawn.unit}", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4))
    chart = alt.Chart(alt.Data(values=packed(rows)), width=width, height=height).encode(x=x)
    band = chart.mark_area(opacity=0.18).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour)
    line = chart.mark_line(point=alt.OverlayMarkDef(size=18, filled=True)).encode(y=y, color=colour, strokeDash=dash)
    facet = alt.Facet("method:N", title=None, sort=list(drawn.methods))
    return frameless(faceted(composed("layer", line, band), facet, columns=min(len(drawn.methods), 2 if few else 4)))


def is_drawn(values: Float[np.ndarray, "*order step"]) -> bool:
    """Whether anything was measured between none and all of the sentences, where all orders are the same."""
    return bool(np.isfinite(values[..., 1:-1]).any())


def _rows(drawn: Drawn) -> Iterator[dict[str, Any]]:
    for place, method in enumerate(drawn.methods):
        for curve, name in CURVES.items():
            values = drawn.curves[curve][place]
            inside = is_drawn(values)
            for step, share in enumerate(drawn.share.tolist()):
                value = float(values[step])
                if np.isfinite(value) and inside:
                    low, high = (float(ends[curve][step]) for ends in (drawn.low, drawn.high))
                    yield {"method": method, "curve": name, "share": round(100 * share, 2), "value": rounded(value), "low": rounded(low), "high": rounded(high)}
