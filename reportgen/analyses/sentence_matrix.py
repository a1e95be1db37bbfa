"""Who looks at whom: the sentence-by-sentence matrices, whole model and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.links import content_pairs, lift_of, strongest
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The matrices by view: view 0 is the whole model, view l + 1 is layer l. Shares are of one sentence's attention; rows are queries.

    `attention` is the mean over heads (and layers), `isa` the maximum, `rollout` after the view's layer, None where it was not measured or not stored.
    `opening` is the pair of sentences that the page opens on. `windowed` says that some pairs were never seen together, and are NaN.
    """

    stack: str
    causal: bool
    windowed: bool
    sentences: tuple[str, ...]
    blocks: tuple[int, ...]
    block_kinds: tuple[str, ...]
    token_counts: Int[np.ndarray, " sentence"]
    attention: Float[np.ndarray, "view sentence sentence"]
    isa: Float[np.ndarray, "view sentence sentence"]
    rollout: Float[np.ndarray, "view sentence sentence"] | None
    rollout_without_sink: Float[np.ndarray, "view sentence sentence"] | None
    expected: Float[np.ndarray, "sentence sentence"]
    opening: tuple[int, int]


def analyse(measurements: Measurements) -> Result:
    """Views of every measure, and the strongest link that is not to a neighbour to open on."""
    attention = attention_views(measurements)
    expected = expected_attention(measurements)
    members = measurements["token_sentences"]
    kinds = measurements.metadata["block_kinds"]
    return Result(
        stack=measurements.stack,
        windowed=bool(np.isnan(attention[0]).any()),
        causal=not (np.triu(attention[0], 1) > 0).any(),
        sentences=measurements.sentences,
        blocks=tuple(measurements["sentence_blocks"].tolist()),
        block_kinds=tuple(kinds[block] for block in measurements["sentence_blocks"].tolist()),
        token_counts=np.bincount(members[members >= 0]),
        attention=attention,
        isa=_views(measurements, "isa"),
        rollout=_views(measurements, "rollout"),
        rollout_without_sink=_views(measurements, "rollout_without_sink"),
        expected=expected,
        opening=_opening(lift_of(attention[0], expected)),
    )


def attention_views(measurements: Measurements) -> Float[np.ndarray, "view sentence sentence"]:
    """Mean share of attention over all heads, then over the heads of each layer."""
    per_head = "*.sentence_attention" in measurements
    by_layer = measurements["*.sentence_attention"].mean(1, dtype=np.float32) if per_head else measurements["*.sentence_attention_by_layer"]
    return np.concatenate([by_layer.mean(0, keepdims=True), by_layer])


def expected_attention(measurements: Measurements) -> Float[np.ndarray, "sentence sentence"]:
    """The share that uniform attention would give, averaged over layers where they see different windows."""
    expected = measurements["*.sentence_expected"]
    return expected if expected.ndim == 2 else expected.mean(0)


def _views(measurements: Measurements, name: str) -> Float[np.ndarray, "view sentence sentence"] | None:
    if f"*.{name}" not in measurements or f"*.{name}_by_layer" not in measurements:
        return None
    return np.concatenate([measurements[f"*.{name}"][None], measurements[f"*.{name}_by_layer"]])


def _opening(lift: Float[np.ndarray, "sentence sentence"]) -> tuple[int, int]:
    """The pair with the greatest lift that is not a sentence with itself, the first sentence, or the sentence before."""
    far = content_pairs(lift)
    near = np.abs(np.subtract.outer(np.arange(len(lift)), np.arange(len(lift)))) < 2
    pairs = strongest(np.where(near, np.nan, far), 1)
    if pairs[0, 0] < 0:
        pairs = strongest(far, 1)
    return (int(pairs[0, 0]), int(pairs[0, 1])) if pairs[0, 0] >= 0 else (len(lift) - 1, 0)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: the matrix is drawn by the page itself, cell by cell."""
    return {}


def find(result: Result) -> str:
    """How a sentence's attention is divided on average, and the link the page opens on."""
    attention = result.attention[0]
    if len(attention) < 2:
        return "There is only one sentence, and so no attention between sentences."
    rows = 1 + np.flatnonzero(~np.isnan(attention[1:, 0]))  # in windows, only some sentences are read with the first
    query, key = result.opening
    if not len(rows) or np.isnan(attention[query, key]):
        return "Sentences are too long for the model to read two of them together often enough to say what they look at on average."
    own, first = float(attention[rows, rows].mean()), float(attention[rows, 0].mean())
    lift = float(attention[query, key] / result.expected[query, key])
    whose = "a sentence" if len(rows) == len(attention) - 1 else f"one of the {len(rows)} sentences read together with the first"
    return (
        f"On average {whose} gives {own:.0%} of its attention to itself, {first:.0%} to the first sentence and {max(1 - own - first, 0):.0%} to the rest of "
        f"what it can see; sentence {query + 1} gives {attention[query, key]:.1%} to sentence {key + 1}, {lift:.1f} times what even attention would give."
    )


ANALYSIS = Analysis(
    name="sentence_matrix",
    question="Which sentences does each sentence look at?",
    needs=(
        "sentence_attention|sentence_attention_by_layer",
        "sentence_expected",
        "isa",
        "isa_by_layer",
    ),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "A share says where attention lands, not what is taken from there. Long and near sentences get more of it by chance alone, so read the share beside "
        "its lift over even attention. ISA is one maximum over all tokens, heads and layers and saturates on long texts; rollout of a deep decoder ends up on "
        "the first token whatever the text, which is why it is also given without it."
    ),
    methods=(
        Method(name="Share of attention", formula=CONTRACT["*.sentence_attention"].formula, source=CONTRACT["*.sentence_attention"].source),
        Method(name="Lift", formula="share of attention / share if every visible key had the same weight", source="none; defined here"),
        Method(name="ISA (inter-sentence attention)", formula=CONTRACT["*.isa"].formula, source=CONTRACT["*.isa"].source),
        Method(name="Attention rollout", formula=CONTRACT["*.rollout"].formula, source=CONTRACT["*.rollout"].source),
        Method(name="Rollout without the sink", formula=CONTRACT["*.rollout_without_sink"].formula, source=CONTRACT["*.rollout_without_sink"].source),
    ),
)
