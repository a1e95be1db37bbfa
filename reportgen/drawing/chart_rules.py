"""What a chart may be: marks of a few kinds that draw from its own numbers alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

MARKS = frozenset(["area", "bar", "circle", "line", "point", "rect", "rule", "square", "text", "tick", "trail"])
SCHEMA = re.compile(r"https://vega\.github\.io/schema/vega-lite/v\d+(\.\d+)*\.json")
REFUSED = {
    **dict.fromkeys(["url", "href", "lookup", "from", "datasets", "usermeta", "projection"], "leads out of the chart"),
    **dict.fromkeys(["expr", "signal", "calculate", "filter", "test", "params", "transform", "update", "on"], "is computed by an expression"),
}
FIELD = re.compile(r"\w[\w -]*")
PLAIN = (str, int, float, bool, type(None))


def check_chart(name: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Vega-Lite specification itself. Raises ValueError naming everything in it that could do more than draw.

    It may hold marks of known kinds, rows of plain values, and fields by plain names; no address, no link, no image, and no
    expression, so that nothing a document says is ever computed. Source: none; defined here.
    """
    faults = list(_faults(spec, ""))
    if faults:
        raise ValueError(f"The chart {name} may not be drawn: {'; '.join(faults)}. Charts draw from their own rows, with marks alone.")
    return spec


def _faults(part: Any, path: str) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, inner in part.items():
            yield from _faults_of(key, inner, f"{path}/{key}")
    elif isinstance(part, (list, tuple)):
        for place, inner in enumerate(part):
            yield from _faults(inner, f"{path}/{place}")


def _faults_of(key: str, inner: Any, path: str) -> Iterator[str]:
    if key == "data":
        yield from _faults_of_data(inner, path)
    elif key in REFUSED or key.endswith("Expr"):
        yield f"{path} {REFUSED.get(key, 'is computed by an expression')}"
    elif key == "mark" and (kind := inner.get("type") if isinstance(inner, Mapping) else inner) not in MARKS and "/config" not in path:
        yield f"{path} is {kind!r}"
    elif key == "field" and isinstance(inner, str) and not FIELD.fullmatch(inner):
        yield f"{path} is {inner!r}, which is more than a name"
    elif key == "$schema" and not SCHEMA.fullmatch(str(inner)):
        yield f"{path} is {inner!r}"
    else:
        yield from _faults(inner, path)


def _faults_of_data(data: Any, path: str) -> Iterator[str]:
    if data is None:
        return
    if not isinstance(data, Mapping) or set(data) != {"values"} or not isinstance(data["values"], list):
        yield f"{path} is not rows in the chart"
    elif not all(isinstance(row, Mapping) and all(isinstance(value, PLAIN) for value in row.values()) for row in data["values"]):
        yield f"{path} has rows of more than plain values"
