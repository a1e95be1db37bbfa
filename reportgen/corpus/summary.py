"""What is kept of one document's measurements for findings over many: small, plain, and JSON where it is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reportgen.analyses.roles.definitions import ROLES
from reportgen.corpus.quantities import QUANTITIES
from reportgen.errors import MeasurementsError

SUMMARY_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RoleHeads:
    """The heads, `layer.head`, that hold a role in a document, by its text alone; a role that no head holds has none."""

    role: str
    heads: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LayerCurve:
    """One score by layer: the mean over the heads of each; NaN where none has a value. `stack` is whose layers they are."""

    stack: str
    key: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class MethodAgreement:
    """How far a method and the document's reference rank `n` sentences alike: Spearman's rho, and what is left beyond distance, length and the sink.

    With intervals from resampled sentences; NaN where a number does not exist. `controls` are the terms that `partial` accounts for.
    """

    method: str
    n: int
    controls: int
    rho: float
    low: float
    high: float
    partial: float
    partial_low: float
    partial_high: float


@dataclass(frozen=True, kw_only=True)
class DocumentSummary:
    """One document read by one model: what it is, which heads hold which role, scores by layer, and whether attention told what mattered.

    `roles` are those that could be decided from the text. `reference` is what methods are held against (None: the document has no attribution), `target` what
    they explain. `genre` is None where none was given. `missing` says of each part that the measurements do not give what was not measured.
    """

    title: str
    source: str
    sha256: str
    genre: str | None
    tags: tuple[str, ...]
    model: str
    revision: str
    level: str
    stack: str
    layers: int
    heads: int
    tokens: int
    sentences: int
    roles: tuple[RoleHeads, ...]
    curves: tuple[LayerCurve, ...]
    reference: str | None
    target: str | None
    agreements: tuple[MethodAgreement, ...]
    missing: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain data that strict JSON can hold; a number that does not exist is null."""
        return {"summary_format": SUMMARY_FORMAT, **without_nan(asdict(self))}

    @classmethod
    def from_json(cls, data: Any) -> DocumentSummary:
        """A summary as `to_json` wrote it. Raises `MeasurementsError` when it is of another format, or damaged."""
        if not isinstance(data, Mapping) or data.get("summary_format") != SUMMARY_FORMAT:
            raise MeasurementsError(f"This summary of a document is not of format {SUMMARY_FORMAT}; make it from the measurements again.")
        rest = {name: value for name, value in data.items() if name != "summary_format"}
        try:
            parts = {
                "tags": tuple(rest.pop("tags")),
                "roles": tuple(RoleHeads(role=one["role"], heads=tuple(one["heads"])) for one in rest.pop("roles")),
                "curves": tuple(LayerCurve(**one | {"values": tuple(map(_number, one["values"]))}) for one in rest.pop("curves")),
                "agreements": tuple(MethodAgreement(**{name: _number(value) for name, value in one.items()}) for one in rest.pop("agreements")),
            }
            _check(parts["roles"], parts["curves"])
            return cls(**rest, **parts)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise MeasurementsError(f"This summary of a document is damaged ({error}); make it from the measurements again.") from error


def _check(roles: tuple[RoleHeads, ...], curves: tuple[LayerCurve, ...]) -> None:
    """Raise `ValueError` for a role or score that this version does not know."""
    unknown = {one.role for one in roles} - {role.name for role in ROLES} | {one.key for one in curves} - set(QUANTITIES)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def without_nan(value: Any) -> Any:
    """`value` with None for every number that JSON does not have, however deep."""
    if isinstance(value, dict):
        return {name: without_nan(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
