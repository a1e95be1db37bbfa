"""What is left of the target when heads are masked: in order of importance, and at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.charting import composed, frameless, packed
from reportgen.measurements import Measurements
from reportgen.wording import significant

CHANGED = 0.1  # of the target with no head masked
ORDERED, RANDOM = "least important first", "random order"


@dataclass(frozen=True, kw_only=True, eq=False)
class PruningCurve:
    """The target with so many heads masked; of the random orders mean, least and greatest. `free` is the greatest step up to which it changes by at most a tenth.

    `better` counts the steps of `between`, those with some and not all heads masked, at which the order of importance changes the target less than every random order.
    `tokens` of the `of` tokens of the text were read, `draws` random orders tried.
    """

    unit: str
    tokens: int
    of: int
    draws: int
    heads: Int[np.ndarray, " step"]
    share: Float[np.ndarray, " step"]
    loss: Float[np.ndarray, " step"]
    random_mean: Float[np.ndarray, " step"]
    random_low: Float[np.ndarray, " step"]
    random_high: Float[np.ndarray, " step"]
    free: int
    random_free: int
    better: int
    between: int


def pruning_curve(measurements: Measurements) -> PruningCurve | None:
    """None where it was not measured."""
    if "pruning.loss" not in measurements:
        return None
    heads, loss, random = (measurements[f"pruning.{name}"] for name in ("heads", "loss", "random_loss"))
    settings = measurements.metadata.get("pruning", {})
    tokens = len(measurements["token_ids"])
    return PruningCurve(
        unit=settings.get("unit", measurements.metadata.get("target", {}).get("unit", "nats")),
        tokens=settings.get("tokens", tokens),
        of=settings.get("of", tokens),
        draws=len(random),
        heads=heads,
        share=heads / heads[-1],
        loss=loss,
        random_mean=random.mean(0),
        random_low=random.min(0),
        random_high=random.max(0),
        free=_free(heads, loss),
        random_free=_free(heads, random.mean(0)),
        better=int((np.abs(loss - loss[0]) < np.abs(random - loss[0]).min(0))[1:-1].sum()),
        between=max(len(heads) - 2, 0),
    )


def _free(heads: Int[np.ndarray, " step"], loss: Float[np.ndarray, " step"]) -> int:
    changed = np.abs(loss - loss[0]) > CHANGED * abs(loss[0])
    return int(heads[changed.argmax() - 1 if changed.any() else -1])


def draw_curve(alt: Any, curve: PruningCurve) -> dict[str, Any]:
    """The target against the share of heads masked: two lines, and for the random orders a band from the least to the greatest."""
    shares = [round(100 * float(share), 2) for share in curve.share]
    rows = [
        {"masked": share, "loss": round(float(value), 4), "order": name}
        for name, values in ((ORDERED, curve.loss), (RANDOM, curve.random_mean))
        for share, value in zip(shares, values, strict=True)
    ]
    band = [
        {"masked": share, "low": round(float(low), 4), "high": round(float(high), 4)}
        for share, low, high in zip(shares, curve.random_low, curve.random_high, strict=True)
    ]
    names, colours = [ORDERED, RANDOM], ["#3b6ea8", "#b8621b"]
    x = alt.X("masked:Q", title="heads masked, %", scale=alt.Scale(nice=False))
    title = f"target, {curve.unit}"
    area = alt.Chart(alt.Data(values=packed(band))).mark_area(opacity=0.2, color=colours[1]).encode(x=x, y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    lines = (
        alt.Chart(alt.Data(values=packed(rows)))
        .mark_line(point=True)
        .encode(
            x=x,
            y=alt.Y("loss:Q", title=title, scale=alt.Scale(zero=False)),
            color=alt.Color("order:N", title=None, scale=alt.Scale(domain=names, range=colours)),
            strokeDash=alt.StrokeDash("order:N", title=None, scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]])),
        )
    )
    return frameless(composed("layer", area, lines, width=560, height=260))


def say(curve: PruningCurve | None) -> str:
    """What masking does, in one sentence; how to get it where it was not measured."""
    if curve is None:
        return "Heads were not masked one after another; full attribution does that."
    step = len(curve.heads) // 2
    return (
        f"Of {curve.heads[-1]} heads {curve.free} can be masked in order of importance before the target changes by over a tenth, {curve.random_free} in random order: "
        f"with {curve.heads[step]} masked it goes from {significant(curve.loss[0])} {curve.unit} to {significant(curve.loss[step])}, at random to "
        f"{significant(curve.random_mean[step])} (mean of {curve.draws}). At {curve.better} of the {curve.between} steps between none and all the order of importance "
        f"changes the target less than each of the random orders; by chance it would at {significant(curve.between / (curve.draws + 1))}."
    )
