"""Charts drawn anew for print: as wide as a column, with text of the size of a caption, on white."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reportgen.drawing.pictures import INK, QUIET, RULE, THEME

TEXT = 8.0  # points, of all lettering
ROUNDS, CLOSE = 7, 0.02  # drawings of one chart until it is as wide as its column; how near is near enough, as a share
PLAIN_WIDTH, PLAIN_STEP = 300, 20  # of charts that say nothing of their width, in the chart library
SIDE_OF = {"x": "width", "y": "height"}
EMPTY: Mapping[str, float] = {}
SHORTEST_LINE = 8  # letters
LETTER = 0.5  # of lettering's size, how wide a letter is, or a little less
MOST_NUMBERS = 9  # columns of cells with a number in each: more have no room for it in one column
LOWER = 1.4  # above 1, because axes and lettering stay as high as they are
HEIGHT = 0.72  # of the page's, whose lettering is half as large again
LEAST, MOST = 0.2, 4.0
FLAT = 0.2  # of the width of a chart, how much narrower it gets with a plot that shrinks to nothing, at least
SIDES = re.compile(r'<svg[^>]*? width="([\d.]+)" height="([\d.]+)"')
SIDE_BY_SIDE, BELOW = "hconcat", "vconcat"
FACETS_IN_A_ROW = 4  # in one column
VIEWS = (SIDE_BY_SIDE, BELOW, "concat", "layer")

Draw = Callable[[Mapping[str, Mapping[str, Any]]], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a figure is as wide as, in points."""

    name: str
    points: float
    narrow: bool
    tallest: float  # points: what a page of a paper leaves beside a caption with finding and caveat


COLUMNS = (
    Column(name="1col", points=3.3 * 72, narrow=True, tallest=340.0),
    Column(name="2col", points=6.9 * 72, narrow=False, tallest=420.0),
)


def fitted(specs: Mapping[str, Mapping[str, Any]], draw: Draw) -> dict[tuple[str, Column], str]:
    """Each chart as SVG for each column, as wide as it or nearly, the plot narrowed or widened and the lettering not; charts that cannot be drawn are left out.

    A chart that is then higher than a page is drawn lower.
    """
    wanted = {f"{name}-{column.name}": (name, column) for column in COLUMNS for name in specs}
    for_print = {key: _for_print(specs[name], column) for key, (name, column) in wanted.items()}
    columns = {key: column for key, (_, column) in wanted.items()}
    widths = {key: column.points for key, column in columns.items()}
    found = _as_wide(for_print, widths, draw)
    heights = {key: _sides(svg)[1] for key, svg in found.items()}
    lower = {key: _lettered(for_print[key], (columns[key].tallest / high) ** LOWER) for key, high in heights.items() if high > columns[key].tallest}
    return {wanted[key]: svg for key, svg in (found | _as_wide(lower, widths, draw)).items()}


def _as_wide(specs: Mapping[str, Mapping[str, Any]], widths: Mapping[str, float], draw: Draw) -> dict[str, str]:
    waiting = {key: _Trial(spec=spec) for key, spec in specs.items()}
    found: dict[str, str] = {}
    for _ in range(ROUNDS):
        drawn = draw({key: trial.drawn_as for key, trial in waiting.items()})
        found |= drawn
        waiting = {key: waiting[key].next(_sides(svg)[0], widths[key]) for key, svg in drawn.items()}
        waiting = {key: trial for key, trial in waiting.items() if not trial.done}
        if not waiting:
            break
    return found


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A chart and how many times as wide as on the page its plot is drawn; what earlier drawings were as wide as; whether its legends are lists already."""

    spec: Mapping[str, Any]
    factor: float = 1.0
    seen: tuple[tuple[float, float], ...] = field(default=())
    listed: bool = False
    done: bool = False

    @property
    def drawn_as(self) -> dict[str, Any]:
        """The specification at this width."""
        return titled(scaled(self.spec, self.factor))

    def next(self, width: float, wanted: float) -> _Trial:
        """The trial after a drawing of this width: on the line through the last two, which is straight but for labels that turn or vanish.

        Where a legend is as wide as its plot, there is no such line; its entries then stand one below the other.
        """
        seen = (*self.seen, (self.factor, width))
        slope = width / self.factor if len(seen) == 1 else _slope(*seen[-2:])
        if abs(width - wanted) <= CLOSE * wanted:
            return replace(self, seen=seen, done=True)
        if slope < FLAT * width / self.factor:
            return replace(self, seen=seen, done=True) if self.listed else _Trial(spec=_listed(self.spec), factor=seen[-2][0], listed=True)
        factor = min(max(self.factor + (wanted - width) / slope, LEAST), MOST)
        return replace(self, factor=factor, seen=seen, done=abs(factor - self.factor) < 1e-4)


def _slope(before: tuple[float, float], now: tuple[float, float]) -> float:
    return (now[1] - before[1]) / (now[0] - before[0]) if now[0] != before[0] else 0.0


def _sides(svg: str) -> tuple[float, float]:
    found = SIDES.search(svg)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def _listed(part: Any) -> Any:
    """The specification with legends of one column."""
    if isinstance(part, list):
        return [_listed(inner) for inner in part]
    if not isinstance(part, Mapping):
        return part
    found = {name: inner if name == "data" else _listed(inner) for name, inner in part.items()}
    return found | ({"legend": {**found["legend"], "columns": 1}} if isinstance(found.get("legend"), Mapping) else {})


def scaled(spec: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """The specification with every view so many times as wide; views that say nothing of their width get one."""
    found = {name: _scaled_part(name, part, factor) for name, part in spec.items()}
    if "config" in found:
        view = {**found["config"].get("view", {}), "continuousWidth": PLAIN_WIDTH * factor, "discreteWidth": {"step": PLAIN_STEP * factor}}
        found["config"] = {**found["config"], "view": view}
    return found


def _scaled_part(name: str, part: Any, factor: float) -> Any:
    if name == "width":
        return {"step": part["step"] * factor} if isinstance(part, Mapping) else part * factor
    if name in VIEWS:
        return [scaled(view, factor) for view in part]
    return scaled(part, factor) if name == "spec" else part


def titled(part: Any, sides: Mapping[str, float] = EMPTY) -> Any:
    """Titles of axes on as many lines as the sides of their view ask for."""
    if not isinstance(part, Mapping):
        return part
    own = {axis: part[side] for axis, side in SIDE_OF.items() if isinstance(part.get(side), (int, float))}
    sides = {**sides, **own}
    found = {name: [titled(view, sides) for view in inner] if name in VIEWS else inner for name, inner in part.items()}
    if "spec" in part:
        found["spec"] = titled(part["spec"], sides)
    if "encoding" in part:
        found["encoding"] = {axis: _on_lines(inner, sides[axis]) if axis in sides else inner for axis, inner in part["encoding"].items()}
    return found


def _on_lines(axis: Mapping[str, Any], side: float) -> Mapping[str, Any]:
    if not isinstance(axis.get("title"), str):
        return axis
    lines = textwrap.wrap(axis["title"], max(int(side / (LETTER * TEXT)), SHORTEST_LINE), break_long_words=False)
    return {**axis, "title": lines} if len(lines) > 1 else axis


def _for_print(spec: Mapping[str, Any], column: Column) -> dict[str, Any]:
    """The specification in print's sizes; in one column, what stands side by side on the page stands one below the other, but for rows of several."""
    inner = _lettered(_stacked(spec) if column.narrow else spec, HEIGHT)
    return {**inner, "config": _config(column, inner.get("config", {})), "background": "white", "padding": 2}


def _stacked(spec: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: [_stacked(view) for view in part] if name in VIEWS and name != BELOW else part for name, part in _without_numbers(spec).items()}
    if SIDE_BY_SIDE in found:
        found[BELOW] = found.pop(SIDE_BY_SIDE)
    if isinstance(found.get("columns"), int):
        found["columns"] = min(found["columns"], FACETS_IN_A_ROW)
    return found


def _without_numbers(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A chart of cells, without the number in each where there are too many columns."""
    written = [view for view in spec.get("layer", ()) if view["mark"]["type"] == "text" and view["encoding"]["x"]["type"] == "nominal"]
    columns = {row[view["encoding"]["x"]["field"]] for view in written for row in (view.get("data") or spec["data"])["values"]}
    return {**spec, "layer": [view for view in spec["layer"] if view not in written]} if len(columns) > MOST_NUMBERS else spec


def _lettered(part: Any, height: float) -> Any:
    """Lettering within marks in print's size, and views so many times as high."""
    if isinstance(part, list):
        return [_lettered(inner, height) for inner in part]
    if not isinstance(part, Mapping):
        return part
    return {name: inner if name in ("data", "config") else _print_size(name, inner, height) for name, inner in part.items()}


def _print_size(name: str, inner: Any, height: float) -> Any:
    if name == "fontSize":
        return TEXT - 1
    if name == "height":
        return {"step": inner["step"] * height} if isinstance(inner, Mapping) else inner * height
    return _lettered(inner, height)


def _config(column: Column, own: Mapping[str, Any]) -> dict[str, Any]:
    letters = {"labelFontSize": TEXT, "titleFontSize": TEXT}
    legend = {"rowPadding": 1, "columnPadding": 8, "symbolSize": 40, "gradientThickness": 7, "gradientLength": 80, "offset": 6, "labelLimit": 140}
    placed = (
        {"orient": "bottom", "columns": 2, "direction": "horizontal", "layout": {"bottom": {"direction": "vertical", "anchor": "start"}}}
        if column.narrow
        else {}
    )
    config = {
        **THEME,
        **own,
        "view": {"stroke": None},
        "axis": {**THEME["axis"], **letters, "titlePadding": 4, "tickSize": 3, "labelPadding": 2, "gridWidth": 0.5, "domainWidth": 0.6, "tickWidth": 0.6},
        "legend": {**THEME["legend"], **letters, **legend, **placed},
        "header": {**THEME["header"], **letters, "labelPadding": 3, "titlePadding": 3},
        "title": {**THEME["title"], "fontSize": TEXT, "offset": 4},
        "text": {"color": INK, "fontSize": TEXT},
        "line": {"strokeWidth": 1.1},
        "rule": {"color": QUIET, "strokeWidth": 0.8},
        "point": {"strokeWidth": 1},
        "concat": {"spacing": 10},
        "facet": {"spacing": 8},
    }
    return config | {"axisX": {"grid": False}, "axisY": {"gridColor": RULE}}
