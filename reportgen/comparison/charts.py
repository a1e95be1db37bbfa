"""The comparison's charts: layers of both files, heads, sentences, ranks of attribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.charting import composed, faceted, frameless, packed, plotted, spec_of, unchecked
from reportgen.characters import capitalised
from reportgen.comparison.attribution import AttributionChanges
from reportgen.comparison.layers import Curve, LayerChanges
from reportgen.drawing.chart_rules import check_chart

A, B, GREY, INK = "#3b6ea8", "#b8621b", "#7a7a7a", "#1b1b1a"
EVEN, CHANGE = "even attention", "A to B"
LINES = {"A": (A, [1, 0]), "B": (B, [6, 3]), EVEN: (GREY, [1, 3]), CHANGE: (INK, [1, 0])}
COLUMNS = 3
RANKED = ("gradient", "attention")


def draw_layers(layers: LayerChanges) -> Mapping[str, Any]:
    """A panel for each score: A as a line, B dashed, even attention dotted where it is known; first what lands elsewhere, where layers are one to one."""
    import altair as alt

    rows = [*_elsewhere(layers), *(row for curve in layers.curves for row in _curve(curve))]
    deep = any(len(curve.a) != len(curve.b) for curve in layers.curves)
    axis = alt.Axis(format="%", grid=False, tickCount=3) if deep else alt.Axis(tickMinStep=1, grid=False)
    with unchecked():
        chart = (
            alt.Chart(alt.Data(values=packed(rows)), width=200, height=130)
            .mark_line()
            .encode(
                x=alt.X("layer:Q", title="depth" if deep else "layer", scale=alt.Scale(nice=False), axis=axis),
                y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4)),
                color=alt.Color("of:N", title=None, scale=alt.Scale(domain=list(LINES), range=[colour for colour, _ in LINES.values()]), legend=None),
                strokeDash=alt.StrokeDash("of:N", scale=alt.Scale(domain=list(LINES), range=[dash for _, dash in LINES.values()]), legend=None),
                detail="line:N",
            )
        )
        header = alt.Header(labelFontSize=12, labelFontWeight="normal", labelLimit=260)
        facet = alt.Facet("panel:N", title=None, sort=list(dict.fromkeys(row["panel"] for row in rows)), header=header)
        return check_chart("layers", spec_of(faceted(chart, facet, columns=COLUMNS, resolve={"scale": {"y": "independent"}})))


def _elsewhere(layers: LayerChanges) -> Iterator[dict[str, Any]]:
    values = () if layers.elsewhere_content is None else layers.elsewhere_content
    for layer, value in enumerate(values):
        yield {"panel": "Attention elsewhere (share)", "of": CHANGE, "line": CHANGE, "layer": layer, "value": plotted(value)}


def _curve(curve: Curve) -> Iterator[dict[str, Any]]:
    """Against the layer, or against its place from first to last where the files have unequal numbers of layers."""
    deep = len(curve.a) != len(curve.b)
    unit = "times even" if curve.relative else curve.unit
    short = curve.label.removeprefix("Attention ").replace("without the sink", "no sink")
    panel = f"{capitalised(short)} ({unit})"
    evens = (1.0, None) if curve.relative else (curve.even_a, curve.even_b)
    for name, values, even in (("A", curve.a, evens[0]), ("B", curve.b, evens[1])):
        places = [round(place / max(len(values) - 1, 1), 4) if deep else place for place in range(len(values))]
        for place, value in zip(places, values, strict=True):
            yield {"panel": panel, "of": name, "line": name, "layer": place, "value": plotted(value)}
        for place in () if even is None else (places[0], places[-1]):
            yield {"panel": panel, "of": EVEN, "line": f"{EVEN} in {name}", "layer": place, "value": plotted(even)}


def draw_heads(values: Float[np.ndarray, "layer head"], title: str) -> Mapping[str, Any]:
    """A cell for each head, layers from left to right."""
    import altair as alt

    rows = [{"layer": layer, "head": head, "value": plotted(value)} for (layer, head), value in np.ndenumerate(values)]
    with unchecked():
        chart = (
            alt.Chart(alt.Data(values=packed(rows)), width=alt.Step(20), height=alt.Step(16))
            .mark_rect()
            .encode(
                x=alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0, ticks=False, domain=False, labelOverlap=True)),
                y=alt.Y("head:O", title="head", axis=alt.Axis(ticks=False, domain=False)),
                color=alt.Color("value:Q", title=title, legend=alt.Legend(orient="top", titleLimit=0, gradientLength=240, format=".2~g", tickCount=4)),
            )
        )
        return check_chart("heads", spec_of(chart))


def draw_sentences(values: Float[np.ndarray, " unit"], changed: Sequence[bool], places: Sequence[int], sentences: int) -> Mapping[str, Any]:
    """A bar for each unit at the place of its first sentence in B: the share that lands elsewhere; those whose words changed in another colour."""
    import altair as alt

    kinds = ("words the same", "words changed")
    rows = [
        {"sentence": place + 1, "value": plotted(100 * value), "words": kinds[int(other)]} for place, value, other in zip(places, values, changed, strict=True)
    ]
    with unchecked():
        size = max(min(12, 720 // sentences), 1)
        legend = alt.Legend(orient="top", columnPadding=24) if any(changed) else None
        chart = (
            alt.Chart(alt.Data(values=packed(rows)), width=740, height=140)
            .mark_bar(size=max(size - 1, 1))
            .encode(
                x=alt.X("sentence:Q", title="sentence of B", scale=alt.Scale(nice=False, domain=[0.5, sentences + 0.5]), axis=alt.Axis(tickMinStep=1)),
                y=alt.Y("value:Q", title="attention elsewhere, %", axis=alt.Axis(tickCount=4)),
                color=alt.Color("words:N", title=None, scale=alt.Scale(domain=list(kinds), range=[A, B]), legend=legend),
            )
        )
        return check_chart("sentences", spec_of(chart))


def draw_ranks(found: AttributionChanges) -> Mapping[str, Any]:
    """A point for each unit: its rank in A against its rank in B, by gradient and by attention; what lies on the diagonal has the same rank."""
    import altair as alt

    size = max(len(found.units), 2)
    with unchecked():
        charts = [_ranks(alt, method.label, method.ranks_a, method.ranks_b, size) for method in found.methods if method.name in RANKED]
        return check_chart("ranks", frameless(composed("hconcat", *charts)))


def _ranks(alt: Any, label: str, one: Int[np.ndarray, " unit"], other: Int[np.ndarray, " unit"], size: int) -> Any:
    rows = [{"a": a, "b": b} for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    ends = [{"a": 1, "b": 1}, {"a": size, "b": size}]
    x, y = (
        channel(f"{name}:Q", title=title, scale=alt.Scale(domain=[1, size], reverse=True, nice=False), axis=alt.Axis(tickMinStep=1, tickCount=5))
        for channel, name, title in ((alt.X, "a", "rank in A"), (alt.Y, "b", "rank in B"))
    )
    line = alt.Chart(alt.Data(values=packed(ends))).mark_line(color=GREY, strokeDash=[1, 3]).encode(x=x, y=y)
    points = alt.Chart(alt.Data(values=packed(rows)), width=240, height=240, title=f"By {label}").mark_circle(size=36, opacity=0.7, color=A).encode(x=x, y=y)
    return composed("layer", line, points)
