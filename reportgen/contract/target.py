"""The contract's rows of what a target depends on."""

from __future__ import annotations

from reportgen.contract.rows import ABNAR, BOTH_TEXTS, CHEFER, GEVA, INTEGERS, KNOCKOUT, OURS, RELEVANCE, SUNDARARAJAN, row

SAMPLE = "one for each, without replacement, none to the first sentence; between two texts any"

ATTRIBUTION = {
    "attribution.gradient": row("sentence", "sum over tokens and dimensions of |dTarget/de|", "nats per unit of embedding"),
    "attribution.input_x_gradient": row("sentence", "sum over tokens of e . dTarget/de (signed)", "nats"),
    "attribution.attention_x_gradient": row("sentence", "attention_x_gradient summed over layers and query sentences", "unit of the target", "after " + CHEFER),
    "attribution.relevance": row("sentence", f"{RELEVANCE}; target's rows{BOTH_TEXTS}", "relevance", CHEFER),
    "attribution.attention": row("sentence", "mean over the target's rows, layers and heads of the mass on sentence j"),
    "attribution.rollout": row("sentence", "mean over the target's rows of the rollout summed over sentence j", source=ABNAR),
    "attribution.integrated_gradients": row(
        "sentence", "sum over tokens of (e - e') . mean of dTarget/de on the straight path from the baseline e' to e", "unit of the target", SUNDARARAJAN
    ),
    "attribution.ablation": row(
        "sentence",
        "target without sentence j, its tokens hidden as keys from every query but themselves in every layer, minus target; NaN for the target's own",
        "unit of the target",
        "after Li et al. 2016",
    ),
    "attribution.pairs": row(
        "row sentence", "sum over the tokens of sentence j of e . dLoss(i)/de, i the sentence of the row; NaN where j is not given for i's loss", "nats"
    ),
    "attribution.pair_rows": row(
        "row", "sentence of each row of pairs; of the decoder's text where a decoder reads one beside its source", "index", OURS, INTEGERS
    ),
    "attribution.link_effect": row("link part", f"i, j, {KNOCKOUT} of KL(intact || knocked out) of the output distribution", "nats", GEVA),
    "attribution.link_drop": row("link", f"{KNOCKOUT} of ln p(actual token) intact - knocked out, links as in link_effect", "nats"),
    "attribution.link_sample": row(
        "drawn part", f"the same as link_effect for links drawn by chance among the others that are as far apart ({SAMPLE})", "nats", GEVA
    ),
    "attribution.link_sample_drop": row("drawn", "the same as link_drop, links as in link_sample", "nats"),
}

PRUNING = {
    "pruning.order": row(
        "rank index",
        "stack (its place in metadata.stacks), layer and head in the order of masking, least importance / its l2 norm in the layer first",
        "index",
        "after Michel et al. 2019, section 4.2",
        INTEGERS,
    ),
    "pruning.heads": row("step", "how many of the heads are masked", "heads", "after Michel et al. 2019, section 4.2", INTEGERS),
    "pruning.loss": row(
        "step", "target with that many heads masked in that order, their outputs set to zero", "unit of the target", "after Michel et al. 2019, section 4.2"
    ),
    "pruning.random_loss": row("draw step", "the same with the heads in random order", "unit of the target"),
}
