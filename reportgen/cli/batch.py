"""The command over many documents."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from reportgen.asked import Asked
from reportgen.cli.option_sets import measures
from reportgen.errors import BatchError

if TYPE_CHECKING:
    from reportgen.batch import How, Manifest, Told

SOME_FAILED = 3


@measures
def batch(
    docs: Annotated[list[str], typer.Argument(metavar="DOCS...", help="Files, folders (whatever can be read in them) and patterns such as 'texts/**/*.md'.")],
    asked: Asked,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder for pages, measurements and manifest.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an earlier run: what is finished, under whatever name, is not measured again.")] = False,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Take part I of N of the documents, such as 3/8; parts may go on at the same time.")] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Workers, each with the model loaded: 1 by default; with Ray, all there is room for.")
    ] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, help="Threads of each worker: 1 by default; the last figures of attributions depend on it.")] = 1,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Processes of this machine, or actors of a Ray cluster (of the extra called ray).")] = "local",
    address: Annotated[
        str, typer.Option(help="The Ray cluster: local starts one here, auto finds the one that this machine is part of; or HOST:PORT.")
    ] = "local",
    gpus_per_worker: Annotated[float, typer.Option(metavar="N", min=0, help="GPUs of each of Ray's workers, such as 1 or 0.5.")] = 0.0,
    no_pages: Annotated[bool, typer.Option("--no-pages", help="Keep the measurements alone.")] = False,
) -> None:
    """Measure many documents and write their pages, each once, with a manifest of what came of them.

    Exit codes of this command: 0, every document is done. 2, refused or interrupted. 3, the run is finished, and the documents that are named failed.
    Of verify, 3 says something else.
    """
    from reportgen.batch import How, parse_shard

    how = How(
        resume=resume,
        shard=None if shard is None else parse_shard(shard),
        jobs=jobs,
        threads=threads,
        engine=engine,
        address=address,
        gpus_per_worker=gpus_per_worker,
        pages=not no_pages,
    )
    _end(_run(docs, output, asked, how), output)


def _run(docs: list[str], output: Path, asked: Asked, how: How) -> Manifest:
    from reportgen.batch import run_batch
    from reportgen.cli.packaged import prepare

    if how.engine == "local":
        prepare(asked.model)
    with _counting() as show:
        try:
            return run_batch(docs, output, asked, how, show)
        except KeyboardInterrupt as error:
            raise BatchError(f"Interrupted; what is finished is in {output}: go on with --resume.") from error


def _end(manifest: Manifest, output: Path) -> None:
    """The manifest's place; what failed and why, with the exit code that says so."""
    from reportgen.batch.manifest import FAILED, piece_path

    failed = manifest.of(FAILED)
    for entry in failed:
        typer.echo(f"{entry.source}: {entry.error}", err=True)
    typer.echo(piece_path(output, manifest.shard))
    if failed:
        typer.echo(f"{len(failed)} of {len(manifest.entries)} documents failed.", err=True)
        sys.exit(SOME_FAILED)


@contextmanager
def _counting() -> Iterator[Callable[[Told], None]]:
    """What shows how far a run is, with the time left: a bar on a terminal, else a line for each document."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("documents"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task("documents", total=None, left="")

        def show(told: Told) -> None:
            left = _time_left(told.left)
            bars.update(bar, completed=told.finished, total=told.documents, left=left)
            if not console.is_terminal:
                typer.echo(
                    f"{told.finished}/{told.documents} {told.what}: {told.source} ({(told.key or 'no key')[:16]}){', ' + left if left else ''}", err=True
                )

        yield show


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, hours = seconds / 60, seconds / 3600
    return f"about {seconds:.0f} s left" if minutes < 2 else f"about {minutes:.0f} min left" if hours < 2 else f"about {hours:.0f} h left"
