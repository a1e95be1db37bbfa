"""Pictures of agreement: two measures against each other, the order of sentences by each method, and every two methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.charting import composed, frameless, packed
from reportgen.wording import two_decimals

SERIES = ("#3b6ea8", "#b8621b", "#1f7f5c", "#9a4f86", "#7d6a12", "#7a7a7a")  # as in colours.css
SINK, OTHERS = "first sentence read (the sink)", "other sentences"
CELL = 34
MARGIN = {"left": 24, "right": 5, "top": 5, "bottom": 16}  # a page's letters are wider than those that a picture is laid out with
STRONG = 0.6  # from which on a cell is dark


def draw_scatter(
    alt: Any, sentences: Sequence[int], x: Float[np.ndarray, " sentence"], y: Float[np.ndarray, " sentence"], sink: int | None, titles: tuple[str, str]
) -> dict[str, Any]:
    """A point for each sentence that a logarithm can show, the sink marked."""
    rows = [
        {"sentence": index + 1, "x": float(f"{across:.5g}"), "y": float(f"{up:.5g}"), "kind": SINK if place == sink else OTHERS}
        for place, (index, across, up) in enumerate(zip(sentences, x, y, strict=True))
        if across > 0 and up > 0
    ]
    colours = alt.Scale(domain=[SINK, OTHERS], range=[SERIES[1], SERIES[0]])
    shapes = alt.Scale(domain=[SINK, OTHERS], range=["diamond", "circle"])
    along = alt.Scale(type="log", nice=False, padding=8)  # pixels, so that points at the edges are whole
    return frameless(
        alt.Chart(alt.Data(values=packed(rows)), width=520, height=280)
        .mark_point(filled=True, opacity=0.7, size=36)
        .encode(
            x=alt.X("x:Q", title=titles[0], scale=along),
            y=alt.Y("y:Q", title=titles[1], scale=along),
            color=alt.Color("kind:N", title=None, scale=colours, legend=alt.Legend(orient="top", columnPadding=32)),
            shape=alt.Shape("kind:N", title=None, scale=shapes),
        )
    )


def draw_ranks(alt: Any, methods: Sequence[str], ranks: Int[np.ndarray, "method sentence"], sentences: Sequence[int], chosen: Sequence[int]) -> dict[str, Any]:
    """A line for each of the chosen sentences through its rank by every method, the first rank on top, logarithmic."""
    rows = [
        {"method": method, "sentence": f"sentence {sentences[place] + 1}", "rank": int(ranks[at, place])}
        for place in chosen
        for at, method in enumerate(methods)
    ]
    names = [f"sentence {sentences[place] + 1}" for place in chosen]
    encoded = {
        "x": alt.X("method:N", title=None, sort=list(methods), scale=alt.Scale(padding=0.4), axis=alt.Axis(labelAngle=-35, grid=True)),
        "y": alt.Y("rank:Q", title="rank (logarithmic)", scale=alt.Scale(type="log", reverse=True, domain=[1, max(len(sentences), 2)], nice=False)),
        "color": alt.Color("sentence:N", title=None, scale=alt.Scale(domain=names, range=list(SERIES)), legend=alt.Legend(orient="top", columnPadding=32)),
        "shape": alt.Shape("sentence:N", title=None, scale=alt.Scale(domain=names, range=["circle", "square", "triangle-up", "diamond", "cross"])),
    }
    chart = alt.Chart(alt.Data(values=packed(rows)), width=alt.Step(44), height=240).mark_line(point={"filled": True, "size": 60}, opacity=0.85)
    return frameless(chart.encode(**encoded))


def draw_matrix(
    alt: Any, methods: Sequence[str], below: Float[np.ndarray, "method method"], above: Float[np.ndarray, "method method"], title: str = "correlation"
) -> dict[str, Any]:
    """One number for each two methods below the diagonal and another above it, written in its cell; -1 to 1."""
    rows = list(_cells(methods, below, above))
    x = alt.X("column:N", title=None, sort=list(methods), axis=alt.Axis(labelAngle=-45, orient="bottom"))
    y = alt.Y("row:N", title=None, sort=list(methods))
    scale = alt.Scale(scheme="blueorange", domain=[-1, 1], reverse=True)
    chart = alt.Chart(alt.Data(values=packed(rows)), width=alt.Step(CELL), height=alt.Step(CELL - 10))
    cells = chart.mark_rect().encode(x=x, y=y, color=alt.Color("value:Q", title=title, scale=scale))
    text = chart.mark_text(fontSize=10).encode(
        x=x, y=y, text=alt.Text("text:N"), color=alt.Color("ink:N", scale=alt.Scale(domain=["dark", "light"], range=["#101010", "#fefefe"]), legend=None)
    )
    return frameless(composed("layer", cells, text, resolve={"scale": {"color": "independent"}}, padding=MARGIN))


def _cells(methods: Sequence[str], below: Float[np.ndarray, "method method"], above: Float[np.ndarray, "method method"]) -> Iterator[Mapping[str, Any]]:
    for row, column in np.ndindex(below.shape):
        value = float((below if row > column else above)[row, column])
        if row != column and np.isfinite(value):
            text = two_decimals(value).replace("0.", ".", 1)
            ink = "light" if abs(value) > STRONG else "dark"
            yield {"row": methods[row], "column": methods[column], "value": round(value, 3), "text": text, "ink": ink}
