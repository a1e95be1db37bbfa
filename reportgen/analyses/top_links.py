"""The strongest links between sentences by lift, for the whole model and each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.sentence_matrix import EFFECT, attention_views, expected_attention, hidden_effects
from reportgen.contract import CONTRACT
from reportgen.links import lift_of, rank_links
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs
from reportgen.wording import percent, significant


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """For each view (0: whole model, l + 1: layer l) the pairs (query, key) with the greatest lift, greatest first; -1 where there are fewer.

    `every_*` ranks all pairs; `content_*` leaves out the first sentence read as key and each sentence on itself. `effects` has the links that were hidden
    (query, key, nats), none where none were; `content_effect` the effect of those of the whole model, None where it was not measured. `read_together` says
    whether any two sentences were.
    """

    count: int
    every_pairs: Int[np.ndarray, "view rank 2"]
    every_share: Float[np.ndarray, "view rank"]
    every_lift: Float[np.ndarray, "view rank"]
    content_pairs: Int[np.ndarray, "view rank 2"]
    content_share: Float[np.ndarray, "view rank"]
    content_lift: Float[np.ndarray, "view rank"]
    effects: Float[np.ndarray, "link 3"]
    content_effect: tuple[float | None, ...]
    read_together: bool = True
    windowed: bool = False


def analyse(measurements: Measurements) -> Result:
    """Rank every view's pairs of sentences by lift."""
    pairs, attention = measurements.by_pair.pairs, attention_views(measurements)
    lift = lift_of(attention, expected_attention(measurements))
    every, content = rank_links(lift, pairs)
    effects = hidden_effects(measurements)
    return Result(
        count=every.shape[1],
        every_pairs=_sentences(pairs, every),
        every_share=_values(attention, every),
        every_lift=_values(lift, every),
        content_pairs=_sentences(pairs, content),
        content_share=_values(attention, content),
        content_lift=_values(lift, content),
        effects=effects,
        content_effect=_effects_of(effects, _sentences(pairs, content)[0]),
        read_together=bool((~np.isnan(lift[0]) & (pairs.queries != pairs.keys)).any()),
        windowed=pairs.first_read is not None,
    )


def _effects_of(effects: Float[np.ndarray, "link 3"], pairs: Int[np.ndarray, "rank 2"]) -> tuple[float | None, ...]:
    """The effect of each pair, None where it was not measured."""
    known = {(int(query), int(key)): effect for query, key, effect in effects.tolist()}
    return tuple(known.get((query, key)) for query, key in pairs.tolist())


def _sentences(pairs: SentencePairs, places: Int[np.ndarray, "view rank"]) -> Int[np.ndarray, "view rank 2"]:
    """The query and the key sentence of the pairs at these places; -1 for none."""
    return np.where(places[..., None] >= 0, np.stack([pairs.queries[places], pairs.keys[places]], -1), -1)


def _values(views: Float[np.ndarray, "view pair"], places: Int[np.ndarray, "view rank"]) -> Float[np.ndarray, "view rank"]:
    return np.where(places >= 0, np.take_along_axis(views, places, 1), np.nan)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: links are shown in the matrix, the text and a table."""
    return {}


def find(result: Result) -> str:
    """The strongest link, and how many of the strongest twenty join neighbours."""
    if result.count == 0 or result.content_pairs[0, 0, 0] < 0:
        if not result.read_together:
            return "No two sentences were read together, so that no link between sentences was measured."
        return f"There is no link between two sentences besides those to the first sentence{' of a window' * result.windowed}."
    (query, key), share, lift = result.content_pairs[0, 0], result.content_share[0, 0], result.content_lift[0, 0]
    top = [pair for pair in result.content_pairs[0][:20].tolist() if pair[0] >= 0]
    near = sum(abs(query - key) == 1 for query, key in top)
    return (
        f"The strongest link by lift leads from sentence {query + 1} to sentence {key + 1}: {percent(share)} of its attention, {significant(lift)} times even attention; "
        f"{near} of the {len(top)} strongest links join neighbouring sentences."
    )


ANALYSIS = Analysis(
    name="top_links",
    question="Which links between sentences stand out?",
    needs=("sentence_attention|sentence_attention_by_layer", "sentence_expected"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "Lift compares with even attention over all visible tokens, not with what distance explains: nearness alone lifts neighbours. A short sentence "
        "expects little and is lifted by little. The share beside it says how much attention there is at all. Where the effect of hiding a link is given, only the "
        "direct look is cut: what other sentences carry over from the hidden one still reaches the sentence that looks. No model was trained with links "
        "cut, so the effect is measured off what it has learnt from."
    ),
    methods=(
        Method(name="Top-k links", formula="the k pairs of sentences with the greatest lift, ties in reading order", source="none; defined here"),
        Method(name="Effect when hidden", formula=CONTRACT[EFFECT].formula, source=CONTRACT[EFFECT].source),
    ),
)
