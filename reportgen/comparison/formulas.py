"""What is computed on the page, in plain text, with sources."""

from reportgen.analyses.analysis import Method
from reportgen.comparison.aligning import ALIKE, MOVED
from reportgen.comparison.links import AT_LEAST, AT_MOST, SHARE_OF_PAIRS

METHODS = (
    Method(
        name="Sentences of two versions",
        formula=f"likeness = 2 LCS(words a, words b) / (|a| + |b|); pairs in order with the greatest sum, each {ALIKE:g} or more; split, joined and moved from {MOVED:g}",
        source="alignment: Needleman and Wunsch 1970; longest common subsequence: Wagner and Fischer 1974; thresholds: none, chosen here",
    ),
    Method(
        name="Units",
        formula="shares of several sentences: mean over the tokens that look, sum over those looked at",
        source="none; exact by the definition of the share of attention",
    ),
    Method(name="Lift", formula="share of attention / share if every visible key had the same weight", source="none; defined here"),
    Method(name="Change of a pair", formula="log2(lift in B / lift in A)", source="none; defined here"),
    Method(
        name="Attention elsewhere",
        formula="0.5 sum_j abs(p_A - p_B), p = share / even share x mean even share of both, renormalised over the keys that both files know",
        source="total variation distance; the common ground of keys: defined here",
    ),
    Method(
        name="Mean of attention elsewhere",
        formula="middle 95 % of means of 500 resamples of blocks of neighbouring units, about n^(1/3) long",
        source="Kuensch 1989",
    ),
    Method(
        name="Rounding",
        formula="abs(lift_A - lift_B) > what half a unit in the last place of every stored share behind both makes",
        source="IEEE 754-2019; the bound: defined here",
    ),
    Method(
        name="Links that stand out",
        formula=f"the {SHARE_OF_PAIRS:.0%} of pairs with the greatest lift, {AT_LEAST} at least, {AT_MOST} at most; shared by chance: hypergeometric",
        source="none; defined here",
    ),
    Method(
        name="Agreement at equal distances",
        formula="correlation of ranks among pairs of one distance; p: one matrix moved along the text against the other",
        source="Mantel 1967; moves in place of permutations after Harms and Wiens 1998",
    ),
    Method(
        name="Best matches of heads",
        formula="greatest correlation, over the heads of the other model, of ranks of lift among pairs of one distance; chance: 95th percentile with the text moved",
        source="none; defined here",
    ),
    Method(
        name="Attribution",
        formula="Spearman's rho of sizes over the units that both targets can depend on; partial: beyond distance, length and the sink",
        source="Spearman 1904; blocks: Kuensch 1989; see each report for the methods",
    ),
)
