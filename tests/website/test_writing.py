"""A site is made again only where something changed, removes only what it wrote, and is the same everywhere."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import Markup
from website.sites import BARE, SETTINGS, contents, no_pictures, save

from reportgen.errors import MeasurementsError, SiteError
from reportgen.measurements import Measurements
from reportgen.website import Built, Entry, SiteSettings, manifest, write_site, writing
from reportgen.website import reports as of_reports
from reportgen.website.card import Card
from reportgen.website.making import Made


@pytest.fixture
def made(built: tuple[Path, Built], entries: list[Entry], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Reports and findings are taken from the site that is there; which reports were made stands in the list."""
    cards = [Card.from_json(json.loads(path.read_text(encoding="utf-8"))) for path in sorted((built[0] / "data").iterdir())]
    by_path, made = {}, []
    for entry in entries:
        metadata = Measurements.load(entry.path).metadata
        card = next(card for card in cards if (card.title, card.model) == (metadata["title"], metadata["model"]))
        page = "".join(f'<p id="{finding.section}"></p>' for finding in card.findings)
        by_path[entry.path.name] = Made(page=page.encode("utf-8"), card=card, preview=b"\x89PNG")

    def make(path: Path, draw: object = None) -> Made:
        made.append(path.name)
        return by_path[path.name]

    monkeypatch.setattr(of_reports, "make_report", make)
    monkeypatch.setattr(writing, "render_findings", lambda findings, draw: Markup())
    monkeypatch.setattr(writing, "build_findings", lambda summaries: None)
    return made


def build(entries: list[Entry], folder: Path, settings: SiteSettings = SETTINGS) -> Built:
    return write_site(settings, entries, folder, draw=no_pictures)


def test_a_second_build_makes_and_writes_nothing(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    first = build(entries, tmp_path / "out")
    assert made == ["x0.npz", "x1.npz", "x2.npz"]
    before = {path: os.stat(tmp_path / "out" / path).st_mtime_ns for path in first.written}
    second = build(entries, tmp_path / "out")
    assert len(made) == 3
    assert (second.written, second.kept, second.removed) == ((), first.written, ())
    assert {path: os.stat(tmp_path / "out" / path).st_mtime_ns for path in first.written} == before


def test_what_is_said_beside_a_report_changes_its_lists_and_not_the_report(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    build(entries, tmp_path / "out")
    changed = build([replace(entries[0], tags=("forest", "new")), *entries[1:]], tmp_path / "out")
    assert len(made) == 3
    assert "tags/new.html" in changed.written
    assert "index.html" in changed.written
    assert not [path for path in changed.written if path.startswith(("reports/", "data/", "pictures/"))]


def test_a_report_that_is_gone_is_gone_from_the_output_with_its_pages(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(entries, out)
    done = build(entries[:2], out)
    assert len(made) == 3
    assert {"reports/a-log-of-the-north-light-made-up-1.html", "documents/a-log-of-the-north-light.html"} <= set(done.removed)
    assert not [name for name in contents(out) if "north-light" in name]
    assert b"north-light" not in (out / "index.html").read_bytes()


def test_two_builds_are_the_same_bytes_in_another_folder_order_of_steps_and_time_zone(
    made: list[str], entries: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(entries, tmp_path / "one")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    build(entries[:1], tmp_path / "elsewhere" / "two")
    build(entries, tmp_path / "elsewhere" / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "elsewhere" / "two")
    monkeypatch.undo()
    time.tzset()


def test_nothing_that_the_site_did_not_write_is_replaced_or_removed(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(entries, out)
    (out / "mine.html").write_text("mine")
    (out / "reports" / "mine.html").write_text("mine")
    changed = out / "documents" / "a-log-of-the-north-light.html"
    changed.write_text("changed by hand")
    done = build(entries[:2], out)
    assert (out / "mine.html").read_text() == (out / "reports" / "mine.html").read_text() == "mine"
    assert changed.read_text() == "changed by hand"
    assert [notice for notice in done.notices if "documents/a-log-of-the-north-light.html" in notice and "left" in notice]


def test_a_place_that_holds_another_file_is_refused(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(SiteError, match=r"index\.html is there and was not written by the site"):
        build(entries, tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_folder_in_the_output_that_leads_elsewhere_is_refused(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "reports").symlink_to(tmp_path / "else")
    with pytest.raises(SiteError, match="leads out of"):
        build(entries, tmp_path / "out")
    assert not list((tmp_path / "else").iterdir())


@pytest.mark.parametrize("path", ["../victim.html", "/etc/passwd", "a/b/c.html", "site-manifest.json", "x"])
def test_a_list_that_names_a_place_outside_is_refused(made: list[str], entries: list[Entry], tmp_path: Path, path: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "victim.html").write_text("mine")
    (out / "site-manifest.json").write_text(json.dumps({"format": 1, "files": {path: {"sha256": "0", "made_from": ""}}}))
    with pytest.raises(SiteError, match="is no list of what a site wrote"):
        build(entries, out)
    assert (tmp_path / "victim.html").read_text() == "mine"


def test_what_somebody_changed_or_removed_is_made_again(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(entries, out)
    before = contents(out)
    (out / "index.html").write_text("changed")
    (out / "data" / "trees-and-water-made-up-1.json").write_text("{}")
    (out / "reports" / "trees-and-water-made-up-2.html").unlink()
    build(entries, out)
    assert made[3:] == ["x0.npz", "x1.npz"]
    assert contents(out) == before


def test_a_build_that_was_broken_off_is_taken_up_where_it_was(made: list[str], entries: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = of_reports.make_report

    def breaking(path: Path, draw: object = None) -> Made:
        if path.name == "x2.npz":
            raise KeyboardInterrupt
        return make(path, draw)

    with monkeypatch.context() as patched:
        patched.setattr(of_reports, "make_report", breaking)
        with pytest.raises(KeyboardInterrupt):
            build(entries, tmp_path / "out")
    build(entries, tmp_path / "out")
    assert made == ["x0.npz", "x1.npz", "x2.npz"]
    build(entries, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_without_an_address_the_site_says_what_it_does_without(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    done = build(entries, tmp_path / "out", BARE)
    assert [notice for notice in done.notices if notice.startswith("Feed, sitemap")]
    assert not {"feed.xml", "sitemap.xml"} & set(done.written)
    assert b"og:image" not in (tmp_path / "out" / "index.html").read_bytes()
    undated = [replace(entry, date=None) for entry in entries]
    assert build(undated, tmp_path / "undated").notices == (writing.NO_DATES,)
    assert (tmp_path / "undated" / "sitemap.xml").is_file()
    assert build(entries, tmp_path / "nobody", replace(SETTINGS, author=None)).notices == (writing.NO_AUTHOR,)


def test_a_site_without_reports_is_a_site(made: list[str], tmp_path: Path) -> None:
    build([], tmp_path / "out")
    assert "There are no reports yet." in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_the_same_measurements_twice_and_a_file_that_holds_none_are_refused(entries: list[Entry], tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="hold the same measurements"):
        build([entries[0], replace(entries[0], path=tmp_path / "copy.npz")], tmp_path / "out")
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"nothing")
    with pytest.raises(MeasurementsError, match=r"broken\.npz"):
        build([Entry(path=broken, sha256="0")], tmp_path / "out")


def test_a_broken_link_is_an_error(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"about\.html links to gone\.html, which is not there\."):
        build(entries, tmp_path / "out", replace(SETTINGS, about="[x](gone.html)"))


def test_two_documents_of_one_title_and_model_have_pages_of_their_own(made: list[str], entries: list[Entry], tmp_path: Path) -> None:
    again = save(tmp_path, "x0", seed=9)
    twice = [entries[0], Entry(path=again, sha256="1" * 64)]
    done = build(twice, tmp_path / "out")
    assert len([path for path in done.written if path.startswith("reports/trees-and-water-made-up-1")]) == 2


def test_templates_that_were_compiled_meanwhile_make_no_other_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    for name in ("page.html.jinja", "site/index.html.jinja"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    monkeypatch.setattr(manifest, "template_folder", lambda: tmp_path)
    digests = [manifest.program_digest.__wrapped__(), manifest.site_digest.__wrapped__()]
    for place in (tmp_path, tmp_path / "site"):
        (place / "__pycache__").mkdir()
        (place / "__pycache__" / "index.html.cpython-311.pyc").write_bytes(os.fsencode(place))
    assert [manifest.program_digest.__wrapped__(), manifest.site_digest.__wrapped__()] == digests
    (tmp_path / "page.html.jinja").write_text("another", encoding="utf-8")
    assert manifest.program_digest.__wrapped__() != digests[0]
