"""The contract's rows of numbers by head."""

from __future__ import annotations

from dataclasses import replace

from reportgen.contract.rows import (
    EXAMPLE,
    HALF,
    HALF_OR_FLOAT,
    HEADS,
    INTEGERS,
    JENSEN_SHANNON,
    NO_SINK,
    OF_WHAT_IS_LEFT,
    OLSSON,
    OURS,
    OVER_SENTENCES,
    ArraySpec,
    row,
)


def _by_sentence(spec: ArraySpec) -> ArraySpec:
    """A score of heads, once more for the queries of each sentence alone; NaN where the score counts none of them."""
    return replace(
        spec, axes=(*spec.axes, "query_sentence"), formula=f"of the queries in sentence i alone: {spec.formula.removeprefix(OVER_SENTENCES)}", kinds=HALF
    )


HEAD_SCORES = {
    "*.entropy": row(HEADS, "- sum over k of p ln p", "nats", "Clark et al. 2019, section 3.3"),
    "*.entropy_without_sink": row(HEADS, "- sum over k of p ln p" + NO_SINK, "nats"),
    "*.relative_entropy": row(HEADS, "entropy / ln(number of visible keys), queries that see one key left out"),
    "*.relative_entropy_without_sink": row(HEADS, "entropy / ln(number of visible keys)" + NO_SINK),
    "*.distance": row(HEADS, "sum over k of p |q - k|", "tokens", "Vig and Belinkov 2019"),
    "*.distance_without_sink": row(HEADS, "sum over k of p |q - k|" + NO_SINK, "tokens"),
    "*.sentence_distance": row(HEADS, "sum over k of p |s(q) - s(k)|, keys of no sentence left out, rows renormalised", "sentences"),
    "*.locality": row(HEADS, "sum over k with |q - k| <= 3 of p"),
    "*.locality_without_sink": row(HEADS, "sum over k with |q - k| <= 3 of p" + NO_SINK),
    "*.within_sentence": row(HEADS, "sum over k with s(q) = s(k) of p"),
    "*.within_sentence_without_sink": row(HEADS, OVER_SENTENCES + OF_WHAT_IS_LEFT.format("k in i")),
    "*.first_token": row(HEADS, "p[q, 0] over q >= 1", source="after Gu et al. 2024"),
    "*.previous_token": row(HEADS, "p[q, q-1] over q >= 1", source="Clark et al. 2019, section 3.1"),
    "*.previous_token_without_sink": row(HEADS, "p[q, q-1] over q >= 1" + NO_SINK),
    "*.next_token": row(HEADS, "p[q, q+1] (bidirectional stacks)", source="Clark et al. 2019, section 3.1"),
    "*.fixed_offset": row("layer head offset", "p[q, q - offset] over the q that have such a token", "weight"),
    "*.fixed_offset_without_sink": row("layer head offset", "p[q, q - offset] over the q that have such a token" + NO_SINK, "weight"),
    "*.fixed_offsets": row("offset", "1 to 8, and where the future is seen -1 to -8", "tokens", OURS, INTEGERS),
    "*.delimiter": row(HEADS, "sum of p over special tokens and tokens that are only punctuation", source="after Clark et al. 2019"),
    "*.delimiter_without_sink": row(HEADS, OVER_SENTENCES + OF_WHAT_IS_LEFT.format("separators k")),
    "*.rare_token": row(HEADS, "sum of p over tokens of the rarest tenth of types by count / the same for even weights", "lift"),
    "*.rare_token_without_sink": row(HEADS, OVER_SENTENCES + OF_WHAT_IS_LEFT.format("rare tokens k") + "; / the same for even weights", "lift"),
    "*.duplicate_token": row(HEADS, "sum of p over earlier tokens with the query's id, over queries that have one", source="after Wang et al. 2022"),
    "*.duplicate_token_without_sink": row(HEADS, "sum of p over earlier tokens with the query's id, over queries that have one" + NO_SINK),
    "*.induction": row(HEADS, "sum of p over keys k = j + 1 <= q where token j < q has the query's id, over queries that have one", source="after " + OLSSON),
    "*.induction_without_sink": row(HEADS, "sum of p over keys k = j + 1 <= q, as in induction" + NO_SINK),
    "*.probe_induction": row(HEADS, "p[q, q-99] on 100 random tokens repeated once, second half", source=OLSSON),
    "*.probe_induction_without_sink": row(HEADS, "p[q, q-99] / (sum of p[q, k] over k > 0) on the same probes"),
    "*.probe_previous_token": row(HEADS, "p[q, q-1] over q >= 1 on the same probes", source=OLSSON),
    "*.probe_previous_token_without_sink": row(HEADS, "p[q, q-1] / (sum of p[q, k] over k > 0) on the same probes, q >= 2"),
    "*.probe_duplicate_token": row(HEADS, "p[q, q-100] on the same probes, second half", source="after " + OLSSON),
    "*.probe_duplicate_token_without_sink": row(HEADS, "p[q, q-100] / (sum of p[q, k] over k > 0) on the same probes, second half but its first token"),
    "*.decay": row("layer head bin", "mean of p over visible pairs with |q - k| in [edge b, edge b+1)", "weight"),
    "*.decay_without_sink": row("layer head bin", "mean of p over visible pairs with |q - k| in [edge b, edge b+1)" + NO_SINK, "weight"),
    "*.decay_edges": row("edge", "0, 1, 2, 4, 8, ... up to above the number of tokens", "tokens", OURS, INTEGERS),
    "*.head_similarity": row("layer head head", "cosine of the flattened p of two heads, all queries", "cosine"),
    "*.head_similarity_without_sink": row("layer head head", "cosine of the flattened p of two heads" + NO_SINK, "cosine"),
    "*.head_divergence": row("any_head any_head", JENSEN_SHANNON, "nats", "after Clark et al. 2019, section 6"),
    "*.head_divergence_without_sink": row("any_head any_head", JENSEN_SHANNON + NO_SINK, "nats"),
    "*.head_divergence_queries": row("sampled", "the query tokens that head_divergence is a mean over, spread evenly", "index", OURS, INTEGERS),
    "*.importance": row(HEADS, "|sum over q, k of p dTarget/dp|", "unit of the target", "Michel et al. 2019, equation 3"),
    "*.importance_abs": row(HEADS, "sum over q, k of |p dTarget/dp|", "unit of the target", "after Michel et al. 2019"),
    "*.confidence": row(HEADS, "max over k of p", "weight", "Voita et al. 2019"),
}

BY_SENTENCE = (
    *("first_token", "previous_token", "previous_token_without_sink", "next_token", "locality", "locality_without_sink"),
    *("relative_entropy", "relative_entropy_without_sink", "delimiter", "delimiter_without_sink", "rare_token", "rare_token_without_sink"),
    *("within_sentence", "within_sentence_without_sink"),
    *("duplicate_token", "duplicate_token_without_sink", "induction", "induction_without_sink"),
)
OFFSETS_BY_SENTENCE = ("fixed_offset", "fixed_offset_without_sink")
EXPECTED = "share of the keys that each of the sentence's queries sees that are rare tokens, mean"
HEADS_BY_SENTENCE = {f"*.{name}_by_sentence": _by_sentence(HEAD_SCORES[f"*.{name}"]) for name in (*BY_SENTENCE, *OFFSETS_BY_SENTENCE)} | {
    "*.rare_token_expected_by_sentence": row("layer query_sentence", EXPECTED),
    "*.rare_token_expected_without_sink_by_sentence": row("layer query_sentence", EXPECTED + "; the first token and special tokens left out as keys"),
    "*.strongest_key": row(
        "layer head query_sentence",
        "argmax over the k that are no sinks (the first token, special tokens) of sum over q in i of p; -1 where none has any weight",
        "index",
        OURS,
        INTEGERS,
    ),
}
EXAMPLES = {
    f"*.{name}_example": row("layer head query_key", EXAMPLE, "index", OURS, INTEGERS)
    for name in ("duplicate_token", "induction", "previous_token", "next_token")
}

MENTIONS = "by a heuristic: repeated names, and pronouns with the nearest earlier name that fits (reportgen/mentions)"
LATER = "mean over the tokens q of later mentions of an entity, " + MENTIONS + ", of "
CONTROLS = "the sum over the same k of the mean p[q] over tokens of k's kind at about its distance (q - k, give or take a tenth, at least 2) that are no mention of the entity"
OF_EARLIER = "sum over the tokens k of its earlier mentions of p[q, k]"
OF_EACH = "; of the queries in each sentence, NaN where there are none"
COREFERENCE = {
    "*.coreference": row(HEADS, LATER + OF_EARLIER, source="after Clark et al. 2019, section 4.3"),
    "*.coreference_expected": row(HEADS, LATER + CONTROLS),
    "*.coreference_without_sink": row(HEADS, LATER + OF_EARLIER + NO_SINK),
    "*.coreference_expected_without_sink": row(HEADS, LATER + CONTROLS + NO_SINK),
    "*.pronoun_coreference": row(HEADS, "coreference from pronouns to the tokens of names alone, which no copying of tokens explains"),
    "*.pronoun_coreference_expected": row(HEADS, "coreference_expected from pronouns to the tokens of names alone"),
    "*.coreference_by_sentence": row("layer head query_sentence", LATER + OF_EARLIER + OF_EACH, kinds=HALF_OR_FLOAT),
    "*.coreference_expected_by_sentence": row("layer head query_sentence", LATER + CONTROLS + OF_EACH, kinds=HALF_OR_FLOAT),
    "*.coreference_without_sink_by_sentence": row("layer head query_sentence", LATER + OF_EARLIER + NO_SINK + OF_EACH, kinds=HALF_OR_FLOAT),
    "*.coreference_expected_without_sink_by_sentence": row("layer head query_sentence", LATER + CONTROLS + NO_SINK + OF_EACH, kinds=HALF_OR_FLOAT),
    "*.coreference_queries": row("layer query_sentence", "how many queries of each sentence coreference is the mean of", "tokens", OURS, INTEGERS),
    "*.coreference_without_sink_queries": row(
        "layer head query_sentence",
        "how many queries of each sentence coreference_without_sink is the mean of: those of coreference_queries whose row has anything left",
        "tokens",
        OURS,
        INTEGERS,
    ),
    "*.coreference_example": row("layer head query_key", "q and k of the greatest p[q, k] that coreference counts; -1 for none", "index", OURS, INTEGERS),
}

WORDS = "of the words of a dependency relation whose syntactic head the stack lets it reach, the share whose "
FORWARD = "most attended other word of the sentence is the head (attention from a word: mean over its tokens; to one: sum over its tokens; no sinks)"
REVERSE = "head is the other word of the sentence that attends most to it (attention as in syntax_accuracy)"
CLARK_SYNTAX = "Clark et al. 2019, section 4.2"
SYNTAX = {
    "*.syntax_accuracy": row("layer head relation", WORDS + FORWARD, source=CLARK_SYNTAX),
    "*.syntax_reverse_accuracy": row("layer head relation", WORDS + REVERSE, source=CLARK_SYNTAX),
    "*.syntax_offsets": row("relation word_offset", "of the words that syntax_accuracy counts, the share whose head stands at a fixed offset in words"),
    "*.syntax_reverse_offsets": row(
        "relation word_offset", "of the words that syntax_reverse_accuracy counts, the share whose head stands at a fixed offset in words"
    ),
    "*.syntax_baseline": row("relation", "the greatest of syntax_offsets: the best fixed offset", source=CLARK_SYNTAX),
    "*.syntax_reverse_baseline": row("relation", "the greatest of syntax_reverse_offsets: the best fixed offset", source=CLARK_SYNTAX),
    "*.syntax_pairs": row("relation", "how many words syntax_accuracy counts", "words", OURS, INTEGERS),
    "*.syntax_reverse_pairs": row("relation", "how many words syntax_reverse_accuracy counts", "words", OURS, INTEGERS),
    "*.syntax_example": row(
        "layer head relation query_key",
        "first tokens of word and head of the greatest attention that syntax_accuracy finds right; -1 for none",
        "index",
        OURS,
        INTEGERS,
    ),
}
