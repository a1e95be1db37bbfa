"""The report as plain data for other programs: what `--json` writes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from reportgen.characters import clean_text
from reportgen.measurements import Measurements
from reportgen.report import Report

SCHEMA = 1
DIGITS = 6


def report_data(report: Report, measurements: Measurements) -> dict[str, Any]:
    """Every analysis's result by name under `analyses`, with `schema`, provenance and notices.

    Numbers have 6 significant digits; null stands for a number that does not exist or was not computed.
    """
    return {
        "schema": SCHEMA,
        "title": plain(report.title),
        "provenance": plain({key: value for key, value in measurements.metadata.items() if key != "notices"}),
        "notices": plain(report.notices),
        "analyses": {section.name: {"finding": plain(section.finding), **plain(section.result)} for section in report.sections},
    }


def plain(value: Any) -> Any:
    """Dataclasses, arrays, mappings and tuples as what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, np.ndarray):
        return _rounded_list(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(inner) for inner in value]
    if isinstance(value, (float, np.floating)):
        return _rounded(float(value))
    return value.item() if isinstance(value, np.generic) else value


def _rounded_list(array: np.ndarray) -> Any:
    if not array.ndim:
        return plain(array.item())
    if not np.issubdtype(array.dtype, np.floating):
        return array.tolist()
    if array.ndim > 1:
        return [_rounded_list(inner) for inner in array]
    return [_rounded(number) for number in array.tolist()]


def _rounded(number: float) -> float | None:
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
