"""Whether heads keep their roles from document to document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.curves.resampling import Estimate
from reportgen.analyses.roles.definitions import ROLES
from reportgen.corpus.grouping import ModelDocuments
from reportgen.corpus.kappa import disagreement, in_total, jaccard
from reportgen.corpus.resampling import FEWEST, document_counts, interval
from reportgen.wording import two_decimals

ORDER = [role.name for role in ROLES]
OFTEN = 0.5


@dataclass(frozen=True, kw_only=True)
class HeldBy:
    """A head that holds a role, and in how many documents."""

    head: str
    documents: int
    share: float


@dataclass(frozen=True, kw_only=True)
class RoleStability:
    """A role over the documents that could decide it: how many heads hold it, how often the same, and how far that is beyond chance.

    `kappa` is Fleiss' kappa over documents, `kappa_in_layer` the same where chance keeps to the layer; `jaccard` is the mean share of heads that two documents
    name both of those that either does, `jaccard_by_chance` the same of other heads. `often` are the heads that hold it in half of the documents or more.
    """

    role: str
    documents: int
    heads_per_document: float
    heads_in_all: int
    heads_in_half: int
    heads_in_any: int
    kappa: Estimate
    kappa_in_layer: Estimate
    jaccard: Estimate
    jaccard_by_chance: float
    often: tuple[HeldBy, ...]


@dataclass(frozen=True, kw_only=True)
class ModelRoles:
    """The roles of one model's heads over its documents; `kappa` is over all roles. `documents` are those whose roles are known."""

    name: str
    documents: int
    heads: int
    kappa: Estimate
    kappa_in_layer: Estimate
    roles: tuple[RoleStability, ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Every model with a document whose roles are known, and how many documents have none."""

    models: tuple[ModelRoles, ...]
    without_roles: int


def analyse(models: Sequence[ModelDocuments]) -> Result:
    """Stability of each role by model."""
    found = [_of_model(one) for one in models if any(document.roles for document in one.documents)]
    return Result(models=tuple(found), without_roles=sum(not document.roles for one in models for document in one.documents))


def _of_model(group: ModelDocuments) -> ModelRoles:
    documents = [one for one in group.documents if one.roles]
    held = [{role.role: role.heads for role in one.roles} for one in documents]
    names = sorted({name for one in held for name, heads in one.items() if heads}, key=ORDER.index)
    carried = {name: np.stack([_grid(one[name], group) for one in held if name in one]) for name in names}
    where = {name: np.array([name in one for one in held]) for name in names}
    counts = np.concatenate([np.ones((1, len(held))), document_counts(len(held))])
    apart = in_total([disagreement(carried[name], counts[:, where[name]]) for name in names], len(counts))
    return ModelRoles(
        name=group.name,
        documents=len(documents),
        heads=group.layers * group.heads,
        kappa=_estimate(apart.kappa(), len(documents)),
        kappa_in_layer=_estimate(apart.kappa_in_layer(), len(documents)),
        roles=tuple(_stability(name, carried[name]) for name in names),
    )


def _grid(heads: Sequence[str], group: ModelDocuments) -> Bool[np.ndarray, "layer head"]:
    grid = np.zeros((group.layers, group.heads), bool)
    for head in heads:
        grid[tuple(map(int, head.split(".")))] = True
    return grid


def _estimate(values: Float[np.ndarray, " weighting"], documents: int) -> Estimate:
    """Of the documents as they are, which come first, with the interval of their resamples."""
    return interval(float(values[0]), values[1:], documents)


def _stability(name: str, carried: Bool[np.ndarray, "document layer head"]) -> RoleStability:
    documents, times = len(carried), carried.sum(0)
    apart = disagreement(carried, np.concatenate([np.ones((1, documents)), document_counts(documents)]))
    alike, by_chance = jaccard(carried.reshape(documents, -1))
    return RoleStability(
        role=name,
        documents=documents,
        heads_per_document=float(times.sum() / documents),
        heads_in_all=int((times == documents).sum()),
        heads_in_half=int((times >= OFTEN * documents).sum()),
        heads_in_any=int((times > 0).sum()),
        kappa=_estimate(apart.kappa(), documents),
        kappa_in_layer=_estimate(apart.kappa_in_layer(), documents),
        jaccard=alike,
        jaccard_by_chance=by_chance,
        often=_often(times, documents),
    )


def _often(times: np.ndarray, documents: int) -> tuple[HeldBy, ...]:
    places = [tuple(place) for place in np.argwhere(times >= max(OFTEN * documents, 1)).tolist()]
    ordered = sorted(places, key=lambda place: (-times[place], place))
    return tuple(HeldBy(head="{}.{}".format(*place), documents=int(times[place]), share=float(times[place] / documents)) for place in ordered)


def find(result: Result) -> str:
    """How stable roles are by model, which most and which least."""
    if not result.models:
        return "No document has measurements from which roles of heads can be told."
    return " ".join([*(_said(one) for one in result.models if one.documents > 1), *_alone([one.name for one in result.models if one.documents == 1])])


def lead(result: Result) -> str:
    """The same of the model with most documents."""
    return _said(result.models[0]) if result.models and result.models[0].documents > 1 else find(result)


def _alone(names: Sequence[str]) -> list[str]:
    return [f"Whether heads keep their roles cannot be said of what read one document: {'; '.join(names)}."] if names else []


def _said(one: ModelRoles) -> str:
    ranked = [role for role in one.roles if np.isfinite(role.kappa.value) and role.heads_per_document >= 1]
    if not ranked or np.isnan(one.kappa.value):
        return f"In {one.documents} documents read by {one.name} no role is held by some heads and not by others, so that nothing can be compared."
    few = f" (no interval of fewer than {FEWEST} documents)" if one.documents < FEWEST else ""
    return (
        f"Any two of {one.documents} documents read by {one.name} agree about which of {one.heads} heads holds a role with kappa "
        f"{_number(one.kappa)}{few}, where 0 is what other heads would give and 1 the same heads every time. {_steadiest(ranked)}"
    )


def _steadiest(roles: Sequence[RoleStability]) -> str:
    """The steadiest and the least steady role of those that a document has a head of."""
    ranked = sorted(roles, key=lambda role: -role.kappa.value)
    first, last = ranked[0], ranked[-1]
    said = f"Steadiest is {first.role}, {_number(first.kappa)}: {_held(first)}"
    return f"{said}. Least steady is {last.role}, {_number(last.kappa)}: {_held(last)}." if len(ranked) > 1 else f"{said}."


def _held(role: RoleStability) -> str:
    return f"of {role.heads_in_any} heads that hold it somewhere, {role.heads_in_all} {'does' if role.heads_in_all == 1 else 'do'} in all {role.documents} documents that decide it"


def _number(estimate: Estimate) -> str:
    interval_of = "" if np.isnan(estimate.low) else f" (95% interval {two_decimals(estimate.low)} to {two_decimals(estimate.high)})"
    return f"{two_decimals(estimate.value)}{interval_of}"


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Kappa of every role by model, and how many heads hold a role in all, half or fewer documents."""
    from reportgen.corpus.pictures import draw_held, draw_kappa

    several = [one for one in result.models if one.documents > 1]
    return {"kappa": draw_kappa(several), "held": draw_held(several)} if several else {}
