"""Pages of a site: what is on them, that hostile words stay words, and that feed and map are what readers of such expect."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markupsafe import escape
from website.sites import HOSTILE, REPORTS, contents, listed

from reportgen.characters import clean_text
from reportgen.website import Built
from reportgen.website.about import build_about
from reportgen.website.card import Card, Finding
from reportgen.website.entries import Listed, build_catalogue
from reportgen.website.feed import build_feed, build_sitemap
from reportgen.website.manifest import SAFE
from reportgen.website.pages import Printer, SiteText, print_pages

ATOM = "{http://www.w3.org/2005/Atom}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
DAY = "2026-03-04"


class Read(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def card(built: tuple[Path, Built]) -> Card:
    return Card.from_json(json.loads((built[0] / "data" / "trees-and-water-made-up-1.json").read_text(encoding="utf-8")))


def test_a_site_has_a_page_for_every_report_document_model_and_tag(built: tuple[Path, Built]) -> None:
    folder, done = built
    slugs = ("a-log-of-the-north-light-made-up-1", "trees-and-water-made-up-1", "trees-and-water-made-up-2")
    expected = {f"{kind}/{slug}.{ending}" for slug in slugs for kind, ending in (("reports", "html"), ("pictures", "png"), ("data", "json"))}
    expected |= {"documents/a-log-of-the-north-light.html", "documents/trees-and-water.html", "models/made-up-1.html", "models/made-up-2.html"}
    expected |= {"tags/forest.html", "tags/water.html", "index.html", "about.html", "findings.html", "404.html", "feed.xml", "sitemap.xml"}
    assert set(contents(folder)) == expected | {"site-manifest.json"}
    assert set(done.written) == expected
    assert done.notices == done.kept == done.removed == ()


def test_pages_ask_for_nothing_and_links_in_them_are_relative(built: tuple[Path, Built]) -> None:
    for name, data in contents(built[0]).items():
        if not name.endswith(".html") or name.startswith("reports/"):
            continue
        tags = Read(data.decode()).tags
        policies = [attrs["content"] for tag, attrs in tags if tag == "meta" and attrs.get("http-equiv")]
        assert len(policies) == 1
        assert policies[0].startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in policies[0]
        assert not [attrs for _, attrs in tags if "style" in attrs or any(one.startswith("on") for one in attrs)]
        assert [attrs["src"][:11] for _, attrs in tags if "src" in attrs] == ["data:image/"] * sum(tag == "img" for tag, _ in tags)
        links = [attrs["href"] for _, attrs in tags if "href" in attrs]
        assert [link for link in links if link.startswith(("http", "/"))] == (["https://example.org/readings/"] if name == "404.html" else [])
        counts = Counter(attrs["id"] for _, attrs in tags if "id" in attrs)
        assert [one for one, times in counts.items() if times > 1] == []


def test_the_document_page_lines_up_both_models_and_leads_to_their_findings(built: tuple[Path, Built]) -> None:
    page = (built[0] / "documents" / "trees-and-water.html").read_text(encoding="utf-8")
    assert page.count('<article class="reading"') == 2
    assert page.count('<svg class="panel"') == 2 * 5
    assert 'href="../reports/trees-and-water-made-up-2.html#head_roles"' in page
    index = (built[0] / "index.html").read_text(encoding="utf-8")
    assert (
        index.index("trees-and-water-made-up-1.html") < index.index("trees-and-water-made-up-2.html") < index.index("a-log-of-the-north-light-made-up-1.html")
    )
    assert "2 readings of this document" in index


def test_the_feed_has_the_dated_reports_latest_first(built: tuple[Path, Built]) -> None:
    feed = ElementTree.fromstring((built[0] / "feed.xml").read_bytes())
    assert [entry.findtext(f"{ATOM}updated") for entry in feed.iter(f"{ATOM}entry")] == [f"{DAY}T00:00:00Z", "2026-01-02T00:00:00Z"]
    assert feed.findtext(f"{ATOM}updated") == f"{DAY}T00:00:00Z"
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "A. Nobody"
    assert feed.find(f"{ATOM}entry/{ATOM}id").text == "https://example.org/readings/reports/trees-and-water-made-up-2.html"
    assert [one.get("term") for one in feed.findall(f"{ATOM}entry/{ATOM}category")] == ["water", "forest", "water"]


def test_the_map_has_every_page_but_the_one_that_is_not_found(built: tuple[Path, Built]) -> None:
    urls = ElementTree.fromstring((built[0] / "sitemap.xml").read_bytes())
    found = {url.findtext(f"{SITEMAP}loc"): url.findtext(f"{SITEMAP}lastmod") for url in urls}
    pages = {name for name in contents(built[0]) if name.endswith(".html")} - {"404.html", "index.html"}
    assert set(found) == {f"https://example.org/readings/{name}" for name in pages | {""}}
    assert found["https://example.org/readings/reports/trees-and-water-made-up-2.html"] == DAY


def test_other_sites_get_a_complete_address_of_a_picture_that_is_there(built: tuple[Path, Built]) -> None:
    tags = Read((built[0] / "documents" / "trees-and-water.html").read_text(encoding="utf-8")).tags
    said = {attrs["property"]: attrs["content"] for tag, attrs in tags if tag == "meta" and "property" in attrs}
    assert said["og:image"] == "https://example.org/readings/pictures/trees-and-water-made-up-1.png"
    assert said["og:url"] == "https://example.org/readings/documents/trees-and-water.html"
    assert (built[0] / said["og:image"].removeprefix("https://example.org/readings/")).read_bytes().startswith(b"\x89PNG")


def test_hostile_words_stay_words_on_every_page(card: Card) -> None:
    texts = [clean_text(text) for text in HOSTILE]
    odd = [replace(card, title=text, model=text, reading=text, identity=text, findings=(Finding(section="flow", text=text),)) for text in texts]
    said = [{"tags": (text,), "genre": text, "licence": text, "source": text, "date": None} for text in texts]
    catalogue = build_catalogue(tuple(Listed(slug=f"x{place}", card=one, **what) for place, (one, what) in enumerate(zip(odd, said, strict=True))))
    for text in texts[:2]:
        printer = Printer(SiteText(title=text, description=text, author=text, base_url="https://example.org/", has_feed=True), catalogue)
        pages = dict(print_pages(printer, build_about("")))
        assert len(pages) == 3 + 3 * len(texts)
        assert all(SAFE.fullmatch(name) for name in pages)
        for name, data in pages.items():
            page = data.decode("utf-8")
            tags = Read(page).tags
            assert not {tag for tag, _ in tags} & {"iframe", "object", "embed", "form", "base"}
            assert not [attrs for _, attrs in tags if any(one.startswith("on") for one in attrs)]
            assert not [attrs for _, attrs in tags if (attrs.get("href") or "").startswith("javascript:")]
            assert sum(tag == "script" for tag, _ in tags) == page.count("</script>") == (2 if name == "index.html" else 1)
            assert str(escape(printer.policy)) in page


def test_hostile_words_stay_words_in_feed_and_map(card: Card) -> None:
    title = '<script>&amp;"]]>'
    report = replace(listed(card, "x", title=title), date=DAY, tags=(title,))
    feed = ElementTree.fromstring(build_feed(title, title, "https://example.org/", [report]))
    assert feed.findtext(f"{ATOM}title") == title
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == f"{title}, read by {card.model}"
    assert (
        ElementTree.fromstring(build_sitemap("https://example.org/?a&b=", ["x.html"], {})).findtext(f"{SITEMAP}url/{SITEMAP}loc")
        == "https://example.org/?a&b=x.html"
    )


def test_the_about_page_says_the_sites_words_and_the_method_of_every_analysis(built: tuple[Path, Built]) -> None:
    from reportgen.analyses import ANALYSES

    page = (built[0] / "about.html").read_text(encoding="utf-8")
    assert "<h2>Why</h2>" in page
    assert "cff-version" in page
    for analysis in ANALYSES:
        assert str(escape(analysis.question)) in page
        assert all(str(escape(method.formula)) in page for method in analysis.methods)


def test_markdown_about_a_site_brings_no_html_no_picture_and_no_script() -> None:
    words = build_about("# A\n\n<script>x</script> ![p](https://e.org/p.png) [l](javascript:x) [m](https://e.org)").words
    assert "<script" not in words
    assert "<img" not in words
    assert 'href="javascript' not in words
    assert 'href="https://e.org"' in words
    assert build_about("").words == ""


def test_models_of_one_name_and_other_weights_have_pages_of_their_own(card: Card) -> None:
    reports = tuple(
        listed(card, slug, reading=reading, identity=identity) for slug, reading, identity in (("a", "m 1", "1"), ("b", "m 2", "1"), ("c", "m 1", "2"))
    )
    catalogue = build_catalogue(reports)
    assert [[report.slug for report in group.reports] for group in catalogue.models] == [["a", "c"], ["b"]]
    assert catalogue.models[0].slug == "made-up-1"
    assert len({group.page for group in catalogue.groups}) == len(catalogue.groups) == 4
    assert [report["title"] for report in REPORTS[:2]] == ["Trees and water"] * 2
