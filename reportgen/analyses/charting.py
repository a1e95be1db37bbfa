"""Charts that pass through Altair unopened and unchecked: it would check and copy every row and every object, which takes seconds for a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """A chart's rows as one string, for `alt.Data(values=...)`."""
    return json.dumps(list(rows))


def plotted(value: float | np.floating, decimals: int = 5) -> float | None:
    """A value of a chart; None, a gap in the line, where there is no number."""
    return round(float(value), decimals) if np.isfinite(value) else None


def spec_of(chart: Any) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, with the rows that were packed; tests hold it against the schema, Altair does not."""
    import altair as alt

    return {**alt.theme.get()(), **_opened(_part_of(chart)), "$schema": alt.SCHEMA_URL}


def frameless(chart: Any) -> dict[str, Any]:
    """The same without frames around what is drawn, as Altair writes it."""
    spec = spec_of(chart)
    return spec | {"config": spec["config"] | {"view": spec["config"]["view"] | {"stroke": None}}}


def composed(kind: str, *charts: Any, **said: Any) -> dict[str, Any]:
    """Charts put together ("layer", "hconcat", "vconcat" or "concat") as Altair writes them, for `spec_of`; it would copy each of them many times.

    `said` is what Vega-Lite has to say of them together. The size of layers is said once, and so are rows that all charts share.
    """
    parts = [_part_of(chart) for chart in charts]
    once = {name: part[name] for part in parts for name in ("height", "width") if name in part} if kind == "layer" else {}
    rows = [part.get("data", {}).get("values") for part in parts]
    if rows and rows[0] is not None and all(one is rows[0] for one in rows):
        once["data"] = parts[0]["data"]
    bare = [{name: inner for name, inner in part.items() if name not in once} for part in parts]
    return {kind: bare, **dict(sorted((once | said).items()))}


def in_rows(charts: Sequence[Any], columns: int, **said: Any) -> dict[str, Any]:
    """Charts that stand beside each other, so many in a row, and below each other."""
    return composed("vconcat", *(composed("hconcat", *charts[start : start + columns]) for start in range(0, len(charts), columns)), **said)


def faceted(chart: Any, facet: Any, **said: Any) -> dict[str, Any]:
    """A chart for each value of a field, as Altair writes it: of all rows by `facet`."""
    part = _part_of(chart)
    return {"data": part.pop("data"), "facet": _part_of(facet), "spec": part, **said}


def _part_of(chart: Any) -> dict[str, Any]:
    """What of its specification stands inside others: not what is said once for a whole picture."""
    return dict(chart) if isinstance(chart, Mapping) else chart.to_dict(validate=False, context={"top_level": False})


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
