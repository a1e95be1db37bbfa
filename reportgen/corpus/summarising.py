"""From the measurements of one document to its summary, by the analyses that its report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses import attribution_agreement, head_roles
from reportgen.analyses.layer_progression import mean_over_heads
from reportgen.analyses.roles.definitions import ROLES
from reportgen.corpus.quantities import QUANTITIES, SINK_HEADS
from reportgen.corpus.summary import DocumentSummary, LayerCurve, MethodAgreement, RoleHeads
from reportgen.measurements import STACKS, Measurements
from reportgen.report import missing_arrays
from reportgen.units import LEVELS

PROBED = {role.name for role in ROLES if role.probe}
OFFSETS = tuple(role.name for role in ROLES if role.offset is not None)
OTHER_OFFSETS = "other fixed offsets"
SINK, SINK_FROM = "sink", next(role.threshold for role in ROLES if role.name == "sink")


def summarise(measurements: Measurements, *, genre: str | None = None, tags: Iterable[str] = (), results: Mapping[str, Any] | None = None) -> DocumentSummary:
    """The summary of a document. `results` are results of analyses by name that are there already, such as those of its report; others are made here."""
    metadata, results, missing = measurements.metadata, dict(results or {}), {}
    for analysis in (head_roles.ANALYSIS, attribution_agreement.ANALYSIS):
        lacking = missing_arrays(analysis, measurements)
        if lacking:
            missing[analysis.name] = ", ".join(lacking)
        results[analysis.name] = None if lacking else results.get(analysis.name) or analysis.analyse(measurements)
    agreement = results[attribution_agreement.ANALYSIS.name]
    return DocumentSummary(
        title=metadata["title"],
        source=metadata["source"],
        sha256=metadata["sha256"],
        genre=genre,
        tags=tuple(tags),
        model=metadata["model"],
        revision=metadata["revision"],
        level=metadata.get("level", LEVELS[0]),
        stack=measurements.stack,
        layers=metadata["layers"],
        heads=metadata["heads"],
        tokens=len(measurements["token_ids"]),
        sentences=len(measurements["sentence_spans"]),
        roles=tuple(_roles(results[head_roles.ANALYSIS.name])),
        curves=tuple(_curves(measurements)),
        reference=agreement.reference if agreement else None,
        target=agreement.target if agreement else None,
        agreements=tuple(_agreements(agreement)),
        missing=missing,
    )


def _roles(result: head_roles.Result | None) -> Iterator[RoleHeads]:
    """The roles that the text decides, the sink by all keys and every other with the sink left out.

    A role that a probe on random tokens decides too is taken by its score on the text: the probe is the same for every document. A role whose values by
    sentence the file lacks is not decided.
    """
    if result is None:
        return
    undecided = {role.name for role in result.left_out}
    named = [role.name for role in result.known if not role.not_stored]
    if OTHER_OFFSETS not in undecided:
        named += [name for name in OFFSETS if name not in named]
    for name in named:
        if name not in PROBED:
            by_head = result.roles if name == SINK else result.roles_without_sink
            yield RoleHeads(role=name, heads=tuple(head for head, roles in by_head.items() if name in roles))
        elif (carried := _on_the_text(result, name)) is not None:
            yield RoleHeads(role=name, heads=tuple(f"{layer}.{head}" for layer, head in np.argwhere(carried).tolist()))


def _on_the_text(result: head_roles.Result, role: str) -> Bool[np.ndarray, "layer head"] | None:
    metric = next((metric for metric in result.metrics if metric.role == role and metric.evidence is not None), None)
    return None if metric is None else (metric.evidence_without_sink or metric.evidence).carried


def _curves(measurements: Measurements) -> Iterator[LayerCurve]:
    """Of every stack, every score that was measured there."""
    for stack in STACKS:
        for key in QUANTITIES:
            name = f"{stack}.{'first_token' if key == SINK_HEADS else key}"
            if name in measurements:
                values = _share_above(measurements[name]) if key == SINK_HEADS else mean_over_heads(measurements[name])
                yield LayerCurve(stack=stack, key=key, values=tuple(float(f"{value:.6g}") for value in values))


def _share_above(values: Float[np.ndarray, "layer head"]) -> Float[np.ndarray, " layer"]:
    """The share of the heads that have a value whose value is that of a sink head."""
    return mean_over_heads(np.where(np.isnan(values), np.nan, values > SINK_FROM).astype(np.float32))


def _agreements(result: attribution_agreement.Result | None) -> Iterator[MethodAgreement]:
    """Of every method with the reference."""
    if result is None:
        return
    for method in result.methods:
        if method != result.reference:
            row = result.agreement(method)
            numbers = {name: float(getattr(row, name)) for name in ("rho", "low", "high", "partial", "partial_low", "partial_high")}
            yield MethodAgreement(method=method, n=row.n, controls=result.controls, **numbers)
