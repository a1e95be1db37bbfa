"""The command that checks a bundle: its files by their checksums, its numbers by measuring again."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reportgen.cli.options import Device
from reportgen.cli.packaged import prepare
from reportgen.files import check_outputs, replacing

if TYPE_CHECKING:
    from reportgen.reproduction import Checked, Difference, Reproduction

DIFFERENT_FILES, DIFFERENT_NUMBERS = 3, 4


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, folder or .zip; or a measurements file (.npz), which has no checksums.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The model that was measured, where the measurements do not say where it is: a local folder, or a hub id."),
    ] = None,
    checksums: Annotated[bool, typer.Option("--checksums", help="Check the files alone, and measure nothing; no model is needed.")] = False,
    syntax: Annotated[
        str | None,
        typer.Option("--syntax", metavar="FOLDER", help="The spaCy pipeline that parsed the text, where that was a folder: the measurements hold its sha256."),
    ] = None,
    device: Device = "auto",
    json_output: Annotated[Path | None, typer.Option("--json", help="Also write what was found as JSON, array by array.")] = None,
) -> None:
    """Check a bundle's files by their checksums, then measure its document again and hold every number against it.

    Exit codes of this command: 0, whole, and every number reproduced within tolerance (with --checksums: whole). 2, refused, such as a bundle that leads out of
    itself, or another model. 3, files are not as the manifest says, and nothing was measured. 4, numbers are not reproduced. Of batch, 3 says something else.
    """
    _refuse_inside(bundle, json_output)
    check_outputs(bundle, json_output)
    with tempfile.TemporaryDirectory(prefix="reportgen-") as folder:
        checked, measured = _opened(bundle, None if checksums else Path(folder))
        if checked is not None:
            typer.echo(checked.sentence)
        if checked is not None and not checked.whole:
            _finish(json_output, checked, None, DIFFERENT_FILES)
        reproduction = None if checksums else _again(measured, model, syntax, device)
        if reproduction is not None:
            _show(reproduction)
        _finish(json_output, checked, reproduction, 0 if reproduction is None or reproduction.reproduced else DIFFERENT_NUMBERS)


def _refuse_inside(bundle: Path, output: Path | None) -> None:
    """Raise `OutputError` for an output in a bundle that is a folder: its files stay as they are, and one more would not be on its manifest."""
    from reportgen.errors import OutputError

    if output is not None and os.path.isdir(bundle) and Path(os.path.realpath(output)).is_relative_to(os.path.realpath(bundle)):
        raise OutputError(f"{output} lies in the bundle, in which nothing is changed: name a file beside it.")


def _opened(bundle: Path, folder: Path | None) -> tuple[Checked | None, Path]:
    """What the checksums say, and where the measurements are: a copy in `folder`, where one is wanted, of those that were checked. A file .npz is its own."""
    from reportgen.errors import BundleError, OutputError
    from reportgen.reproduction import MEASUREMENTS, check_files, opened

    if bundle.suffix.lower() == ".npz" and os.path.isfile(bundle):
        if folder is None:
            raise BundleError(f"{bundle} is a measurements file by itself, which has no checksums: leave out --checksums, or name a bundle.")
        return None, bundle
    with opened(bundle) as files:
        checked = check_files(files)
        if folder is None or not checked.whole:
            return checked, bundle
        if MEASUREMENTS not in files.files:
            raise BundleError(f"{bundle} holds no {MEASUREMENTS}, so that nothing can be measured again: check its files alone with --checksums.")
        try:
            with files.reading(MEASUREMENTS) as source, open(folder / MEASUREMENTS, "xb") as copy:
                shutil.copyfileobj(source, copy)
        except OSError as error:
            raise OutputError(f"Cannot write a copy of {MEASUREMENTS} into {folder.parent}: {error.strerror or error}.") from error
    return checked, folder / MEASUREMENTS


def _again(measured: Path, model: str | None, syntax: str | None, device: str) -> Reproduction:
    """The measurements held against those of the same document made now, after everything that needs no model has been found in order."""
    from reportgen.errors import ModelError
    from reportgen.measurements import Measurements
    from reportgen.models import named_in_file
    from reportgen.progress import quiet_libraries, stages
    from reportgen.reproduction import compare

    kept = Measurements.load(measured)
    quiet_libraries()
    name, revision = named_in_file(kept.metadata)
    if model is None and name is None:
        raise ModelError(f"The measurements do not say where {kept.metadata['model']} ({kept.metadata['revision']}) is: name it with --model.")
    from reportgen.remeasuring import as_measured, measure_again

    as_measured(kept, syntax)
    prepare(model or name)
    with stages() as progress:
        progress("loading the model", 0.0)
        from reportgen.models import load_model

        language_model = load_model(model or name, revision=revision, device=device, dtype=kept.metadata["dtype"])
        return compare(kept, measure_again(kept, language_model, progress, syntax=syntax))


def _show(reproduction: Reproduction) -> None:
    """The verdict, what differed round it, and the arrays that are furthest apart: those that fail, or the five that come nearest to their tolerance."""
    typer.echo(reproduction.sentence)
    for name, then, now in reproduction.circumstances:
        typer.echo(f"  {name}: {then} when it was measured, {now} now")
    if reproduction.further:
        typer.echo(f"  {len(reproduction.further)} further arrays were measured now and are not in the file.")
    for one in reproduction.furthest:
        typer.echo(f"  {one.name}: {one.outcome}{_figures(one)}")


def _figures(one: Difference) -> str:
    """How far an array is apart and where, as much of it as there is: arrays of other shapes have neither."""
    from reportgen.wording import significant

    at = f" at {one.where}" if one.place else ""
    if not one.tolerance:
        return f"; {one.apart} of {one.size} differ, the first{at}" if one.apart else ""
    of_size = f", {significant(one.relative)} of the number" if one.relative else ""
    largest = f"; largest difference {significant(one.absolute)}{of_size}, tolerance {significant(one.tolerance)}{at}"
    return f"{largest}; {one.apart} of {one.size} beyond it or NaN in one alone"


def _finish(path: Path | None, checked: Checked | None, reproduction: Reproduction | None, code: int) -> None:
    """Write the findings where they are asked for, and end with the exit code."""
    if path is not None:
        with replacing(path) as file:
            file.write(json.dumps(_findings(checked, reproduction), ensure_ascii=False, allow_nan=False).encode("utf-8"))
        typer.echo(path)
    if code:
        sys.exit(code)


def _findings(checked: Checked | None, reproduction: Reproduction | None) -> dict[str, object]:
    from reportgen.report_data import plain

    files = None if checked is None else {"whole": checked.whole, **plain(checked)}
    numbers = None if reproduction is None else {"reproduced": reproduction.reproduced, "verdict": plain(reproduction.sentence), **plain(reproduction)}
    return {"schema": 1, "files": files, "numbers": numbers}
