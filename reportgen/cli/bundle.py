"""The command that makes of a report what is attached to a paper or a review."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from reportgen.cli.options import parsed_size

if TYPE_CHECKING:
    from reportgen.bundle.build import Built, Wanted
    from reportgen.measurements import Measurements

VENUES = 25_000_000  # bytes: what venues take as supplementary material
PARTS = ("page", "measurements", "figures", "tables")


def _day(text: str) -> str:
    from reportgen.wording import day_of

    try:
        return day_of(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-05-31.") from error


def _part(text: str) -> str:
    if text not in PARTS:
        raise typer.BadParameter(f"there is no part {text!r}; there are {', '.join(PARTS)}.")
    return text


def bundle(
    measured: Annotated[Path, typer.Argument(metavar="X.npz", help="A measurements file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder, or a file whose name ends in .zip.")],
    purpose: Annotated[
        Literal["paper", "review"], typer.Option("--for", help="paper: also figures and everything for LaTeX; review: page, tables, methods, measurements.")
    ],
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="For double-blind review: without names, searched for them, and refused where one is found.")
    ] = False,
    allow: Annotated[list[str] | None, typer.Option("--allow", metavar="TEXT", help="What an anonymous bundle may say all the same; may be repeated.")] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="PART", parser=_part, help="Leave out page, measurements, figures or tables; may be repeated.")
    ] = None,
    max_size: Annotated[
        int, typer.Option("--max-size", metavar="SIZE", parser=parsed_size, show_default="25MB", help="The largest bundle that is written.")
    ] = VENUES,
    date: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", parser=_day, help="The day of publication, for the description.")] = None,
) -> None:
    """Write a folder or archive to attach to a paper or a review: page, figures, tables, methods, references, measurements."""
    from reportgen.bundle.build import Wanted
    from reportgen.bundle.packaging import check_place
    from reportgen.measurements import Measurements

    if anonymous and date is not None:
        raise typer.BadParameter("an anonymous bundle carries no date: leave out --date or --anonymous")
    if allow and not anonymous:
        raise typer.BadParameter("--allow is for --anonymous, without which nothing is searched: add it, or leave out --allow")
    if purpose == "review" and "figures" in (without or ()):
        raise typer.BadParameter("a bundle for review has no figures: leave out --without figures")
    check_place(output)
    wanted = Wanted(purpose=purpose, anonymous=anonymous, without=frozenset(without or ()), date=date)
    _write(_built(Measurements.load(measured), measured, wanted, allow or ()), output, max_size)
    typer.echo(output)


def _built(measurements: Measurements, measured: Path, wanted: Wanted, allow: Sequence[str]) -> Built:
    from reportgen.bundle.anonymous import anonymised
    from reportgen.bundle.build import build_bundle
    from reportgen.progress import stages

    with stages() as progress:
        progress("analyses, figures and page", 0.0)
        built = build_bundle(anonymised(measurements) if wanted.anonymous else measurements, wanted)
        progress("analyses, figures and page", 1.0)
    if wanted.anonymous:
        _search(built, measurements, measured, allow)
    return built


def _search(built: Built, measurements: Measurements, measured: Path, allow: Sequence[str]) -> None:
    """Refuse what tells who made it. The lettering of figures is glyphs in a PDF: what it says is searched as the charts' own text."""
    from reportgen.bundle.identity import traces_of
    from reportgen.bundle.searching import refuse_traces

    traces = traces_of(measured, measurements.metadata, f"{measurements.text}\n{measurements.target_text}")
    if traces.ordinary:
        named = ", ".join(trace.text for trace in traces.ordinary)
        typer.echo(f"Not looked for, because too short or too ordinary to tell anything: {named}.", err=True)
    charts = {section.name: dict(section.charts) for section in built.report.sections}
    lettering = {"the lettering of figures": json.dumps(charts, ensure_ascii=False).encode("utf-8", "replace")}
    refuse_traces({**built.files, **lettering}, traces.telling, allow)


def _write(built: Built, output: Path, most: int) -> None:
    from reportgen.bundle.packaging import refuse_too_large, write_archive, write_files, zipped

    if output.suffix.lower() == ".zip":
        archive = zipped(built.files)
        refuse_too_large(len(archive), built.files, most)
        write_archive(archive, output)
    else:
        refuse_too_large(sum(map(len, built.files.values())), built.files, most)
        write_files(built.files, output)
