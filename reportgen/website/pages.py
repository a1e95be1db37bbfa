"""Every page of a site but the reports themselves, from the catalogue: templates print, this chooses what they are given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from reportgen.render import in_scope, page_environment, page_policy, read_together, template_folder
from reportgen.website.about import About
from reportgen.website.entries import Catalogue, Group, Listed
from reportgen.website.numbers import MEASURES
from reportgen.website.panels import line_up_curves

SHEETS = ("colours", "page", "controls", "tables", "figures", "print")  # of the reports' own style
SCRIPTS = ("folding", "tables", "turns", "wording")
LENGTHS = (("under 1,000 tokens", 0, 1000), ("1,000 to 4,000 tokens", 1000, 4000), ("over 4,000 tokens", 4000, math.inf))
KINDS = {"documents": "Document", "models": "Model", "tags": "Tag"}


@dataclass(frozen=True, kw_only=True)
class SiteText:
    """What stands on every page. `has_feed`: there is a feed to point to."""

    title: str
    description: str
    author: str | None
    base_url: str | None
    has_feed: bool


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What other sites show with a link to a page: its kind, and its picture with what it shows, where there is one."""

    kind: str
    picture: str = ""
    shows: str = ""


class Printer:
    """Prints templates into pages of one site; style and script are the same on all of them."""

    def __init__(self, site: SiteText, catalogue: Catalogue) -> None:
        self.site, self.catalogue = site, catalogue
        self.environment: Environment = page_environment()
        self.style, self.script = _style(), _script()
        self.policy = page_policy(self.style, self.script)

    def print(self, path: str, template: str, *, title: str, description: str, preview: Preview, **given: Any) -> bytes:
        """The page at `path`; links in it are relative to that place."""
        up = "../" * path.count("/")
        page = self.environment.get_template(f"site/{template}.html.jinja").render(
            site=self.site,
            catalogue=self.catalogue,
            path=path,
            up=up,
            title=title,
            description=description,
            preview=preview,
            measures=MEASURES,
            style=Markup(self.style),
            script=Markup(self.script),
            policy=self.policy,
            **given,
        )
        return page.encode("utf-8")


def _style() -> str:
    static, own = template_folder() / "static", template_folder() / "site" / "static"
    return read_together([*(static / f"{name}.css" for name in SHEETS), *sorted(own.glob("*.css"))])


def _script() -> str:
    """One scope for all of it, as in a report; `start` is in site.js."""
    static, own = template_folder() / "static", template_folder() / "site" / "static"
    script = read_together([*(static / f"{name}.js" for name in SCRIPTS), *sorted(own.glob("*.js"))])
    return in_scope(script + "\nstart();\n")


def print_pages(printer: Printer, about: About) -> Iterator[tuple[str, bytes]]:
    """Every page but reports and findings, by where it lies."""
    yield "index.html", _print_index(printer)
    yield "about.html", _print_about(printer, about)
    yield "404.html", _print_not_found(printer)
    for group in printer.catalogue.groups:
        yield group.page, _print_group(printer, group)


def print_findings(printer: Printer, findings: Markup) -> bytes:
    """The page of findings over all documents, whose sections are printed already."""
    return printer.print(
        "findings.html",
        "findings",
        title=f"Findings over all documents · {printer.site.title}",
        description="What the reports of this site say together: roles of heads, layers, and how far attention tells what mattered.",
        preview=Preview(kind="website"),
        findings=findings,
    )


def _print_index(printer: Printer) -> bytes:
    site, reports = printer.site, printer.catalogue.reports
    return printer.print(
        "index.html",
        "index",
        title=site.title,
        description=site.description or f"{len(reports)} reports of what a transformer’s attention does over a document.",
        preview=_preview_of(reports[:1], "website"),
        index=index_data(printer.catalogue),
        lengths=[label for label, low, high in LENGTHS if any(low <= report.card.tokens < high for report in reports)],
        genres=sorted({report.genre for report in reports if report.genre}, key=str.casefold),
    )


def index_data(catalogue: Catalogue) -> dict[str, Any]:
    """What search, filters and order need of every report, in the order of the list."""
    return {"reports": [_searched(catalogue, report) for report in catalogue.reports]}


def _searched(catalogue: Catalogue, report: Listed) -> dict[str, Any]:
    card = report.card
    said = (card.title, card.model, *report.tags, report.genre, report.source, report.licence, *(finding.text for finding in card.findings))
    return {
        "title": card.title,
        "model": catalogue.model_of(report).slug,
        "tags": [group.slug for group in catalogue.tags_of(report)],
        "genre": report.genre or "",
        "date": report.date or "",
        "tokens": card.tokens,
        "length": next(label for label, low, high in LENGTHS if low <= card.tokens < high),
        "numbers": {number.name: number.value if math.isfinite(number.value) else None for number in card.numbers},
        "text": " ".join(filter(None, said)),
    }


def _print_about(printer: Printer, about: About) -> bytes:
    return printer.print(
        "about.html",
        "about",
        title=f"About · {printer.site.title}",
        description="How everything in these reports was measured, with formulas and sources, and how to cite it.",
        preview=Preview(kind="website"),
        about=about,
    )


def _print_not_found(printer: Printer) -> bytes:
    """This page is shown at any address, so it leads home by a complete one, where that is known."""
    return printer.print(
        "404.html",
        "not_found",
        title=f"Not found · {printer.site.title}",
        description="There is no page at this address.",
        preview=Preview(kind="website"),
        home=printer.site.base_url or "index.html",
    )


def _print_group(printer: Printer, group: Group) -> bytes:
    kind = KINDS[group.kind]
    return printer.print(
        group.page,
        "group",
        title=f"{group.name} · {kind.lower()} · {printer.site.title}",
        description=_described(group, kind),
        preview=_preview_of(group.reports[:1], "article"),
        group=group,
        kind=kind,
        others=getattr(printer.catalogue, group.kind),
        rows=line_up_curves(group.reports),
    )


def _described(group: Group, kind: str) -> str:
    """The first finding where the page is about one report, else how many there are."""
    findings = group.reports[0].card.findings
    if len(group.reports) == 1 and findings:
        return findings[0].text
    return f"{kind} {group.name}: {len(group.reports)} reports side by side, with the same numbers and layers in the same order."


def _preview_of(reports: Sequence[Listed], kind: str) -> Preview:
    if not reports:
        return Preview(kind=kind)
    card = reports[0].card
    shows = f"Matrix of sentences by sentences of “{card.title}”, read by {card.model}, and bars of five scores by layer."
    return Preview(kind=kind, picture=reports[0].preview, shows=shows)
