"""The tree of a page with nothing in it that a reader would not see."""

from __future__ import annotations

import re

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from reportgen.errors import DocumentError

NAMES_OF_UNSEEN = (
    "script style template noscript iframe object embed applet svg canvas audio video map button input select option textarea datalist progress meter "
    "rt rp annotation annotation-xml title"
)
CLASSES_OF_HIDDEN = "sr-only visually-hidden screen-reader-text linenos lineno line-numbers gutter headerlink mw-editsection"
UNSEEN, HIDDEN_BY_CLASS = frozenset(NAMES_OF_UNSEEN.split()), frozenset(CLASSES_OF_HIDDEN.split())
HIDDEN_BY_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.IGNORECASE)
DEEPEST = 250  # elements; the parser drops what lies deeper


def parse_page(text: str) -> HtmlElement:
    """The page's tree. Raises `DocumentError` for a page with nothing in it, and for one of which the parser would lose a part."""
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        tree = document_fromstring(text.replace("\0", " ").encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        raise DocumentError("The page holds no text: give a document with at least one sentence.") from None
    lost = next((entry.message for entry in parser.error_log if entry.type_name in {"ERR_INTERNAL_ERROR", "ERR_RESOURCE_LIMIT", "ERR_NO_MEMORY"}), None)
    if lost is not None and "depth" in lost:
        raise DocumentError(f"The page nests elements more than {DEEPEST} deep, and what lies deeper cannot be read: save its text as .txt or .md.")
    if lost is not None:
        raise DocumentError(f"The page cannot be read whole ({lost.strip()}): save its text as .txt or .md.")
    return tree


def drop_unseen(tree: HtmlElement) -> None:
    """Take out of the tree what is not shown: scripts, styles, form fields, hidden elements, line numbers beside code. What follows them stays."""
    unseen = [element for element in tree.iter(etree.Element) if _is_unseen(element)]
    for element in unseen:
        if element.getparent() is not None:
            element.drop_tree()


def drop_note_marks(tree: HtmlElement) -> int:
    """Take the raised marks that lead to notes out of the running text; how many there were."""
    marks = [element for element in tree.iter("sup") if _is_note_mark(element)]
    for element in marks:
        element.drop_tree()
    return len(marks)


def _is_unseen(element: HtmlElement) -> bool:
    if element.tag in UNSEEN or (element.tag == "dialog" and "open" not in element.attrib):
        return True
    attributes = element.attrib
    return bool(attributes) and (
        attributes.get("hidden", "until-found") != "until-found"
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or HIDDEN_BY_STYLE.search(attributes.get("style", "")) is not None
        or not HIDDEN_BY_CLASS.isdisjoint(attributes.get("class", "").split())
    )


def _is_note_mark(element: HtmlElement) -> bool:
    links = element.findall(".//a")
    text = "".join(element.itertext()).strip()
    return (
        len(links) > 0 and len(text) <= 6 and all("#" in link.get("href", "") for link in links) and re.fullmatch(r"[\W\d_]*[a-z]?[\W\d_]*", text) is not None
    )
