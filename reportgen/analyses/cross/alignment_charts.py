"""Pictures of cross-attention: sentences by sentences as share and as lift, and maps of heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.charting import composed, frameless, packed
from reportgen.wording import rounded

ROWS_AT_MOST, COLUMNS_AT_MOST = 30, 40  # of a picture; more sentences are drawn as means over groups
GREATEST_LIFT = 8.0
CELL, HEAD = 14, 20  # pixels of a cell, of a head
NARROWEST, LOWEST = 220, 110  # that titles have room
APART = {"scale": {"color": "independent"}}


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadMap:
    """One score of every head, on a scale from `low` to 1."""

    title: str
    values: Float[np.ndarray, "layer head"]
    low: float


def draw_alignment(share: Float[np.ndarray, "output source"], lift: Float[np.ndarray, "output source"], description: str) -> dict[str, Any]:
    """Two maps side by side: the share on a linear scale from 0, the lift on a logarithmic one around 1."""
    import altair as alt

    greatest = float(f"{pooled(share).max():.2g}") or 1.0
    shares = alt.Scale(scheme="cividis", domain=[0, greatest], clamp=True)
    lifts = alt.Scale(type="log", base=2, scheme="blueorange", domain=[1 / GREATEST_LIFT, GREATEST_LIFT], clamp=True)
    left = _matrix(alt, share, "Share of an output sentence’s attention", alt.Color("value:Q", title="share", scale=shares, legend=alt.Legend(tickCount=4)))
    values = [1 / GREATEST_LIFT, 0.5, 1, 2, GREATEST_LIFT]
    right = _matrix(alt, lift, "Lift over even attention", alt.Color("value:Q", title="lift, ×", scale=lifts, legend=alt.Legend(values=values, format="~g")))
    return frameless(composed("hconcat", left, right, description=description, resolve=APART))


def pooled(values: Float[np.ndarray, "output source"]) -> Float[np.ndarray, "row column"]:
    """Means over groups of consecutive sentences, as large as the picture needs."""
    for axis, most in ((0, ROWS_AT_MOST), (1, COLUMNS_AT_MOST)):
        starts = group_starts(values.shape[axis], most)
        sizes = np.diff([*starts, values.shape[axis]])
        values = np.add.reduceat(values, starts, axis=axis) / (sizes[:, None] if axis == 0 else sizes)
    return values


def group_starts(sentences: int, most: int) -> list[int]:
    """Where groups of equally many consecutive sentences begin, `most` groups at most."""
    return list(range(0, sentences, -(-sentences // most)))


def _matrix(alt: Any, values: Float[np.ndarray, "output source"], title: str, colour: Any) -> Any:
    rows, columns = (_names(size, most) for size, most in zip(values.shape, (ROWS_AT_MOST, COLUMNS_AT_MOST), strict=True))
    cells = [{"output": rows[row], "source": columns[column], "value": rounded(value, 4)} for (row, column), value in np.ndenumerate(pooled(values))]
    return (
        alt.Chart(alt.Data(values=packed(cells)), title=title, width=max(NARROWEST, CELL * len(columns)), height=max(LOWEST, CELL * len(rows)))
        .mark_rect()
        .encode(
            x=alt.X("source:O", title="source sentence", sort=columns, axis=alt.Axis(labelAngle=0 if len(columns[-1]) < 4 else -90, labelOverlap=True)),
            y=alt.Y("output:O", title="output sentence", sort=rows, axis=alt.Axis(labelOverlap=True)),
            color=colour,
        )
    )


def _names(sentences: int, most: int) -> list[str]:
    """Each group by its first and last sentence, counted from 1."""
    starts = group_starts(sentences, most)
    ends = [*starts[1:], sentences]
    return [f"{start + 1}" if end - start == 1 else f"{start + 1}–{end}" for start, end in zip(starts, ends, strict=True)]


def draw_head_maps(maps: Sequence[HeadMap], description: str) -> dict[str, Any]:
    """One map for each score, layers down, heads across."""
    import altair as alt

    drawn = [_head_map(alt, found) for found in maps]
    return frameless(composed("concat", *drawn, columns=2, description=description, resolve=APART))


def _head_map(alt: Any, found: HeadMap) -> Any:
    layers, heads = found.values.shape
    scale = alt.Scale(scheme="blueorange" if found.low < 0 else "cividis", domain=[found.low, 1], clamp=True)
    return (
        alt.Chart(alt.Data(values=packed(_cells(found))), title=found.title, width=max(NARROWEST, HEAD * heads), height=max(LOWEST // 2, CELL * layers))
        .mark_rect()
        .encode(
            x=alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("layer:O", title="layer", axis=alt.Axis(labelOverlap=True)),
            color=alt.Color("value:Q", title=None, scale=scale, legend=alt.Legend(tickCount=3, gradientLength=50)),
        )
    )


def _cells(found: HeadMap) -> Iterator[dict[str, Any]]:
    for (layer, head), value in np.ndenumerate(found.values):
        yield {"layer": layer, "head": head, "value": rounded(value, 4)}
