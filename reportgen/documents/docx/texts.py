"""The text of a paragraph as it stands when all tracked changes are accepted, and what hangs on it: text boxes and notes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lxml.etree import _Element

from reportgen.documents.docx.names import ALTERNATIVES, FALLBACK, MATH_TEXT, W, is_on, value
from reportgen.documents.docx.styles import Styles

LEAVING_NOTHING = frozenset(W + name for name in ("pPr", "rPr", "instrText", "delInstrText", "sdtPr", "tblPr", "rt", "fldData"))
DELETED = frozenset(W + name for name in ("del", "moveFrom"))
NOTES = {W + "footnoteReference": "footnote", W + "endnoteReference": "endnote"}
BOX = W + "txbxContent"
SIGNS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": "\t"}


@dataclass(kw_only=True)
class Found:
    """What was met on the way through a file: counts of what leaves no text, letters by language, notes in the order in which they are referred to."""

    counts: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ParagraphText:
    """A paragraph's text, line breaks kept, and the contents of the text boxes that hang on it."""

    text: str
    boxes: tuple[_Element, ...]


def paragraph_text(paragraph: _Element, styles: Styles, found: Found) -> ParagraphText:
    """The text of a paragraph: inserted text stays; deleted and hidden text, field codes and pictures leave nothing. The walk does not recurse."""
    texts, boxes, steps = [], [], list(reversed(paragraph))
    while steps:
        element = steps.pop()
        if not isinstance(element.tag, str) or element.tag in LEAVING_NOTHING:
            continue
        if element.tag == BOX:
            boxes.append(element)
        elif element.tag in DELETED:
            found.counts["deleted"] += 1
        elif element.tag == W + "r" and _is_hidden(element, styles):
            found.counts["hidden"] += 1
        elif element.tag in {W + "t", MATH_TEXT}:
            texts.append(element.text or "")
            found.languages[_language(element)] += len(element.text or "")
        elif element.tag in SIGNS:
            texts.append(SIGNS[element.tag])
        elif element.tag in NOTES:
            found.notes.append((NOTES[element.tag], element.get(W + "id", "")))
        else:
            found.counts[element.tag.rpartition("}")[2]] += 1
            steps.extend(reversed(_shown(element)))
    return ParagraphText(text="".join(texts), boxes=tuple(boxes))


def _shown(element: _Element) -> list[_Element]:
    """The children of an element; of alternatives the first, since the others say the same again."""
    children = list(element)
    if element.tag != ALTERNATIVES:
        return children
    return children[:1] if children and children[0].tag != FALLBACK else children[-1:]


def _is_hidden(run: _Element, styles: Styles) -> bool:
    properties = run.find(W + "rPr")
    return is_on(properties, "vanish") or value(properties, "rStyle") in styles.hidden


def _language(text: _Element) -> str:
    return value(text.getparent(), "rPr/lang") or ""
