"""The charts that travel in the page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pages.elements import read_page
from pages.reports import small_report, with_section

from reportgen.drawing.pictures import THEME
from reportgen.packing.charts import pack_charts
from reportgen.render import render_report


def rows_again(part: Any) -> Any:
    if isinstance(part, list):
        return [rows_again(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("columns"), dict):
        return {"values": [dict(zip(part["columns"], row, strict=True)) for row in zip(*part["columns"].values(), strict=True)]}
    return {name: rows_again(inner) for name, inner in part.items()}


def test_every_chart_is_packed_with_its_rows_under_the_name_its_figure_has() -> None:
    report = small_report()
    page = read_page(render_report(report, lambda specs: {}))
    packed = page.data("charts-data")
    specs = {f"{section.name}-{chart}": spec for section in report.sections for chart, spec in section.charts.items()}
    assert rows_again(packed["charts"]) == json.loads(json.dumps(specs))
    assert packed["theme"] == json.loads(json.dumps(THEME))
    assert sorted(page.values("data-chart")) == sorted(specs)


@pytest.mark.parametrize("rows", [[], [{"x": 1}, {"y": 2}], [{"x": 1, "y": None}, {"x": 2, "y": "a"}], [{"x": 1, "y": 2}, {"x": 3}]])
def test_rows_of_any_kind_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    spec = {"layer": [{"data": {"values": rows}, "mark": "point"}, {"mark": "rule"}]}
    report = with_section(small_report(), "sinks", charts={"maps": spec})
    assert rows_again(json.loads(pack_charts(report.charts, THEME))["charts"]["sinks-maps"]) == spec


def test_a_report_without_charts_packs_none() -> None:
    assert json.loads(pack_charts(replace(small_report(), sections=()).charts, THEME))["charts"] == {}
