"""A chart of links: how much attention they get against what hiding them does."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.analyses.charting import frameless, packed
from reportgen.analyses.link_effects.hidden import NOTHING, Hidden
from reportgen.wording import counted, rounded

POINTS_AT_MOST = 400
KINDS = ("link", "link to the first sentence", "link drawn by chance")


def draw_effects(links: Hidden) -> dict[str, Any]:
    """Effect against lift, both logarithmic; what does nothing stands at the lower edge; links to the first sentence and those drawn by chance have marks of their own."""
    import altair as alt

    shown = _shown(len(links.effect))
    kind = np.where(links.first, 1, np.where(links.drawn, 2, 0))
    rows = [
        {
            "query_sentence": int(links.queries[at]) + 1,
            "key_sentence": int(links.keys[at]) + 1,
            "lift": rounded(links.lift[at], 4),
            "effect": rounded(links.effect[at], 4),
            "kind": KINDS[kind[at]],
        }
        for at in shown.tolist()
        if links.lift[at] > 0
    ]
    domain = [name for name in KINDS if any(row["kind"] == name for row in rows)]
    colours, shapes = dict(zip(KINDS, ("#3b6ea8", "#b8621b", "#7a7a7a"), strict=True)), dict(zip(KINDS, ("circle", "diamond", "cross"), strict=True))
    log = alt.Scale(type="log", nice=False)
    idle, most = any(row["effect"] < NOTHING for row in rows), max((row["effect"] for row in rows), default=0)
    effects = alt.Scale(type="log", nice=False, domain=[NOTHING, max(most, 10 * NOTHING)], clamp=True) if idle else log
    chart = (
        alt.Chart(alt.Data(values=packed(rows)), width=620, height=300)
        .mark_point(filled=True, size=40, opacity=0.7)
        .encode(
            x=alt.X("lift:Q", title="attention, times what even attention gives (log)", scale=log, axis=alt.Axis(tickCount=6)),
            y=alt.Y("effect:Q", title="effect when hidden, nats (log)", scale=effects, axis=alt.Axis(tickCount=6)),
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=domain, range=[colours[name] for name in domain])),
            shape=alt.Shape("kind:N", title=None, scale=alt.Scale(domain=domain, range=[shapes[name] for name in domain])),
        )
    )
    least, greatest = links.effect.min(), links.effect.max()
    words = (
        f"What hiding a link does against its attention, {len(rows)} of {len(links.effect)} hidden links as points. Effects go from {least:.3g} to {greatest:.3g} nats, "
        f"lifts from {np.nanmin(links.lift):.3g} to {np.nanmax(links.lift):.3g}; {counted(int(links.first.sum()), 'link leads', 'links lead')} to the first sentence."
    )
    return frameless(chart.properties(description=words))


def _shown(count: int) -> Int[np.ndarray, " shown"]:
    """The places of at most 400 of them, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS_AT_MOST)).round().astype(np.int64))
