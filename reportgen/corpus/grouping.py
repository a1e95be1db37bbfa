"""Documents by the model that read them: heads of different models are not the same heads, and nothing is pooled across models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reportgen.corpus.summary import DocumentSummary

UNKNOWN = "given by the caller"  # what measurements say of weights that were loaded elsewhere


@dataclass(frozen=True, kw_only=True)
class ModelDocuments:
    """The documents that one model read, one level of the text at a time; each text once, in the order of their titles. `name` is the model as charts show it."""

    name: str
    model: str
    revision: str
    level: str
    layers: int
    heads: int
    documents: tuple[DocumentSummary, ...]


def by_model(summaries: Iterable[DocumentSummary]) -> tuple[tuple[ModelDocuments, ...], tuple[str, ...]]:
    """The groups, the largest first, and notices of what was left out or cannot be told apart."""
    groups: dict[tuple[str, str, str, int, int], dict[str, DocumentSummary]] = {}
    twice: Counter[tuple[str, str]] = Counter()
    for one in sorted(summaries, key=_order):
        found = groups.setdefault((one.model, one.revision, one.level, one.layers, one.heads), {})
        if found.setdefault(one.sha256, one) is not one:
            twice[one.title, one.model] += 1
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    names = _names([key for key, _ in ordered])
    models = tuple(
        ModelDocuments(name=name, **dict(zip(("model", "revision", "level", "layers", "heads"), key, strict=True)), documents=tuple(found.values()))
        for name, (key, found) in zip(names, ordered, strict=True)
    )
    return models, tuple([*_repeated(twice), *_unknown(models)])


def _order(one: DocumentSummary) -> tuple[str, ...]:
    return one.title, one.source, one.sha256, one.model, one.revision, one.level


def _names(keys: list[tuple[str, str, str, int, int]]) -> list[str]:
    """The models' names, with what tells groups of the same name apart: the level, and the weights."""
    named = []
    for model, revision, level, *_ in keys:
        same = [other for other in keys if other[0] == model]
        told = [f"by {level}"] if len({other[2] for other in same}) > 1 else []
        told += [revision] if len([other for other in same if other[2] == level]) > 1 else []
        named.append(f"{model} ({'; '.join(told)})" if told else model)
    return named


def _repeated(twice: Counter[tuple[str, str]]) -> Iterator[str]:
    for (title, model), times in twice.items():
        yield f"{title} was measured with {model} {times + 1} times: the first counts, since one text is not several documents."


def _unknown(models: Iterable[ModelDocuments]) -> Iterator[str]:
    for one in models:
        if one.revision == UNKNOWN and len(one.documents) > 1:
            yield f"The measurements by {one.name} do not say which weights it had; they are taken to be the same."
