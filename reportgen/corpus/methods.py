"""Formulas, sources and caveats of findings over documents."""

from __future__ import annotations

from reportgen.analyses.analysis import Method
from reportgen.analyses.roles.formulas import METHODS as ROLES
from reportgen.corpus.genres import SHUFFLES
from reportgen.corpus.kappa import PAIRED_AT_MOST
from reportgen.corpus.pooling import POOLED_FROM
from reportgen.corpus.quantities import METHODS as QUANTITIES
from reportgen.corpus.resampling import FEWEST, RESAMPLES

RESAMPLED = Method(
    name="Intervals over documents",
    formula=f"the middle 95 % of {RESAMPLES:,} resamples of the documents, a document never held against itself; none of fewer than {FEWEST} documents",
    source="Efron 1979",
)
STABILITY = (
    Method(
        name="Kappa",
        formula="1 - D / (2 p (1 - p)), D the share of (two documents, head) where one document says that the head holds the role and the other does not, p the share of (document, head) that hold it; over roles: 1 - sum of D / sum of 2 p (1 - p)",
        source="Fleiss 1971; over categories by his equation of the overall kappa",
    ),
    Method(
        name="Kappa within layers",
        formula="the same with the mean over layers of 2 p (1 - p), p of each layer: heads change places within their layer only",
        source="none; defined here",
    ),
    Method(
        name="Heads shared by two documents",
        formula=f"mean over pairs of documents of |A and B| / |A or B|; by chance: its expected value for sets of the same sizes drawn from all heads (hypergeometric, exact). Of more than {PAIRED_AT_MOST:,} documents, {PAIRED_AT_MOST:,} evenly chosen",
        source="Jaccard 1901",
    ),
    RESAMPLED,
    *ROLES,
)
CURVES = (
    Method(name="Curve", formula="mean over heads in each layer, then mean, least, quartiles and greatest over documents", source="none; defined here"),
    Method(
        name="Layers in the same order",
        formula="mean over pairs of documents of Spearman's rho of their curves over layers; 0 by chance",
        source="Spearman 1904; Kendall and Babington Smith 1939 (W = (1 + (m - 1) rho) / m)",
    ),
    RESAMPLED,
    *QUANTITIES,
)
AGREEMENT = (
    Method(
        name="Mean correlation",
        formula="random-effects mean of z = atanh(rho), weights 1 / (v + tau^2); tau^2 by moments; Student's interval with k - 1 degrees of freedom, its deviation times max(1, sqrt(sum of w (z - mean)^2 / (k - 1)))",
        source="Fisher 1921; DerSimonian and Laird 1986; Hartung and Knapp 2001; Roever et al. 2015",
    ),
    Method(
        name="Variance v of a document's z",
        formula="the greater of ((atanh(high) - atanh(low)) / 3.92)^2, of its interval from resampled blocks of sentences, and (1 + rho^2 / 2) / (n - controls - 3)",
        source="after Bonett and Wright 2000",
    ),
    Method(
        name="I² and p of Q",
        formula="max(0, (Q - k + 1) / Q), Q = sum of (z - fixed mean)^2 / v; p from chi-squared with k - 1 degrees of freedom",
        source="Cochran 1954; Higgins and Thompson 2002",
    ),
    Method(
        name="Another document", formula="mean -+ t(k - 2) sqrt(tau^2 + squared deviation of the mean), in z", source="Higgins, Thompson and Spiegelhalter 2009"
    ),
    Method(
        name="p of genres",
        formula=f"share of {SHUFFLES:,} shuffles of genres over documents in which genres' mean z lie as far apart, weighted; genres of {POOLED_FROM} documents or more",
        source="after Fisher 1935 (permutation)",
    ),
)
CAVEATS = {
    "head_stability": (
        "Heads of different models are not the same heads, and are not pooled. A role is taken as the document's text decides it, with resampled sentences: in a short document fewer heads are sure, "
        "which lowers the agreement. Scores on random tokens are the same for every document and do not count here. Roles follow depth, so that heads of one layer are alike: kappa within layers sets that aside. "
        "Documents of one collection are not a sample of all texts."
    ),
    "layer_curves": (
        "Distance and entropy grow with a document's length, so that their spread is also one of lengths. The band is where half of the documents lie, not how sure the mean is. "
        "Layers of different models are shown by depth, which does not make them the same layers."
    ),
    "agreement": (
        "One target for each document, and targets of different kinds are not alike. Intervals of few documents rest on an estimate of how documents differ that is itself uncertain. "
        "Documents whose correlation does not exist, or of too few sentences, are left out and counted. Genres are as they were given, and differ in length and in much else."
    ),
}
