"""Numbers, names and texts as a reader sees them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any, SupportsFloat

import numpy as np

THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ABSENT = "\N{EN DASH}"


def significant(value: SupportsFloat | None, digits: int = 3) -> str:
    """`value` with three significant digits, zeros kept: 0.100, 12.0, 1,230; an en dash where there is no number."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{float(value):#.{digits}g}".removesuffix(".") if value else "0"
    if "e" in text:
        text = f"{float(text):,.0f}" if "e+" in text else text.replace("e-0", "e-")
    return text.replace("-", MINUS)


def percent(value: SupportsFloat | None, digits: int = 2) -> str:
    """A share as a percentage: 14 %, 0.53 %."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return significant(100 * float(value), digits) + THIN_SPACE + "%"


def two_decimals(value: SupportsFloat) -> str:
    """A signed number with two decimals, a real minus sign, and no sign at 0."""
    return f"{round(float(value), 2) + 0.0:.2f}".replace("-", MINUS)


def counted(number: int, noun: str, nouns: str = "") -> str:
    """So many of them, in one word or the other: 1 link, 0 links, 1,230 links."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def of_pairs(number: int) -> str:
    """The beginning of a sentence that says how many pairs of sentences there are."""
    if not number:
        return "There is no pair of sentences"
    return f"There {'is' if number == 1 else 'are'} {counted(number, 'pair')} of sentences"


def day_of(text: str) -> str:
    """A day that is written as 2026-05-31 and exists. Raises `ValueError` for anything else."""
    if not DAY.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text).isoformat()


def rounded(values: Any, digits: int = 5) -> Any:
    """Numbers as nested lists for JSON, to `digits` significant digits; null where there is no number."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array.astype(int).tolist()
    texts = (f"%.{digits}g " * array.size % tuple(array.ravel().tolist())).split()  # all at once, in half the time
    numbers = [None if text.endswith(("nan", "inf")) else float(text) for text in texts]
    if array.ndim > 1:
        return np.array(numbers, object).reshape(array.shape).tolist()
    return numbers if array.ndim else numbers[0]


def resampled(evidence: Any) -> dict[str, Any] | None:
    """Interval and confidence of every head's score for JSON, of what has `low`, `high` and `confidence`; None where nothing was resampled."""
    if evidence is None or np.isnan(evidence.confidence).all():
        return None
    return {name: rounded(getattr(evidence, name), 3) for name in ("low", "high", "confidence")}


def paragraphs(texts: Sequence[str], blocks: Sequence[int]) -> list[list[tuple[int, str]]]:
    """Neighbouring texts of one block together, each with its index."""
    return [list(group) for _, group in groupby(enumerate(texts), key=lambda item: blocks[item[0]])]


def direction(text: str) -> str:
    """ "rtl" or "ltr", by the first letter that has a direction. *Source:* Unicode Standard Annex 9, rules P2 and P3."""
    found = (unicodedata.bidirectional(letter) for letter in text)
    return "rtl" if next((kind for kind in found if kind in ("L", "R", "AL")), "L") != "L" else "ltr"
