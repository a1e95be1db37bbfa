"""The command that looks further into one pair of sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reportgen.cli.options import Head, SameModel, Sentences, StackName, Tokens, Top
from reportgen.cli.packaged import prepare
from reportgen.files import check_outputs, replacing

if TYPE_CHECKING:
    from reportgen.measurements import Measurements
    from reportgen.sentence_pair import TokenWeights


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
    prepare(model or name)
    with stages() as progress:
        progress("loading the model", 0.0)
        from reportgen.capture import token_weights
        from reportgen.models import load_model

        language_model = load_model(model or name, revision=revision, device="cpu", dtype=measurements.metadata["dtype"])
        return token_weights(measurements, language_model, *chosen, stack=stack, progress=progress)
