"""Analyses: pure functions from measurements to findings, by the parts of the page. Their order here is their order on it."""

from reportgen.analyses import (
    attribution_agreement,
    chunks,
    cross_attention,
    decay,
    faithfulness,
    flow,
    head_agreement,
    head_matrices,
    head_redundancy,
    head_roles,
    layer_claims,
    layer_progression,
    links_beyond_distance,
    pair_agreement,
    sentence_matrix,
    sinks,
    token_links,
    top_links,
    verified_links,
)
from reportgen.analyses.analysis import Analysis, Method

PARTS = {
    "Document": (sentence_matrix.ANALYSIS, top_links.ANALYSIS, token_links.ANALYSIS, links_beyond_distance.ANALYSIS),
    "Heads": (head_roles.ANALYSIS, head_matrices.ANALYSIS, head_redundancy.ANALYSIS),
    "Layers": (layer_progression.ANALYSIS, layer_claims.ANALYSIS),
    "Carriage": (decay.ANALYSIS, sinks.ANALYSIS, flow.ANALYSIS, chunks.ANALYSIS),
    "Belief": (
        attribution_agreement.ANALYSIS,
        faithfulness.ANALYSIS,
        verified_links.ANALYSIS,
        pair_agreement.ANALYSIS,
        head_agreement.ANALYSIS,
    ),
    "Cross": (cross_attention.ANALYSIS,),
}
ANALYSES = tuple(analysis for analyses in PARTS.values() for analysis in analyses)

# The page opens with one finding of each row, of the first that is there: a link whose effect was measured, belief, heads, layers, carriage.
LEADS = (
    ("verified_links", "top_links"),
    ("attribution_agreement", "head_agreement", "faithfulness"),
    ("head_roles", "head_redundancy"),
    ("layer_claims", "layer_progression"),
    ("decay", "sinks", "flow", "chunks"),
)


def part_of(analysis: Analysis) -> str:
    """The part of the page that an analysis belongs to."""
    return next(part for part, analyses in PARTS.items() if analysis.name in [other.name for other in analyses])


__all__ = ["ANALYSES", "LEADS", "PARTS", "Analysis", "Method", "part_of"]
