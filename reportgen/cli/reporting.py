"""The commands from a document to its page: measuring, rendering, both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reportgen.asked import Asked, load_as_asked, measure_as_asked, read_as_asked
from reportgen.cli.option_sets import measures
from reportgen.cli.options import Doc, Json
from reportgen.cli.packaged import prepare
from reportgen.files import check_outputs, replacing

if TYPE_CHECKING:
    from reportgen.measurements import Measurements


@measures
def report(
    doc: Doc,
    asked: Asked,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The page; by default the document's name with .html.")] = None,
    json_output: Json = None,
) -> None:
    """Measure a document and write its page."""
    page = output or _page_of(doc)
    check_outputs(doc, page, json_output, beside=_beside(asked))
    write_page(measured(doc, asked), page, json_output)


@measures
def measure(
    doc: Doc,
    asked: Asked,
    output: Annotated[Path, typer.Option("--output", "-o", help="The measurements file (.npz).")],
) -> None:
    """Measure a document and keep the numbers."""
    check_outputs(doc, output, beside=_beside(asked))
    measured(doc, asked).save(output)
    typer.echo(output)


def render(
    measured: Annotated[Path, typer.Argument(metavar="X.npz", help="A measurements file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")],
    json_output: Json = None,
) -> None:
    """Write the page of a measurements file; no model is needed."""
    from reportgen.measurements import Measurements

    check_outputs(measured, output, json_output)
    write_page(Measurements.load(measured), output, json_output)


def _beside(asked: Asked) -> tuple[Path | None, ...]:
    """The second text and the file of sentences."""
    return asked.reading.get("pair"), asked.reading.get("sentences")


def _page_of(doc: str) -> Path:
    """The page's name by default: the document's with .html; the document itself may have that name."""
    stem = "report" if doc == "-" else Path(doc).stem
    return Path(f"{stem}-report.html" if Path(doc).suffix.lower() == ".html" else f"{stem}.html")


def measured(doc: str, asked: Asked) -> Measurements:
    """The measurements of one document, with the stages shown."""
    from reportgen.progress import stages

    texts = read_as_asked(doc, asked)
    prepare(asked.model)
    with stages() as progress:
        progress("loading the model", 0.0)
        return measure_as_asked(texts, load_as_asked(asked), asked, progress)


def write_page(measurements: Measurements, page: Path, json_output: Path | None) -> None:
    """The page of the measurements, and the results as JSON where they are asked for."""
    from reportgen.drawing.pictures import ready_for_page
    from reportgen.progress import stages

    with stages() as progress, ready_for_page() as draw:
        progress("analyses and page", 0.0)
        from reportgen.render import build_and_render  # takes a second, in which the child loads the library of charts

        built, html = build_and_render(measurements, draw)
        progress("analyses and page", 1.0)
    with replacing(page) as file:
        file.write(html.encode("utf-8"))
    if json_output is not None:
        from reportgen.report_data import report_data

        with replacing(json_output) as file:
            file.write(json.dumps(report_data(built, measurements), ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    typer.echo(page)
