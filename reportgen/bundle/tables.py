"""A report's tables: as CSV that no spreadsheet takes for formulas, and as LaTeX where they fit on a page."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reportgen.bundle.latex import escape, table
from reportgen.characters import clean_text, no_formula
from reportgen.report import Report, Section
from reportgen.units import in_units
from reportgen.wording import significant

CLIPPED = 70  # characters of a sentence in a printed table
DOCUMENT = "Document"  # the row that has the document's title
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text and numbers under their heads. `columns` are LaTeX's, empty for a table that is too long to print; columns of the document's own text, which are clipped, are `clipped`.

    Of longer tables LaTeX has the first `at_most` rows, and says so; a float is never longer than a page.
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    columns: str = ""
    clipped: frozenset[int] = frozenset()
    at_most: int = 40


def list_tables(report: Report) -> list[Table]:
    """All tables, and the numbers behind each chart, in the words of the report's level."""
    found = [_measured(report), _findings(report)]
    for section in report.sections:
        made = TABLES.get(section.name)
        found += made(section, report) if made else []
        found += _behind_charts(section)
    return [_in_units(one, report.level) for one in found if one.rows]


def _in_units(one: Table, level: str) -> Table:
    """The document's own text stays."""
    rows = tuple(
        row
        if row[0] == DOCUMENT
        else tuple(in_units(cell, level) if isinstance(cell, str) and place not in one.clipped else cell for place, cell in enumerate(row))
        for row in one.rows
    )
    return replace(one, title=in_units(one.title, level), head=tuple(in_units(name, level) for name in one.head), rows=rows)


def as_csv(one: Table) -> bytes:
    """UTF-8 with a heading; text that a spreadsheet would take for a formula begins with an apostrophe. Numbers have 6 digits, none is an empty cell."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerows([[_cell(value) for value in row] for row in (one.head, *one.rows)])
    return written.getvalue().encode("utf-8")


def as_latex(one: Table) -> bytes:
    """A float for the packages booktabs and array. Where cells have several lines, rows stand apart."""
    numeric = [bool(one.rows) and all(_is_number(row[place]) or row[place] is None for row in one.rows) for place in range(len(one.head))]
    rows = [[_printed(value, place in one.clipped) for place, value in enumerate(row)] for row in one.rows[: one.at_most]]
    head = [rf"\multicolumn{{1}}{{r}}{{{escape(name)}}}" if right else escape(name) for name, right in zip(one.head, numeric, strict=True)]
    return table(head, rows, one.columns, escape(one.title + _how_many(one)), f"reportgen-{one.name}", apart="p{" in one.columns).encode("utf-8")


def _how_many(one: Table) -> str:
    return f", the first {one.at_most} of {len(one.rows):,}." if len(one.rows) > one.at_most else "."


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None or (_is_number(value) and not math.isfinite(value)):
        return ""
    if _is_number(value):
        return f"{value:.{DIGITS}g}" if isinstance(value, (float, np.floating)) else str(int(value))
    return no_formula(clean_text(str(value)))


def _printed(value: Any, clipped: bool) -> str:
    if value is None or _is_number(value):
        number = isinstance(value, (float, np.floating)) or value is None
        return escape(significant(value)) if number else f"{int(value):,}".replace(",", "{,}")
    text = str(value)
    return escape(textwrap.shorten(text, CLIPPED, placeholder=" …") if clipped else text)


def _paragraph(share: float) -> str:
    """A column of text over several lines, so many times as wide as the page."""
    return rf">{{\raggedright\arraybackslash}}p{{{share:g}\linewidth}}"


def _measured(report: Report) -> Table:
    return Table(name="measured", title="What was measured", head=("", "Value"), rows=tuple(report.provenance.rows), columns="l" + _paragraph(0.75))


def _findings(report: Report) -> Table:
    first = [section.name for section in report.leading]
    sections = sorted(report.sections, key=lambda section: section.name not in first)
    rows = tuple((section.question, section.finding) for section in sections)
    return Table(
        name="findings",
        title="Questions and findings",
        head=("Question", "Finding"),
        rows=rows,
        columns=_paragraph(0.28) + _paragraph(0.66),
        at_most=5,
    )


def _top_links(section: Section, report: Report) -> list[Table]:
    result, sentences = section.result, _sentences(report)
    kept = np.flatnonzero(result.content_pairs[0][:, 0] >= 0)
    measured = len(result.effects) > 0
    rows = []
    for place in kept.tolist():
        query, key = result.content_pairs[0, place].tolist()
        effect = (result.content_effect[place],) if measured else ()
        figures = (100 * float(result.content_share[0, place]), float(result.content_lift[0, place]))
        rows.append((query + 1, key + 1, *figures, *effect, *(sentences[at] if at < len(sentences) else "" for at in (query, key))))
    numbers = ("Sentence", "looks at", "Share, %", "Lift, ×", *(("Effect, nats",) if measured else ()))
    head = (*numbers, "Looking sentence (query)", "Sentence looked at (key)")
    texts = _paragraph(0.24) * 2
    printed = Table(
        name="strongest-links",
        title="Strongest links by lift, whole model, first sentence and the sentence itself left out",
        head=head,
        rows=tuple(rows),
        columns="r" * len(numbers) + texts,
        clipped=frozenset((len(numbers), len(numbers) + 1)),
        at_most=12,
    )
    return [printed]


def _sentences(report: Report) -> Sequence[str]:
    return next((section.result.sentences for section in report.sections if section.name == "sentence_matrix"), ())


def _roles(section: Section, report: Report) -> list[Table]:
    result = section.result
    roles = tuple((role.name, role.heads, role.heads_without_sink, role.uncertain, role.rule, role.threshold) for role in result.known)
    layers, heads = result.metrics[0].values.shape
    by_head = []
    for layer, head in np.ndindex(layers, heads):
        own = "; ".join(result.roles.get(f"{layer}.{head}", ()))
        by_head.append((layer, head, own, *(float(metric.values[layer, head]) for metric in result.metrics)))
    return [
        Table(
            name="head-roles",
            title="Roles of heads: how many heads pass, and by what",
            head=("Role", "Heads", "Without sink", "Unsure", "Earned by", "Threshold here"),
            rows=roles,
            columns="lrrr" + _paragraph(0.38) + "r",
        ),
        Table(name="heads", title="Every head", head=("layer", "head", "roles", *(metric.label for metric in result.metrics)), rows=tuple(by_head)),
    ]


def _claims(section: Section, report: Report) -> list[Table]:
    claims = tuple((claim.claim, claim.verdict, claim.reason) for claim in section.result.claims)
    texts = _paragraph(0.34) + "l" + _paragraph(0.46)
    trends = tuple(
        (one.label, "without the sink" if one.without_sink else "all keys", one.early, one.late, one.tau, one.adjusted, one.direction)
        for one in section.result.trends
    )
    head = ("Score", "Keys", "First third", "Last third", "Tau", "p (Holm)", "Direction")
    return [
        Table(name="layer-claims", title="Claims about layers on this document", head=("Claim", "Verdict", "Reason"), rows=claims, columns=texts),
        Table(name="layer-trends", title="Scores over layers", head=head, rows=trends, columns="llrrrrl"),
    ]


def _methods_agree(section: Section, report: Report) -> list[Table]:
    result = section.result
    labels = dict(zip(result.methods, result.labels, strict=True))
    by_sentence = tuple((sentence + 1, *(float(result.values[name][at]) for name in result.methods)) for at, sentence in enumerate(result.sentences))
    matrix = tuple((labels[name], *(float(value) for value in result.rho[at])) for at, name in enumerate(result.methods))
    small = len(result.methods) <= 9
    return [
        Table(
            name="methods-agree",
            title="Spearman's rank correlation of every two methods over sentences",
            head=("", *result.labels),
            rows=matrix,
            columns="l" + "r" * len(result.methods) if small else "",
        ),
        Table(name="methods-by-sentence", title="Every method by sentence", head=("sentence", *result.labels), rows=by_sentence),
    ]


def _hidden(section: Section, report: Report) -> list[Table]:
    head = ("Sentence", "looks at", "Share, %", "Lift, ×", "Effect, nats", "Drop")
    found = []
    for name, title in (("strongest", "Strongest hidden links"), ("idle", "Strong but idle links"), ("vital", "Weak but vital links")):
        links = getattr(section.result, name)
        rows = tuple((link.query + 1, link.key + 1, 100 * link.share, link.lift, link.effect, link.drop) for link in links)
        found.append(Table(name=f"hidden-links-{name}", title=title, head=head, rows=rows, columns="rrrrrr"))
    return found


TABLES = {
    "top_links": _top_links,
    "head_roles": _roles,
    "layer_claims": _claims,
    "attribution_agreement": _methods_agree,
    "verified_links": _hidden,
}


def _behind_charts(section: Section) -> Iterator[Table]:
    """The rows that a chart draws: of each set of rows with the same names one table."""
    for chart, spec in section.charts.items():
        sets: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        for rows in _drawn_rows(spec):
            sets.setdefault(tuple(rows[0]), []).extend(tuple(row.get(name) for name in rows[0]) for row in rows)
        for place, (head, rows) in enumerate(sets.items(), 1):
            name = f"figure-{section.name}-{chart}" + (f"-{place}" if len(sets) > 1 else "")
            yield Table(name=name, title=f"Numbers behind the figure {section.name}-{chart}", head=head, rows=tuple(dict.fromkeys(rows)))


def _drawn_rows(part: Any) -> Iterator[Sequence[Mapping[str, Any]]]:
    if isinstance(part, (list, tuple)):
        for inner in part:
            yield from _drawn_rows(inner)
    elif isinstance(part, Mapping):
        for name, inner in part.items():
            if name == "data" and inner and inner.get("values"):
                yield inner["values"]
            elif name != "data":
                yield from _drawn_rows(inner)
