"""Every link of a site within the site, held against its pages and their anchors."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from reportgen.errors import SiteError

# Written by our own templates: names in small letters, values in double quotes or of one word. What scripts and styles hold is no link.
HELD = re.compile(r"<(script|style)\b[^>]*>.*?</\1>", re.DOTALL)
TAG = re.compile(r"<[a-z](?:[^<>\"]|\"[^\"]*\")*>")
ATTRIBUTE = re.compile(r'\s([a-zA-Z-]+)=("[^"]*"|[^\s">]+)')
ELSEWHERE = ("http", "https", "mailto", "data")


@dataclass(frozen=True, kw_only=True)
class Linked:
    """The anchors of a page, and where its links lead."""

    anchors: frozenset[str]
    links: tuple[str, ...]


def links_of(page: str) -> Linked:
    """What a page of ours can be linked at, and what it links to, each once."""
    found = [(name, html.unescape(value.strip('"'))) for name, value in ATTRIBUTE.findall("".join(TAG.findall(HELD.sub("", page))))]
    return Linked(
        anchors=frozenset(value for name, value in found if name == "id"), links=tuple(dict.fromkeys(value for name, value in found if name in ("href", "src")))
    )


def check_links(pages: Mapping[str, Linked], files: frozenset[str], base_url: str | None) -> None:
    """Raise `SiteError`, naming the first, when links of the site lead to a page, file or anchor that it does not have."""
    broken = [f"{page} links to {link}" for page, linked in sorted(pages.items()) for link in _broken(page, linked, pages, files, base_url)]
    if broken:
        more = f", and {len(broken) - 1} more links are broken" if len(broken) > 1 else ""
        raise SiteError(f"{broken[0]}, which is not there{more}.")


def _broken(page: str, linked: Linked, pages: Mapping[str, Linked], files: frozenset[str], base_url: str | None) -> Iterator[str]:
    for link in linked.links:
        inside = link.removeprefix(base_url) if base_url and link.startswith(base_url) else link
        parts = urlsplit(inside)
        if parts.scheme in ELSEWHERE:
            continue
        target = posixpath.normpath(posixpath.join("" if inside != link else posixpath.dirname(page), unquote(parts.path))) if parts.path else page
        if inside != link and not parts.path:
            target = "index.html"
        if parts.scheme or parts.netloc or target not in files or not _has(pages.get(target), unquote(parts.fragment)):
            yield link


def _has(linked: Linked | None, fragment: str) -> bool:
    return not fragment or (linked is not None and fragment in linked.anchors)
