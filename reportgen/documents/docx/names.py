"""Names of WordprocessingML as lxml has them. Source: ECMA-376, part 1."""

from __future__ import annotations

from lxml.etree import _Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def value(element: _Element | None, path: str, attribute: str = "val") -> str | None:
    """The attribute of what lies at the path, a name or names with slashes between, under the element; None where there is none of it."""
    found = None if element is None else element.find("/".join(W + name for name in path.split("/")))
    return None if found is None else found.get(W + attribute)


def integer(text: str | None, otherwise: int | None = None) -> int | None:
    """The number that the text is; `otherwise` where it is none."""
    return int(text) if text is not None and text.strip().lstrip("-").isdecimal() and len(text) < 10 else otherwise


def is_on(element: _Element | None, name: str) -> bool:
    """Whether a property that is either on or off is there and on."""
    found = None if element is None else element.find(W + name)
    return found is not None and found.get(W + "val", "true") not in {"0", "false", "off", "none"}
