"""The texts of a bundle: methods, licence note, README, and what each figure says below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reportgen.bundle.figures import Figure
from reportgen.bundle.latex import DEFINITION, escape, figure
from reportgen.bundle.references import SENTENCES, keys_in
from reportgen.bundle.sizing import Column
from reportgen.measurements import Measurements
from reportgen.render import template_folder
from reportgen.report import Report
from reportgen.units import LEVELS, in_units, what_units_are

PUNKT = "Punkt"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was measured, how, on what target and with which versions, in whole sentences."""

    what: str
    how: str
    attribution: str
    versions: str
    sentences_cited: bool


def facts_of(measurements: Measurements) -> Facts:
    """The sentences of the methods paragraph, from the measurements' metadata, in the words of their level."""
    metadata = measurements.metadata
    level = metadata.get("level", LEVELS[0])
    windows = len(metadata["windows"])
    at_once = f"in {windows} overlapping windows of whole {level}s" if windows else "at once"
    options = metadata["options"]
    target = metadata.get("target", {}).get("description")
    libraries = ", ".join(f"{name} {number}" for name, number in sorted(metadata["libraries"].items()))
    asked = "; ".join(f"{name}: {_said(value)}" for name, value in sorted(options.items()))
    return Facts(
        what=(
            f"Attention of {metadata['model']} ({metadata['family']}, {metadata['layers']} layers of {metadata['heads']} heads; weights: {metadata['revision'].removeprefix('weights ')}) was "
            f"measured over a document of {len(measurements['token_ids']):,} tokens in {len(measurements.sentences):,} {level}s "
            f"(sha256 of its text {metadata['sha256']})."
        ),
        how=(
            f"The document was read {at_once}; weights of all layers and heads were summed exactly within and between {level}s, in {metadata['dtype']} on "
            f"{metadata['device']}, and were checked against the model's own eager attention before. {_found_by(level, options)}"
        ),
        attribution=in_units(f"Attribution explains the {target}.", level) if target else "",
        versions=f"Options: {asked}. Versions: {libraries}.",
        sentences_cited=level == LEVELS[0] and options.get("sentences") == PUNKT,
    )


def _found_by(level: str, options: Mapping[str, Any]) -> str:
    return f"Sentences were found by {options.get('sentences', 'rules')}" if level == LEVELS[0] else f"As one {level} counts {what_units_are(level)}"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(inner)}" for name, inner in sorted(value.items()))
    return "none" if value is None else str(value)


def cited_in(report: Report, facts: Facts) -> list[str]:
    """The keys of all sources of the bundle."""
    return sorted({*keys_in(report), *((SENTENCES,) if facts.sentences_cited else ())})


def methods(report: Report, facts: Facts) -> dict[str, bytes]:
    """The methods paragraph as plain text, with the formula of every number as it is published, and as LaTeX."""
    plain = _template("methods.txt.jinja").render(report=report, facts=facts, named=lambda text: in_units(text, report.level))
    typeset = _template("methods.tex.jinja").render(facts=facts, cited=[key for key in cited_in(report, facts) if key != SENTENCES], definition=DEFINITION)
    return {"methods.txt": plain.encode("utf-8"), "methods.tex": typeset.encode("utf-8")}


def snippet(one: Figure, column: Column) -> bytes:
    """The figure as a LaTeX float: below it what is drawn, what was found and what to keep in mind."""
    said = one.caption
    caption = " ".join(filter(None, (f"\\textbf{{{escape(said.question)}}}", *map(escape, (said.drawn, said.finding, said.caveat)))))
    name = f"{one.name}-{column.name}"
    written = figure(f"{name}.pdf", caption, escape(said.question), f"reportgen-{name}", wide=not column.narrow)
    return written.encode("utf-8")


def example(figures: Iterable[str], tables: Iterable[str]) -> bytes:
    """A LaTeX document that includes all figures and tables, the methods paragraph and the bibliography."""
    return _template("example.tex.jinja").render(figures=list(figures), tables=list(tables)).encode("utf-8")


def text_of(template: str, **values: Any) -> bytes:
    """A text of the folder templates/bundle."""
    return _template(template).render(**values).encode("utf-8")


def _template(name: str) -> Any:
    environment = Environment(
        loader=FileSystemLoader(template_folder() / "bundle"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["tex"] = escape
    return environment.get_template(name)


def listing(names: Sequence[str], level: str) -> list[tuple[str, str]]:
    """What there is in the bundle, each with what it is, in the words of the level."""
    known = {
        "report.html": "the report, one page that opens offline",
        "figures": "every chart and the matrix of sentences",
        "tables": "tables as CSV (text that a spreadsheet would take for a formula begins with an apostrophe) and, where they fit on a page, as LaTeX",
        "methods.txt": "what was measured, how, with what; formulas and sources",
        "methods.tex": "the same as a paragraph for LaTeX, without formulas",
        "references.bib": "BibTeX records of every source",
        "example.tex": "a LaTeX document that includes all of it",
        "measurements.npz": "the numbers, which `reportgen render` makes the page of",
        "LICENCE.txt": "who may use what",
        "ro-crate-metadata.json": "a description for machines (RO-Crate 1.1)",
        "manifest-sha256.txt": "a checksum of every other file",
    }
    there = {name.partition("/")[0] for name in names} | {"ro-crate-metadata.json", "manifest-sha256.txt", "LICENCE.txt"}
    return [(name, in_units(text, level)) for name, text in known.items() if name in there]
