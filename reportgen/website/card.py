"""What the site's other pages say of a report: small, plain, and JSON where it is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reportgen.corpus import DocumentSummary
from reportgen.corpus.summary import without_nan
from reportgen.errors import SiteError

CARD_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A sentence of a report's findings, and the section that it is about."""

    section: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Number:
    """One of the numbers that every report is lined up by, by the name of its measure; `value` is NaN and `shown` an en dash where a report does not have it."""

    name: str
    value: float
    shown: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A score by layer: the mean over the heads of each, NaN where none has a value."""

    name: str
    label: str
    unit: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A report as the index and the pages beside it show it.

    `identity` tells texts apart (the document's checksum), `reading` models (name and weights); `thumbnail` is the matrix as the address of a small picture.
    """

    title: str
    subtitle: str
    language: str
    identity: str
    model: str
    reading: str
    level: str
    tokens: int
    sentences: int
    layers: int
    findings: tuple[Finding, ...]
    numbers: tuple[Number, ...]
    curves: tuple[Curve, ...]
    thumbnail: str
    summary: DocumentSummary

    def to_json(self) -> dict[str, Any]:
        """Plain data that strict JSON can hold; a number that does not exist is null."""
        kept = {name: value for name, value in asdict(self).items() if name != "summary"}
        return {"card_format": CARD_FORMAT, **without_nan(kept), "summary": self.summary.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Card:
        """A card as `to_json` wrote it. Raises `SiteError` when it is of another format, or damaged."""
        if not isinstance(data, Mapping) or data.get("card_format") != CARD_FORMAT:
            raise SiteError(f"The numbers kept of a report are not of format {CARD_FORMAT}.")
        rest = {name: value for name, value in data.items() if name != "card_format"}
        try:
            parts = {
                "findings": tuple(Finding(**one) for one in rest.pop("findings")),
                "numbers": tuple(Number(**one | {"value": _number(one["value"])}) for one in rest.pop("numbers")),
                "curves": tuple(Curve(**one | {"values": tuple(map(_number, one["values"]))}) for one in rest.pop("curves")),
                "summary": DocumentSummary.from_json(rest.pop("summary")),
            }
            return cls(**rest, **parts)
        except (KeyError, TypeError) as error:
            raise SiteError(f"The numbers kept of a report are damaged ({error}).") from error


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
