"""The reports of a site: each with what is said beside it, its files, and the pages that line it up with others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from reportgen.characters import clean
from reportgen.website.card import Card
from reportgen.website.slugs import by_name, distinct, slug, take


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A measurements file to publish, and what is said beside its report. `sha256` is the file's."""

    path: Path
    sha256: str
    tags: tuple[str, ...] = ()
    date: str | None = None
    genre: str | None = None
    licence: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A report in the site: its slug, its card, and what is said beside it."""

    slug: str
    card: Card
    tags: tuple[str, ...]
    date: str | None
    genre: str | None
    licence: str | None
    source: str | None

    @property
    def page(self) -> str:
        """Where the report itself lies."""
        return f"reports/{self.slug}.html"

    @property
    def preview(self) -> str:
        """Where the picture lies that other sites show with a link."""
        return f"pictures/{self.slug}.png"

    @property
    def data(self) -> str:
        """Where its numbers lie."""
        return f"data/{self.slug}.json"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Reports that one page lines up: of one model, one document or one tag. `kind` is the folder of such pages."""

    kind: str
    name: str
    slug: str
    reports: tuple[Listed, ...]

    @property
    def page(self) -> str:
        """Where the page lies."""
        return f"{self.kind}/{self.slug}.html"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Every report in the order of the site's source, and every page that lines some of them up, in the order of their names."""

    reports: tuple[Listed, ...]
    documents: tuple[Group, ...] = field(default=())
    models: tuple[Group, ...] = field(default=())
    tags: tuple[Group, ...] = field(default=())

    @property
    def groups(self) -> tuple[Group, ...]:
        """All of them."""
        return self.documents + self.models + self.tags

    def document_of(self, report: Listed) -> Group:
        """The page of a report's document."""
        return next(group for group in self.documents if report in group.reports)

    def model_of(self, report: Listed) -> Group:
        """The page of a report's model."""
        return next(group for group in self.models if report in group.reports)

    def tags_of(self, report: Listed) -> tuple[Group, ...]:
        """The pages of a report's tags, in the order they are given in."""
        by_tag = {group.name: group for group in self.tags}
        return tuple(by_tag[tag] for tag in report.tags)


def list_report(entry: Entry, card: Card, taken: set[str]) -> Listed:
    """The report under a slug of its title and model that is not taken yet; a later one of the same gets a checksum of its measurements as well."""
    said = clean({one: getattr(entry, one) for one in ("date", "genre", "licence", "source")})
    tags = dict.fromkeys(tag for tag in map(str.strip, clean(entry.tags)) if tag)
    name = take(f"{slug(card.title, 'report')}-{slug(card.model, 'model')}", entry.sha256, taken)
    return Listed(slug=name, card=card, tags=tuple(tags), **said)


def build_catalogue(reports: tuple[Listed, ...]) -> Catalogue:
    """The reports, and the pages by document, model and tag. A text is one document whoever read it; a model with other weights is another."""
    return Catalogue(
        reports=reports,
        documents=_grouped("documents", ((report, report.card.identity, report.card.title) for report in reports)),
        models=_grouped("models", ((report, report.card.reading, report.card.model) for report in reports)),
        tags=_by_tag(reports),
    )


def _grouped(kind: str, found: Iterable[tuple[Listed, str, str]]) -> tuple[Group, ...]:
    """One group for each identity, named as its first report is; of groups with one name, those after the first have a checksum in their names too."""
    first: dict[str, tuple[str, list[Listed]]] = {}
    for report, identity, name in found:
        first.setdefault(identity, (name, []))[1].append(report)
    slugs = distinct([(slug(name, kind.removesuffix("s")), identity) for identity, (name, _) in first.items()])
    named = [Group(kind=kind, name=name, slug=one, reports=tuple(held)) for one, (name, held) in zip(slugs, first.values(), strict=True)]
    return tuple(sorted(named, key=lambda group: (group.name.casefold(), group.slug)))


def _by_tag(reports: Sequence[Listed]) -> tuple[Group, ...]:
    slugs = by_name((tag for report in reports for tag in report.tags), "tag")
    pairs = sorted(((tag, place) for place, report in enumerate(reports) for tag in report.tags), key=lambda pair: pair[0])
    grouped = {tag: tuple(reports[place] for _, place in found) for tag, found in groupby(pairs, lambda pair: pair[0])}
    return tuple(
        Group(kind="tags", name=tag, slug=slugs[tag], reports=held) for tag, held in sorted(grouped.items(), key=lambda pair: (pair[0].casefold(), pair[0]))
    )
