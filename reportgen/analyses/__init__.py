"""Analyses: pure functions from measurements to findings. Their order here is their order on the page."""

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
    top_links,
    verified_links,
)
from reportgen.analyses.analysis import Analysis, Method

ANALYSES = (
    sentence_matrix.ANALYSIS,
    top_links.ANALYSIS,
    links_beyond_distance.ANALYSIS,
    head_roles.ANALYSIS,
    head_matrices.ANALYSIS,
    head_redundancy.ANALYSIS,
    layer_progression.ANALYSIS,
    layer_claims.ANALYSIS,
    decay.ANALYSIS,
    sinks.ANALYSIS,
    flow.ANALYSIS,
    chunks.ANALYSIS,
    attribution_agreement.ANALYSIS,
    faithfulness.ANALYSIS,
    verified_links.ANALYSIS,
    pair_agreement.ANALYSIS,
    head_agreement.ANALYSIS,
    cross_attention.ANALYSIS,
)

__all__ = ["ANALYSES", "Analysis", "Method"]
