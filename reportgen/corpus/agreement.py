"""Whether attention tells what mattered, over documents: by model and by genre."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.agreement.methods import LABELS
from reportgen.analyses.agreement.methods import METHODS as RANKED
from reportgen.corpus.genres import GenreTest, compare_genres
from reportgen.corpus.grouping import ModelDocuments
from reportgen.corpus.pooling import POOLED_FROM, Pooled, pool, z_variance
from reportgen.corpus.summary import DocumentSummary, MethodAgreement
from reportgen.wording import percent, significant, two_decimals

METHOD = "attention"
SIGNIFICANT = 0.05
NO_GENRE = "no genre given"
EFFECTS = {"ablation": "the effect of leaving each sentence out", "gradient": "the gradient"}


@dataclass(frozen=True, kw_only=True)
class OneDocument:
    """A document's rank correlation of attention with the reference, and what is left beyond distance, length and the sink. `pooled` says whether the latter counts."""

    title: str
    genre: str
    target: str
    row: MethodAgreement
    pooled: bool


@dataclass(frozen=True, kw_only=True)
class PooledMethod:
    """A method's agreement with the reference over documents, before and beyond distance, length and the sink."""

    method: str
    rho: Pooled
    partial: Pooled


@dataclass(frozen=True, kw_only=True)
class GenreAgreement:
    """Attention's agreement with the reference over the documents of one genre."""

    genre: str
    documents: int
    rho: Pooled
    partial: Pooled


@dataclass(frozen=True, kw_only=True)
class ModelAgreement:
    """One model's documents that have the same reference. `methods` begin with attention; `genres` are empty where all documents are of one.

    `test` says whether genres differ in the partial correlation, None where there are too few documents for it.
    """

    name: str
    reference: str
    documents: tuple[OneDocument, ...]
    methods: tuple[PooledMethod, ...]
    genres: tuple[GenreAgreement, ...]
    test: GenreTest | None

    @property
    def attention(self) -> PooledMethod:
        """Attention's own agreement."""
        return self.methods[0]

    @property
    def can_be_pooled(self) -> bool:
        """Whether enough documents have a correlation beyond distance, length and the sink."""
        return self.attention.partial.documents >= POOLED_FROM


@dataclass(frozen=True, kw_only=True)
class Result:
    """Every model and reference with documents that have an attribution, those with most documents that can be pooled first, and how many documents have none."""

    models: tuple[ModelAgreement, ...]
    without: int


def analyse(models: Sequence[ModelDocuments]) -> Result:
    """Pooled correlations by model, by reference and by genre."""
    found = []
    for group in models:
        for reference in EFFECTS:
            documents = [one for one in group.documents if one.reference == reference and _row(one, METHOD)]
            if documents:
                found.append(_of_model(group.name, reference, documents))
    found.sort(key=lambda one: -one.attention.partial.documents)
    return Result(models=tuple(found), without=sum(_row(one, METHOD) is None for group in models for one in group.documents))


def _row(one: DocumentSummary, method: str) -> MethodAgreement | None:
    return next((row for row in one.agreements if row.method == method), None)


def _of_model(name: str, reference: str, documents: Sequence[DocumentSummary]) -> ModelAgreement:
    rows = [next(row for row in one.agreements if row.method == METHOD) for one in documents]
    genres = [one.genre or NO_GENRE for one in documents]
    counts = np.isfinite(partial_variance(rows)) & np.isfinite([row.partial for row in rows])
    return ModelAgreement(
        name=name,
        reference=reference,
        documents=tuple(
            OneDocument(title=one.title, genre=genre, target=one.target or "", row=row, pooled=bool(counted))
            for one, genre, row, counted in zip(documents, genres, rows, counts, strict=True)
        ),
        methods=tuple(_methods(documents)),
        genres=tuple(_genres(genres, rows)),
        test=compare_genres(genres, np.array([row.partial for row in rows]), partial_variance(rows)),
    )


def _methods(documents: Sequence[DocumentSummary]) -> Iterator[PooledMethod]:
    """Attention first, then every other that some document has."""
    for method in sorted((method.name for method in RANKED), key=lambda name: name != METHOD):
        rows = [row for row in (_row(one, method) for one in documents) if row]
        if rows:
            yield PooledMethod(method=LABELS[method], rho=pool_rho(rows), partial=pool_partial(rows))


def _genres(genres: Sequence[str], rows: Sequence[MethodAgreement]) -> Iterator[GenreAgreement]:
    if len(set(genres)) < 2:
        return
    for genre in sorted(set(genres), key=lambda name: (name == NO_GENRE, name)):
        own = [row for row, other in zip(rows, genres, strict=True) if other == genre]
        yield GenreAgreement(genre=genre, documents=len(own), rho=pool_rho(own), partial=pool_partial(own))


def pool_rho(rows: Sequence[MethodAgreement]) -> Pooled:
    """The mean of the rank correlations."""
    rho, low, high, n = (np.array([getattr(row, name) for row in rows]) for name in ("rho", "low", "high", "n"))
    return pool(rho, z_variance(rho, low, high, n))


def pool_partial(rows: Sequence[MethodAgreement]) -> Pooled:
    """The mean of the partial rank correlations."""
    return pool(np.array([row.partial for row in rows]), partial_variance(rows))


def partial_variance(rows: Sequence[MethodAgreement]) -> Float[np.ndarray, " document"]:
    """The variances of their z, each with as many sentences less as it has controls."""
    rho, low, high = (np.array([getattr(row, name) for row in rows]) for name in ("partial", "partial_low", "partial_high"))
    return z_variance(rho, low, high, np.array([row.n - row.controls for row in rows]))


def find(result: Result) -> str:
    """Whether attention tells what mattered, by model and genre."""
    if not result.models:
        return "No document has an attribution to hold attention against."
    return " ".join([*(f"{_verdict(one)}{_differ(one)}{_by_genre(one)}" for one in result.models if one.can_be_pooled), *_too_few(result)])


def lead(result: Result) -> str:
    """The same of the model with most documents, without genres."""
    return _verdict(result.models[0]) if result.models and result.models[0].can_be_pooled else find(result)


def _too_few(result: Result) -> Iterator[str]:
    few = [f"{one.name} against {one.reference} ({one.attention.partial.documents})" for one in result.models if not one.can_be_pooled]
    if few:
        yield (
            f"Too few documents have a correlation beyond distance, length and the sink ({POOLED_FROM} are needed) to say whether attention tells what mattered: "
            f"{'; '.join(few)}."
        )


def _verdict(one: ModelAgreement) -> str:
    """The answer, the mean correlation that it rests on, and what it is before anything is accounted for."""
    pooled, mean = one.attention.partial, one.attention.partial.mean
    answer = "attention tells more of what mattered than these do" if mean.low > 0 else "attention misleads about what mattered, these aside"
    if mean.low <= 0 <= mean.high:
        answer = "that attention tells more of what mattered than these do cannot be said"
    plain = f"; before, it is {_estimate(one.attention.rho)}" if np.isfinite(one.attention.rho.mean.value) else ""
    return (
        f"Over {pooled.documents} documents read by {one.name}, with distance, length and the sink accounted for, {answer}: the mean correlation of its ranking "
        f"of sentences with {EFFECTS[one.reference]} is {_estimate(pooled)}{plain}."
    )


def _estimate(pooled: Pooled) -> str:
    return f"{two_decimals(pooled.mean.value)} (95% interval {two_decimals(pooled.mean.low)} to {two_decimals(pooled.mean.high)})"


def _differ(one: ModelAgreement) -> str:
    """How far documents differ, and where another one would lie."""
    pooled = one.attention.partial
    return (
        f" Of the variation between documents {percent(pooled.i_squared)} is more than chance (I², p {significant(pooled.q_p, 2)}); another document would lie between "
        f"{two_decimals(pooled.another.low)} and {two_decimals(pooled.another.high)} in 95 of 100 cases."
    )


def _by_genre(one: ModelAgreement) -> str:
    if not one.genres:
        return ""
    known = [genre for genre in one.genres if genre.partial.documents >= POOLED_FROM]
    said = "; ".join(f"{genre.genre} {_estimate(genre.partial)} of {genre.partial.documents}" for genre in known)
    few = [f"{genre.genre} ({genre.partial.documents})" for genre in one.genres if genre not in known]
    parts = [f" By genre: {said}." if known else "", f" Too few documents for a mean of their own: {', '.join(few)}." if few else ""]
    return f"{''.join(parts)}{_tested(one.test)}"


def _tested(test: GenreTest | None) -> str:
    if test is None:
        return " Whether genres differ cannot be tested with so few."
    differ = "differ more" if test.p_value <= SIGNIFICANT else "do not differ more"
    return f" Genres {differ} than documents with their genres shuffled do (p {significant(test.p_value, 2)})."


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """A point with its interval for every document, genre and model."""
    from reportgen.corpus.pictures import draw_forest

    return {
        f"documents-{place + 1}": draw_forest(one) for place, one in enumerate(result.models) if any(np.isfinite(found.row.partial) for found in one.documents)
    }
