"""Every chart's Vega-Lite specification, with its rows, small enough to travel in the page, so that a reader can save it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reportgen.packing import deflated
from reportgen.pictures import THEME
from reportgen.report import Report


def pack_charts(report: Report) -> str:
    """JSON of `{"theme": Vega-Lite configuration, "charts": {"section-chart": specification}}`, deflated.

    Rows stand by column, which takes a third less: `{"columns": {name: values}}` in the place of `{"values": rows}`.
    """
    charts = {f"{section.name}-{chart}": _by_column(spec) for section in report.sections for chart, spec in section.charts.items()}
    text = json.dumps({"theme": THEME, "charts": charts}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return deflated(text.encode("utf-8"))


def _by_column(part: Any) -> Any:
    if isinstance(part, (list, tuple)):
        return [_by_column(inner) for inner in part]
    if not isinstance(part, Mapping):
        return part
    return {name: _turned(inner) if name == "data" else _by_column(inner) for name, inner in part.items()}


def _turned(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rows that all have the same names by column; others as they are."""
    rows: Sequence[Mapping[str, Any]] = data.get("values") or ()
    if not rows or any(list(row) != list(rows[0]) for row in rows):
        return data
    return {"columns": {name: [row[name] for row in rows] for name in rows[0]}}
