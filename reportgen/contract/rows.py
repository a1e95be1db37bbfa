"""What a row of the contract says of an array, and words that several rows share."""

from __future__ import annotations

from dataclasses import dataclass

FLOATS = ("float32",)
HALF = ("float16",)
HALF_OR_FLOAT = ("float16", "float32")
INTEGERS = ("int32",)
OURS = "none; defined here"
LEFT = "_without_sink"  # ends the names of numbers of what is left without sinks


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    """One row of the contract."""

    axes: tuple[str, ...]
    formula: str
    unit: str = "share"
    source: str = OURS
    kinds: tuple[str, ...] = FLOATS
    by_layer_too: bool = False  # may have one more axis in front where layers differ


def row(axes: str, formula: str, unit: str = "share", source: str = OURS, kinds: tuple[str, ...] = FLOATS) -> ArraySpec:
    return ArraySpec(axes=tuple(axes.split()), formula=formula, unit=unit, source=source, kinds=kinds)


PAIRS = "query_sentence key_sentence"
HEADS = "layer head"
GIVEN = "the input itself"
ROLLOUT = "A = 0.5 mean_h p + 0.5 I, R = A_L ... A_1 over tokens; mean over q in i, sum over k in j"
ABNAR = "Abnar and Zuidema 2020, section 3"
CHEFER = "Chefer et al. 2021"
SUNDARARAJAN = "Sundararajan et al. 2017"
KOBAYASHI = "Kobayashi et al. 2020, section 3"
RELEVANCE = "R <- R + A R over tokens, R = I at first, A = mean over heads of max(0, p dTarget/dp); of what was added to I the mean over the target's rows"
BOTH_TEXTS = "; in encoder-decoders over the tokens of both texts as one set, without the normalisation of rows that the paper puts between encoder and decoder"
OLSSON = "Olsson et al. 2022"
GEVA = "after Geva et al. 2023 (attention knockout)"
KNOCKOUT = "keys of j hidden from queries of i in every layer: mean over tokens of i"
JENSEN_SHANNON = (
    "H((p + p') / 2) - (H(p) + H(p')) / 2, H = - sum over k of p ln p, of any two heads of any layers (place layer x heads + head) at the same query, p on each sentence "
    "but the query's own added up, sinks and what a sink logit takes each alone; mean over a sample of queries"
)
NO_SINK = "; the first token and special tokens left out as keys, rows renormalised"
OVER_SENTENCES = "mean over sentences i, weighted by their queries that anything is left of, of "
OF_WHAT_IS_LEFT = "sum over q in i and {} that are no sinks of p / sum over q in i and all k that are no sinks of p (sinks: the first token, special tokens)"
EXAMPLE = "q and k of the greatest p > 0 among the pairs that the score counts; -1, -1 where there is none"
