"""What kind of head each one is: roles with their evidence, with and without the attention sink, sure or not in resampled sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.analysis import Analysis
from reportgen.analyses.roles.chance import chance_levels
from reportgen.analyses.roles.definitions import LABELS, ROLES, Role
from reportgen.analyses.roles.evidence import Evidence
from reportgen.analyses.roles.examples import Example, examples_of
from reportgen.analyses.roles.formulas import COMPUTED, METHODS
from reportgen.analyses.roles.linguistic import coreference_evidence, syntax_evidence
from reportgen.analyses.roles.resampling import SURE
from reportgen.analyses.roles.sentence_evidence import SentenceRoles, sentence_roles
from reportgen.analyses.roles.text_scores import RoleEvidence, greatest_offset, offset_evidence, text_evidence
from reportgen.contract import CONTRACT
from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements
from reportgen.wording import percent


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadMetric:
    """One score of every head, the role it decides if any, and how sure it is where it was resampled."""

    key: str
    label: str
    unit: str
    values: Float[np.ndarray, "layer head"]
    values_without_sink: Float[np.ndarray, "layer head"] | None
    threshold: float | None
    role: str | None
    formula: str
    source: str
    evidence: Evidence | None = None
    evidence_without_sink: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class KnownRole:
    """A role that could be decided: its mark, rule, the threshold stated and the one of this document, its chance level, and how many heads carry it.

    `uncertain` counts heads whose score passes without the sink, but in fewer than 0.95 of the resamples, or on too few sentences to resample. `not_stored`
    says that the file lacks the role's values by sentence without the sink, so that all that pass are uncertain.
    """

    name: str
    mark: str
    rule: str
    stated: float
    threshold: float
    chance: float | None
    meaning: str
    source: str
    heads: int
    heads_without_sink: int
    uncertain: int
    not_stored: bool = False


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A role that could not be decided, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Scores and roles of every head; heads are named `layer.head`, counted from 0.

    `roles` decides by all keys, `roles_without_sink` by the scores without the first token and special tokens where such a score exists; roles between
    sentences leave the first sentence out as key in both. `uncertain` are those whose score passes in fewer than 0.95 of the resamples. `details` says of a
    head what its role is about: the relation of a syntactic one, the sentence of a receiver.
    """

    metrics: tuple[HeadMetric, ...]
    roles: Mapping[str, tuple[str, ...]]
    roles_without_sink: Mapping[str, tuple[str, ...]]
    uncertain: Mapping[str, tuple[str, ...]]
    uncertain_without_sink: Mapping[str, tuple[str, ...]]
    role_names: tuple[str, ...]
    known: tuple[KnownRole, ...]
    left_out: tuple[LeftOut, ...]
    examples: tuple[Example, ...]
    borders: str | None = None
    details: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def analyse(measurements: Measurements) -> Result:
    """Every head's scores, and the roles they and their resamples bear out."""
    attention = measurements["*.sentence_attention"] if "*.sentence_attention" in measurements else None
    between = sentence_roles(measurements, attention)
    found, left_out, relations = _decide(measurements, between)
    evidence = {one.role.name: one for one in found}
    metrics = tuple(_metrics(measurements, evidence))
    names = tuple(evidence)
    return Result(
        metrics=metrics,
        roles=_by_head({name: one.carried for name, one in evidence.items()}, metrics),
        roles_without_sink=_by_head({name: one.carried_without_sink for name, one in evidence.items()}, metrics),
        uncertain=_by_head({name: one.uncertain for name, one in evidence.items()}, metrics),
        uncertain_without_sink=_by_head({name: one.uncertain_without_sink for name, one in evidence.items()}, metrics),
        role_names=names,
        known=tuple(_known(one) for one in found),
        left_out=tuple(LeftOut(name=name, reason=reason) for name, reason in left_out.items()),
        examples=examples_of(measurements, attention, found, between.receivers, relations),
        borders=between.borders,
        details={"syntactic": relations, "receiver": {head: f"sentence {sentence + 1}" for head, sentence in between.receivers.items()}},
    )


def _decide(measurements: Measurements, between: SentenceRoles) -> tuple[list[RoleEvidence], dict[str, str], dict[str, str]]:
    """The evidence of each role in their order, the reasons of those that have none, and the relations of syntactic heads."""
    chance = chance_levels(measurements)
    found: list[RoleEvidence] = []
    left_out: dict[str, str] = {}
    relations: dict[str, str] = {}
    for role in ROLES:
        outcome = between.outcomes.get(role.name) or _outcome(measurements, role, chance)
        if isinstance(outcome, tuple):
            outcome, syntax = outcome
            names = measurements.metadata["syntax"]["relations"]
            relations = {f"{layer}.{head}": names[syntax.relation[layer, head]] for layer, head in np.argwhere(outcome.carried)}
        if isinstance(outcome, str):
            left_out[role.name] = outcome
        elif outcome is not None:
            found.append(outcome)
    if "*.fixed_offset" not in measurements:
        left_out["other fixed offsets"] = "fixed_offset was not measured"
    return found, left_out, relations


def _outcome(measurements: Measurements, role: Role, chance: Mapping[str, tuple[float, float]]) -> Any:
    if role.offset is not None:
        evidence = offset_evidence(measurements, role)
        return evidence if evidence and (evidence.carried | evidence.carried_without_sink).any() else None
    if role.name == "coreference":
        return coreference_evidence(measurements, role)
    return syntax_evidence(measurements, role) if role.name == "syntactic" else text_evidence(measurements, role, chance)


def _known(evidence: RoleEvidence) -> KnownRole:
    role = evidence.role
    return KnownRole(
        name=role.name,
        mark=role.mark,
        rule=role.rule,
        stated=role.threshold,
        threshold=evidence.threshold,
        chance=evidence.chance,
        meaning=role.meaning,
        source=role.source,
        heads=int(evidence.carried.sum()),
        heads_without_sink=int(evidence.carried_without_sink.sum()),
        uncertain=int(evidence.uncertain_without_sink.sum()),
        not_stored=evidence.without_sink.not_stored,
    )


def _metrics(measurements: Measurements, evidence: Mapping[str, RoleEvidence]) -> Iterator[HeadMetric]:
    deciding = {one.role.score: one for one in evidence.values() if one.role.offset is None}
    probes = {role.probe: role for role in ROLES if role.probe}
    for key, label in LABELS.items():
        if f"*.{key}" not in measurements:
            continue
        spec, one, without, probe = CONTRACT[f"*.{key}"], deciding.get(key), f"*.{key}_without_sink", probes.get(key)
        yield HeadMetric(
            key=key,
            label=label,
            unit=spec.unit,
            values=measurements[f"*.{key}"],
            values_without_sink=measurements[without] if without in measurements else None,
            threshold=_reachable(one) if one else probe.probe_threshold if probe else None,
            role=one.role.name if one else probe.name if probe else None,
            formula=spec.formula,
            source=spec.source,
            evidence=one.all_keys if one else None,
            evidence_without_sink=one.without_sink if one and without in measurements else None,
        )
    yield from _computed(measurements, evidence)


def _reachable(evidence: RoleEvidence) -> float | None:
    """The threshold; None where it is this document's chance level and the document has none, so that no head can pass."""
    return evidence.threshold if np.isfinite(evidence.threshold) else None


def _computed(measurements: Measurements, evidence: Mapping[str, RoleEvidence]) -> Iterator[HeadMetric]:
    """Scores that are made here: the greatest fixed offset, and those of roles between sentences and of language."""
    offset = greatest_offset(measurements)
    for role, (label, unit, formula) in COMPUTED.items():
        one = evidence.get(role)
        if one or (role == "offset" and offset is not None):
            plain, left = (one.all_keys.values, one.without_sink.values) if one else (offset, greatest_offset(measurements, LEFT))
            yield HeadMetric(
                key=one.role.score if one else "fixed_offset",
                label=label,
                unit=unit,
                values=plain,
                values_without_sink=None if one and one.all_keys is one.without_sink else left,
                threshold=_reachable(one) if one else 0.5,
                role=role if one else None,
                formula=formula,
                source=one.role.source if one else CONTRACT["*.fixed_offset"].source,
                evidence=one.all_keys if one else None,
                evidence_without_sink=None if one is None or one.all_keys is one.without_sink else one.without_sink,
            )


def _by_head(carried: Mapping[str, Bool[np.ndarray, "layer head"]], metrics: tuple[HeadMetric, ...]) -> dict[str, tuple[str, ...]]:
    """`layer.head` to the names of the roles it carries; heads of no role have an empty tuple."""
    layers, heads = metrics[0].values.shape
    return {f"{layer}.{head}": tuple(name for name, which in carried.items() if which[layer, head]) for layer in range(layers) for head in range(heads)}


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: the page draws the grid of heads itself, so that each cell can be chosen."""
    return {}


def find(result: Result) -> str:
    """How many heads carry each role, which roles nobody carries, and which is the strongest induction head."""
    carried = [f"{role.heads_without_sink} {role.name}" for role in _others(result) if role.heads_without_sink]
    nobody = [role.name for role in _others(result) if not role.heads_without_sink and not role.not_stored]
    listed = f": {', '.join(carried)} (a head may have several)" if carried else ""
    return f"{_counted(result, listed)}{f' No head is {_either(nobody)}.' if nobody else ''}{_strongest(result)}"


def lead(result: Result) -> str:
    """How many heads rest on the first token, how many have another role and how many neither, and the strongest induction head."""
    return _counted(result) + _strongest(result)


def _others(result: Result) -> list[KnownRole]:
    return [role for role in result.known if role.name != "sink"]


def _counted(result: Result, listed: str = "") -> str:
    """Heads that rest on the first token, that have another role, and that have neither; those alone that resampled sentences bear out."""
    sinks = {head for head, roles in result.roles.items() if "sink" in roles}
    named = {head for head, roles in result.roles_without_sink.items() if any(role != "sink" for role in roles)}
    other = f"{len(named)} {'has' if len(named) == 1 else 'have'} another role" if named else "none has another role"
    neither = len(result.roles) - len(sinks | named)
    resampled = any(metric.role == "sink" and metric.evidence is not None and metric.evidence.resampled for metric in result.metrics)
    sure = f" in this text and in at least {percent(SURE)} of resamples of its sentences" if resampled else ""
    return (
        f"Of {len(result.roles)} heads {len(sinks)} put over 0.3 of their attention on the first token{sure}; with that token set aside {other} that the scores and resampled "
        f"sentences bear out{listed}. {neither} {'has' if neither == 1 else 'have'} neither."
    )


def _either(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _strongest(result: Result) -> str:
    found = next((metric.values for metric in result.metrics if metric.key == "probe_induction"), None)
    if found is None or np.isnan(found).all():
        return ""
    layer, head = np.unravel_index(np.nanargmax(found), found.shape)
    return f" The strongest induction head is {layer}.{head} (score {found[layer, head]:.2f})."


ANALYSIS = Analysis(
    name="head_roles",
    question="What does each head do?",
    needs=(
        "first_token",
        "previous_token",
        "previous_token_without_sink",
        "locality",
        "locality_without_sink",
        "relative_entropy",
        "relative_entropy_without_sink",
    ),
    analyse=analyse,
    draw=draw,
    find=find,
    lead=lead,
    caveat=(
        "Thresholds cut a continuum: look at the scores. A head that rests on the first token looks positional, local or narrow for that reason alone, so every "
        "score is also given with the first token and special tokens left out and the rest renormalised; what a sink head then does concerns only the small "
        "share of its attention that is left. Confidence is about other sentences of this document, not about other documents; a probe on random tokens has no "
        "sentences, and its roles have none. Thematic heads include those that copy repeated words. Mentions are found by a heuristic."
    ),
    methods=METHODS,
)
