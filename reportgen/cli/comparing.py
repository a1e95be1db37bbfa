"""The command that holds two measurements files against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from reportgen.files import check_outputs, replacing


def compare(
    first: Annotated[Path, typer.Argument(metavar="A.npz", help="A measurements file: the model, or the version of the document, to begin with.")],
    second: Annotated[Path, typer.Argument(metavar="B.npz", help="Another: of the same document by another model, or of another version by the same model.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")],
    json_output: Annotated[Path | None, typer.Option("--json", help="Also write everything that was compared as JSON.")] = None,
) -> None:
    """Write the page of what differs between two measurements files; no model is needed."""
    from reportgen.comparison import build_comparison, comparison_data, render_comparison
    from reportgen.drawing.pictures import ready_child
    from reportgen.measurements import Measurements
    from reportgen.progress import stages

    check_outputs(first, output, json_output, beside=[second])
    with stages() as progress, ready_child() as draw:
        progress("comparison and page", 0.0)
        a, b = Measurements.load(first), Measurements.load(second)
        found = build_comparison(a, b)
        html = render_comparison(found, draw)
        progress("comparison and page", 1.0)
    with replacing(output) as file:
        file.write(html.encode("utf-8"))
    if json_output is not None:
        with replacing(json_output) as file:
            file.write(json.dumps(comparison_data(found, a, b), ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    typer.echo(output)
