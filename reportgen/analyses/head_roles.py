"""What kind of head each one is, by published thresholds, with and without the attention sink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.analysis import Analysis, Method
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role: the score that shows it, from which value on, and who set that value."""

    name: str
    score: str
    threshold: float
    source: str
    meaning: str


BROAD = 3.8 / np.log(128)  # Clark et al.'s 3.8 nats on inputs of 128 tokens, as a share of the logarithm of their length
ROLES = (
    Role(
        name="positional",
        score="previous_token",
        threshold=0.5,
        source="Clark et al. 2019, section 3.1",
        meaning="over half of its attention on the token before",
    ),
    Role(name="sink", score="first_token", threshold=0.3, source="after Gu et al. 2024", meaning="over 0.3 of its attention on the first token"),
    Role(
        name="induction",
        score="probe_induction",
        threshold=0.4,
        source="score: Olsson et al. 2022; threshold: none published, chosen here",
        meaning="on repeated random tokens, looks at what followed the earlier copy",
    ),
    Role(
        name="duplicate-token",
        score="probe_duplicate_token",
        threshold=0.4,
        source="score: after Wang et al. 2022; threshold: none published, chosen here",
        meaning="on repeated random tokens, looks at the earlier copy",
    ),
    Role(
        name="local",
        score="locality",
        threshold=0.5,
        source="after Clark et al. 2019, section 3.1, widened to 3 tokens here",
        meaning="over half of its attention within 3 tokens",
    ),
    Role(
        name="broad",
        score="relative_entropy",
        threshold=float(round(BROAD, 3)),
        source="Clark et al. 2019, section 3.3 (3.8 nats at 128 tokens), as a share of the greatest entropy",
        meaning="spreads its attention nearly evenly",
    ),
)
LABELS = {
    "first_token": "Attention on the first token",
    "previous_token": "Attention on the previous token",
    "locality": "Attention within 3 tokens",
    "relative_entropy": "Entropy over its maximum",
    "entropy": "Entropy",
    "distance": "Mean distance",
    "sentence_distance": "Mean distance in sentences",
    "within_sentence": "Attention within the sentence",
    "delimiter": "Attention on punctuation and special tokens",
    "confidence": "Mean greatest weight",
    "probe_induction": "Induction score (probe)",
    "probe_previous_token": "Previous-token score (probe)",
    "probe_duplicate_token": "Duplicate-token score (probe)",
    "induction": "Induction on this text",
    "duplicate_token": "Earlier copies on this text",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadMetric:
    """One score of every head, and the role it decides if any."""

    key: str
    label: str
    unit: str
    values: Float[np.ndarray, "layer head"]
    values_without_sink: Float[np.ndarray, "layer head"] | None
    threshold: float | None
    role: str | None
    formula: str
    source: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Scores and roles of every head; heads are named `layer.head`, counted from 0.

    `roles` decides by all keys, `roles_without_sink` by the scores without the first token and special tokens where such a score exists.
    """

    metrics: tuple[HeadMetric, ...]
    roles: Mapping[str, tuple[str, ...]]
    roles_without_sink: Mapping[str, tuple[str, ...]]
    role_names: tuple[str, ...]
    role_meanings: tuple[str, ...]
    role_sources: tuple[str, ...]


def analyse(measurements: Measurements) -> Result:
    """Every head's scores, and the roles whose thresholds they pass."""
    metrics = tuple(_metrics(measurements))
    measured = {metric.key: metric for metric in metrics}
    known = [role for role in ROLES if role.score in measured]
    plain = {role.name: measured[role.score].values for role in known}
    left = {role.name: _left(measured[role.score]) for role in known}
    return Result(
        metrics=metrics,
        roles=_roles(plain),
        roles_without_sink=_roles(left),
        role_names=tuple(role.name for role in known),
        role_meanings=tuple(role.meaning for role in known),
        role_sources=tuple(f"{role.score} > {role.threshold:g}; {role.source}" for role in known),
    )


def _left(metric: HeadMetric) -> Float[np.ndarray, "layer head"]:
    return metric.values if metric.values_without_sink is None else metric.values_without_sink


def _metrics(measurements: Measurements) -> Iterator[HeadMetric]:
    by_score = {role.score: role for role in ROLES}
    for key, label in LABELS.items():
        if f"*.{key}" not in measurements:
            continue
        spec, role, without = CONTRACT[f"*.{key}"], by_score.get(key), f"*.{key}_without_sink"
        yield HeadMetric(
            key=key,
            label=label,
            unit=spec.unit,
            values=measurements[f"*.{key}"],
            values_without_sink=measurements[without] if without in measurements else None,
            threshold=role.threshold if role else None,
            role=role.name if role else None,
            formula=spec.formula,
            source=spec.source,
        )


def _roles(scores: Mapping[str, Float[np.ndarray, "layer head"]]) -> dict[str, tuple[str, ...]]:
    """`layer.head` to the names of the roles whose threshold its score passes; heads of no role have an empty tuple."""
    layers, heads = next(iter(scores.values())).shape
    threshold = {role.name: role.threshold for role in ROLES}
    return {
        f"{layer}.{head}": tuple(name for name, values in scores.items() if values[layer, head] > threshold[name])
        for layer in range(layers)
        for head in range(heads)
    }


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: the page draws the grid of heads itself, so that each cell can be chosen."""
    return {}


def find(result: Result) -> str:
    """How many heads carry each role, and which ones the rare roles are."""
    heads, left = len(result.roles), result.roles_without_sink
    sinks = sum("sink" in roles for roles in result.roles.values())
    counts = [f"{sum(name in roles for roles in left.values())} {name}" for name in result.role_names if name != "sink"]
    none = sum(not (set(roles) | (set(result.roles[head]) & {"sink"})) for head, roles in left.items())
    induction = [metric for metric in result.metrics if metric.key == "probe_induction" and not np.isnan(metric.values).all()]
    best = f" The strongest induction head is {_best(induction[0].values)}." if induction else ""
    return (
        f"Of {heads} heads {sinks} put over 0.3 of their attention on the first token; with that token set aside {', '.join(counts)} (a head may have several "
        f"roles), and {none} heads have no role by these thresholds.{best}"
    )


def _best(values: Float[np.ndarray, "layer head"]) -> str:
    layer, head = np.unravel_index(np.nanargmax(values), values.shape)
    return f"{layer}.{head} (score {values[layer, head]:.2f})"


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
    caveat=(
        "Thresholds cut a continuum: look at the scores. A head that rests on the first token looks positional, local or narrow for that reason alone, so every "
        "score is also given with the first token and special tokens left out and the rest renormalised; what a sink head then does concerns only the small "
        "share of its attention that is left."
    ),
    methods=tuple(
        Method(name=role.name, formula=f"{role.score} > {role.threshold:g}, where {role.score} is: {CONTRACT[f'*.{role.score}'].formula}", source=role.source)
        for role in ROLES
    ),
)
