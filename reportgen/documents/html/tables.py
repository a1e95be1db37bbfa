"""Tables of a page: which of them hold data, and their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from reportgen.documents.tables import LONGEST_CELL

ARRANGING = frozenset(("presentation", "none"))
NO_CELL_HOLDS = frozenset(("table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "article", "section", "pre"))


def holds_data(table: HtmlElement) -> bool:
    """Whether a table has rows of cells to compare, and is no frame around a page's parts: two rows and two columns, no headings or tables in cells."""
    if table.get("role") in ARRANGING or any(element.tag in NO_CELL_HOLDS for element in table.iterdescendants()):
        return False
    rows = list(table.iter("tr"))
    columns = max((sum(cell.tag in {"td", "th"} for cell in row) for row in rows), default=0)
    return len(rows) > 1 and columns > 1 and all(len(text) <= LONGEST_CELL for row in rows_of(table) for text in row)


def rows_of(table: HtmlElement) -> Iterator[list[str]]:
    """The texts of the cells of each row that has any, each on one line."""
    for row in table.iter("tr"):
        cells = [_text(cell) for cell in row if cell.tag in {"td", "th"}]
        if any(cells):
            yield cells


def _text(cell: HtmlElement) -> str:
    """The text of a cell; its paragraphs, items and lines are parted by a blank."""
    texts = []
    for element in cell.iter():
        texts += [" " if element.tag in {"br", "p", "li", "div"} else "", element.text or ""]
        if element is not cell:
            texts += [" " if element.tag in {"p", "li", "div"} else "", element.tail or ""]
    return re.sub(r"\s+", " ", "".join(texts).replace("\u00ad", "")).strip()
