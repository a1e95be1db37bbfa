"""Charts whose rows pass through Altair unopened: it would check and copy each one, which takes seconds for a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """A chart's rows as one string, for `alt.Data(values=...)`."""
    return json.dumps(list(rows))


def spec_of(chart: Any) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, with the rows that were packed."""
    return _opened(chart.to_dict())


def _opened(part: Any) -> Any:
    if isinstance(part, list):
        return [_opened(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: {"values": json.loads(inner["values"])} if name == "data" and "values" in inner else _opened(inner) for name, inner in part.items()}
