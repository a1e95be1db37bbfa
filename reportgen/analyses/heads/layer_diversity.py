"""How different the heads of each layer are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.charting import composed, frameless, packed, plotted
from reportgen.analyses.heads.head_map import ALL_KEYS, WITHOUT_SINK
from reportgen.analyses.layer_progression import mean_over_heads
from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True)
class LayerDiversity:
    """One layer: entropy of its heads, mean and standard deviation; diversity, 1 minus the mean cosine of two heads; mean divergence of two heads. NaN: does not exist."""

    layer: int
    entropy: float
    entropy_spread: float
    entropy_without_sink: float
    entropy_spread_without_sink: float
    diversity: float
    diversity_without_sink: float
    divergence: float
    divergence_without_sink: float


def diversity_by_layer(measurements: Measurements, divergence: Mapping[str, Float[np.ndarray, "any_head any_head"]]) -> tuple[LayerDiversity, ...]:
    """Each layer's numbers, from the arrays that are there; `divergence` is of all heads, by the keys it is over."""
    layers, heads = measurements["*.head_similarity"].shape[:2]
    nothing = np.full(layers, np.nan)
    columns: dict[str, np.ndarray] = {}
    for suffix, keys in (("", ALL_KEYS), (LEFT, WITHOUT_SINK)):
        entropy, similarity = (f"*.{name}{suffix}" for name in ("entropy", "head_similarity"))
        columns[f"entropy{suffix}"] = mean_over_heads(measurements[entropy]) if entropy in measurements else nothing
        columns[f"entropy_spread{suffix}"] = _spread(measurements[entropy]) if entropy in measurements else nothing
        columns[f"diversity{suffix}"] = 1 - between_heads(measurements[similarity]) if similarity in measurements else nothing
        blocks = _blocks(divergence[keys], layers, heads) if keys in divergence else None
        columns[f"divergence{suffix}"] = nothing if blocks is None else between_heads(blocks)
    return tuple(LayerDiversity(layer=layer, **{name: float(values[layer]) for name, values in columns.items()}) for layer in range(layers))


def _spread(values: Float[np.ndarray, "layer head"]) -> Float[np.ndarray, " layer"]:
    """Standard deviation over the heads that have a value; NaN where none has."""
    mean, known = mean_over_heads(values), ~np.isnan(values)
    squares = np.where(known, (values - mean[:, None]) ** 2, 0).sum(1)
    return np.sqrt(np.divide(squares, known.sum(1), out=np.full(len(values), np.nan), where=known.any(1)))


def _blocks(divergence: Float[np.ndarray, "any_head any_head"], layers: int, heads: int) -> Float[np.ndarray, "layer head head"]:
    """The heads of each layer with those of the same."""
    return divergence.reshape(layers, heads, layers, heads)[np.arange(layers), :, np.arange(layers)]


def between_heads(matrices: Float[np.ndarray, "layer head head"]) -> Float[np.ndarray, " layer"]:
    """The mean over pairs of different heads that have a value; NaN where there is none."""
    pairs = np.where(np.eye(matrices.shape[1], dtype=bool), np.nan, matrices)
    return mean_over_heads(pairs.reshape(len(pairs), -1)).astype(float)


def draw_lines(alt: Any, layers: tuple[LayerDiversity, ...], *, divergence: bool) -> dict[str, Any]:
    """A panel each for diversity, divergence and entropy: all keys, and dashed without the sink."""
    panels = {"diversity": "1 \N{MINUS SIGN} cosine", "divergence": "divergence, nats", "entropy": "entropy, nats"}
    if not divergence:
        del panels["divergence"]
    return frameless(composed("hconcat", *(_panel(alt, layers, name, title) for name, title in panels.items())))


def _panel(alt: Any, layers: tuple[LayerDiversity, ...], name: str, title: str) -> Any:
    rows = [
        {"layer": row.layer, "value": plotted(getattr(row, name + suffix), 4), "keys": keys}
        for suffix, keys in (("", ALL_KEYS), (LEFT, WITHOUT_SINK))
        for row in layers
    ]
    names = [ALL_KEYS, WITHOUT_SINK]
    return (
        alt.Chart(alt.Data(values=packed(rows)), width=180, height=160)
        .mark_line()
        .encode(
            x=alt.X("layer:Q", title="layer", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, tickCount=5)),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=True)),
            color=alt.Color("keys:N", title=None, scale=alt.Scale(domain=names, range=["#3b6ea8", "#b8621b"])),
            strokeDash=alt.StrokeDash("keys:N", title=None, scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]])),
        )
    )
