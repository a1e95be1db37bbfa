"""The options that say how a document is read and what is measured, which commands take together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from reportgen.asked import Asked
from reportgen.cli import options
from reportgen.cli.options import parsed_size

PLACING = {"revision": options.Revision, "device": options.Device, "dtype": options.Dtype}
MEASURING = {
    "generate": options.Generate,
    "question": options.Question,
    "chat": options.Chat,
    "level": options.Level,
    "window": options.Window,
    "stride": options.Stride,
    "attribution": options.Attribution,
    "target": options.Target,
    "no_probes": options.NoProbes,
    "control": options.Control,
    "syntax": options.Syntax,
    "memory": options.Memory,
}
READING = {
    "drop": Annotated[
        Literal["references"] | None, typer.Option("--drop", help="Leave out the list of references: its heading and what follows up to the next section.")
    ],
    "format": Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="What DOC is: txt, md, html, pdf or docx; by default what its name ends in, and txt for standard input."),
    ],
    "language": Annotated[
        str | None, typer.Option("--language", metavar="CODE", help="Language of the texts, such as de or fr; by default what the document says, else en.")
    ],
    "sentences": Annotated[
        Path | None,
        typer.Option(
            "--sentences", metavar="FILE", help=r"Your own sentences: one on each line, in order and complete; or a .json list of \[start, end] in characters."
        ),
    ],
    "max_size": Annotated[
        int | None,
        typer.Option("--max-size", metavar="SIZE", parser=parsed_size, help="The largest file that is read (100MB by default); unpacked, four times that."),
    ],
    "max_characters": Annotated[int | None, typer.Option("--max-characters", metavar="N", min=1, help="The longest text that is read (5000000 by default).")],
    "max_pages": Annotated[int | None, typer.Option("--max-pages", metavar="N", min=1, help="The most pages of a file that has pages (1000 by default).")],
    "max_seconds": Annotated[
        int | None, typer.Option("--max-seconds", metavar="N", min=1, help="How long the reading of a file other than .txt and .md may take (60 by default).")
    ],
    "max_memory": Annotated[
        int | None, typer.Option("--max-memory", metavar="SIZE", parser=parsed_size, help="The memory that such reading may take (2GB by default).")
    ],
    "pair": options.Pair,
}
DEFAULTS = {
    "model": "default",
    "device": "auto",
    "dtype": "float32",
    "chat": False,
    "level": "sentence",
    "attribution": "fast",
    "no_probes": False,
    "control": False,
}


def measures(command: Callable[..., None]) -> Callable[..., None]:
    """The command, its parameter `asked` written out as the options of model, reading and measuring."""
    hints = get_type_hints(command, include_extras=True)
    own = [one.replace(annotation=hints[name]) for name, one in inspect.signature(command).parameters.items() if name != "asked"]
    sets = {"model": options.Model} | PLACING | MEASURING | READING

    @wraps(command)
    def called(**given: Any) -> None:
        asked = asked_by({name: given.pop(name) for name in sets})
        command(**given, asked=asked)

    further = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS.get(name), annotation=kind) for name, kind in sets.items()]
    called.__signature__ = inspect.Signature([*own, *further], return_annotation=None)
    return called


def asked_by(given: Mapping[str, Any]) -> Asked:
    """What the values of all options of these sets ask for."""
    measuring = {name: given[name] for name in MEASURING if name != "no_probes"} | {"probes": not given["no_probes"]}
    return Asked(
        model=given["model"],
        placing={name: given[name] for name in PLACING},
        reading={name: given[name] for name in READING},
        measuring=measuring,
    )
