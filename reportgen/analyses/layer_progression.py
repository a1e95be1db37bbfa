"""How attention changes from the first layer to the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.analysis import Analysis, Method
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements

QUANTITIES = {
    "distance": "Mean distance",
    "entropy": "Entropy",
    "locality": "Attention within 3 tokens",
    "first_token": "Attention on the first token",
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
    """The four scores by layer."""

    quantities: tuple[LayerQuantity, ...]


def analyse(measurements: Measurements) -> Result:
    """Means and quartiles over the heads of each layer."""
    uniform = _uniform(measurements)
    return Result(quantities=tuple(_quantity(measurements, key, label, uniform.get(key)) for key, label in QUANTITIES.items()))


def _quantity(measurements: Measurements, key: str, label: str, uniform: float | None) -> LayerQuantity:
    values, without = measurements[f"*.{key}"], f"*.{key}_without_sink"
    return LayerQuantity(
        key=key,
        label=label,
        unit=CONTRACT[f"*.{key}"].unit,
        mean=values.mean(1),
        low=np.quantile(values, 0.25, axis=1).astype(np.float32),
        high=np.quantile(values, 0.75, axis=1).astype(np.float32),
        mean_without_sink=np.nanmean(measurements[without], axis=1) if without in measurements else None,
        uniform=uniform,
    )


def _uniform(measurements: Measurements) -> dict[str, float]:
    """What even attention over all earlier tokens and itself would give; empty where windows or the future change what is visible."""
    expected, members = measurements["*.sentence_expected"], measurements["token_sentences"]
    if expected.ndim != 2 or expected[-1, 0] == 0 or np.triu(expected, 1).any():
        return {}
    query = np.flatnonzero(members >= 0)
    later = query[query >= 1]
    return {
        "distance": float((query / 2).mean()),
        "entropy": float(np.log(query + 1).mean()),
        "locality": float((np.minimum(query + 1, 4) / (query + 1)).mean()),
        "first_token": float((1 / (later + 1)).mean()),
    }


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Four panels: mean over heads as a line, quartiles as a band, the mean without the sink dashed, even attention dotted."""
    import altair as alt

    panels = [_panel(alt, quantity) for quantity in result.quantities]
    chart = alt.vconcat(alt.hconcat(*panels[:2]), alt.hconcat(*panels[2:]))
    return {"layers": chart.configure_view(stroke=None).to_dict()}


def _panel(alt: Any, quantity: LayerQuantity) -> Any:
    """One quantity against the layer."""
    rows = [
        {"layer": layer, "mean": round(float(mean), 5), "low": round(float(low), 5), "high": round(float(high), 5)}
        for layer, (mean, low, high) in enumerate(zip(quantity.mean, quantity.low, quantity.high, strict=True))
    ]
    x = alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1, grid=False))
    title = f"{quantity.label} ({quantity.unit})"
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=True))
    base = alt.Chart(alt.Data(values=rows), width=300, height=150)
    marks = [
        base.mark_area(opacity=0.25, color="#3b6ea8").encode(x=x, y=alt.Y("low:Q", title=title), y2="high:Q"),
        base.mark_line(color="#3b6ea8").encode(x=x, y=y),
    ]
    if quantity.mean_without_sink is not None:
        values = [{"layer": layer, "mean": round(float(mean), 5)} for layer, mean in enumerate(quantity.mean_without_sink)]
        marks.append(alt.Chart(alt.Data(values=values)).mark_line(color="#b8621b", strokeDash=[6, 3]).encode(x=x, y=y))
    if quantity.uniform is not None:
        marks.append(alt.Chart(alt.Data(values=[{"mean": round(quantity.uniform, 5)}])).mark_rule(color="#7a7a7a", strokeDash=[1, 3]).encode(y=y))
    return alt.layer(*marks)


def find(result: Result) -> str:
    """The four scores in the first third of the layers and in the last."""
    parts = [_change(quantity) for quantity in result.quantities]
    return f"From the first third of the layers to the last, mean over heads: {'; '.join(parts)}."


def _change(quantity: LayerQuantity) -> str:
    third = max(len(quantity.mean) // 3, 1)
    early, late = float(quantity.mean[:third].mean()), float(quantity.mean[-third:].mean())
    form = "{:.0%}" if quantity.unit == "share" else "{:.3g}"
    change = f"{quantity.label[0].lower()}{quantity.label[1:]} {form.format(early)} to {form.format(late)}"
    if quantity.mean_without_sink is None:
        return change
    left = [float(quantity.mean_without_sink[part].mean()) for part in (slice(None, third), slice(-third, None))]
    return f"{change}{'' if quantity.unit == 'share' else ' ' + quantity.unit} (without the sink {form.format(left[0])} to {form.format(left[1])})"


ANALYSIS = Analysis(
    name="layer_progression",
    question="How far back, and how widely, does each layer look?",
    needs=("distance", "distance_without_sink", "entropy", "entropy_without_sink", "locality", "locality_without_sink", "first_token"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "Attention on the first token is far away and narrow, so it raises the distance and lowers the entropy of every head that rests there: read the dashed "
        "line, which leaves it out. Entropy measures spread, not distance. Under a causal mask 'within 3 tokens' means the token and the 3 before it."
    ),
    methods=tuple(Method(name=label, formula=CONTRACT[f"*.{key}"].formula, source=CONTRACT[f"*.{key}"].source) for key, label in QUANTITIES.items()),
)
