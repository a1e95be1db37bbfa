"""The commands about a site: another report in its source, and building it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reportgen.asked import Asked
from reportgen.cli.option_sets import measures
from reportgen.cli.packaged import prepare
from reportgen.errors import ReportgenError, SiteError

if TYPE_CHECKING:
    from reportgen.website import Entry, ReportSource, SiteSource

SOURCE = Path("site/site.toml")
FILES = ("sentences", "pair")  # options that name a file, as seen from site.toml

Source = Annotated[Path, typer.Argument(metavar="site.toml", help="The site's source; by default site/site.toml.")]


def build(
    source: Source = SOURCE,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Where the site will lie, in the place of what site.toml says.")] = None,
) -> None:
    """Build the site: measure its documents unless that was done before, and write what changed."""
    from reportgen.progress import stages
    from reportgen.website import SiteSettings, read_source, write_site

    site = read_source(source, base_url)
    settings = SiteSettings(title=site.title, description=site.description, author=site.author, base_url=site.base_url, about=site.about)
    asked = [None if one.document is None else _asked(one, place, source) for place, one in enumerate(site.reports, 1)]
    with stages() as progress:
        entries = [_entry(one, what, site, progress) for one, what in zip(site.reports, asked, strict=True)]
        built = write_site(settings, entries, site.output, progress)
    for notice in built.notices:
        typer.echo(notice, err=True)
    typer.echo(f"{len(built.written)} files written, {len(built.kept)} unchanged, {len(built.removed)} removed.", err=True)
    typer.echo(site.output / "index.html")


def add(
    files: Annotated[list[Path], typer.Argument(metavar="X.npz|DOC...", help="Measurements files, or documents to measure.")],
    site: Annotated[Path, typer.Option("--site", metavar="site.toml", help="The site's source.")] = SOURCE,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model that documents are measured with; by default the default one.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be given several times.")] = None,
    date: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="The day that the site shows, and the feed orders by.")] = None,
    genre: Annotated[str | None, typer.Option("--genre", metavar="TEXT", help="What kind of text it is.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", metavar="TEXT", help="Under what licence the document may be passed on.")] = None,
    source_note: Annotated[str | None, typer.Option("--source", metavar="TEXT", help="Where the document is from.")] = None,
) -> None:
    """Put reports at the end of a site's source; everything that stands there stays as it is."""
    from reportgen.documents.formats import format_of
    from reportgen.website import MEASUREMENTS, Said, add_reports

    for file in files:
        if file.suffix.lower() != MEASUREMENTS and os.path.isfile(file):
            format_of(file, file.name)
    add_reports(site, files, Said(model=model, tags=tuple(tag or ()), date=date, genre=genre, licence=licence, source=source_note))
    typer.echo(site)


def _entry(one: ReportSource, asked: Asked | None, site: SiteSource, progress: Callable[[str, float], None]) -> Entry:
    """The measurements file of a report, measured now where it is a document that never was."""
    from reportgen.website import Entry

    path = one.measurements or _measured(str(one.document), asked or Asked(), site, progress)
    said = {name: getattr(one, name) for name in ("tags", "date", "genre", "licence", "source")}
    return Entry(path=path, sha256=_sha256(path), **said)


def _measured(document: str, asked: Asked, site: SiteSource, progress: Callable[[str, float], None]) -> Path:
    from reportgen.batch.store import measured_once

    prepare(asked.model)
    name = Path(document).name

    def show(stage: str, share: float) -> None:
        progress(f"{name}: {stage}", share)

    try:
        return measured_once(document, asked, site.measured, show)
    except ReportgenError as error:
        raise SiteError(f"{document}: {error}") from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SiteError(f"Cannot read {path}: {error.strerror or error}; correct its name in site.toml.") from error


def _asked(one: ReportSource, place: int, source: Path) -> Asked:
    """What the options of a report ask for, understood and refused as the command line does."""
    found: list[Asked] = []

    def ask(asked: Asked) -> None:
        found.append(asked)

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(measures(ask))
    try:
        app([f"--model={one.model}", *_as_arguments(one.options, source.parent)], standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise SiteError(f"{source}, report {place}: {error.format_message()}") from error
    return found[0]


def _as_arguments(options: Mapping[str, Any], folder: Path) -> list[str]:
    """Names and values of a table as the command line has them."""
    named = {name.replace("_", "-"): str(folder / str(value)) if name in FILES else value for name, value in options.items()}
    switched = [f"--{name}" for name, value in named.items() if value is True]
    return switched + [f"--{name}={value}" for name, value in named.items() if not isinstance(value, bool)]
