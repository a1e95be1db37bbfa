"""Options of the command line that take more than a line, one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from reportgen.memory import parse_size
from reportgen.wanted_target import FORMS, parse_target


def parsed_size(text: str | int) -> int:
    """The bytes that an option's value names."""
    try:
        return parse_size(str(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _target(text: str) -> str:
    try:
        parse_target(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text


Doc = Annotated[str, typer.Argument(metavar="DOC", help="A .txt, .md, .html, .pdf or .docx file, or - for standard input.")]
Model = Annotated[str, typer.Option("--model", "-m", help="default, a packaged model's short name, a local folder, or a hub id.")]
Revision = Annotated[str | None, typer.Option(help="Revision of a hub model.")]
Attribution = Annotated[
    Literal["none", "fast", "full"],
    typer.Option(help="What the output depends on: by some twenty plain passes at most (fast), by many more (full), or not at all."),
]
NoProbes = Annotated[bool, typer.Option("--no-probes", help="Leave out the passes over repeated random tokens.")]
Control = Annotated[bool, typer.Option("--control", help="Read the sentences once more in shuffled order: is it content or position that links follow?")]
Pair = Annotated[Path | None, typer.Option("--pair", metavar="FILE", help="A second text in the same input: question, hypothesis, summary.")]
Generate = Annotated[int | None, typer.Option("--generate", metavar="N", min=1, help="Let the model write up to N tokens, greedily; they are measured too.")]
Chat = Annotated[bool, typer.Option("--chat", help="Wrap the document in the model's chat template, as what the user says; with --generate the model answers.")]
Level = Annotated[
    Literal["sentence", "paragraph", "section"],
    typer.Option(help="What is measured and shown in the place of sentences: paragraphs (every block is one), or headings with what follows them."),
]
Question = Annotated[
    str | None,
    typer.Option("--question", metavar="TEXT", help="What a model that finds answers in a text is asked about the document; explained is its answer."),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="WHAT",
        parser=_target,
        help=f"What attribution explains: {FORMS}. Sentences count from 1 as on the page, characters from 0, the end not included.",
    ),
]
Window = Annotated[int | None, typer.Option("--window", metavar="TOKENS", min=2, help="Longest window of a long document; by default what the model reads.")]
Stride = Annotated[int | None, typer.Option("--stride", metavar="TOKENS", min=1, help="How far apart windows start at most; by default half a window.")]
Sentences = Annotated[
    str, typer.Option("--pair", metavar="I,J", help="The sentence that looks and the one looked at, numbered from 1 as on the page, such as 12,3.")
]
Head = Annotated[str, typer.Option("--head", metavar="LAYER.HEAD", help="Both counted from 0, such as 18.6; or mean, over all layers and heads.")]
SameModel = Annotated[
    str | None, typer.Option("--model", "-m", help="The model that was measured, where the file does not say where it is: a folder, a hub id.")
]
StackName = Annotated[str | None, typer.Option("--stack", help="encoder, decoder or cross, of an encoder-decoder.")]
Tokens = Annotated[Path | None, typer.Option("--output", "-o", help="Also write all weights, as .json or .csv.")]
Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many of the strongest pairs of tokens to show where a table of all does not fit.")]
Device = Annotated[str, typer.Option("--device", help="auto (a GPU where there is one), cpu, cuda, cuda:N or mps.")]
Dtype = Annotated[str, typer.Option("--dtype", help="The model's number type: float32, bfloat16, float16, float64, or auto for that of its file.")]
Syntax = Annotated[
    str | None,
    typer.Option(
        "--syntax", metavar="PIPELINE", help="Also how often heads look at syntactic heads; a spaCy pipeline, or default (of the extra called syntax)."
    ),
]
Memory = Annotated[
    int | None, typer.Option("--memory", metavar="SIZE", parser=parsed_size, help="Memory that the run may take (8GB); by default all there is.")
]
Json = Annotated[Path | None, typer.Option("--json", help="Also write every analysis's result as JSON.")]
