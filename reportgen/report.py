"""The report as data: everything the page says, before any of it is HTML."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, groupby
from typing import Any

from threadpoolctl import threadpool_limits

from reportgen.analyses import ANALYSES, LEADS, Analysis, Method, part_of
from reportgen.analyses.charting import unchecked
from reportgen.characters import clean
from reportgen.drawing.chart_rules import check_chart
from reportgen.measurements import Measurements
from reportgen.units import LEVELS
from reportgen.wording import counted


@dataclass(frozen=True, kw_only=True)
class Section:
    """One question, its answer for this document, and the evidence.

    `charts` holds Vega-Lite specifications by name; `result` is the analysis's own frozen dataclass. `lead` is the finding as the top of the page says it, and
    `part` the part of the page that the section belongs to.
    """

    name: str
    part: str
    question: str
    finding: str
    lead: str
    caveat: str
    result: Any
    charts: Mapping[str, Mapping[str, Any]]
    methods: tuple[Method, ...]

    @property
    def pictures(self) -> dict[str, Mapping[str, Any]]:
        """The charts by the names that they have on the page."""
        return {f"{self.name}-{chart}": spec for chart, spec in self.charts.items()}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Sections that stand together on the page, and what they are called together."""

    name: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What was measured, on what, with what: rows of (label, value), in the order they are shown."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A page's whole content. `subtitle` says in one line what was measured on what; `level` is what is spoken of in the place of sentences."""

    title: str
    language: str
    subtitle: str
    provenance: Provenance
    notices: tuple[str, ...]
    sections: tuple[Section, ...]
    level: str = LEVELS[0]

    def _repr_html_(self) -> str:
        """The page in a frame, for a notebook. Drawing it comes later in the line, and is reached for only when a notebook asks."""
        return import_module("reportgen.render").render_report(self)._repr_html_()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The sections by the part of the page they belong to, in order."""
        return tuple(Part(name=name, sections=tuple(sections)) for name, sections in groupby(self.sections, lambda section: section.part))

    @property
    def charts(self) -> dict[str, Mapping[str, Any]]:
        """The charts of all sections, by section and chart."""
        return {f"{section.name}-{chart}": spec for section in self.sections for chart, spec in section.charts.items()}

    @property
    def leading(self) -> tuple[Section, ...]:
        """The five sections that the page opens with: one of each row of `LEADS`, then others in their order where rows are empty."""
        by_name = {section.name: section for section in self.sections}
        found = [next((by_name[name] for name in row if name in by_name), None) for row in LEADS]
        first = [section for section in found if section is not None]
        return tuple(first + [section for section in self.sections if section.name not in [other.name for other in first]])[: len(LEADS)]

    @property
    def following(self) -> tuple[Section, ...]:
        """All other sections, in their order."""
        leading = [section.name for section in self.leading]
        return tuple(section for section in self.sections if section.name not in leading)


def build_report(measurements: Measurements, begin: Callable[[Mapping[str, Mapping[str, Any]]], None] | None = None, threads: int | None = None) -> Report:
    """The report of a measurements file: every analysis whose numbers are there, in the registry's order; notices name the others.

    `begin` is given each section's charts by name as soon as they are there, in characters that can be drawn, and may draw them while the others are made.
    `threads` is how many analyses go on at a time, as many as there are cores where it is not said.
    """
    asked = [analysis for analysis in ANALYSES if analysis.applies_with is None or analysis.applies_with in measurements]
    possible = [one for one in asked if not missing_arrays(one, measurements) and not _too_long(one, measurements)]
    sections = {}
    for analysis, result in analyse_all(possible, measurements, threads):
        sections[analysis.name] = build_section(analysis, result)
        if begin:
            begin(clean(sections[analysis.name].pictures))
    said = chain.from_iterable(analysis.notices(sections[analysis.name].result) for analysis in possible)
    metadata = measurements.metadata
    return Report(
        title=metadata["title"],
        language=metadata["language"],
        subtitle=f"{metadata['model']} reads {counted(len(measurements['token_ids']), 'token')} in {counted(len(measurements.sentences), 'sentence')}: {_layers(metadata)}",
        provenance=_provenance(measurements),
        notices=(*measurements.notices, *_left_out(asked, measurements), *said),
        sections=tuple(sections[analysis.name] for analysis in possible),
        level=metadata.get("level", LEVELS[0]),
    )


def analyse_all(analyses: Sequence[Analysis], measurements: Measurements, threads: int | None = None) -> Iterator[tuple[Analysis, Any]]:
    """Each analysis with its result, as soon as it is there; so many threads (None: all cores) work on them side by side. Raises in the end what the first in order raises that fails.

    Products of matrices have one core meanwhile: theirs are small, and threads that wait for each other took three times as long.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads or os.cpu_count(), thread_name_prefix="reportgen-analysis") as cores:
        running = {cores.submit(analysis.analyse, measurements): analysis for analysis in analyses}
        yield from ((running[done], done.result()) for done in as_completed(running) if done.exception() is None)
        for done in running:
            done.result()


def missing_arrays(analysis: Analysis, measurements: Measurements) -> list[str]:
    """What an analysis needs and the measurements do not hold, by name."""
    return [need.replace("|", " or ") for need in analysis.needs if not any(_stored(name) in measurements for name in need.split("|"))]


def _stored(name: str) -> str:
    return name if "." in name else f"*.{name}"


def _too_long(analysis: Analysis, measurements: Measurements) -> bool:
    return analysis.sentences_at_most is not None and len(measurements["sentence_spans"]) > analysis.sentences_at_most


def _left_out(asked: Sequence[Analysis], measurements: Measurements) -> list[str]:
    said = []
    for analysis in asked:
        question, missing = analysis.question.rstrip("?"), missing_arrays(analysis, measurements)
        if missing:
            said.append(f"Left out, because its numbers were not measured or not stored: {question} ({', '.join(missing)}).")
        elif _too_long(analysis, measurements):
            said.append(f"Left out, because the document has more than {analysis.sentences_at_most:,} sentences: {question}.")
    return said


def build_section(analysis: Analysis, result: Any) -> Section:
    """An analysis and its result as a section of the report: finding in words, charts, methods. A chart that does more than draw raises ValueError."""
    finding = analysis.find(result)
    with unchecked():
        charts = analysis.draw(result)
    return Section(
        name=analysis.name,
        part=part_of(analysis),
        question=analysis.question,
        finding=finding,
        lead=finding if analysis.lead is None else analysis.lead(result),
        caveat=analysis.caveat,
        result=result,
        charts={name: check_chart(f"{analysis.name} {name}", spec) for name, spec in charts.items()},
        methods=analysis.methods,
    )


def _storage(measurements: Measurements) -> str:
    if "*.sentence_attention" not in measurements:
        return "float32; sentence attention by head for each window only"
    return f"per-head sentence attention as {measurements.by_pair.dtype('*.sentence_attention').name}, everything else float32"


def _layers(metadata: Mapping[str, Any]) -> str:
    which = " with attention" if "attention_layers" in metadata else ""
    return f"{metadata['layers']} layers{which} of {metadata['heads']} heads"


def _provenance(measurements: Measurements) -> Provenance:
    metadata = measurements.metadata
    seen, rest = measurements["sentence_spans"][-1, 1], len(measurements.text.rstrip())
    rows = (
        ("Document", f"{metadata['title']} ({metadata['source']}), sha256 {metadata['sha256']}"),
        (
            "Read",
            f"characters 0 to {seen:,} of {rest:,}; {counted(len(measurements['token_ids']), 'token')}, {counted(len(measurements.sentences), 'sentence')}, "
            f"{len(metadata['windows']) or 1} pass{'es' if metadata['windows'] else ''}",
        ),
        (
            "Model",
            f"{metadata['model']} ({metadata['family']}), {_layers(metadata)}, {metadata['dtype']} on {metadata['device']}",
        ),
        ("Weights", metadata["revision"]),
        ("Attention", f"read {metadata['attention_way']}; exact, all layers and heads; checked against the model's own eager attention before measuring"),
        ("Storage", _storage(measurements)),
        ("Target of attribution", metadata.get("target", {}).get("description", "none")),
        ("Options", json.dumps(metadata["options"], sort_keys=True)),
        ("Libraries", ", ".join(f"{name} {number}" for name, number in metadata["libraries"].items())),
        ("Format", f"measurements format {metadata['format']}"),
    )
    return Provenance(rows=rows)
