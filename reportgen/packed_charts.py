"""Every chart's Vega-Lite specification, with its rows, small enough to travel in the page, so that a reader can save it."""

from __future__ import annotations

import base64
import json
import zlib

from reportgen.pictures import THEME
from reportgen.report import Report


def pack_charts(report: Report) -> str:
    """JSON of `{"theme": Vega-Lite configuration, "charts": {"section-chart": specification}}`, deflated, as base64."""
    charts = {f"{section.name}-{chart}": spec for section in report.sections for chart, spec in section.charts.items()}
    text = json.dumps({"theme": THEME, "charts": charts}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")
