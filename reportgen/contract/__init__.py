"""The arrays a measurements file may hold: key, axes, number type, unit, formula and source.

Axes: layer, head, any_head (of all layers), sampled, step, draw, token, query_token, key_token, sentence, query_sentence, key_sentence, pair, bin, edge, offset, span, rank, link, drawn (of links), part, dimension,
index, row, method, query_key, relation, word_offset. A key that starts with `*.` is stored once
for every stack of the model (`decoder.entropy`); in `cross` the query axes are the decoder's and the key axes the encoder's. p[l, h, q, k] is the weight of query token q on key token k after softmax; sums and
means over queries take the tokens that lie in a sentence. Layers are those with attention: where a model has others, `metadata.attention_layers` lists by stack
which of the model's layers they are, counted from 0.
"""

from __future__ import annotations

import re
from dataclasses import replace

from reportgen.archive import PAIRS as PAIR_KEY
from reportgen.contract.faithfulness import FAITHFULNESS
from reportgen.contract.heads import COREFERENCE, EXAMPLES, HEAD_SCORES, HEADS_BY_SENTENCE, SYNTAX
from reportgen.contract.rows import ABNAR, CHEFER, GIVEN, HALF_OR_FLOAT, HEADS, INTEGERS, NO_SINK, OURS, PAIRS, ROLLOUT, ArraySpec, row
from reportgen.contract.target import ATTRIBUTION, PRUNING

TEXT = {
    "sentence_spans": row("sentence span", "start and end of each sentence", "characters", GIVEN, INTEGERS),
    "sentence_blocks": row("sentence", "paragraph, heading or list item each sentence is in", "index", GIVEN, INTEGERS),
    "token_ids": row("token", "vocabulary index of each token", "index", GIVEN, INTEGERS),
    "token_spans": row("token span", "start and end of each token", "characters", GIVEN, INTEGERS),
    "token_sentences": row("token", "sentence each token lies in, -1 for none", "index", GIVEN, INTEGERS),
}

KINDS_OF_TOKENS = {
    "token_types": row("token", "which of the texts in one input each token is of, where the model is told so", "index", GIVEN, INTEGERS),
    "token_delimiters": row("token", "1 for special tokens and tokens that are only punctuation, which delimiter counts, else 0", "", GIVEN, INTEGERS),
}

TARGET_TEXT = {f"target_{name}": spec for name, spec in TEXT.items()}

SENTENCE_PAIRS = {
    "*.sentence_attention": row(f"layer head {PAIRS}", "mean over q in i of sum over k in j of p", kinds=HALF_OR_FLOAT),
    "*.sentence_attention_by_layer": row(f"layer {PAIRS}", "mean over heads of sentence_attention, stored where that is not"),
    "*.outside_attention": row("layer head query_sentence", "1 - sum over j of sentence_attention[i, j]"),
    "*.isa": row(PAIRS, "max over l, h, q in i, k in j of p", "weight", "Seo et al. 2025, section 2"),
    "*.isa_by_layer": row(f"layer {PAIRS}", "max over h, q in i, k in j of p", "weight", "Seo et al. 2025, section 2"),
    "*.rollout": row(PAIRS, ROLLOUT, source=ABNAR),
    "*.rollout_by_layer": row(f"layer {PAIRS}", ROLLOUT + ", after each layer", source=ABNAR),
    "*.rollout_without_sink": row(PAIRS, ROLLOUT + NO_SINK),
    "*.rollout_without_sink_by_layer": row(f"layer {PAIRS}", ROLLOUT + NO_SINK + ", after each layer"),
    "*.sentence_expected": replace(row(PAIRS, "sentence_attention if every visible key had the same weight"), by_layer_too=True),
    "*.shuffled_attention": row(
        PAIRS, "sentence_attention, mean over layers and heads, with the sentences in shuffled order (metadata.control); NaN where that order hides the key"
    ),
    "*.shuffled_expected": row(PAIRS, "the same if every visible key had the same weight, mean over layers"),
    "*.coverage": row(PAIRS, "number of windows that saw the pair together", "windows", OURS, INTEGERS),
    "*.attention_x_gradient": row(
        f"layer {PAIRS}", "mean over heads of sum over q in i, k in j of max(0, p dTarget/dp)", "unit of the target", "after " + CHEFER
    ),
    "*.token_links": row("query_token rank", "8 largest mean over l, h of p[q, k] of each query token", "key token and weight", OURS, ("key_weight",)),
    "*.query_key": row(
        "link part dimension",
        "query, key and query x key by dimension of the pairs in query_key_pairs, the query scaled and both as they are after rotary positions: the products "
        "sum to the score, which goes through a soft cap, if any (cap tanh(score / cap)), and then gains a position bias, if any, before softmax",
        "score",
        "Vig 2019, neuron view",
    ),
    "*.query_key_pairs": row(
        "link index",
        "layer, head, q, k of the greatest p over l, h, q in i, k in j for each of the strongest links (i, j) by lift of the whole model and of each layer; the first "
        "token and special tokens left out as keys where i sees others in j",
        "index",
        OURS,
        INTEGERS,
    ),
}

TOKENS = {
    "*.token_influence": row("layer key_token", "mean over heads and over all queries that can see k of p[q, k]", "weight"),
    "*.token_influence_total": row("layer key_token", "sum over all queries, mean over heads, of p[q, k]", "tokens"),
}

RIKTERS = "Rikters and Fishel 2017"
ALIGNMENT_OF_HEADS = {
    "cross.alignment_entropy": row(HEADS, "mean over queries of - sum over k of p ln p", "nats", RIKTERS),
    "cross.source_coverage": row(HEADS, "share of source tokens whose greatest p over queries is > 0.1"),
    "cross.monotonicity": row(HEADS, "share of steps with argmax over k of p[q+1] >= argmax over k of p[q]"),
    "cross.alignment_tau": row(HEADS, "Kendall's tau-b of q and argmax over k of p[q]", "correlation"),
    "cross.absentmindedness_in": row(HEADS, "mean over source tokens k of the entropy over q of p[q, k] / sum over q of p", "nats", RIKTERS),
    "cross.coverage_deviation": row(HEADS, "mean over source tokens of ln(1 + (1 - sum over q of p)^2)", "nats", RIKTERS),
}
ALIGNMENT = ALIGNMENT_OF_HEADS | {f"{name}_mean_heads": replace(spec, axes=("layer",)) for name, spec in ALIGNMENT_OF_HEADS.items()}

WINDOW_KEY = r"window\d+/"  # what the names of a window's own arrays begin with
WINDOW_SENTENCES = row("span", "first sentence of the window, and last + 1", "index", OURS, INTEGERS)
WINDOW_TEXT = ("sentences", "token_ids", "token_spans", "token_sentences")
PAIR_SENTENCES = row("pair span", "query sentence and key sentence of each stored pair, in reading order", "index", OURS, INTEGERS)

CONTRACT: dict[str, ArraySpec] = {
    **{**TEXT, **KINDS_OF_TOKENS, **TARGET_TEXT, **SENTENCE_PAIRS},
    **{**HEAD_SCORES, **HEADS_BY_SENTENCE, **EXAMPLES, **COREFERENCE, **SYNTAX, **TOKENS, **ALIGNMENT, **ATTRIBUTION, **PRUNING, **FAITHFULNESS},
}


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
