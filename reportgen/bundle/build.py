"""From measurements to the files of a bundle, in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reportgen.bundle import crate, printed
from reportgen.bundle.figures import COLUMNS, Figure, Print, draw_figures
from reportgen.bundle.packaging import manifest
from reportgen.bundle.references import bibliography
from reportgen.bundle.sizing import Draw
from reportgen.bundle.tables import Table, as_csv, as_latex, list_tables
from reportgen.characters import clean_text
from reportgen.drawing.pictures import draw_pictures, print_pictures
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import Report, build_report

MEASUREMENTS, PAGE, MANIFEST, CRATE = "measurements.npz", "report.html", "manifest-sha256.txt", "ro-crate-metadata.json"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a bundle is for. A review gets the page, tables as CSV, methods as text and the measurements; a paper figures, LaTeX and BibTeX as well.

    `without` names parts that are left out. `date` is that of publication, YYYY-MM-DD. Measurements of an `anonymous` bundle are anonymous already.
    """

    purpose: Literal["paper", "review"]
    anonymous: bool = False
    without: frozenset[str] = frozenset()
    date: str | None = None

    def has(self, part: str) -> bool:
        """Whether the part is in the bundle."""
        return part not in self.without and (part != "figures" or self.purpose == "paper")


@dataclass(frozen=True, kw_only=True)
class Built:
    """The files by relative path, the report that they show, and the charts that could not be drawn."""

    files: Mapping[str, bytes]
    report: Report
    undrawn: tuple[str, ...]


def build_bundle(measurements: Measurements, wanted: Wanted, draw: Draw = draw_pictures, print_: Print = print_pictures) -> Built:
    """All files of a bundle, the same for the same measurements. Memory: all files at once."""
    report = build_report(measurements)
    files: dict[str, bytes] = {}
    if wanted.has("page"):
        files[PAGE] = render_report(report, draw).encode("utf-8")
    if wanted.has("measurements"):
        files[MEASUREMENTS] = _stored(measurements)
    figures, undrawn = draw_figures(report, draw, print_) if wanted.has("figures") else ((), ())
    tables = list_tables(report) if wanted.has("tables") else []
    files |= _figure_files(figures) | _table_files(tables, wanted) | _texts(measurements, report, wanted, figures, tables)
    files |= _notes(measurements, report, wanted, files, figures, undrawn)
    files[CRATE] = crate.describe(files, measurements, wanted.date)
    files[MANIFEST] = manifest(files)
    return Built(files=files, report=report, undrawn=undrawn)


def _stored(measurements: Measurements) -> bytes:
    """The measurements file, written anew: what else the file that was read may have held is not in it."""
    with tempfile.TemporaryDirectory(prefix="reportgen-") as folder:
        path = Path(folder) / MEASUREMENTS
        measurements.save(path)
        return path.read_bytes()


def _figure_files(figures: tuple[Figure, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in figures:
        found |= {f"figures/{name}": data for name, data in one.files.items()}
        found |= {f"figures/{one.name}-{column.name}.tex": printed.snippet(one, column) for column in COLUMNS if f"{one.name}-{column.name}.pdf" in one.files}
    return found


def _table_files(tables: list[Table], wanted: Wanted) -> dict[str, bytes]:
    found = {f"tables/{one.name}.csv": as_csv(one) for one in tables}
    return found | ({f"tables/{one.name}.tex": as_latex(one) for one in tables if one.columns} if wanted.purpose == "paper" else {})


def _texts(measurements: Measurements, report: Report, wanted: Wanted, figures: tuple[Figure, ...], tables: list[Table]) -> dict[str, bytes]:
    facts = printed.facts_of(measurements)
    found = printed.methods(report, facts) | {"references.bib": bibliography(printed.cited_in(report, facts))}
    if wanted.purpose == "paper":
        printable = [one.name for one in figures if all(f"{one.name}-{column.name}.pdf" in one.files for column in COLUMNS)]
        return found | {"example.tex": printed.example(printable, [one.name for one in tables if one.columns])}
    return {name: data for name, data in found.items() if not name.endswith(".tex")}


def _notes(
    measurements: Measurements, report: Report, wanted: Wanted, files: Mapping[str, bytes], figures: tuple[Figure, ...], undrawn: tuple[str, ...]
) -> dict[str, bytes]:
    metadata = measurements.metadata
    values: dict[str, Any] = {
        "title": clean_text(" ".join(metadata["title"].split())),
        "model": clean_text(metadata["model"]),
        "version": clean_text(str(metadata["libraries"].get("reportgen", ""))),
        "purpose": wanted.purpose,
        "anonymous": wanted.anonymous,
        "listed": printed.listing([*files], report.level),
        "has_figures": bool(figures),
        "has_measurements": MEASUREMENTS in files,
        "example": figures[0].name if figures else "",
        "undrawn": undrawn,
    }
    return {"README.md": printed.text_of("README.md.jinja", **values), "LICENCE.txt": printed.text_of("LICENCE.txt.jinja", model=values["model"])}
