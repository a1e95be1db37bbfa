"""Made-up summaries of documents: 3 layers of 7 heads, unless said otherwise, and everything else plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reportgen.corpus.grouping import ModelDocuments, by_model
from reportgen.corpus.summary import DocumentSummary, LayerCurve, MethodAgreement, RoleHeads

NAN = float("nan")


def summary(title: str, **changed: Any) -> DocumentSummary:
    """A document of that title without roles, curves or attribution; `changed` fields take the place of made-up ones."""
    plain: dict[str, Any] = {
        **{"title": title, "source": f"{title}.txt", "sha256": title, "genre": None, "tags": (), "model": "small", "revision": "1", "level": "sentence"},
        **{"stack": "decoder", "layers": 3, "heads": 7, "tokens": 23, "sentences": 5, "roles": (), "curves": (), "reference": None, "target": None},
        **{"agreements": (), "missing": {}},
    }
    return DocumentSummary(**plain | changed)


def holding(**heads: str) -> tuple[RoleHeads, ...]:
    """Roles by the names of their heads, with blanks between; underscores stand for hyphens."""
    return tuple(RoleHeads(role=role.replace("_", "-"), heads=tuple(named.split())) for role, named in heads.items())


def curve(values: Sequence[float], key: str = "entropy", stack: str = "decoder") -> tuple[LayerCurve, ...]:
    return (LayerCurve(stack=stack, key=key, values=tuple(map(float, values))),)


def agreeing(partial: float, *, n: int = 31, half: float = 0.2, rho: float = 0.5, method: str = "attention") -> MethodAgreement:
    """A method whose partial correlation has an interval of `half` to both sides."""
    ends = {"low": rho - 0.2, "high": rho + 0.2, "partial_low": partial - half, "partial_high": partial + half}
    return MethodAgreement(method=method, n=n, controls=5, rho=rho, partial=partial, **ends)


def explained(title: str, partial: float, genre: str | None = None, **changed: Any) -> DocumentSummary:
    """A document whose attention is held against the gradient."""
    given: Mapping[str, Any] = {"reference": "gradient", "target": "sentence 5", "agreements": (agreeing(partial),)}
    return summary(title, genre=genre, **given | changed)


def groups(*summaries: DocumentSummary) -> tuple[ModelDocuments, ...]:
    return by_model(summaries)[0]
