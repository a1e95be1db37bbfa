"""What many documents say together: sections with their findings, charts and methods, ready to print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reportgen.analyses.analysis import Method
from reportgen.analyses.charting import unchecked
from reportgen.characters import clean
from reportgen.corpus import agreement, head_stability, layer_curves
from reportgen.corpus.grouping import ModelDocuments, by_model
from reportgen.corpus.methods import AGREEMENT, CAVEATS, CURVES, STABILITY
from reportgen.corpus.summary import DocumentSummary
from reportgen.drawing.chart_rules import check_chart
from reportgen.report import Section

PART = "Corpus"
SAID = ("title", "source", "genre", "tags", "model", "revision", "target", "missing")


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything that a page of findings says: the documents by model, what was left out and why, and the sections in their order."""

    models: tuple[ModelDocuments, ...]
    notices: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def documents(self) -> int:
        """How many texts there are, those that several models read counted once."""
        return len({one.sha256 for group in self.models for one in group.documents})

    @property
    def charts(self) -> dict[str, Mapping[str, Any]]:
        """Every chart by the name that its picture has: section and chart."""
        return {f"{section.name}-{name}": spec for section in self.sections for name, spec in section.charts.items()}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One section: what it asks, and the functions and methods that answer."""

    name: str
    question: str
    analyse: Callable[[Sequence[ModelDocuments]], Any]
    find: Callable[[Any], str]
    lead: Callable[[Any], str]
    draw: Callable[[Any], Mapping[str, Mapping[str, Any]]]
    methods: tuple[Method, ...]


QUESTIONS = tuple(
    Question(name=name, question=question, analyse=module.analyse, find=module.find, lead=module.lead, draw=module.draw, methods=methods)
    for name, question, module, methods in (
        ("head_stability", "Do heads keep their roles from document to document?", head_stability, STABILITY),
        ("layer_curves", "Do layers do the same in every document?", layer_curves, CURVES),
        ("agreement", "Does attention tell what mattered, over documents and by genre?", agreement, AGREEMENT),
    )
)


def build_findings(summaries: Iterable[DocumentSummary]) -> Findings:
    """The findings over documents. Memory: the summaries, some 10 kB each. No documents give no sections.

    Documents read by different models, with different weights, or by different levels of the text are never pooled; a text that one model read twice counts once.
    """
    models, notices = by_model(_printable(one) for one in summaries)
    sections = tuple(_section(question, models) for question in QUESTIONS) if models else ()
    return Findings(models=models, notices=(*notices, *_missing(models)), sections=sections)


def _printable(one: DocumentSummary) -> DocumentSummary:
    """With clean texts: what comes of a document or a file, of which there is little, and not its many numbers."""
    return replace(one, **{name: clean(getattr(one, name)) for name in SAID})


def _section(question: Question, models: Sequence[ModelDocuments]) -> Section:
    result = question.analyse(models)
    with unchecked():
        charts = question.draw(result)
    return Section(
        name=question.name,
        part=PART,
        question=question.question,
        finding=question.find(result),
        lead=question.lead(result),
        caveat=CAVEATS[question.name],
        result=result,
        charts={name: check_chart(f"{question.name} {name}", spec) for name, spec in charts.items()},
        methods=question.methods,
    )


def _missing(models: Sequence[ModelDocuments]) -> list[str]:
    """How many documents a part of the findings does without, and what they lack."""
    lacking: dict[tuple[str, str], int] = {}
    for one in (one for group in models for one in group.documents):
        for analysis, arrays in one.missing.items():
            lacking[analysis, arrays] = lacking.get((analysis, arrays), 0) + 1
    named = {"head_roles": "roles of heads", "attribution_agreement": "attention against attribution"}
    return [
        f"{count} {'measurement is' if count == 1 else 'measurements are'} left out of {named[analysis]}: {arrays} {'was' if ',' not in arrays else 'were'} not measured."
        for (analysis, arrays), count in sorted(lacking.items())
    ]
