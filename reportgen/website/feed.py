"""The feed and the map of a site: XML with complete addresses, made only where the site knows where it will lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from reportgen.website.entries import Listed

ATOM, SITEMAP = "http://www.w3.org/2005/Atom", "http://www.sitemaps.org/schemas/sitemap/0.9"


def build_feed(title: str, author: str, base_url: str, reports: Sequence[Listed]) -> bytes:
    """An Atom feed of the reports that have a day, the latest first, then in their order. *Source:* RFC 4287."""
    dated = sorted((report for report in reports if report.date), key=lambda report: report.date or "", reverse=True)
    feed = ElementTree.Element("feed", xmlns=ATOM)
    _say(feed, "title", title)
    _say(feed, "id", base_url)
    ElementTree.SubElement(feed, "link", href=base_url)
    ElementTree.SubElement(feed, "link", rel="self", href=f"{base_url}feed.xml")
    _say(feed, "updated", _moment(dated[0].date or ""))
    _say(ElementTree.SubElement(feed, "author"), "name", author)
    for report in dated:
        _add_report(feed, base_url, report)
    return _written(feed)


def _add_report(feed: ElementTree.Element, base_url: str, report: Listed) -> None:
    entry = ElementTree.SubElement(feed, "entry")
    _say(entry, "title", f"{report.card.title}, read by {report.card.model}")
    _say(entry, "id", base_url + report.page)
    ElementTree.SubElement(entry, "link", href=base_url + report.page)
    _say(entry, "updated", _moment(report.date or ""))
    for tag in report.tags:
        ElementTree.SubElement(entry, "category", term=tag)
    _say(entry, "summary", " ".join(finding.text for finding in report.card.findings[:2]))


def build_sitemap(base_url: str, pages: Iterable[str], days: dict[str, str]) -> bytes:
    """Every page's address, with the day of those that have one. *Source:* the sitemap protocol, version 0.9."""
    urls = ElementTree.Element("urlset", xmlns=SITEMAP)
    for page in pages:
        url = ElementTree.SubElement(urls, "url")
        _say(url, "loc", base_url + ("" if page == "index.html" else page))
        if page in days:
            _say(url, "lastmod", days[page])
    return _written(urls)


def _say(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _moment(day: str) -> str:
    return f"{day}T00:00:00Z"


def _written(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
