"""Charts that pass through Altair unopened and unchecked: it would check and copy every row and every object, which takes seconds for a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """A chart's rows as one string, for `alt.Data(values=...)`."""
    return json.dumps(list(rows))


def spec_of(chart: Any) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, with the rows that were packed; tests hold it against the schema, Altair does not."""
    return _opened(chart.to_dict(validate=False))


def frameless(chart: Any) -> dict[str, Any]:
    """The same without frames around what is drawn, as Altair writes it; it would copy the whole chart once more."""
    spec = spec_of(chart)
    return spec | {"config": spec["config"] | {"view": spec["config"]["view"] | {"stroke": None}}}


def in_rows(panels: Iterable[Any], columns: int) -> dict[str, Any]:
    """The specification of charts that stand beside each other and below each other, without frames, as Altair writes it; it would copy each of them many times."""
    specs = [frameless(panel) for panel in panels]
    bare = [{name: part for name, part in spec.items() if name not in ("config", "$schema")} for spec in specs]
    rows = [{"hconcat": bare[start : start + columns]} for start in range(0, len(bare), columns)]
    return {"config": specs[0]["config"], "vconcat": rows, "$schema": specs[0]["$schema"]}


def _opened(part: Any) -> Any:
    if isinstance(part, list):
        return [_opened(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: {"values": json.loads(inner["values"])} if name == "data" and "values" in inner else _opened(inner) for name, inner in part.items()}


@contextmanager
def unchecked() -> Iterator[None]:
    """While charts are put together, Altair checks no part of them against its schema: that takes longer than all the rest, and tests check whole charts."""
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield
