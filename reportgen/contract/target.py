"""The contract's rows of what a target depends on.

Arrays by token (`attribution.token_<method>`) are of the source's tokens, those of no sentence among them, and sum to the method's values by sentence over the
tokens of each. Rollout and flow have none: they are carried as tokens x sentences. Sentences and tokens that the target's passes do not read, which are those after
it and outside its window, are NaN. Positive values mean: of `input_x_gradient`, `integrated_gradients` and `attribution.pairs`, that the target is greater for it, of `ablation`
that the target is greater without it, and of `surrogate` that the target is greater with it, or more likely where it is a likelihood (whose negative logarithm
the others are of).
"""

from __future__ import annotations

from dataclasses import replace

from reportgen.contract.rows import ABNAR, BOTH_TEXTS, CHEFER, GEVA, INTEGERS, KNOCKOUT, KOBAYASHI, OURS, RELEVANCE, SUNDARARAJAN, ArraySpec, row


def _by_token(spec: ArraySpec) -> ArraySpec:
    """The same by token of the source."""
    return replace(spec, axes=("token",), formula=f"by token: what is summed over the tokens of a sentence in {spec.formula}")


SAMPLE = "one for each, without replacement, none to the first sentence; between two texts any"

SALIENCY = "after Simonyan et al. 2014; Jain and Wallace 2019, section 4.1"
ATTRIBUTION = {
    "attribution.gradient": row("sentence", "sum over tokens and dimensions of |dTarget/de|", "unit of the target per unit of embedding", SALIENCY),
    "attribution.gradient_norm": row("sentence", "sum over tokens of the l2 norm of dTarget/de", "unit of the target per unit of embedding", SALIENCY),
    "attribution.input_x_gradient": row("sentence", "sum over tokens of e . dTarget/de (signed)", "unit of the target", "Shrikumar et al. 2017"),
    "attribution.attention_x_gradient": row("sentence", "attention_x_gradient summed over layers and query sentences", "unit of the target", "after " + CHEFER),
    "attribution.relevance": row("sentence", f"{RELEVANCE}{BOTH_TEXTS}", "relevance", CHEFER),
    "attribution.attention": row("sentence", "mean over the target's rows, layers and heads of the mass on sentence j"),
    "attribution.attention_by_head": row("layer head sentence", "mean over the target's rows of the mass on sentence j, of the stack that looks at the source"),
    "attribution.value_norm": row(
        "sentence",
        "mean over the target's rows and layers of the l2 norm of sum over heads of p v W_O, summed over the tokens of j",
        "length of a state",
        KOBAYASHI,
    ),
    "attribution.rollout": row("sentence", "mean over the target's rows of the rollout summed over sentence j", source=ABNAR),
    "attribution.integrated_gradients": row(
        "sentence",
        "sum over tokens of (e - e') . mean of dTarget/de on the straight path from the baseline e' to e, special tokens as they are throughout",
        "unit of the target",
        SUNDARARAJAN,
    ),
    "attribution.ablation": row(
        "sentence",
        "target without sentence j, its tokens hidden as keys from every query but themselves in every layer and left out of a mean over tokens, minus target; "
        "of a bare encoder the cosine of the document's mean state with the intact document's, minus 1; NaN for the target's own sentences and those it does not read",
        "unit of the target",
        "after Li et al. 2016",
    ),
    "attribution.surrogate": row(
        "sentence",
        "weight of sentence j kept (1) or left out (0: its tokens hidden as keys from every query but its own in every layer) in a sparse linear model of the "
        "target, fitted on random ablations: of ln p - ln(1 - p), "
        "p the probability of the target's text, where it is a likelihood; positive: more likely, or greater, with j; NaN for the target's own",
        "log-odds, or unit of the target",
        "after Cohen-Wang et al. 2024 (ContextCite)",
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

BY_TOKEN = ("gradient", "gradient_norm", "input_x_gradient", "attention_x_gradient", "relevance", "attention", "value_norm", "integrated_gradients")
ATTRIBUTION |= {f"attribution.token_{name}": _by_token(ATTRIBUTION[f"attribution.{name}"]) for name in BY_TOKEN}

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
