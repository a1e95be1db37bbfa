"""Charts draw from their own rows with marks of known kinds; whatever could do more is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import made_up

from reportgen.analyses.analysis import Analysis
from reportgen.drawing.chart_rules import check_chart
from reportgen.report import build_section

CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json",
    "config": {"mark": {"color": "#3b6ea8"}},
    "data": {"values": [{"x": 1, "says": "{{ url }} datum.x javascript:alert(1)"}]},
    "title": "https://example.org is only a title",
    "mark": {"type": "text"},
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "text": {"field": "says"}},
}


def with_encoding(**channels: Any) -> dict[str, Any]:
    return CHART | {"encoding": CHART["encoding"] | channels}


REFUSED = {
    "a mark that shows pictures from elsewhere": (CHART | {"mark": "image"}, "/mark is 'image'"),
    "the same mark spelt out": (CHART | {"mark": {"type": "image"}}, "/mark is 'image'"),
    "a mark of no kind": (CHART | {"mark": {}}, "/mark is None"),
    "a mark deep in a layer": ({"layer": [CHART, {"hconcat": [CHART | {"mark": "geoshape"}]}]}, "/layer/1/hconcat/0/mark is 'geoshape'"),
    "data at an address": (CHART | {"data": {"url": "https://example.org/a.json"}}, "/data is not rows"),
    "data by a name": (CHART | {"data": {"name": "other"}}, "/data is not rows"),
    "data that is made, not measured": (CHART | {"data": {"sequence": {"start": 0, "stop": 9}}}, "/data is not rows"),
    "rows as text": (CHART | {"data": {"values": "x\n1"}}, "/data is not rows"),
    "rows that hold more than values": (CHART | {"data": {"values": [{"x": {"signal": "1"}}]}}, "plain values"),
    "a link": (with_encoding(href={"field": "says"}), "/encoding/href leads out"),
    "a picture by its address": (with_encoding(url={"value": "https://example.org/a.png"}), "/encoding/url leads out"),
    "an expression over the rows": (CHART | {"transform": [{"calculate": "datum.says", "as": "y"}]}, "/transform is computed"),
    "an expression for a label": (with_encoding(x={"field": "x", "axis": {"labelExpr": "datum.label"}}), "/encoding/x/axis/labelExpr is computed"),
    "an expression for a value": (with_encoding(opacity={"value": {"expr": "1"}}), "/encoding/opacity/value/expr is computed"),
    "a signal": (CHART | {"width": {"signal": "9"}}, "/width/signal is computed"),
    "a condition": (with_encoding(color={"condition": {"test": "datum.x > 1", "value": "red"}, "value": "blue"}), "/test is computed"),
    "parameters": (CHART | {"params": [{"name": "p", "expr": "1"}]}, "/params is computed"),
    "a field that is a path": (with_encoding(y={"field": "x['constructor']"}), "more than a name"),
    "another schema": (CHART | {"$schema": "https://example.org/vega-lite/v6.json"}, "/$schema"),
    "settings for whoever shows it": (CHART | {"usermeta": {"embedOptions": {"loader": {}}}}, "/usermeta leads out"),
}


def test_a_plain_chart_is_given_back_whatever_its_words_say() -> None:
    assert check_chart("plain", CHART) is CHART


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_do_more_than_draw_is_refused_by_name(case: str) -> None:
    spec, fault = REFUSED[case]
    with pytest.raises(ValueError, match="The chart of mine may not be drawn") as refused:
        check_chart("of mine", spec)
    assert fault in str(refused.value)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"/mark is 'image'; /data is not rows"):
        check_chart("bad", {"mark": "image", "data": {"url": "x"}})


def test_a_section_with_such_a_chart_is_not_built() -> None:
    analysis = Analysis(
        name="sinks", question="", needs=(), analyse=lambda measurements: None, draw=lambda result: {"one": CHART | {"mark": "image"}},
        find=lambda result: "", caveat="", methods=(),
    )  # fmt: skip
    with pytest.raises(ValueError, match="The chart sinks one may not be drawn"):
        build_section(analysis, analysis.analyse(made_up()))
