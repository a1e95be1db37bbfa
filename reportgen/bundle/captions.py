"""What a figure's caption says: the question, what is drawn, the finding, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from reportgen.report import Section
from reportgen.units import in_units

# How to read each chart, as the page says it beside the chart; of charts in numbers, such as one for each chosen sentence, by how their names begin.
READ_SO: Mapping[str, str] = {
    "attribution_agreement-agreement": "Below the diagonal Spearman’s rank correlation of every two methods, above it what is left of it beyond distance, length and the sink; empty where it does not exist.",
    "attribution_agreement-ranks": "Ranks by each method of the sentences that the reference puts first; a level line is a sentence that all methods rank alike.",
    "attribution_agreement-scatter": "A point for each sentence, both axes logarithmic; sentences of nothing are left out.",
    "chunks-layers": "Diamonds: borders of each layer on its own, larger where stronger; dashes: borders of the whole model.",
    "chunks-novelty": "Dashes: what chance passes once in 20 documents; diamonds: borders, with the number of the sentence before; ticks below: ends of paragraphs; triangles below: headings.",
    "cross_attention-alignment": "Output sentences (rows) on source sentences (columns), mean over layers and heads: share of attention, and lift, where 1 is what even attention would give.",
    "cross_attention-heads": "Scores of every head of the cross-attention, layers down, heads across.",
    "decay-layers": "A panel for each layer, mean over its heads, both axes logarithmic. Line: all keys; dashes: without the first token and special tokens; dots: what even attention would give.",
    "flow-depth": "Rollout of one sentence after each layer; dots: what even attention would give.",
    "flow-sources-of-": "Rollout without the sink, from the input on the left to the last layer on the right. Bands from below: the sentence itself, its greatest sources, all others with tokens of no sentence.",
    "head_agreement-heads": "Correlations of each head’s attention with the reference over sentences; a dot marks q at most 0.05; empty where a head says the same of all sentences.",
    "head_agreement-layers": "Correlations beyond distance, length and the sink; below the dots lies what the best of all heads reaches by chance, nineteen times in twenty.",
    "head_redundancy-by-layer": "Means over pairs of a layer’s heads, and over its heads for entropy; dashed without the first token and special tokens.",
    "head_redundancy-importance": "Layers down, heads across, on one logarithmic scale; what is smaller than a ten-thousandth of the greatest is darkest.",
    "head_redundancy-map": "Each point is a head; the nearer two are, the less their attention differs, as far as the stress allows.",
    "head_redundancy-pruning": "The target with ever more heads masked; the band reaches from the least to the greatest of the random orders.",
    "head_redundancy-tree": "Each head is a leaf, and below it stands the layer it is of; branches join at their mean divergence, and below the dashed line they make a cluster.",
    "layer_progression-layers": "Line: mean over the heads of a layer; band: their quartiles; dashes: the mean without the first token and special tokens; dots: what even attention would give.",
    "links_beyond_distance-distance": "Grey: median share of all pairs at a distance, and the range that holds nine tenths of them; dashes: the median of what is expected.",
    "pair_agreement-agreement": "Below the diagonal the rank correlation of pairs at equal distances, above it what is left of it without the sentences’ own pull.",
    "sinks-maps": "What each of the tokens that collect most gets of a layer’s attention, by rank, and what each head gives to the first token.",
    "verified_links-effect": "Each point is a link; one of no effect stands at the lower edge.",
}


@dataclass(frozen=True, kw_only=True)
class Caption:
    """Its parts, in whole sentences; `drawn` says what is seen, and how to read it."""

    question: str
    drawn: str
    finding: str
    caveat: str


def caption_of(section: Section, name: str, description: str, level: str) -> Caption:
    """The caption of the figure of this name, in the words of the level. A description that the finding repeats is said once."""
    read_so = (
        _of_curves(section.result.drawn) if name == "faithfulness-curves" else next((text for begins, text in READ_SO.items() if name.startswith(begins)), "")
    )
    drawn = " ".join(filter(None, ("" if description in section.finding else description, read_so)))
    parts = {"question": section.question, "drawn": drawn, "finding": section.finding, "caveat": section.caveat}
    return Caption(**{part: in_units(text, level) for part, text in parts.items()})


def _of_curves(drawn: Collection[str]) -> str:
    """How to read the curves of faithfulness that the figure has."""
    line = "Line: the target with so many per cent of the sentences taken out, those that the method puts first"
    dashes = "Dashes: the target with so many per cent of the sentences alone left in, those that the method puts first"
    marks = f"{line}; dashes: with those alone left in" if len(drawn) == 2 else line if "deletion" in drawn else dashes
    return f"{marks}; bands: from the least to the greatest of the random orders; points: what was measured."
