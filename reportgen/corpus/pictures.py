"""Pictures of findings over documents: kappa of roles, heads that keep them, layers with their spread, and a correlation for each document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt
import numpy as np

from reportgen.analyses.charting import composed, frameless, in_rows, packed, plotted
from reportgen.analyses.curves.resampling import Estimate
from reportgen.corpus.agreement import ModelAgreement
from reportgen.corpus.head_stability import ModelRoles, RoleStability
from reportgen.corpus.layer_curves import Curve, StackCurves
from reportgen.corpus.pooling import Pooled

SERIES = ("#3b6ea8", "#b8621b", "#1f7f5c", "#9a4f86", "#7d6a12", "#7a7a7a")  # as in colours.css
PLOTTED_AT_MOST = 40  # documents with a line of their own
LETTERS = 44  # of a title
HELD = ("in every document", "in half of them or more", "in fewer")
MARGIN = {"left": 24, "right": 8, "top": 5, "bottom": 5}  # a page's letters are wider than those that a picture is laid out with
LEGEND = alt.Legend(orient="top", columnPadding=32)


def draw_kappa(models: Sequence[ModelRoles]) -> dict[str, Any]:
    """A point for each role and model, a line for its interval; 0 is chance."""
    rows = [
        {"role": role.role, "model": one.name, "kappa": plotted(role.kappa.value), "low": plotted(role.kappa.low), "high": plotted(role.kappa.high)}
        for one in models
        for role in one.roles
        if np.isfinite(role.kappa.value)
    ]
    order = list(dict.fromkeys(str(row["role"]) for row in sorted(rows, key=lambda row: -(row["kappa"] or 0))))
    names = [one.name for one in models]
    y = alt.Y("role:N", title=None, sort=order)
    colour = alt.Color("model:N", title=None, scale=_scale(names), legend=alt.Legend(orient="top", columns=1, labelLimit=320))
    offset = alt.YOffset("model:N", sort=names)
    title = "kappa: 0 other heads, 1 the same heads in every document"
    base = alt.Chart(alt.Data(values=packed(rows)), width=380, height=alt.Step(22))
    whiskers = base.mark_rule(strokeWidth=2).encode(y=y, yOffset=offset, x=alt.X("low:Q", title=title), x2="high:Q", color=colour)
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=y, yOffset=offset, x=alt.X("kappa:Q", title=title), color=colour)
    return frameless(composed("layer", _nothing(), whiskers, points, padding=MARGIN))


def _nothing() -> Any:
    return alt.Chart(alt.Data(values=packed([{"nothing": 0}]))).mark_rule(strokeDash=[2, 3]).encode(x="nothing:Q")


def draw_held(models: Sequence[ModelRoles]) -> dict[str, Any]:
    """Bars: of the heads that hold a role anywhere, how many do in every document, in half of them or more, in fewer; a panel for each model."""
    panels = [_held(one) for one in models]
    return frameless(composed("vconcat", *panels, resolve={"scale": {"x": "independent"}}, padding=MARGIN))


def _held(one: ModelRoles) -> Any:
    rows = [{"role": role.role, "held": name, "place": place, "heads": heads} for role in one.roles for place, (name, heads) in enumerate(_parts(role))]
    return (
        alt.Chart(alt.Data(values=packed(rows)), width=380, height=alt.Step(16), title=f"{one.name}: {one.documents} documents")
        .mark_bar()
        .encode(
            y=alt.Y("role:N", title=None, sort=[role.role for role in one.roles]),
            x=alt.X("heads:Q", title="heads that hold the role", stack="zero", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("held:N", title=None, scale=alt.Scale(domain=list(HELD), range=["#3b6ea8", "#b8621b", "#7a7a7a"]), legend=LEGEND),
            order=alt.Order("place:Q"),
        )
    )


def _parts(role: RoleStability) -> list[tuple[str, int]]:
    counts = (role.heads_in_all, role.heads_in_half - role.heads_in_all, role.heads_in_any - role.heads_in_half)
    return list(zip(HELD, counts, strict=True))


def draw_curves(stacks: Sequence[StackCurves], *, relative: bool) -> dict[str, Any]:
    """A panel for each score: the mean over documents as a line, their quartiles as a band, by layer or, for stacks of different heights, by relative depth."""
    keys = list(dict.fromkeys(curve.key for stack in stacks for curve in stack.curves))
    names = [stack.name for stack in stacks]
    panels = [_panel([(stack, curve) for stack in stacks for curve in stack.curves if curve.key == key], names, relative=relative) for key in keys]
    return frameless(in_rows(panels, columns=2, padding=MARGIN))


def _panel(found: Sequence[tuple[StackCurves, Curve]], names: Sequence[str], *, relative: bool) -> Any:
    rows = [row for stack, curve in found for row in _points(stack, curve, relative=relative)]
    title = "depth (0 first layer, 1 last)" if relative else "layer"
    axis = alt.Axis(grid=False) if relative else alt.Axis(tickMinStep=1, grid=False)
    x = alt.X("x:Q", title=title, scale=alt.Scale(nice=False), axis=axis)
    label, unit = found[0][1].label, found[0][1].unit
    legend = alt.Legend(orient="top", columns=1, labelLimit=320, symbolType="stroke", symbolOpacity=1) if len(names) > 1 else None
    colour = alt.Color("model:N", title=None, scale=_scale(names), legend=legend)
    base = alt.Chart(alt.Data(values=packed(rows)), width=300, height=170, title=label)
    band = base.mark_area(opacity=0.25).encode(x=x, y=alt.Y("low:Q", title=unit), y2="high:Q", color=colour)
    line = base.mark_line().encode(x=x, y=alt.Y("mean:Q", title=unit, scale=alt.Scale(zero=True)), color=colour)
    return composed("layer", band, line.encode(strokeDash=_dashes(names, legend)) if len(names) > len(SERIES) else line)


def _dashes(names: Sequence[str], legend: Any) -> Any:
    """Whole lines for the first six, dashed ones for the next, dotted ones for all that follow."""
    kinds = ([1, 0], [6, 3], [2, 2])
    return alt.StrokeDash(
        "model:N", title=None, scale=alt.Scale(domain=list(names), range=[kinds[min(place // len(SERIES), 2)] for place in range(len(names))]), legend=legend
    )


def _points(stack: StackCurves, curve: Curve, *, relative: bool) -> Iterator[dict[str, Any]]:
    last = max(len(curve.mean) - 1, 1)
    for layer, (mean, low, high) in enumerate(zip(curve.mean, curve.quantiles[1], curve.quantiles[3], strict=True)):
        place = round(layer / last, 4) if relative else layer
        yield {"x": place, "model": stack.name, "mean": plotted(mean), "low": plotted(low), "high": plotted(high)}


def draw_forest(one: ModelAgreement) -> dict[str, Any]:
    """The partial correlation of each document, then of each genre and of all, with intervals: a point each, means as diamonds."""
    rows = [*_documents(one), *_means(one)]
    order = [row["name"] for row in rows]
    y = alt.Y("name:N", title=None, sort=order, axis=alt.Axis(labelLimit=320))
    title = "correlation beyond distance, length and the sink"
    kinds = ["a document", "mean of documents"]
    colour = alt.Color("kind:N", title=None, scale=alt.Scale(domain=kinds, range=list(SERIES[:2])), legend=LEGEND)
    shape = alt.Shape("kind:N", title=None, scale=alt.Scale(domain=kinds, range=["circle", "diamond"]))
    base = alt.Chart(alt.Data(values=packed(rows)), width=340, height=alt.Step(18))
    whiskers = base.mark_rule(strokeWidth=2).encode(y=y, x=alt.X("low:Q", title=title, scale=alt.Scale(domain=[-1, 1])), x2="high:Q", color=colour)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, x=alt.X("value:Q", title=title), color=colour, shape=shape)
    return frameless(composed("layer", _nothing(), whiskers, points, padding=MARGIN | {"left": 80}))


def _documents(one: ModelAgreement) -> Iterator[dict[str, Any]]:
    """Those with a number, the greatest first; none where they are more than a picture holds."""
    known = sorted((found for found in one.documents if np.isfinite(found.row.partial)), key=lambda found: -found.row.partial)
    if len(known) > PLOTTED_AT_MOST:
        return
    seen: Counter[str] = Counter()
    for found in known:
        name = found.title if len(found.title) <= LETTERS else f"{found.title[:LETTERS].rstrip()}…"
        seen[name] += 1
        name = f"{name} ({seen[name]})" if seen[name] > 1 else name
        row = found.row
        yield _row(name, "a document", Estimate(value=row.partial, low=row.partial_low, high=row.partial_high))


def _means(one: ModelAgreement) -> Iterator[dict[str, Any]]:
    named = [(f"{genre.genre}: {genre.partial.documents} documents", genre.partial) for genre in one.genres]
    pooled: list[tuple[str, Pooled]] = [*named, (f"All: {one.attention.partial.documents} documents", one.attention.partial)]
    for name, found in pooled:
        if np.isfinite(found.mean.value):
            yield _row(name, "mean of documents", found.mean)


def _row(name: str, kind: str, estimate: Estimate) -> dict[str, Any]:
    return {"name": name, "kind": kind, "value": plotted(estimate.value), "low": plotted(estimate.low), "high": plotted(estimate.high)}


def _scale(names: Sequence[str]) -> Any:
    """A colour for each, the colours again from the seventh on."""
    return alt.Scale(domain=list(names), range=[SERIES[place % len(SERIES)] for place in range(len(names))])
