"""From a measurements file to its page, its picture, and what the rest of the site says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reportgen.characters import clean
from reportgen.corpus import summarise
from reportgen.measurements import Measurements
from reportgen.render import Drawer, render_measurements, render_report
from reportgen.report import Report, build_report
from reportgen.units import LEVELS
from reportgen.website.card import Card, Finding
from reportgen.website.numbers import curves_of, line_up
from reportgen.website.pictures import draw_preview, draw_thumbnail


@dataclass(frozen=True, kw_only=True)
class Made:
    """A report's page, byte for byte the one that `reportgen render` writes, its card, and the picture that other sites show with a link to it."""

    page: bytes
    card: Card
    preview: bytes


def make_report(path: Path, draw: Drawer | None = None) -> Made:
    """Everything of one measurements file. Memory: the page and what its analyses hold. Raises `MeasurementsError` when it is none."""
    measurements = Measurements.load(path)
    if draw is None:
        report, page = render_measurements(measurements)
    else:
        report = build_report(measurements)
        page = render_report(report, draw)
    return Made(page=page.encode("utf-8"), card=make_card(measurements, report), preview=_preview(report))


def make_card(measurements: Measurements, report: Report) -> Card:
    """What the rest of the site says of a report."""
    metadata = clean(measurements.metadata)
    results = {section.name: section.result for section in report.sections}
    return clean(
        Card(
            title=report.title,
            subtitle=report.subtitle,
            language=report.language,
            identity=metadata["sha256"],
            model=metadata["model"],
            reading=f"{metadata['model']} {metadata['revision']}",
            level=metadata.get("level", LEVELS[0]),
            tokens=len(measurements["token_ids"]),
            sentences=len(measurements.sentences),
            layers=metadata["layers"],
            findings=tuple(Finding(section=section.name, text=section.lead) for section in report.leading),
            numbers=line_up(report),
            curves=curves_of(report),
            thumbnail=_of_matrix(report, draw_thumbnail, ""),
            summary=summarise(measurements, results=results),
        )
    )


def _preview(report: Report) -> bytes:
    return _of_matrix(report, partial(draw_preview, curves=curves_of(report)), b"")


def _of_matrix(report: Report, draw: Callable[[Any], Any], otherwise: Any) -> Any:
    """A picture of the matrix; every report has one unless its numbers were not kept."""
    found = [section.result for section in report.sections if section.name == "sentence_matrix"]
    return draw(found[0]) if found else otherwise
