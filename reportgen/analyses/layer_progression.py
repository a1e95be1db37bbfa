"""How attention changes from the first layer to the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import composed, frameless, in_rows, packed, plotted
from reportgen.analyses.even_attention import even_attention
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements

QUANTITIES = {
    "distance": "Mean distance",
    "entropy": "Entropy",
    "locality": "Attention within 3 tokens",
    "first_token": "Attention on the first token",
    "within_sentence": "Attention within the sentence",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerQuantity:
    """One score by layer: mean and quartiles over heads, the mean without the sink, and what even attention would give (None: not known)."""

    key: str
    label: str
    unit: str
    mean: Float[np.ndarray, " layer"]
    low: Float[np.ndarray, " layer"]
    high: Float[np.ndarray, " layer"]
    mean_without_sink: Float[np.ndarray, " layer"] | None
    uniform: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The scores by layer."""

    quantities: tuple[LayerQuantity, ...]


def analyse(measurements: Measurements) -> Result:
    """Means and quartiles over the heads of each layer."""
    even = even_attention(measurements)
    uniform = even.scores() if even else {}
    return Result(quantities=tuple(_quantity(measurements, key, label, uniform.get(key)) for key, label in QUANTITIES.items()))


def _quantity(measurements: Measurements, key: str, label: str, uniform: float | None) -> LayerQuantity:
    values, without = measurements[f"*.{key}"], f"*.{key}_without_sink"
    return LayerQuantity(
        key=key,
        label=label,
        unit=CONTRACT[f"*.{key}"].unit,
        mean=mean_over_heads(values),
        low=np.quantile(values, 0.25, axis=1).astype(np.float32),
        high=np.quantile(values, 0.75, axis=1).astype(np.float32),
        mean_without_sink=mean_over_heads(measurements[without]) if without in measurements else None,
        uniform=uniform,
    )


def mean_over_heads(values: Float[np.ndarray, "layer head"]) -> Float[np.ndarray, " layer"]:
    """The mean of the heads that have a value; NaN where none has."""
    known = ~np.isnan(values)
    return np.divide(np.where(known, values, 0).sum(1), known.sum(1), out=np.full(len(values), np.nan, np.float32), where=known.any(1))


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """A panel for each score: mean over heads as a line, quartiles as a band, the mean without the sink dashed, even attention dotted."""
    import altair as alt

    panels = [_panel(alt, quantity) for quantity in result.quantities]
    return {"layers": frameless(in_rows(panels, columns=2))}


def _panel(alt: Any, quantity: LayerQuantity) -> Any:
    """One quantity against the layer."""
    rows = [
        {"layer": layer, "mean": plotted(mean), "low": plotted(low), "high": plotted(high)}
        for layer, (mean, low, high) in enumerate(zip(quantity.mean, quantity.low, quantity.high, strict=True))
    ]
    x = alt.X("layer:Q", title="layer", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, grid=False))
    title = f"{quantity.label} ({quantity.unit})"
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=True))
    base = alt.Chart(alt.Data(values=packed(rows)), width=300, height=180)
    marks = [
        base.mark_area(opacity=0.25, color="#3b6ea8").encode(x=x, y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q")),
        base.mark_line(color="#3b6ea8").encode(x=x, y=y),
    ]
    if quantity.mean_without_sink is not None:
        values = [{"layer": layer, "mean": plotted(mean)} for layer, mean in enumerate(quantity.mean_without_sink)]
        marks.append(alt.Chart(alt.Data(values=packed(values))).mark_line(color="#b8621b", strokeDash=[6, 3]).encode(x=x, y=y))
    if quantity.uniform is not None:
        marks.append(alt.Chart(alt.Data(values=packed([{"mean": plotted(quantity.uniform)}]))).mark_rule(color="#7a7a7a", strokeDash=[1, 3]).encode(y=y))
    return composed("layer", *marks)


def find(result: Result) -> str:
    """The scores in the first third of the layers and in the last."""
    parts = [_change(quantity) for quantity in result.quantities]
    return f"From the first third of the layers to the last, mean over heads: {'; '.join(parts)}."


def _change(quantity: LayerQuantity) -> str:
    third = max(len(quantity.mean) // 3, 1)
    early, late = float(quantity.mean[:third].mean()), float(quantity.mean[-third:].mean())
    change = f"{quantity.label[0].lower()}{quantity.label[1:]} {_written(early, quantity.unit)} to {_written(late, quantity.unit)}"
    if quantity.mean_without_sink is None:
        return change
    left = [float(quantity.mean_without_sink[part].mean()) for part in (slice(None, third), slice(-third, None))]
    unit = "" if quantity.unit == "share" else f" {quantity.unit}"
    return f"{change}{unit} (without the sink {_written(left[0], quantity.unit)} to {_written(left[1], quantity.unit)})"


def _written(value: float, unit: str) -> str:
    if np.isnan(value):
        return "no value"
    if unit == "share":
        return f"{value:.0%}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


ANALYSIS = Analysis(
    name="layer_progression",
    question="How far back, and how widely, does each layer look?",
    needs=("distance", "distance_without_sink", "entropy", "entropy_without_sink", "locality", "locality_without_sink", "first_token", "within_sentence"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "Attention on the first token is far away and narrow, so it raises the distance and lowers the entropy of every head that rests there: read the dashed "
        "line, which leaves it out. Entropy measures spread, not distance. Under a causal mask 'within 3 tokens' means the token and the 3 before it."
    ),
    methods=tuple(Method(name=label, formula=CONTRACT[f"*.{key}"].formula, source=CONTRACT[f"*.{key}"].source) for key, label in QUANTITIES.items()),
)
