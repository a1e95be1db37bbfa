"""Which roles heads have in one file and not in the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reportgen.analyses import head_roles
from reportgen.analyses.head_roles import HeadMetric, KnownRole, Result
from reportgen.analyses.roles.evidence import Evidence
from reportgen.comparison.relation import Relation
from reportgen.measurements import Measurements

NEEDED = head_roles.ANALYSIS.needs
OF_UNITS = ("within-sentence", "thematic", "bridge", "receiver")  # about sentences as each file cuts them


@dataclass(frozen=True, kw_only=True)
class RoleInBoth:
    """A role that both files decide: thresholds, chance levels (None where not known), and how many heads of how many carry it.

    `without_sink`: with the first token and special tokens left out where the role's score has such a variant, else with all keys. `resampled`: both have values by sentence, so that a head carries it only where 0.95 of the resamples do; else it carries it where its score passes.
    """

    name: str
    meaning: str
    threshold_a: float
    threshold_b: float
    chance_a: float | None
    chance_b: float | None
    heads_a: int
    heads_b: int
    both: int | None
    without_sink: bool
    resampled: bool


@dataclass(frozen=True, kw_only=True)
class ChangedRole:
    """A head that carries a role in one file alone, with its score and interval in both; NaN where nothing was resampled.

    `apart`: the intervals do not overlap, so that the change is more than another choice of sentences would make.
    """

    head: str
    role: str
    gained: bool
    score_a: float
    score_b: float
    interval_a: tuple[float, float]
    interval_b: tuple[float, float]
    apart: bool


@dataclass(frozen=True, kw_only=True)
class RoleChanges:
    """Roles in both files, the heads that gained or lost one (none where heads are not one to one), and what cannot be compared."""

    heads_a: int
    heads_b: int
    roles: tuple[RoleInBoth, ...]
    changed: tuple[ChangedRole, ...]
    one_to_one: bool
    notes: tuple[str, ...]


def role_changes(relation: Relation, a: Measurements, b: Measurements) -> RoleChanges | str:
    """Compare roles with the first token and special tokens left out, as each file's own report decides them, wherever both files can; or why that cannot be done."""
    missing = [f"{name} in {which}" for which, of in (("A", a), ("B", b)) for name in NEEDED if f"*.{name}" not in of]
    if missing:
        return f"Roles cannot be compared: not measured or not stored are {', '.join(missing)}."
    found = [head_roles.analyse(of) for of in (a, b)]
    known = [{role.name: role for role in result.known} for result in found]
    left_out = OF_UNITS if relation.other_units else ()
    names = [name for name in known[0] if name in known[1] and name not in left_out]
    roles = tuple(_in_both(name, found, known, relation.same_model) for name in names)
    changed = tuple(row for role in roles for row in _changed(role, found)) if relation.same_model else ()
    return RoleChanges(
        heads_a=len(found[0].roles),
        heads_b=len(found[1].roles),
        roles=roles,
        changed=changed,
        one_to_one=relation.same_model,
        notes=tuple(_notes(relation, found, known, roles)),
    )


def _notes(relation: Relation, found: list[Result], known: list[dict[str, KnownRole]], roles: tuple[RoleInBoth, ...]) -> Iterator[str]:
    if not relation.same_model:
        yield "Heads of two models are different heads, whatever their numbers: how many carry a role can be compared, which ones cannot."
    if relation.other_units:
        yield f"Left out are roles about sentences as each file cuts them, which differ: {', '.join(name for name in OF_UNITS if any(name in side for side in known))}."
    for which, (one, other), result in (("A", known, found[1]), ("B", known[::-1], found[0])):
        alone = [name for name in one if name not in other]
        if alone:
            reasons = {left.name: left.reason for left in result.left_out}
            said = "; ".join(f"{name}{f' ({reasons[name]})' if name in reasons else ''}" for name in alone)
            yield f"Decided in {which} alone: {said}."
    plain = [role.name for role in roles if not role.resampled]
    if plain:
        yield f"Not resampled in both files, so that a score above its threshold is enough: {', '.join(plain)}."
    whole = [role.name for role in roles if not role.without_sink and role.name != "sink"]
    if whole:
        yield f"Compared with all keys, because one file has no score without the first token: {', '.join(whole)}."


def _in_both(name: str, found: list[Result], known: list[dict[str, KnownRole]], same_model: bool) -> RoleInBoth:
    left = len({metric.values_without_sink is None for metric in (_metric(result, name) for result in found) if metric}) < 2
    evidence = [_evidence(result, name, left) for result in found]
    resampled = all(one is not None and not np.isnan(one.confidence).all() for one in evidence)
    carried = [_carrying(result, name, left, resampled) for result in found]
    one, other = (side[name] for side in known)
    return RoleInBoth(
        name=name,
        meaning=one.meaning,
        threshold_a=one.threshold,
        threshold_b=other.threshold,
        chance_a=one.chance,
        chance_b=other.chance,
        heads_a=len(carried[0]),
        heads_b=len(carried[1]),
        both=len(carried[0] & carried[1]) if same_model else None,
        without_sink=left,
        resampled=resampled,
    )


def _carrying(result: Result, name: str, left: bool, resampled: bool) -> set[str]:
    """Where nothing was resampled in one file, also the heads that the other's resamples leave uncertain."""
    roles, uncertain = (result.roles_without_sink, result.uncertain_without_sink) if left else (result.roles, result.uncertain)
    sure = {head for head, names in roles.items() if name in names}
    return sure if resampled else sure | {head for head, names in uncertain.items() if name in names}


def _metric(result: Result, name: str) -> HeadMetric | None:
    return next((metric for metric in result.metrics if metric.role == name and not metric.key.startswith("probe_")), None)


def _evidence(result: Result, name: str, left: bool) -> Evidence | None:
    metric = _metric(result, name)
    if metric is None:
        return None
    return (metric.evidence_without_sink if left else None) or metric.evidence


def _changed(role: RoleInBoth, found: list[Result]) -> list[ChangedRole]:
    carried = [_carrying(result, role.name, role.without_sink, role.resampled) for result in found]
    evidence = [_evidence(result, role.name, role.without_sink) for result in found]
    heads = sorted(carried[0] ^ carried[1], key=lambda head: [int(part) for part in head.split(".")])
    return [_row(role.name, head, head in carried[1], evidence) for head in heads]


def _row(name: str, head: str, gained: bool, evidence: list[Evidence | None]) -> ChangedRole:
    layer, number = (int(part) for part in head.split("."))
    scores = [float(one.values[layer, number]) if one else np.nan for one in evidence]
    ends = [(float(one.low[layer, number]), float(one.high[layer, number])) if one else (np.nan, np.nan) for one in evidence]
    apart = not np.isnan(ends).any() and (ends[0][1] < ends[1][0] or ends[1][1] < ends[0][0])
    return ChangedRole(head=head, role=name, gained=gained, score_a=scores[0], score_b=scores[1], interval_a=ends[0], interval_b=ends[1], apart=bool(apart))
