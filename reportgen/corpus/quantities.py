"""The scores by layer that findings over documents show: their names, units and formulas."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.analyses.analysis import Method
from reportgen.analyses.layer_progression import QUANTITIES as OF_ONE_DOCUMENT
from reportgen.contract import CONTRACT
from reportgen.contract.rows import LEFT

SINK_HEADS = "sink_heads"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A score by layer. `without_sink` tells the variant that leaves the first token and special tokens out."""

    label: str
    unit: str
    without_sink: bool


def _named(key: str, label: str) -> dict[str, Quantity]:
    unit = CONTRACT[f"*.{key}"].unit
    plain = {key: Quantity(label=label, unit=unit, without_sink=False)}
    left = {key + LEFT: Quantity(label=f"{label}, without the sink", unit=unit, without_sink=True)}
    return plain | (left if f"*.{key}{LEFT}" in CONTRACT else {})


LABELS = OF_ONE_DOCUMENT | {"relative_entropy": "Entropy over its maximum"}
QUANTITIES = {name: found for key, label in LABELS.items() for name, found in _named(key, label).items()} | {
    SINK_HEADS: Quantity(label="Heads that rest on the first token", unit="share", without_sink=False)
}
METHODS = (
    *(Method(name=label, formula=CONTRACT[f"*.{key}"].formula, source=CONTRACT[f"*.{key}"].source) for key, label in LABELS.items()),
    Method(name="Heads that rest on the first token", formula="share of a layer's heads with first_token > 0.3", source="after Gu et al. 2024"),
)
