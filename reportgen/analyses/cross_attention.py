"""Which source sentences each output sentence was made from, and how well each head of an encoder-decoder aligns the two texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.cross.alignment_charts import HeadMap, draw_alignment, draw_head_maps
from reportgen.analyses.cross.alignment_scores import IN_ORDER, LABELS, MEASURED, HeadScore, find_ordered, head_scores
from reportgen.analyses.cross.output_tokens import OutputToken, output_tokens
from reportgen.contract import CONTRACT
from reportgen.links import lift_of
from reportgen.measurements import Measurements
from reportgen.wording import percent, significant, two_decimals

CLEAR_LIFT = 2.0  # from which a source sentence counts as one that an output sentence was made from
NEARLY_EVEN = 0.9  # of the greatest entropy
SOURCES_AT_MOST = 3
FEWEST_IN_ORDER = 4  # sentences, for a tau
PRINTED_AT_MOST = 200
TOKENS_AT_MOST = 240


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source sentence, its share of an output sentence's attention, and that over what even attention would give."""

    sentence: int
    text: str
    share: float
    lift: float


@dataclass(frozen=True, kw_only=True)
class MadeFrom:
    """An output sentence and its sources: those that get more than even attention would give, by how much more, 3 at most.

    `clear` says that the first gets at least twice that. `outside` is the share on source tokens of no sentence.
    """

    sentence: int
    text: str
    clear: bool
    outside: float
    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The alignment of sentences (mean over layers and heads, rows are output sentences), what each was made from, and the scores of heads.

    `order_tau` is Kendall's tau-b of the clear output sentences and the first source of each, with its two-sided p; None for fewer than 4 of them. `ordered_heads`
    are the heads that go through the source in its order: tau of at least 0.5 whose p, times the number of heads, is below 0.05. `tokens` are the output's with their
    strongest links, none where links of tokens were not measured.
    """

    attention: Float[np.ndarray, "output source"]
    expected: Float[np.ndarray, "output source"]
    lift: Float[np.ndarray, "output source"]
    made_from: tuple[MadeFrom, ...]
    printed: int
    clear: int
    order_tau: float | None
    order_p: float | None
    scores: tuple[HeadScore, ...]
    ordered_heads: tuple[str, ...]
    source_tokens: int
    output_tokens: int
    tokens: tuple[OutputToken, ...]
    printed_tokens: int


def analyse(measurements: Measurements) -> Result:
    """The mean alignment, the sources of each output sentence, and every head's scores beside even attention's."""
    attention = measurements["cross.sentence_attention"].mean((0, 1), dtype=np.float64)
    expected = _over_layers(measurements["cross.sentence_expected"])
    lift = lift_of(attention.ravel(), expected.ravel()).reshape(attention.shape)
    outside = measurements["cross.outside_attention"].mean((0, 1), dtype=np.float64)
    made_from = tuple(_made_from(measurements, attention, expected, lift, outside))
    tau, p_value = _order(made_from)
    queries, keys = int((measurements["target_token_sentences"] >= 0).sum()), len(measurements["token_ids"])
    scores, tokens = tuple(head_scores(measurements, queries, keys)), output_tokens(measurements)
    return Result(
        attention=attention,
        expected=expected,
        lift=lift,
        made_from=made_from,
        printed=min(len(made_from), PRINTED_AT_MOST),
        clear=sum(output.clear for output in made_from),
        order_tau=tau,
        order_p=p_value,
        scores=scores,
        ordered_heads=find_ordered(measurements["cross.alignment_tau"], queries),
        source_tokens=keys,
        output_tokens=queries,
        tokens=tokens,
        printed_tokens=min(len(tokens), TOKENS_AT_MOST),
    )


def _over_layers(expected: Float[np.ndarray, "*layer output source"]) -> Float[np.ndarray, "output source"]:
    return expected.astype(np.float64) if expected.ndim == 2 else expected.mean(0, dtype=np.float64)


def _made_from(
    measurements: Measurements,
    attention: Float[np.ndarray, "output source"],
    expected: Float[np.ndarray, "output source"],
    lift: Float[np.ndarray, "output source"],
    outside: Float[np.ndarray, " output"],
) -> Iterator[MadeFrom]:
    sources, more = measurements.sentences, attention - expected
    order = np.argsort(-more, axis=1, kind="stable")[:, :SOURCES_AT_MOST]
    for output, text in enumerate(measurements.target_sentences):
        found = tuple(
            Source(sentence=source, text=sources[source], share=float(attention[output, source]), lift=float(lift[output, source]))
            for source in order[output].tolist()
            if more[output, source] > 0
        )
        clear = bool(found) and found[0].lift >= CLEAR_LIFT
        yield MadeFrom(sentence=output, text=text, clear=clear, outside=float(outside[output]), sources=found)


def _order(made_from: tuple[MadeFrom, ...]) -> tuple[float | None, float | None]:
    """Whether the clear output sentences take from the source in its order; nothing where they are few or all take from one sentence."""
    pairs = [(output.sentence, output.sources[0].sentence) for output in made_from if output.clear]
    if len(pairs) < FEWEST_IN_ORDER or len({source for _, source in pairs}) < 2:
        return None, None
    found = stats.kendalltau(*zip(*pairs, strict=True))
    return float(found.statistic), float(found.pvalue)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """The alignment of sentences as share and as lift, and four scores of every head."""
    by_key = {score.key: score for score in result.scores}
    maps = [HeadMap(title=by_key[key].label, values=by_key[key].values, low=low) for key, low in (("alignment_tau", -1.0), ("alignment_confidence", 0.0))]
    maps += [HeadMap(title=by_key[key].label, values=by_key[key].values, low=0.0) for key in ("relative_alignment_entropy", "source_coverage")]
    return {"alignment": draw_alignment(result.attention, result.lift, find(result)), "heads": draw_head_maps(maps, _say_heads(result))}


def find(result: Result) -> str:
    """What the output sentences were made from, or that attention is close to even; the order; the heads in order."""
    entropy = next(score for score in result.scores if score.key == "relative_alignment_entropy")
    mean, outputs = float(np.nanmean(entropy.values)), len(result.made_from)
    spread = f"a head’s attention has {percent(mean, 3)} of the greatest entropy on average"
    if not result.clear:
        nearly = "Cross-attention is close to even" if mean >= NEARLY_EVEN else "Averaged over layers and heads, cross-attention picks out no source sentence"
        return (
            f"{nearly}: {spread}, and none of {outputs} output {_plural(outputs)} gives a source sentence {CLEAR_LIFT:g} times what even attention "
            f"would give, so it does not say which sentences the output was made from. {_say_heads(result)}"
        )
    best = max((output for output in result.made_from if output.clear), key=lambda output: output.sources[0].share)
    source = best.sources[0]
    return (
        f"{result.clear} of {outputs} output {_plural(outputs)} {'gives' if result.clear == 1 else 'give'} some source sentence at least {CLEAR_LIFT:g} times what "
        f"even attention would: output sentence {best.sentence + 1} takes most from source sentence {source.sentence + 1} ({percent(source.share, 3)} of its attention, "
        f"{significant(source.lift)} times even attention); {spread}.{_say_order(result)} {_say_heads(result)}"
    )


def _say_order(result: Result) -> str:
    if result.order_tau is None or result.order_p is None:
        return ""
    follows = "the output follows the source’s order" if result.order_tau > 0 and result.order_p < 0.05 else "that is no proof of an order"
    return f" Between output sentences and what each takes most from, Kendall’s tau is {two_decimals(result.order_tau)} (p = {significant(result.order_p, 2)}): {follows}."


def _say_heads(result: Result) -> str:
    tau = next(score.values for score in result.scores if score.key == "alignment_tau")
    if np.isnan(tau).all():
        return "No head’s order can be told: the output is too short, or each looks at one token only."
    layer, head = np.unravel_index(np.nanargmax(tau), tau.shape)
    named = f"head {layer}.{head} (tau {two_decimals(tau[layer, head])})"
    if not result.ordered_heads:
        return f"None of {tau.size} heads goes through the source in its order; the nearest to it is {named}."
    count = len(result.ordered_heads)
    return f"{count} of {tau.size} heads {'goes' if count == 1 else 'go'} through the source in its order, {named} most closely."


def _plural(outputs: int) -> str:
    return "sentence" if outputs == 1 else "sentences"


def notices(result: Result) -> tuple[str, ...]:
    """What the page leaves out."""
    said = []
    if result.printed < len(result.made_from):
        said.append(f"Of {len(result.made_from):,} output sentences the page lists the first {result.printed} with their sources; the JSON has all.")
    if result.printed_tokens < len(result.tokens):
        said.append(f"Of {len(result.tokens):,} output tokens the page lists the first {result.printed_tokens} with what they look at; the JSON has all.")
    return tuple(said)


ANALYSIS = Analysis(
    name="cross_attention",
    question="Which source sentences was each output sentence made from?",
    applies_with="cross.sentence_attention",
    needs=("cross.sentence_attention", "cross.sentence_expected", "cross.outside_attention", *(f"cross.{key}" for key in MEASURED)),
    analyse=analyse,
    draw=draw,
    find=find,
    notices=notices,
    caveat=(
        "Attention on a source sentence is no proof that the output took its words from there: the encoder has mixed the sentences before the decoder looks, and many heads "
        "rest on full stops or on the end mark, which counts to the sentence it stands in or to none. A row is where the decoder looks while it reads a token and "
        "predicts the next one. Textbook monotonicity is 1 for a head that is stuck on one token and about a half for a random one: read Kendall’s tau beside it. "
        "Coverage by a threshold falls with the length of the source; the confidence was proposed for translations of single sentences."
    ),
    methods=(
        Method(name="Share of attention", formula=CONTRACT["*.sentence_attention"].formula + "; mean over layers and heads", source="none; defined here"),
        Method(name="Lift", formula="share of attention / share if every source token had the same weight", source="none; defined here"),
        Method(
            name="Made from",
            formula=f"the source sentences with the greatest share - even share; clear where the first has a lift of {CLEAR_LIFT:g} or more",
            source="none; defined here",
        ),
        Method(name="Links of tokens", formula=CONTRACT["*.token_links"].formula + "; the three largest are listed", source=CONTRACT["*.token_links"].source),
        *(Method(name=LABELS[key][0], formula=CONTRACT[f"cross.{key}"].formula, source=CONTRACT[f"cross.{key}"].source) for key in MEASURED),
        Method(name="Confidence", formula="exp(-0.05 (coverage deviation + absent-mindedness in + absent-mindedness out)^2)", source="Rikters and Fishel 2017"),
        Method(name="Entropy over its maximum", formula="alignment entropy / ln(source tokens)", source="none; defined here"),
        Method(
            name="Even attention",
            formula="n source tokens, m output tokens in sentences: ln n out, ln m in, ln(1 + (1 - m / n)^2); a random greatest weight for the order: "
            "(1 + 1 / n) / 2 steps forward, tau 0",
            source="none; defined here",
        ),
        Method(
            name="Heads in the source’s order",
            formula=f"tau >= {IN_ORDER:g}, and p x heads < 0.05 with the normal approximation of tau without ties, output tokens taken as independent: lenient to heads that stay on few tokens",
            source="none published; chosen here",
        ),
    ),
)
