"""The command line: the whole line from a file to a page, with its stages shown on standard error."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reportgen.errors import ReportgenError
from reportgen.files import check_outputs, replacing
from reportgen.options import (
    Attribution,
    Chat,
    Control,
    Device,
    Doc,
    Dtype,
    Generate,
    Head,
    Json,
    Level,
    Memory,
    Model,
    NoProbes,
    Pair,
    Question,
    Revision,
    SameModel,
    Sentences,
    StackName,
    Stride,
    Syntax,
    Target,
    Tokens,
    Top,
    Window,
)
from reportgen.reading_options import read_as_asked, reads_documents

if TYPE_CHECKING:
    from reportgen.measurements import Measurements
    from reportgen.models.packaged import PackagedModel
    from reportgen.sentence_pair import TokenWeights

ABOUT = "Show what a transformer's attention does over a long document, and how far that can be believed, as one HTML page."
INTERRUPTED = "Interrupted; nothing was written."

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=ABOUT)
models_app = typer.Typer(no_args_is_help=True, help="The models that arrive as packages.")
app.add_typer(models_app, name="models")


@app.command()
@reads_documents
def report(
    doc: Doc,
    model: Model = "default",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The page; by default the document's name with .html.")] = None,
    revision: Revision = None,
    pair: Pair = None,
    question: Question = None,
    generate: Generate = None,
    chat: Chat = False,
    level: Level = "sentence",
    window: Window = None,
    stride: Stride = None,
    attribution: Attribution = "fast",
    target: Target = None,
    no_probes: NoProbes = False,
    control: Control = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
    syntax: Syntax = None,
    memory: Memory = None,
    json_output: Json = None,
    **reading: Any,
) -> None:
    """Measure a document and write its page."""
    page = output or _page_of(doc)
    check_outputs(doc, page, json_output)
    asked = {"generate": generate, "window": window, "stride": stride, "attribution": attribution, "probes": not no_probes, "memory": memory}
    further = {"control": control, "syntax": syntax, "target": target, "question": question, "chat": chat, "level": level}
    measurements = _measure(doc, model, {"revision": revision, "device": device, "dtype": dtype}, pair, asked | further, reading)
    _write_page(measurements, page, json_output)


@app.command()
@reads_documents
def measure(
    doc: Doc,
    output: Annotated[Path, typer.Option("--output", "-o", help="The measurements file (.npz).")],
    model: Model = "default",
    revision: Revision = None,
    pair: Pair = None,
    question: Question = None,
    generate: Generate = None,
    chat: Chat = False,
    level: Level = "sentence",
    window: Window = None,
    stride: Stride = None,
    attribution: Attribution = "fast",
    target: Target = None,
    no_probes: NoProbes = False,
    control: Control = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
    syntax: Syntax = None,
    memory: Memory = None,
    **reading: Any,
) -> None:
    """Measure a document and keep the numbers."""
    check_outputs(doc, output)
    asked = {"generate": generate, "window": window, "stride": stride, "attribution": attribution, "probes": not no_probes, "memory": memory}
    further = {"control": control, "syntax": syntax, "target": target, "question": question, "chat": chat, "level": level}
    _measure(doc, model, {"revision": revision, "device": device, "dtype": dtype}, pair, asked | further, reading).save(output)
    typer.echo(output)


@app.command()
def render(
    measured: Annotated[Path, typer.Argument(metavar="X.npz", help="A measurements file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")],
    json_output: Json = None,
) -> None:
    """Write the page of a measurements file; no model is needed."""
    from reportgen.measurements import Measurements

    check_outputs(measured, output, json_output)
    _write_page(Measurements.load(measured), output, json_output)


@app.command()
def tokens(
    measured: Annotated[Path, typer.Argument(metavar="X.npz", help="A measurements file.")],
    pair: Sentences,
    head: Head,
    stack: StackName = None,
    model: SameModel = None,
    output: Tokens = None,
    top: Top = 20,
) -> None:
    """Show the weight of every token of one sentence on every token of another in one head, by one more pass of the model."""
    from rich.console import Console

    from reportgen.measurements import Measurements
    from reportgen.token_table import check_kind, serialise, show

    check_outputs(measured, output)
    if output is not None:
        check_kind(output)
    measurements = Measurements.load(measured)
    found = _look_further(measurements, pair, head, stack, model)
    if output is not None:
        with replacing(output) as file:
            file.write(serialise(found, measurements.metadata, output.suffix).encode("utf-8"))
    show(found, Console(), top)
    if output is not None:
        typer.echo(output)


def _look_further(measurements: Measurements, pair: str, head: str, stack: str | None, model: str | None) -> TokenWeights:
    """The weights, after everything that needs no model has been found in order."""
    from reportgen.errors import ModelError
    from reportgen.sentence_pair import find_pair, parse_head, parse_pair

    chosen = parse_pair(pair), parse_head(head)
    find_pair(measurements, *chosen, stack)
    from reportgen.models import named_in_file
    from reportgen.progress import quiet_libraries, stages

    quiet_libraries()
    name, revision = named_in_file(measurements.metadata)
    if model is None and name is None:
        raise ModelError(f"The file does not say where {measurements.metadata['model']} ({measurements.metadata['revision']}) is: name it with --model.")
    _prepare(model or name)
    with stages() as progress:
        progress("loading the model", 0.0)
        from reportgen.capture import token_weights
        from reportgen.models import load_model

        language_model = load_model(model or name, revision=revision, device="cpu", dtype=measurements.metadata["dtype"])
        return token_weights(measurements, language_model, *chosen, stack=stack, progress=progress)


@models_app.command("list")
def list_models() -> None:
    """The packaged models: name, size, licence, and whether they are already here."""
    from reportgen.models.packaged import DEFAULT, PACKAGED, converted_folder

    for model in PACKAGED:
        here = "cached" if converted_folder(model).is_dir() else f"{model.wheel_megabytes} MB to download"
        typer.echo(f"{model.name}{' (default)' if model is DEFAULT else ''}\t{model.title}\t{model.licence}\t{here}")


@models_app.command("fetch")
def fetch_model(name: Annotated[str, typer.Argument(help="default or a packaged model's short name.")] = "default") -> None:
    """Download a packaged model now and make it ready to load; prints its folder."""
    from reportgen.errors import ModelError
    from reportgen.models.packaged import PACKAGED, find_packaged

    known = find_packaged(name)
    if known is None:
        raise ModelError(f"There is no packaged model {name!r}; there are {', '.join(model.name for model in PACKAGED)}.")
    typer.echo(_fetched(known))


def _prepare(model: str) -> None:
    """Quiet libraries, and a packaged model that is here."""
    from reportgen.models.packaged import find_packaged
    from reportgen.progress import quiet_libraries

    quiet_libraries()
    known = find_packaged(model)
    if known is not None:
        _fetched(known)


def _fetched(known: PackagedModel) -> Path:
    from reportgen.models.packaged import converted_folder, fetch
    from reportgen.progress import quiet_libraries

    quiet_libraries()
    if not converted_folder(known).is_dir():
        size = f"{known.wheel_megabytes} MB, {known.licence}"
        typer.echo(f"Downloading {known.title} ({size}) and keeping it ready to load ({known.disk_megabytes} MB on disk).", err=True)
    return fetch(known)


def _page_of(doc: str) -> Path:
    """The page's name by default: the document's with .html; the document itself may have that name."""
    stem = "report" if doc == "-" else Path(doc).stem
    return Path(f"{stem}-report.html" if Path(doc).suffix.lower() == ".html" else f"{stem}.html")


def _measure(doc: str, model: str, placed: dict[str, Any], pair: Path | None, asked: dict[str, Any], reading: dict[str, Any]) -> Measurements:
    document, second, sentences = read_as_asked(doc, pair, reading)
    from reportgen.progress import stages

    _prepare(model)
    with stages() as progress:
        progress("loading the model", 0.0)
        from reportgen.capture import MeasureOptions
        from reportgen.capture import measure as measure_document
        from reportgen.models import load_model

        language_model = load_model(model, **placed)
        options = MeasureOptions(pair=second, sentences=sentences, **asked)
        return measure_document(document, language_model, options=options, progress=progress)


def _write_page(measurements: Measurements, page: Path, json_output: Path | None) -> None:
    from reportgen.pictures import ready_child
    from reportgen.progress import stages
    from reportgen.render import render_report
    from reportgen.report import build_report

    with stages() as progress, ready_child() as draw:
        progress("analyses and page", 0.0)
        built = build_report(measurements)
        html = render_report(built, draw)
        progress("analyses and page", 1.0)
    with replacing(page) as file:
        file.write(html.encode("utf-8"))
    if json_output is not None:
        from reportgen.report_data import report_data

        with replacing(json_output) as file:
            file.write(json.dumps(report_data(built, measurements), ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    typer.echo(page)


def main() -> None:
    """Run the command line: 0 done, 2 usage or input refused with one sentence, 1 a bug with its traceback."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        if app(standalone_mode=False):  # typer makes an exit code of an interruption
            _refuse(INTERRUPTED)
    except ReportgenError as error:
        _refuse(" ".join(str(error).split()))
    except (typer.Abort, KeyboardInterrupt):
        _refuse(INTERRUPTED)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        _refuse(error.format_message() or "Name a command.")


def _refuse(sentence: str) -> None:
    print(f"reportgen: {sentence}", file=sys.stderr)
    sys.exit(2)
