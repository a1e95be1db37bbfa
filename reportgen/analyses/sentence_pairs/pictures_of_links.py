"""A chart of links by distance: those that stand out against all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.charting import composed, frameless, packed
from reportgen.wording import rounded

KINDS = ("other link of the table", "discovery")


def draw_distances(
    distance: Int[np.ndarray, " distance"], distances: Float[np.ndarray, "distance 4"], points: Sequence[tuple[int, float, bool]]
) -> dict[str, Any]:
    """Share against distance, both logarithmic: the median and the range of all pairs, what is expected, and links as points (distance, share, discovery)."""
    import altair as alt

    names = ("share", "low", "high", "expected")
    rows = [{"distance": int(gap)} | dict(zip(names, rounded(row, 4), strict=True)) for gap, row in zip(distance, distances, strict=True)]
    links = [{"distance": gap, "share": rounded(share, 4), "kind": KINDS[found]} for gap, share, found in points]
    x = alt.X("distance:Q", title="distance in sentences (log)", scale=alt.Scale(type="log", nice=False))
    title = "share of attention (log)"
    y = alt.Y("share:Q", title=title, scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~p"))
    base = alt.Chart(alt.Data(values=packed(rows)), width=620, height=280)
    layers = (
        base.mark_area(opacity=0.2, color="#7a7a7a").encode(x=x, y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q")),
        base.mark_line(color="#7a7a7a").encode(x=x, y=y),
        base.mark_line(color="#3b6ea8", strokeDash=[6, 3]).encode(x=x, y=alt.Y("expected:Q", title=title)),
        alt.Chart(alt.Data(values=packed(links)))
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(
            x=x,
            y=y,
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=KINDS, range=["#3b6ea8", "#b8621b"])),
            shape=alt.Shape("kind:N", title=None, scale=alt.Scale(domain=KINDS, range=["circle", "diamond"])),
        ),
    )
    words = (
        f"Share of attention against distance in sentences. The median of all pairs is {distances[0, 0]:.2%} at distance {distance[0]} and "
        f"{distances[-1, 0]:.3%} at distance {distance[-1]}; the {len(points)} links of the table are points, {sum(found for *_, found in points)} of them discoveries."
    )
    return frameless(composed("layer", *layers, description=words))
