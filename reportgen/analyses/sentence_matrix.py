"""Who looks at whom: the sentence-by-sentence matrices, whole model and layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.half_precision import single
from reportgen.analyses.remembering import remembered
from reportgen.analyses.shown_blocks import ShownBlocks, shown_blocks
from reportgen.blocks import section_starts
from reportgen.contract import CONTRACT
from reportgen.links import content_pairs, lift_of, strongest
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs

EFFECT = "attribution.link_effect"
SHOWN_AT_MOST = 1500  # rows of a matrix that a page can hold and a reader can see
LAYER_CELLS_AT_MOST = 750_000  # of one measure in all layers
LAYER_CELLS_WITHOUT_HEADS = 200_000  # where heads are not stored, which are left out of the longest documents alone
PARTS = {"question": "The question", "pair": "The second text", "generated": "What the model wrote"}


@dataclass(frozen=True, kw_only=True)
class Averages:
    """Mean shares that sentences give themselves and the first sentence, over the `rows` sentences after it that are read with it; NaN for none.

    `link_share` and `link_lift` are of the pair that the page opens on.
    """

    rows: int
    own: float
    first: float
    link_share: float
    link_lift: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The matrices by view: view 0 is the whole model, view l + 1 is layer l. Shares are of one sentence's attention; rows are queries.

    `attention` is the mean over heads (and layers), `isa` the maximum, `rollout` after the view's layer, None where it was not measured or not stored.
    Rows and columns of the whole model stand for `group` consecutive sentences each, those of layers for `layer_group`, and cells for the mean over their
    pairs. `expected` has the rows of the whole model. `opening` is the pair of sentences that the page opens on. `effects` has the links that were hidden (query, key, nats), none where none were. `windowed` says that some pairs were never seen together,
    and are NaN. `parts` names for each sentence what it is of, empty for the document; there are none where all are of the document. `shown` says how the
    document's blocks look; None where the file does not tell.
    """

    stack: str
    causal: bool
    windowed: bool
    group: int
    layer_group: int
    sentences: tuple[str, ...]
    blocks: tuple[int, ...]
    block_kinds: tuple[str, ...]
    token_counts: Int[np.ndarray, " sentence"]
    attention: tuple[Float[np.ndarray, "_ _"], ...]
    isa: tuple[Float[np.ndarray, "_ _"], ...]
    rollout: tuple[Float[np.ndarray, "_ _"], ...] | None
    rollout_without_sink: tuple[Float[np.ndarray, "_ _"], ...] | None
    expected: Float[np.ndarray, "row row"]
    opening: tuple[int, int]
    averages: Averages
    effects: Float[np.ndarray, "link 3"]
    first_read: tuple[int, ...] | None = None
    parts: tuple[str, ...] = ()
    shown: ShownBlocks | None = None

    @property
    def borders(self) -> tuple[int, ...]:
        """The sentences that begin a section."""
        return tuple(section_starts(self.blocks, self.block_kinds))


def analyse(measurements: Measurements) -> Result:
    """Views of every measure, and the strongest link that is not to a neighbour to open on."""
    pairs, attention, expected = measurements.by_pair.pairs, attention_views(measurements), expected_attention(measurements)
    members, kinds = measurements["token_sentences"], measurements.metadata["block_kinds"]
    lift, causal = lift_of(attention[0], expected), not (attention[0][pairs.keys > pairs.queries] > 0).any()
    opening = opening_link(lift, pairs)
    shown = Shown(pairs=pairs, group=-(-pairs.sentences // SHOWN_AT_MOST), causal=causal)
    of_layers = layer_group_of(pairs.sentences, len(attention) - 1, causal, "*.sentence_attention" in measurements)
    coarse = replace(shown, group=-(-of_layers // shown.group) * shown.group)

    def views(whole: Float[np.ndarray, " pair"], by_layer: Iterable[Float[np.ndarray, " pair"]]) -> tuple[Float[np.ndarray, "_ _"], ...]:
        return (shown.matrix(whole), *map(coarse.matrix, by_layer))

    def stored(name: str) -> tuple[Float[np.ndarray, "_ _"], ...] | None:
        there = f"*.{name}" in measurements and f"*.{name}_by_layer" in measurements
        return views(measurements.by_pair[f"*.{name}"], measurements.by_pair.layers(f"*.{name}_by_layer")) if there else None

    return Result(
        stack=measurements.stack,
        windowed=len(pairs.queries) < pairs.sentences**2 or bool(np.isnan(attention[0]).any()),
        causal=causal,
        group=shown.group,
        layer_group=coarse.group,
        sentences=measurements.sentences,
        blocks=tuple(measurements["sentence_blocks"].tolist()),
        block_kinds=tuple(kinds[block] for block in measurements["sentence_blocks"].tolist()),
        token_counts=np.bincount(members[members >= 0]),
        attention=views(attention[0], attention[1:]),
        isa=stored("isa"),
        rollout=stored("rollout"),
        rollout_without_sink=stored("rollout_without_sink"),
        expected=shown.matrix(expected),
        opening=opening,
        averages=averages(attention[0], lift, pairs, opening),
        first_read=None if pairs.first_read is None else tuple(pairs.first_read.tolist()),
        parts=tuple(PARTS.get(part, "") for part in measurements.metadata.get("sentence_parts", ())),
        effects=hidden_effects(measurements),
        shown=shown_blocks(measurements),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """How pairs become matrices that fit on a page: as they are, or as means over groups of `group` consecutive sentences.

    In a causal model a group's mean leaves out the pairs whose key sentence comes later, which were never computed.
    """

    pairs: SentencePairs
    group: int
    causal: bool

    def matrix(self, values: Float[np.ndarray, " pair"]) -> Float[np.ndarray, "row row"]:
        """The matrix of one view."""
        if self.group == 1:
            return self.pairs.matrix(values)
        later = self.pairs.keys > self.pairs.queries
        return self.pairs.pooled(np.where(later, np.nan, values) if self.causal else values, self.group)


@remembered
def attention_views(measurements: Measurements) -> Float[np.ndarray, "view pair"]:
    """Mean share of attention over all heads, then over the heads of each layer."""
    name = "*.sentence_attention"
    if name in measurements:
        by_layer = np.stack([single(heads).mean(0) for heads in measurements.by_pair.layers(name)])
    else:
        by_layer = measurements.by_pair[f"{name}_by_layer"]
    views = np.concatenate([by_layer.mean(0, keepdims=True), by_layer])
    views.setflags(write=False)
    return views


def hidden_effects(measurements: Measurements) -> Float[np.ndarray, "link 3"]:
    """What hiding links did, those drawn by chance last, where they are links of one text: in an encoder-decoder they lead from its target to its source."""
    names = [name for name in (EFFECT, "attribution.link_sample") if name in measurements and "cross.sentence_attention" not in measurements]
    return np.concatenate([np.zeros((0, 3), np.float32), *(measurements[name] for name in names)])


def expected_attention(measurements: Measurements) -> Float[np.ndarray, " pair"]:
    """The share that uniform attention would give, averaged over layers where they see different windows."""
    expected = measurements.by_pair["*.sentence_expected"]
    return expected if expected.ndim == 1 else expected.mean(0)


def layer_group_of(sentences: int, layers: int, causal: bool, with_heads: bool) -> int:
    """How many consecutive sentences share a row of the layers' matrices, so that the page stays within its budget."""
    return group_of(sentences, layers, causal, LAYER_CELLS_AT_MOST if with_heads else LAYER_CELLS_WITHOUT_HEADS)


def group_of(sentences: int, matrices: int, causal: bool, cells: int) -> int:
    """How many consecutive sentences share a row, so that so many matrices have so many cells at most."""
    group = 1
    while matrices * (rows := -(-sentences // group)) * ((rows + 1) / 2 if causal else rows) > cells and rows > 1:
        group += 1
    return group


def opening_link(lift: Float[np.ndarray, " pair"], pairs: SentencePairs) -> tuple[int, int]:
    """The pair that the page opens on: of the greatest lift, and not a sentence with itself, the first sentence, or the sentence before."""
    far = content_pairs(lift, pairs)
    near = np.abs(pairs.queries - pairs.keys) < 2
    (place,) = strongest(np.where(near, np.nan, far), 1)
    if place < 0:
        (place,) = strongest(far, 1)
    return (int(pairs.queries[place]), int(pairs.keys[place])) if place >= 0 else (pairs.sentences - 1, 0)


def averages(attention: Float[np.ndarray, " pair"], lift: Float[np.ndarray, " pair"], pairs: SentencePairs, opening: tuple[int, int]) -> Averages:
    """What the finding says of the whole model's view. In windows, only some sentences are read with the first."""
    with_first = (pairs.keys == 0) & (pairs.queries > 0) & ~np.isnan(attention)
    with_itself = (pairs.keys == pairs.queries) & np.isin(pairs.queries, pairs.queries[with_first])
    link = np.flatnonzero((pairs.queries == opening[0]) & (pairs.keys == opening[1]))
    return Averages(
        rows=int(with_first.sum()),
        own=float(attention[with_itself].mean()) if with_itself.any() else np.nan,
        first=float(attention[with_first].mean()) if with_first.any() else np.nan,
        link_share=float(attention[link[0]]) if len(link) else np.nan,
        link_lift=float(lift[link[0]]) if len(link) else np.nan,
    )


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: the matrix is drawn by the page itself, cell by cell."""
    return {}


def find(result: Result) -> str:
    """How a sentence's attention is divided on average, and the link the page opens on."""
    mean, (query, key) = result.averages, result.opening
    if len(result.sentences) < 2:
        return "There is only one sentence, and so no attention between sentences."
    if not mean.rows or np.isnan(mean.link_share):
        return "Sentences are too long for the model to read two of them together often enough to say what they look at on average."
    whose = "a sentence" if mean.rows == len(result.sentences) - 1 else f"one of the {mean.rows} sentences read together with the first"
    return (
        f"On average {whose} gives {mean.own:.0%} of its attention to itself, {mean.first:.0%} to the first sentence and "
        f"{max(1 - mean.own - mean.first, 0):.0%} to the rest of what it can see; sentence {query + 1} gives {mean.link_share:.1%} to sentence {key + 1}, "
        f"{mean.link_lift:.1f} times what even attention would give."
    )


def notices(result: Result) -> tuple[str, ...]:
    """What the page shows more coarsely than it was measured."""
    groups = (
        {"The matrix": result.group}
        if result.group == result.layer_group
        else {"The matrix": result.group, "The matrices of single layers": result.layer_group}
    )
    return tuple(
        f"{what} on this page show{'s' if what == 'The matrix' else ''} groups of {group} consecutive sentences, because the document has {len(result.sentences):,}: "
        "each cell is the mean over those of its pairs of sentences that were read together. The lists of the strongest links are of single sentences, and the "
        "measurements file has every pair."
        for what, group in groups.items()
        if group > 1
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
    notices=notices,
    caveat=(
        "A share says where attention lands, not what is taken from there. Long and near sentences get more of it by chance alone, so read the share beside "
        "its lift over even attention. ISA is one maximum over all tokens, heads and layers and saturates on long texts; rollout of a deep decoder ends up on "
        "the first token whatever the text, which is why it is also given without it."
    ),
    methods=(
        Method(name="Share of attention", formula=CONTRACT["*.sentence_attention"].formula, source=CONTRACT["*.sentence_attention"].source),
        Method(name="Lift", formula="share of attention / share if every visible key had the same weight", source="none; defined here"),
        Method(name="ISA (inter-sentence attention)", formula=CONTRACT["*.isa"].formula, source=CONTRACT["*.isa"].source),
        Method(name="Effect when hidden", formula=CONTRACT[EFFECT].formula, source=CONTRACT[EFFECT].source),
        Method(name="Attention rollout", formula=CONTRACT["*.rollout"].formula, source=CONTRACT["*.rollout"].source),
        Method(name="Rollout without the sink", formula=CONTRACT["*.rollout_without_sink"].formula, source=CONTRACT["*.rollout_without_sink"].source),
    ),
)
