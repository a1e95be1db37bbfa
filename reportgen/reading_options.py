"""The options of the command line that say how a document is read, which a command takes together."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from reportgen.options import parsed_size

if TYPE_CHECKING:
    from reportgen.documents import Document
    from reportgen.sentences import Sentence

MOST = "max_"
OPTIONS = {
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
            "--sentences", metavar="FILE", help="Your own sentences: one on each line, in order and complete; or a .json list of [start, end] in characters."
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
}


def reads_documents(command: Callable[..., None]) -> Callable[..., None]:
    """The command, its last parameter, `**reading`, written out as the options of reading."""
    hints = get_type_hints(command, include_extras=True)
    parameters = [one.replace(annotation=hints[name]) for name, one in inspect.signature(command).parameters.items() if one.kind is not one.VAR_KEYWORD]
    further = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in OPTIONS.items()]
    command.__signature__ = inspect.Signature([*parameters, *further], return_annotation=None)
    return command


def read_as_asked(doc: str, pair: Path | None, reading: dict[str, Any]) -> tuple[Document, Document | None, tuple[Sentence, ...] | None]:
    """The document, the second text where there is one, and the user's own sentences of the document where they are given.

    Limits and language are those of both texts, the format and what is left out those of the document.
    """
    from reportgen.documents import ReadingLimits, drop_references, read_document
    from reportgen.sentences import in_language, read_sentences

    limits = ReadingLimits(**{name.removeprefix(MOST): value for name, value in reading.items() if name.startswith(MOST) and value is not None})
    language, given = reading["language"], reading["sentences"]
    document = read_document(doc, format=reading["format"], limits=limits)
    if reading["drop"] == "references":
        document = drop_references(document)
    document = in_language(document, language, rules=given is None)
    second = None if pair is None else in_language(read_document(pair, limits=limits), language)
    return document, second, None if given is None else read_sentences(given, document)
