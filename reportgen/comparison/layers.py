"""How each layer looks, in both files: means over heads, beside what even attention gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.analyses.even_attention import even_attention
from reportgen.analyses.layer_progression import QUANTITIES, mean_over_heads
from reportgen.comparison.change import HeadChange
from reportgen.comparison.relation import Relation
from reportgen.contract import CONTRACT
from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements

VARIANTS = {"": "", LEFT: ", without the sink"}
OF_UNITS = "within_sentence"


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """A score by layer in both files, mean over heads; `even_a` and `even_b` are what even attention gives, None where that is not known.

    `relative` says that the values are divided by these, because the files' texts, tokens or masks would give other values by themselves.
    """

    key: str
    label: str
    unit: str
    a: Float[np.ndarray, " layer_a"]
    b: Float[np.ndarray, " layer_b"]
    even_a: float | None
    even_b: float | None
    relative: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerChanges:
    """The curves, the share of attention that lands elsewhere by layer (None where layers are not one to one), and what is left out with the reason."""

    curves: tuple[Curve, ...]
    elsewhere: Float[np.ndarray, " layer"] | None
    elsewhere_content: Float[np.ndarray, " layer"] | None
    notes: tuple[str, ...]


def layer_changes(relation: Relation, a: Measurements, b: Measurements, heads: HeadChange | None) -> LayerChanges:
    """Every score that both files hold."""
    evens = [even.scores() if (even := even_attention(of)) else {} for of in (a, b)]
    labels = {f"{key}{suffix}": f"{label}{said}" for key, label in QUANTITIES.items() for suffix, said in VARIANTS.items()}
    known = {key: label for key, label in labels.items() if f"*.{key}" in a and f"*.{key}" in b and not (relation.other_units and key.startswith(OF_UNITS))}
    curves = tuple(_curve(relation, (a, b), key, label, [even.get(key) for even in evens]) for key, label in known.items())
    alone = {label: "A" if f"*.{key}" in a else "B" for key, label in labels.items() if (f"*.{key}" in a) != (f"*.{key}" in b)}
    return LayerChanges(
        curves=curves,
        elsewhere=heads.layers if heads else None,
        elsewhere_content=heads.layers_content if heads else None,
        notes=tuple(_notes(relation, curves, alone, heads)),
    )


def _notes(relation: Relation, curves: tuple[Curve, ...], alone: Mapping[str, str], heads: HeadChange | None) -> Iterator[str]:
    if relation.other_units:
        yield "Attention within the sentence is left out: it is about sentences as each file cuts them, which differ."
    for label, which in alone.items():
        yield f"{label} is only in {which} and cannot be compared."
    if any(curve.relative for curve in curves):
        yield "Scores that depend on how many keys there are, and how they are cut into tokens, are shown as multiples of what even attention gives in the same file."
    if not (relation.same_tokens and relation.same_mask) and any(not curve.relative for curve in curves):
        yield "Where no level of even attention is known, as without the sink, scores are as measured, and a difference may be one of tokens and keys alone."
    if not relation.same_model:
        yield "Layers of two models are different layers: curves are set side by side by depth, and not subtracted."
    elif heads is None:
        yield "How much attention lands elsewhere in each layer cannot be told: attention by head is not stored in both files, or they share fewer than two sentences."


def _curve(relation: Relation, files: tuple[Measurements, Measurements], key: str, label: str, levels: list[float | None]) -> Curve:
    means = [mean_over_heads(of[f"*.{key}"]).astype(np.float64) for of in files]
    relative = not (relation.same_mask and relation.same_tokens) and all(level for level in levels)
    if relative:
        means = [values / level for values, level in zip(means, levels, strict=True)]
    unit = "times even attention" if relative else CONTRACT[f"*.{key}"].unit
    return Curve(key=key, label=label, unit=unit, a=means[0], b=means[1], even_a=levels[0], even_b=levels[1], relative=relative)
