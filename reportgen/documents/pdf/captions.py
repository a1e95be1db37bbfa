"""Captions: what starts with "Figure 3:" or "Table 1." or is set so that it shows."""

from __future__ import annotations

import re

from reportgen.documents.pdf.lines import Line
from reportgen.documents.pdf.usual import Usual

SMALLER = 0.94  # of the usual size
CAPTION = re.compile(
    r"(?:Extended Data |Supplementary |Supporting |Appendix )?(?:Figure|Fig\.?|FIGURE|FIG\.?|Table|TABLE|Algorithm|Listing|Scheme|Chart|Plate|Map|Box|Exhibit)"
    r"\s+(?:[A-Z]?\.?\d{1,3}(?:\.\d{1,3})*[a-z]?|[IVXL]{1,6}|[A-Z]\d?)(?P<mark>\s*[.:|—–]|\s*$)?",
)


def is_caption(line: Line, usual: Usual) -> bool:
    """Whether a caption starts with this line: "Figure 3:", or "Figure 3" in smaller or bolder type."""
    match = CAPTION.match(line.text)
    if not match:
        return False
    return match["mark"] is not None or line.words[0].style.bold or line.size < SMALLER * usual.size
