"""Charts of borders along a text: the novelty curve, and the borders of each layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.charting import composed, frameless, packed, plotted
from reportgen.analyses.sentence_pairs.novelty import Novelty

WIDTH = 620


def draw_novelty(novelty: Novelty, paragraph_ends: Collection[int], headings: Collection[int]) -> dict[str, Any]:
    """Strength of each gap as a line, the level as a dashed rule, borders as diamonds, the document's own borders as ticks below."""
    import altair as alt

    rows = [{"after": gap + 1, "strength": plotted(value, 3)} for gap, value in enumerate(novelty.strength)]
    base = alt.Chart(alt.Data(values=packed(rows)), width=WIDTH, height=220)
    x = alt.X("after:Q", title="border after sentence", scale=alt.Scale(domain=[1, len(rows)], nice=False), axis=alt.Axis(tickMinStep=1))
    y = alt.Y("strength:Q", title="novelty (standard deviations)")
    foot = round(float(np.nanmin(novelty.strength)) - 1, 2)
    own = [{"after": gap + 1, "strength": foot} for gap in paragraph_ends if gap not in headings]
    heads = [{"after": gap + 1, "strength": foot} for gap in headings]
    marks = [
        base.mark_line(color="#3b6ea8").encode(x=x, y=y),
        alt.Chart(alt.Data(values=packed([{"strength": round(novelty.level, 3)}]))).mark_rule(color="#7a7a7a", strokeDash=[6, 3]).encode(y=y),
        alt.Chart(alt.Data(values=packed(own))).mark_tick(color="#7a7a7a", height=10, thickness=1.5, orient="vertical").encode(x=x, y=y),
        alt.Chart(alt.Data(values=packed(heads))).mark_point(shape="triangle-up", filled=True, color="#1f7f5c", size=70).encode(x=x, y=y),
        alt.Chart(alt.Data(values=packed([rows[gap] for gap in novelty.gaps])))
        .mark_point(shape="diamond", filled=True, color="#b8621b", size=90)
        .encode(x=x, y=y),
        alt.Chart(alt.Data(values=packed([rows[gap] for gap in novelty.gaps]))).mark_text(dy=-12, color="#1b1b1a").encode(x=x, y=y, text=alt.Text("after:Q")),
    ]
    borders = ", ".join(str(gap + 1) for gap in novelty.gaps) or "none"
    words = f"Novelty of each of {len(rows)} gaps between sentences. Borders above the level of {novelty.level:.2f} follow sentences: {borders}."
    return frameless(composed("layer", *marks, description=words))


def draw_layers(borders: Sequence[Collection[int]], strength: Float[np.ndarray, "layer gap"], whole: Collection[int]) -> dict[str, Any]:
    """A point for each border of each layer, the larger the stronger; dashed rules at the borders of the whole model."""
    import altair as alt

    rows = [{"after": gap + 1, "layer": layer, "strength": plotted(strength[layer, gap], 3)} for layer, gaps in enumerate(borders) for gap in sorted(gaps)]
    x = alt.X("after:Q", title="border after sentence", scale=alt.Scale(domain=[1, strength.shape[1]], nice=False), axis=alt.Axis(tickMinStep=1))
    y = alt.Y("layer:Q", title="layer", scale=alt.Scale(domain=[-0.5, len(borders) - 0.5], nice=False), axis=alt.Axis(tickMinStep=1, grid=True))
    size = alt.Size("strength:Q", title="novelty", scale=alt.Scale(range=[20, 160]), legend=None)
    rules = alt.Chart(alt.Data(values=packed([{"after": gap + 1} for gap in whole]))).mark_rule(color="#7a7a7a", strokeDash=[6, 3]).encode(x=x)
    points = alt.Chart(alt.Data(values=packed(rows))).mark_point(shape="diamond", filled=True, opacity=0.8, color="#b8621b").encode(x=x, y=y, size=size)
    words = f"{len(rows)} borders found in single layers; {sum(1 for gaps in borders if gaps)} of {len(borders)} layers have any."
    return frameless(composed("layer", rules, points, width=WIDTH, height=max(8 * len(borders), 120), description=words))
