"""The formulas of roles as the page prints them."""

from __future__ import annotations

from reportgen.analyses.analysis import Method
from reportgen.analyses.roles.definitions import ROLES, Role
from reportgen.contract import CONTRACT

RESIDUAL = "what a term of the query sentence, a term of the key sentence and decay with distance leave of log share, pairs up to 64 sentences apart"
COMPUTED = {
    "offset": ("Greatest weight on one offset of 2 to 8 tokens", "weight", "greatest fixed_offset over the offsets but 1 and -1"),
    "coreference": (
        "Earlier mentions over tokens as far away",
        "lift",
        "coreference / coreference_expected, where coreference > 0.05",
    ),
    "syntactic": (
        "Best relation above the best fixed offset",
        "share",
        "syntax_accuracy - syntax_baseline of the relation that is surest to be 0.1 above it, of those with 20 words or more",
    ),
    "thematic": (
        "Correlation with shared words beyond distance",
        "correlation",
        (
            f"partial correlation of log share with tf-idf cosine ({RESIDUAL}), at a false-discovery rate of 5% over heads against the words of all sentences "
            "moved on together, in up to 199 steps spread evenly over the document (z by their mean and deviation, p by the normal distribution), and 5% more attention for each 0.1 of cosine"
        ),
    ),
    "bridge": (
        "Share across borders over expected",
        "lift",
        f"sum of share / sum of expected over pairs across borders, no farther apart than the longest part; expected: {RESIDUAL}, made even at each distance; "
        "at a false-discovery rate of 5% over heads against the same parts in 199 other places (see where attention cuts the document into parts)",
    ),
    "receiver": (
        "Kurtosis of what sentences receive",
        "",
        (
            "Fisher's kurtosis over sentences b (not the first, and those with fewer than 10 such a) of the mean over a >= b + 4 of share / even attention's share, above "
            "the 95th percentile of heads "
            "whose shares were shuffled among pairs of the same distance, and above 6 (an exponential distribution), where the sentence that receives most gets 3 times the median or more"
        ),
    ),
}


def _formula(role: Role) -> str:
    if role.name in COMPUTED:
        return f"{role.rule}, where {role.score} is: {COMPUTED[role.name][2]}"
    return f"{role.rule}, where {role.score} is: {CONTRACT[f'*.{role.score}'].formula}"


METHODS = (
    *(Method(name=role.name, formula=_formula(role), source=role.source) for role in ROLES if role.offset is None),
    Method(
        name="fixed offsets",
        formula=f"fixed_offset > 0.5, where fixed_offset is: {CONTRACT['*.fixed_offset'].formula}",
        source="after Clark et al. 2019, section 3.1, for other offsets",
    ),
    Method(
        name="Chance level",
        formula="the same score of even attention over the keys each query sees; a score must also be above twice this level",
        source="none; defined here",
    ),
    Method(
        name="Confidence",
        formula=(
            "share of 200 resamples of the sentences, drawn with replacement, whose score is above the threshold; a role needs 0.95; for a relation of words the "
            "posterior probability of its share (Jeffreys)"
        ),
        source="Efron 1979 (bootstrap)",
    ),
)
