"""Whether two files' targets depend on the same sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.agreement.comparison import Agreement, compare
from reportgen.analyses.agreement.controls import controls
from reportgen.analyses.agreement.methods import BASELINE, METHODS, ByMethod
from reportgen.analyses.agreement.ranks import from_greatest
from reportgen.analyses.agreement.reading import NEEDED
from reportgen.analyses.agreement.target import first_read_with_target, sentences_of_target
from reportgen.comparison.aligning import EDITED, Match
from reportgen.comparison.ground import Ground, Pooling
from reportgen.measurements import Measurements

SHOWN_OF_EACH = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodInBoth:
    """A method's number for every unit compared, as measured, its rank in each file (1 for the greatest size), and how far the ranks agree."""

    name: str
    label: str
    a: Float[np.ndarray, " compared"]
    b: Float[np.ndarray, " compared"]
    ranks_a: Int[np.ndarray, " compared"]
    ranks_b: Int[np.ndarray, " compared"]
    found: Agreement


@dataclass(frozen=True, kw_only=True, eq=False)
class AttributionChanges:
    """The targets, their values and units where they are known, the units compared, what each method says of them, and places among them to show."""

    target_a: str
    target_b: str
    value_a: float | None
    value_b: float | None
    value_unit: str
    units: tuple[int, ...]
    methods: tuple[MethodInBoth, ...]
    shown: tuple[int, ...]
    notes: tuple[str, ...]


def attribution_changes(ground: Ground, a: Measurements, b: Measurements) -> AttributionChanges | str:
    """Ranks of the units that both targets can depend on; or why they cannot be compared."""
    why = _why_not(ground, a, b)
    if why:
        return why
    targets = [of.metadata["target"] for of in (a, b)]
    known = _known(ground.a, a) & _known(ground.b, b)
    units = np.flatnonzero(known)
    if not len(units):
        return "Attribution cannot be compared: no sentence has values in both files."
    distance, lengths = (
        _distance(units, ground, targets[1]),
        np.array([sum(side.tokens[list(side.groups[unit])].sum() for side in (ground.a, ground.b)) for unit in units]),
    )
    first = [first_read_with_target(of) for of in (a, b)]
    sink = np.array([first[0] in ground.matches[unit].a or first[1] in ground.matches[unit].b for unit in units])
    accounted = controls([np.log(distance) if distance is not None else units.astype(float), np.log(lengths)], sink)
    methods = tuple(found for found in (_method(method, ground, a, b, units, accounted) for method in METHODS) if found)
    values = [target.get("value") for target in targets]
    return AttributionChanges(
        target_a=targets[0]["description"],
        target_b=targets[1]["description"],
        value_a=None if None in values else float(values[0]),
        value_b=None if None in values else float(values[1]),
        value_unit=targets[0].get("unit", "nats"),
        units=tuple(units.tolist()),
        methods=methods,
        shown=_shown(methods),
        notes=tuple(_notes(ground, a, b)),
    )


def _why_not(ground: Ground, a: Measurements, b: Measurements) -> str:
    """The reason, empty where there is none."""
    for which, of in (("A", a), ("B", b)):
        if any(f"attribution.{name}" not in of for name in NEEDED):
            return f"Attribution cannot be compared: it was not measured in {which}."
    targets = [of.metadata["target"] for of in (a, b)]
    said = f"A explains {targets[0]['description']}; B explains {targets[1]['description']}"
    if targets[0].get("unit") != targets[1].get("unit"):
        return f"Attribution cannot be compared, because the targets are of two kinds: {said}."
    own = [tuple(sentences_of_target(target)) for target in targets]
    if a.target_text != b.target_text and targets[0].get("unit", "nats") == "nats":
        return f"Attribution cannot be compared, because the decoders, whose words the targets are, read two texts: {said}."
    if own == [(), ()]:
        return "" if _same_words(targets) else f"Attribution cannot be compared, because the targets differ: {said}."
    held = [match for match in ground.matches if set(match.a) & set(own[0]) or set(match.b) & set(own[1])]
    if not _whole(held, own):
        return f"Attribution cannot be compared, because the targets are not the same sentences: {said}."
    if any(match.kind == EDITED or match.likeness < 1 for match in held):
        return f"Attribution cannot be compared, because the words of the target were edited: {said}."
    return ""


def _same_words(targets: list[dict]) -> bool:
    """Targets that are no sentence are the same where they are described alike."""
    return targets[0]["description"] == targets[1]["description"]


def _whole(held: list[Match], own: list[tuple[int, ...]]) -> bool:
    sides = [tuple(sorted(place for match in held for place in side(match))) for side in (lambda match: match.a, lambda match: match.b)]
    return sides == own


def _known(pooling: Pooling, measurements: Measurements) -> np.ndarray:
    """Units before the target, or all others of an encoder, with a value by every method that is always measured."""
    values = np.stack([pooling.sums(measurements[f"attribution.{name}"]) for name in NEEDED])
    own = tuple(sentences_of_target(measurements.metadata["target"]))
    free = np.array([not set(group) & set(own) for group in pooling.groups])
    before = np.array([not own or measurements.stack != "decoder" or max(group) < own[0] for group in pooling.groups])
    return ~np.isnan(values).any(0) & free & before


def _distance(units: Int[np.ndarray, " compared"], ground: Ground, target: dict) -> Float[np.ndarray, " compared"] | None:
    """In units that both have, to the nearest one of the target; None where it is no sentence."""
    own = set(sentences_of_target(target))
    held = [place for place, match in enumerate(ground.matches) if own & set(match.b)]
    return np.abs(np.subtract.outer(units, held)).min(1).astype(float) if held else None


def _method(method: ByMethod, ground: Ground, a: Measurements, b: Measurements, units: np.ndarray, accounted: np.ndarray) -> MethodInBoth | None:
    key = f"attribution.{method.name}"
    if method.kind == BASELINE or key not in a or key not in b:
        return None
    values = [pooling.sums(of[key])[units] for pooling, of in ((ground.a, a), (ground.b, b))]
    if np.isnan(values).any():
        return None
    sizes = np.abs(values) if method.signed else np.stack(values)
    ranks = from_greatest(sizes)
    found = compare(("A", "B"), sizes, accounted).of("A", "B")
    return MethodInBoth(name=method.name, label=method.label, a=values[0], b=values[1], ranks_a=ranks[0], ranks_b=ranks[1], found=found)


def _shown(methods: tuple[MethodInBoth, ...]) -> tuple[int, ...]:
    """The first five units of either file by any of gradient and attention, in the order of the document."""
    chosen = [method for method in methods if method.name in ("attention", "gradient")]
    places = {place for method in chosen for ranks in (method.ranks_a, method.ranks_b) for place in np.flatnonzero(ranks <= SHOWN_OF_EACH).tolist()}
    return tuple(sorted(places))


def _notes(ground: Ground, a: Measurements, b: Measurements) -> Iterator[str]:
    alone = [
        (method.label, "A" if f"attribution.{method.name}" in a else "B")
        for method in METHODS
        if (f"attribution.{method.name}" in a) != (f"attribution.{method.name}" in b)
    ]
    for which in ("A", "B"):
        labels = [label for label, side in alone if side == which]
        if labels:
            yield f"Measured in {which} alone: {', '.join(labels)}."
    if not (ground.a.single and ground.b.single):
        yield "Where sentences were split or joined, a unit's number is the sum over its sentences."
