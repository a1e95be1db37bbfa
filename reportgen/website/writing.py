"""A whole site in a folder: what has not changed is kept, what is gone is removed, and every link is followed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reportgen.characters import clean
from reportgen.corpus import DocumentSummary, build_findings
from reportgen.corpus.rendering import render_findings
from reportgen.drawing.pictures import draw_pictures
from reportgen.render import Drawer
from reportgen.website.about import build_about
from reportgen.website.checking import check_links, links_of
from reportgen.website.entries import Catalogue, Entry, Listed, build_catalogue
from reportgen.website.feed import build_feed, build_sitemap
from reportgen.website.manifest import Manifest, Written, digest, digest_of, read_manifest, site_digest
from reportgen.website.pages import Printer, SiteText, print_findings, print_pages
from reportgen.website.reports import Progress, files_of, write_reports

FINDINGS, NOT_FOUND = "findings.html", "404.html"
NO_ADDRESS = "Feed, sitemap and the pictures that other sites show with a link are left out: they need complete addresses, which base_url in site.toml gives."
NO_DATES = "The feed is left out: no report has a date."
NO_AUTHOR = "The feed is left out: site.toml names no author, which a feed needs."


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """What a site is called and where it will lie; `about` is its own page's text, as CommonMark."""

    title: str
    description: str = ""
    author: str | None = None
    base_url: str | None = None
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build did, by path: files written, kept as they were, and removed; and what there is to say of it."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    notices: tuple[str, ...]


def silent(stage: str, share: float) -> None:
    """Says nothing of how far things are."""


def write_site(settings: SiteSettings, entries: Sequence[Entry], output: Path, progress: Progress = silent, draw: Drawer | None = None) -> Built:
    """Write the site of these measurements into `output`. The same entries and settings give the same bytes in any folder.

    Only files that the site itself wrote are replaced or removed. A report is made again only when its measurements or the program changed. Raises
    `SiteError` when two entries are the same, a place holds other files, or a link leads nowhere. Memory: one report, and what lists say of the others.
    """
    settings, manifest = clean(settings), read_manifest(output)
    before = dict(manifest.files)
    reports = write_reports(manifest, entries, progress, draw)
    progress("pages", 0.0)
    notices = _left_out(settings, reports)
    pages = _print_all(manifest, settings, reports, draw)
    files = pages | _with_addresses(settings, reports, pages)
    _write_changed(manifest, files)
    of_reports = [path for report in reports for path in files_of(report)]
    left = manifest.forget(sorted(set(manifest.files) - set(files) - set(of_reports)))
    progress("links", 0.0)
    _check(manifest, settings, pages, reports)
    progress("links", 1.0)
    kept = tuple(path for path, known in manifest.files.items() if before.get(path) == known)
    return Built(
        written=tuple(sorted(set(manifest.files) - set(kept))),
        kept=tuple(sorted(kept)),
        removed=tuple(sorted(set(before) - set(manifest.files) - set(left))),
        notices=(*notices, *(f"{path} is no part of the site any more, but somebody changed it: it was left." for path in left)),
    )


def _left_out(settings: SiteSettings, reports: Sequence[Listed]) -> tuple[str, ...]:
    """What the site does without, and why."""
    if settings.base_url is None:
        return (NO_ADDRESS,)
    if settings.author is None:
        return (NO_AUTHOR,)
    return () if any(report.date for report in reports) else (NO_DATES,)


def _print_all(manifest: Manifest, settings: SiteSettings, reports: tuple[Listed, ...], draw: Drawer | None) -> dict[str, bytes]:
    """Every page but the reports."""
    said = {name: getattr(settings, name) for name in ("title", "description", "author", "base_url")}
    site, catalogue = SiteText(**said, has_feed=not _left_out(settings, reports)), build_catalogue(reports)
    printer = Printer(site, catalogue)
    pages = dict(print_pages(printer, build_about(settings.about)))
    return pages | {FINDINGS: _print_findings(manifest, printer, catalogue, draw)}


def _print_findings(manifest: Manifest, printer: Printer, catalogue: Catalogue, draw: Drawer | None) -> bytes:
    """The page of findings, whose charts take seconds: kept where documents, words around it and program are the same."""
    summaries = [_summary(report) for report in catalogue.reports]
    made_from = _made_from_summaries(printer.site, summaries)
    if manifest.holds(FINDINGS, made_from):
        return (manifest.folder / FINDINGS).read_bytes()
    data = print_findings(printer, render_findings(build_findings(summaries), draw or draw_pictures))
    manifest.announce({FINDINGS: Written(sha256=digest(data), made_from=made_from)})
    manifest.write(FINDINGS, data)
    return data


def _summary(report: Listed) -> DocumentSummary:
    return replace(report.card.summary, genre=report.genre, tags=report.tags)


def _made_from_summaries(site: SiteText, summaries: Sequence[DocumentSummary]) -> str:
    return digest_of("findings", site_digest(), repr(site), *(json.dumps(one.to_json(), sort_keys=True) for one in summaries))


def _with_addresses(settings: SiteSettings, reports: Sequence[Listed], pages: Mapping[str, bytes]) -> dict[str, bytes]:
    """The map of the site and its feed, where their addresses are known."""
    if settings.base_url is None:
        return {}
    listed = [path for path in (*sorted(pages), *(report.page for report in reports)) if path != NOT_FOUND]
    found = {"sitemap.xml": build_sitemap(settings.base_url, listed, {report.page: report.date for report in reports if report.date})}
    if not _left_out(settings, reports):
        found["feed.xml"] = build_feed(settings.title, settings.author or "", settings.base_url, reports)
    return found


def _write_changed(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write what is not there as it is now."""
    changed = {
        path: data
        for path, data in files.items()
        if path not in manifest.files or manifest.files[path].sha256 != digest(data) or not manifest.is_as_written(path)
    }
    manifest.announce({path: Written(sha256=digest(data), made_from=digest(data)) for path, data in changed.items() if path != FINDINGS})
    for path, data in changed.items():
        manifest.write(path, data)


def _check(manifest: Manifest, settings: SiteSettings, pages: Mapping[str, bytes], reports: Sequence[Listed]) -> None:
    """Follow every link; pages of reports are read one after the other."""
    linked = {path: links_of(data.decode("utf-8")) for path, data in pages.items()}
    linked |= {report.page: links_of((manifest.folder / report.page).read_text(encoding="utf-8")) for report in reports}
    check_links(linked, frozenset(manifest.files), settings.base_url)
