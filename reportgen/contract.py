"""The arrays a measurements file may hold: key, axes, number type, unit, formula and source.

Axes: layer, head, any_head (of all layers), sampled, step, draw, token, query_token, key_token, sentence, query_sentence, key_sentence, pair, bin, edge, span, rank, link, part, dimension, index, row. A key that starts with `*.` is stored once
for every stack of the model (`decoder.entropy`); in `cross` the query axes are the decoder's and the key axes the encoder's. p[l, h, q, k] is the weight of query token q on key token k after softmax; sums and
means over queries take the tokens that lie in a sentence. Layers are those with attention: where a model has others, `metadata.attention_layers` lists by stack
which of the model's layers they are, counted from 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from reportgen.archive import PAIRS as PAIR_KEY

FLOATS = ("float32",)
HALF_OR_FLOAT = ("float16", "float32")
INTEGERS = ("int32",)
OURS = "none; defined here"


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    """One row of the contract."""

    axes: tuple[str, ...]
    formula: str
    unit: str = "share"
    source: str = OURS
    kinds: tuple[str, ...] = FLOATS
    by_layer_too: bool = False  # may have one more axis in front where layers differ


def _spec(axes: str, formula: str, unit: str = "share", source: str = OURS, kinds: tuple[str, ...] = FLOATS) -> ArraySpec:
    return ArraySpec(axes=tuple(axes.split()), formula=formula, unit=unit, source=source, kinds=kinds)


PAIRS = "query_sentence key_sentence"
HEADS = "layer head"
GIVEN = "the input itself"
ROLLOUT = "A = 0.5 mean_h p + 0.5 I, R = A_L ... A_1 over tokens; mean over q in i, sum over k in j"
ABNAR = "Abnar and Zuidema 2020, section 3"
CHEFER = "Chefer et al. 2021"
SUNDARARAJAN = "Sundararajan et al. 2017"
RELEVANCE = "R <- R + A R over tokens, A = mean over heads of max(0, p dTarget/dp)"
BOTH_TEXTS = "; in encoder-decoders over the tokens of both texts as one set, without the normalisation of rows that the paper puts between encoder and decoder"
OLSSON = "Olsson et al. 2022"
GEVA = "after Geva et al. 2023 (attention knockout)"
KNOCKOUT = "keys of j hidden from queries of i in every layer: mean over tokens of i"
JENSEN_SHANNON = (
    "H((p + p') / 2) - (H(p) + H(p')) / 2, H = - sum over k of p ln p, of any two heads of any layers (place layer x heads + head) at the same query, mean over a "
    "sample of queries"
)
NO_SINK = "; the first token and special tokens left out as keys, rows renormalised"

TEXT = {
    "sentence_spans": _spec("sentence span", "start and end of each sentence", "characters", GIVEN, INTEGERS),
    "sentence_blocks": _spec("sentence", "paragraph, heading or list item each sentence is in", "index", GIVEN, INTEGERS),
    "token_ids": _spec("token", "vocabulary index of each token", "index", GIVEN, INTEGERS),
    "token_spans": _spec("token span", "start and end of each token", "characters", GIVEN, INTEGERS),
    "token_sentences": _spec("token", "sentence each token lies in, -1 for none", "index", GIVEN, INTEGERS),
}

TOKEN_TYPES = {"token_types": _spec("token", "which of the texts in one input each token is of, where the model is told so", "index", GIVEN, INTEGERS)}

TARGET_TEXT = {f"target_{name}": spec for name, spec in TEXT.items()}

SENTENCE_PAIRS = {
    "*.sentence_attention": _spec(f"layer head {PAIRS}", "mean over q in i of sum over k in j of p", kinds=HALF_OR_FLOAT),
    "*.sentence_attention_by_layer": _spec(f"layer {PAIRS}", "mean over heads of sentence_attention, stored where that is not"),
    "*.outside_attention": _spec("layer head query_sentence", "1 - sum over j of sentence_attention[i, j]"),
    "*.isa": _spec(PAIRS, "max over l, h, q in i, k in j of p", "weight", "Seo et al. 2025, section 2"),
    "*.isa_by_layer": _spec(f"layer {PAIRS}", "max over h, q in i, k in j of p", "weight", "Seo et al. 2025, section 2"),
    "*.rollout": _spec(PAIRS, ROLLOUT, source=ABNAR),
    "*.rollout_by_layer": _spec(f"layer {PAIRS}", ROLLOUT + ", after each layer", source=ABNAR),
    "*.rollout_without_sink": _spec(PAIRS, ROLLOUT + NO_SINK),
    "*.rollout_without_sink_by_layer": _spec(f"layer {PAIRS}", ROLLOUT + NO_SINK + ", after each layer"),
    "*.sentence_expected": replace(_spec(PAIRS, "sentence_attention if every visible key had the same weight"), by_layer_too=True),
    "*.coverage": _spec(PAIRS, "number of windows that saw the pair together", "windows", OURS, INTEGERS),
    "*.attention_x_gradient": _spec(
        f"layer {PAIRS}", "mean over heads of sum over q in i, k in j of max(0, p dTarget/dp)", "unit of the target", "after " + CHEFER
    ),
    "*.token_links": _spec("query_token rank", "8 largest mean over l, h of p[q, k] of each query token", "key token and weight", OURS, ("key_weight",)),
    "*.query_key": _spec(
        "link part dimension",
        "query, key and query x key by dimension of the pairs in query_key_pairs, the query scaled and both as they are after rotary positions: the products "
        "sum to the score, which goes through a soft cap, if any (cap tanh(score / cap)), and then gains a position bias, if any, before softmax",
        "score",
        "Vig 2019, neuron view",
    ),
    "*.query_key_pairs": _spec(
        "link index",
        "layer, head, q, k of the greatest p over l, h, q in i, k in j for each of the strongest links (i, j) by lift of the whole model and of each layer; the first "
        "token and special tokens left out as keys where i sees others in j",
        "index",
        OURS,
        INTEGERS,
    ),
}

HEAD_SCORES = {
    "*.entropy": _spec(HEADS, "- sum over k of p ln p", "nats", "Clark et al. 2019, section 3.3"),
    "*.entropy_without_sink": _spec(HEADS, "- sum over k of p ln p" + NO_SINK, "nats"),
    "*.relative_entropy": _spec(HEADS, "entropy / ln(number of visible keys), queries that see one key left out"),
    "*.relative_entropy_without_sink": _spec(HEADS, "entropy / ln(number of visible keys)" + NO_SINK),
    "*.distance": _spec(HEADS, "sum over k of p |q - k|", "tokens", "Vig and Belinkov 2019"),
    "*.distance_without_sink": _spec(HEADS, "sum over k of p |q - k|" + NO_SINK, "tokens"),
    "*.sentence_distance": _spec(HEADS, "sum over k of p |s(q) - s(k)|, keys of no sentence left out, rows renormalised", "sentences"),
    "*.locality": _spec(HEADS, "sum over k with |q - k| <= 3 of p"),
    "*.locality_without_sink": _spec(HEADS, "sum over k with |q - k| <= 3 of p" + NO_SINK),
    "*.within_sentence": _spec(HEADS, "sum over k with s(q) = s(k) of p"),
    "*.first_token": _spec(HEADS, "p[q, 0] over q >= 1", source="after Gu et al. 2024"),
    "*.previous_token": _spec(HEADS, "p[q, q-1] over q >= 1", source="Clark et al. 2019, section 3.1"),
    "*.previous_token_without_sink": _spec(HEADS, "p[q, q-1] over q >= 1" + NO_SINK),
    "*.next_token": _spec(HEADS, "p[q, q+1] (bidirectional stacks)", source="Clark et al. 2019, section 3.1"),
    "*.delimiter": _spec(HEADS, "sum of p over special tokens and tokens that are only punctuation", source="after Clark et al. 2019"),
    "*.rare_token": _spec(HEADS, "sum of p over tokens of the rarest tenth of types by count / the same for even weights", "lift"),
    "*.duplicate_token": _spec(HEADS, "sum of p over earlier tokens with the query's id, over queries that have one", source="after Wang et al. 2022"),
    "*.induction": _spec(HEADS, "sum of p over keys k = j + 1 <= q where token j < q has the query's id, over queries that have one", source="after " + OLSSON),
    "*.probe_induction": _spec(HEADS, "p[q, q-99] on 100 random tokens repeated once, second half", source=OLSSON),
    "*.probe_induction_without_sink": _spec(HEADS, "p[q, q-99] / (1 - p[q, 0]) on the same probes"),
    "*.probe_previous_token": _spec(HEADS, "p[q, q-1] over q >= 1 on the same probes", source=OLSSON),
    "*.probe_previous_token_without_sink": _spec(HEADS, "p[q, q-1] / (1 - p[q, 0]) on the same probes, q >= 2"),
    "*.probe_duplicate_token": _spec(HEADS, "p[q, q-100] on the same probes, second half", source="after " + OLSSON),
    "*.probe_duplicate_token_without_sink": _spec(HEADS, "p[q, q-100] / (1 - p[q, 0]) on the same probes, second half but its first token"),
    "*.decay": _spec("layer head bin", "mean of p over visible pairs with |q - k| in [edge b, edge b+1)", "weight"),
    "*.decay_without_sink": _spec("layer head bin", "mean of p over visible pairs with |q - k| in [edge b, edge b+1)" + NO_SINK, "weight"),
    "*.decay_edges": _spec("edge", "0, 1, 2, 4, 8, ... up to above the number of tokens", "tokens", OURS, INTEGERS),
    "*.head_similarity": _spec("layer head head", "cosine of the flattened p of two heads, all queries", "cosine"),
    "*.head_similarity_without_sink": _spec("layer head head", "cosine of the flattened p of two heads" + NO_SINK, "cosine"),
    "*.head_divergence": _spec("any_head any_head", JENSEN_SHANNON, "nats", "after Clark et al. 2019, section 6"),
    "*.head_divergence_without_sink": _spec("any_head any_head", JENSEN_SHANNON + NO_SINK, "nats"),
    "*.head_divergence_queries": _spec("sampled", "the query tokens that head_divergence is a mean over, spread evenly", "index", OURS, INTEGERS),
    "*.importance": _spec(HEADS, "|sum over q, k of p dTarget/dp|", "unit of the target", "Michel et al. 2019, equation 3"),
    "*.importance_abs": _spec(HEADS, "sum over q, k of |p dTarget/dp|", "unit of the target", "after Michel et al. 2019"),
    "*.confidence": _spec(HEADS, "max over k of p", "weight", "Voita et al. 2019"),
}

TOKENS = {
    "*.token_influence": _spec("layer key_token", "mean over heads and over all queries that can see k of p[q, k]", "weight"),
    "*.token_influence_total": _spec("layer key_token", "sum over all queries, mean over heads, of p[q, k]", "tokens"),
}

RIKTERS = "Rikters and Fishel 2017"
ALIGNMENT_OF_HEADS = {
    "cross.alignment_entropy": _spec(HEADS, "mean over queries of - sum over k of p ln p", "nats", RIKTERS),
    "cross.source_coverage": _spec(HEADS, "share of source tokens whose greatest p over queries is > 0.1"),
    "cross.monotonicity": _spec(HEADS, "share of steps with argmax over k of p[q+1] >= argmax over k of p[q]"),
    "cross.alignment_tau": _spec(HEADS, "Kendall's tau-b of q and argmax over k of p[q]", "correlation"),
    "cross.absentmindedness_in": _spec(HEADS, "mean over source tokens k of the entropy over q of p[q, k] / sum over q of p", "nats", RIKTERS),
    "cross.coverage_deviation": _spec(HEADS, "mean over source tokens of ln(1 + (1 - sum over q of p)^2)", "nats", RIKTERS),
}
ALIGNMENT = ALIGNMENT_OF_HEADS | {f"{name}_mean_heads": replace(spec, axes=("layer",)) for name, spec in ALIGNMENT_OF_HEADS.items()}

ATTRIBUTION = {
    "attribution.gradient": _spec("sentence", "sum over tokens and dimensions of |dTarget/de|", "nats per unit of embedding"),
    "attribution.input_x_gradient": _spec("sentence", "sum over tokens of e . dTarget/de (signed)", "nats"),
    "attribution.attention_x_gradient": _spec(
        "sentence", "attention_x_gradient summed over layers and query sentences", "unit of the target", "after " + CHEFER
    ),
    "attribution.relevance": _spec("sentence", f"{RELEVANCE}; target's rows{BOTH_TEXTS}", "relevance", CHEFER),
    "attribution.attention": _spec("sentence", "mean over the target's rows, layers and heads of the mass on sentence j"),
    "attribution.rollout": _spec("sentence", "mean over the target's rows of the rollout summed over sentence j", source=ABNAR),
    "attribution.integrated_gradients": _spec(
        "sentence", "sum over tokens of (e - e') . mean of dTarget/de on the straight path from the baseline e' to e", "unit of the target", SUNDARARAJAN
    ),
    "attribution.ablation": _spec(
        "sentence",
        "target without sentence j, its tokens hidden as keys from every query but themselves in every layer, minus target; NaN for the target's own",
        "unit of the target",
        "after Li et al. 2016",
    ),
    "attribution.pairs": _spec(
        "row sentence", "sum over the tokens of sentence j of e . dLoss(i)/de, i the sentence of the row; NaN where j is not given for i's loss", "nats"
    ),
    "attribution.pair_rows": _spec(
        "row", "sentence of each row of pairs; of the decoder's text where a decoder reads one beside its source", "index", OURS, INTEGERS
    ),
    "attribution.link_effect": _spec("link part", f"i, j, {KNOCKOUT} of KL(intact || knocked out) of the output distribution", "nats", GEVA),
    "attribution.link_drop": _spec("link", f"{KNOCKOUT} of ln p(actual token) intact - knocked out, links as in link_effect", "nats"),
}

PRUNING = {
    "pruning.order": _spec(
        "rank index",
        "stack (its place in metadata.stacks), layer and head in the order of masking, least importance / its l2 norm in the layer first",
        "index",
        "after Michel et al. 2019, section 4.2",
        INTEGERS,
    ),
    "pruning.heads": _spec("step", "how many of the heads are masked", "heads", "after Michel et al. 2019, section 4.2", INTEGERS),
    "pruning.loss": _spec(
        "step", "target with that many heads masked in that order, their outputs set to zero", "unit of the target", "after Michel et al. 2019, section 4.2"
    ),
    "pruning.random_loss": _spec("draw step", "the same with the heads in random order", "unit of the target"),
}

WINDOW_KEY = r"window\d+/"  # what the names of a window's own arrays begin with
WINDOW_SENTENCES = _spec("span", "first sentence of the window, and last + 1", "index", OURS, INTEGERS)
WINDOW_TEXT = ("sentences", "token_ids", "token_spans", "token_sentences")
PAIR_SENTENCES = _spec("pair span", "query sentence and key sentence of each stored pair, in reading order", "index", OURS, INTEGERS)

CONTRACT: dict[str, ArraySpec] = {**TEXT, **TOKEN_TYPES, **TARGET_TEXT, **SENTENCE_PAIRS, **HEAD_SCORES, **TOKENS, **ALIGNMENT, **ATTRIBUTION, **PRUNING}


def spec_of(key: str) -> ArraySpec | None:
    """The contract's row for a stored key such as `decoder.entropy` or `window2/decoder.entropy`; None for a key it does not name."""
    window = re.match(WINDOW_KEY, key)
    if window:
        return _spec_in_window(key.removeprefix(window[0]))
    if key.startswith(PAIR_KEY):
        return _spec_by_pair(key.removeprefix(PAIR_KEY))
    stack, _, rest = key.partition(".")
    return CONTRACT.get(key) or (CONTRACT.get(f"*.{rest}") if stack in ("encoder", "decoder", "cross") else None)


def _spec_by_pair(key: str) -> ArraySpec | None:
    """The same array with one axis of pairs in the place of query and key sentences."""
    if key == "sentences":
        return PAIR_SENTENCES
    spec = None if key.startswith(("window", PAIR_KEY)) else spec_of(key)
    if spec is None or spec.axes[-2:] != tuple(PAIRS.split()):
        return None
    return replace(spec, axes=(*spec.axes[:-2], "pair"))


def _spec_in_window(key: str) -> ArraySpec | None:
    """What a window may hold: its sentences, its tokens, and everything about attention."""
    if key == "sentences":
        return WINDOW_SENTENCES
    return spec_of(key) if key in WINDOW_TEXT or key.partition(".")[0] in ("encoder", "decoder", "cross") else None
