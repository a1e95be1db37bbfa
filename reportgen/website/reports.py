"""The reports in a site's folder: one after the other, made again only where measurements or program changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from reportgen.errors import MeasurementsError, ReportgenError, SiteError
from reportgen.render import Drawer
from reportgen.website.card import Card
from reportgen.website.entries import Entry, Listed, list_report
from reportgen.website.making import Made, make_report
from reportgen.website.manifest import Manifest, Written, digest, digest_of, program_digest

Progress = Callable[[str, float], None]


def write_reports(manifest: Manifest, entries: Sequence[Entry], progress: Progress, draw: Drawer | None = None) -> tuple[Listed, ...]:
    """Every report in the output: its page, its picture, its numbers. Memory: one report at a time. Raises `SiteError` when two entries are the same."""
    _refuse_same(entries)
    taken: set[str] = set()
    reports = []
    for place, entry in enumerate(entries):
        progress(f"reports, {entry.path.name}", place / len(entries))
        reports.append(_write_report(manifest, entry, taken, draw))
    progress("reports", 1.0)
    return tuple(reports)


def _refuse_same(entries: Sequence[Entry]) -> None:
    seen: dict[str, Path] = {}
    for entry in entries:
        if entry.sha256 in seen:
            raise SiteError(f"{seen[entry.sha256]} and {entry.path} hold the same measurements: list one of them.")
        seen[entry.sha256] = entry.path


def _write_report(manifest: Manifest, entry: Entry, taken: set[str], draw: Drawer | None) -> Listed:
    """The report, kept where all its files are there as they were made from the same measurements by the same program."""
    made_from = digest_of("report", entry.sha256, program_digest())
    card = _kept_card(manifest, made_from)
    if card is not None:
        report = list_report(entry, card, kept := set(taken))
        if all(manifest.holds(path, made_from) for path in files_of(report)):
            taken |= kept
            return report
    made = _made(entry, draw)
    report = list_report(entry, made.card, taken)
    contents = dict(zip((report.page, report.data, report.preview), (made.page, _as_json(made.card), made.preview), strict=True))
    contents = {path: data for path, data in contents.items() if data}
    manifest.announce({path: Written(sha256=digest(data), made_from=made_from) for path, data in contents.items()})
    for path, data in contents.items():
        manifest.write(path, data)
    return report


def files_of(report: Listed) -> tuple[str, ...]:
    """The files of a report: its page, its numbers, and its picture where there is one."""
    return (report.page, report.data, *([report.preview] if report.card.thumbnail else []))


def _made(entry: Entry, draw: Drawer | None) -> Made:
    """The report, of the very bytes that were listed."""
    try:
        return make_report(entry.path, draw)
    except MeasurementsError as error:
        raise MeasurementsError(f"{entry.path} cannot be made a report: {error}") from error


def _kept_card(manifest: Manifest, made_from: str) -> Card | None:
    """What an earlier build kept of the same report; None where there is nothing that can still be read."""
    for path in manifest.made_of(made_from):
        if path.startswith("data/") and manifest.is_as_written(path):
            try:
                return Card.from_json(json.loads((manifest.folder / path).read_text(encoding="utf-8")))
            except (ReportgenError, ValueError):
                return None
    return None


def _as_json(card: Card) -> bytes:
    return (json.dumps(card.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8")
