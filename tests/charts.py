"""What every chart must keep to: valid Vega-Lite that draws from its own numbers alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reportgen.drawing.chart_rules import check_chart


def assert_drawable(spec: Mapping[str, Any]) -> None:
    """It is valid, and a renderer makes a picture of it."""
    import vl_convert

    assert_valid(spec)
    assert "<path" in vl_convert.vegalite_to_svg(dict(spec), allowed_base_urls=[])


def assert_valid(spec: Mapping[str, Any]) -> None:
    """The schema accepts it, strict JSON can hold it, and it does no more than draw its own numbers."""
    import altair as alt

    json.dumps(spec, allow_nan=False)
    alt.Chart.from_dict(dict(spec), validate=True)
    check_chart("tested", spec)


def rows_of(spec: Any) -> list[list[dict[str, Any]]]:
    """The inline rows of every data source, in the order of the drawing."""
    if isinstance(spec, Mapping):
        own = [spec["data"]["values"]] if "data" in spec else []
        return own + [rows for key, inner in spec.items() if key != "data" for rows in rows_of(inner)]
    return [rows for inner in spec for rows in rows_of(inner)] if isinstance(spec, list) else []
