"""Which tokens collect attention, from which layer on, and how much of each head goes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.charting import composed, frameless, packed
from reportgen.analyses.even_attention import even_attention
from reportgen.analyses.layer_progression import mean_over_heads
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import percent, rounded, significant

SINK_HEAD = 0.3
LEAST_SHARE, LEAST_LIFT = 0.05, 5.0  # of a layer's attention; times even attention
TOKENS_AT_MOST = 10
TYPE_LIFT = 2.0
DARKEST = 0.001
WHITE_SPACE = {"\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\t": "\N{RIGHTWARDS ARROW TO BAR}", " ": "\N{OPEN BOX}"}


@dataclass(frozen=True, kw_only=True)
class Collector:
    """A token, or all tokens of one type, and what it collects: the share of all attention, mean over layers and heads.

    `share_by_layer` is the same in each layer. `even` is what even attention would give it, None where that is not known. `starts` is the first layer in which it
    is a sink: 5 % of the layer's attention or more, and 5 times even attention or more; None where it never is; `layers` is in
    how many it is. `most` is the layer in which it collects most.
    `sentence` is -1 for a token of no sentence, None for a type.
    """

    text: str
    token: int | None
    sentence: int | None
    count: int
    share: float
    share_by_layer: Float[np.ndarray, " layer"]
    even: float | None
    lift: float | None
    starts: int | None
    layers: int
    most: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The tokens and the types of token that collect most; by layer and head, what goes to the first token and to separators.

    `summary` are the tokens of no sentence together: what the tokenizer or a chat template added, and breaks between blocks; None where there are none.
    """

    tokens: tuple[Collector, ...]
    types: tuple[Collector, ...]
    summary: Collector | None
    summary_tokens: tuple[str, ...]
    first_token: Float[np.ndarray, "layer head"]
    delimiter: Float[np.ndarray, "layer head"]
    delimiter_by_layer: Float[np.ndarray, " layer"]
    first_token_by_layer: Float[np.ndarray, " layer"]
    sink_heads_by_layer: Int[np.ndarray, " layer"]
    sink_head_share: float


def analyse(measurements: Measurements) -> Result:
    """Shares of a layer's attention by token, by type of token, and of all tokens of no sentence."""
    collected = measurements["*.token_influence_total"].astype(float)
    share = collected / collected.sum(1, keepdims=True)
    even = even_attention(measurements)
    weights = even.by_token() if even else None
    members, first, delimiter = measurements["token_sentences"], measurements["*.first_token"], measurements["*.delimiter"]
    texts = token_texts(measurements)
    outside = members < 0
    return Result(
        tokens=tuple(_collector(share, weights, np.arange(len(members)) == token, texts[token], token, int(members[token])) for token in _most(share)),
        types=tuple(_types(share, weights, measurements["token_ids"], texts)),
        summary=_collector(share, weights, outside, "all tokens of no sentence", None, -1) if outside.any() else None,
        summary_tokens=tuple(dict.fromkeys(texts[token] for token in np.flatnonzero(outside).tolist())),
        first_token=first,
        delimiter=delimiter,
        delimiter_by_layer=mean_over_heads(delimiter),
        first_token_by_layer=mean_over_heads(first),
        sink_heads_by_layer=(first > SINK_HEAD).sum(1),
        sink_head_share=float((first > SINK_HEAD).mean()),
    )


def token_texts(measurements: Measurements, of: str = "") -> tuple[str, ...]:
    """Each token as it stands in the text, white space made visible; a token that was added to the text by its number in the vocabulary. `of` "target_": of the output."""
    found, whole = [], measurements.target_text if of else measurements.text
    for (start, end), index in zip(measurements[f"{of}token_spans"].tolist(), measurements[f"{of}token_ids"].tolist(), strict=True):
        text = whole[start:end]
        found.append(_visible(text) if text else f"added token {index}")
    return tuple(found)


def _visible(text: str) -> str:
    if text.strip():
        return text.strip()
    return "".join(WHITE_SPACE.get(letter, WHITE_SPACE[" "]) for letter in text)


def _most(share: Float[np.ndarray, "layer token"]) -> list[int]:
    """The tokens with the greatest mean share over layers, equals in reading order."""
    return np.argsort(-share.mean(0), kind="stable")[:TOKENS_AT_MOST].tolist()


def _types(
    share: Float[np.ndarray, "layer token"], even: Float[np.ndarray, " token"] | None, ids: Int[np.ndarray, " token"], texts: tuple[str, ...]
) -> Iterator[Collector]:
    """The vocabulary entries that collect most over all their places, the first token left out of its type."""
    kinds, places = np.unique(ids, return_inverse=True)
    sums = np.bincount(places[1:], share.mean(0)[1:], minlength=len(kinds))
    for kind in np.argsort(-sums, kind="stable")[:TOKENS_AT_MOST].tolist():
        chosen = places == kind
        chosen[0] = False
        if chosen.any():
            yield _collector(share, even, chosen, texts[int(np.flatnonzero(chosen)[0])], None, None)


def _collector(
    share: Float[np.ndarray, "layer token"],
    even: Float[np.ndarray, " token"] | None,
    chosen: Bool[np.ndarray, " token"],
    text: str,
    token: int | None,
    sentence: int | None,
) -> Collector:
    by_layer = share[:, chosen].sum(1)
    expected = None if even is None else float(even[chosen].sum())
    sink = np.flatnonzero(by_layer >= max(LEAST_SHARE, LEAST_LIFT * (expected or 0)))
    return Collector(
        text=text,
        token=token,
        sentence=sentence,
        count=int(chosen.sum()),
        share=float(by_layer.mean()),
        share_by_layer=by_layer,
        even=expected,
        lift=float(by_layer.mean()) / expected if expected else None,
        starts=int(sink[0]) if len(sink) else None,
        layers=len(sink),
        most=int(by_layer.argmax()),
    )


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Two maps on one scale: by layer, what the tokens that collect most collect, and what each head gives to the first token."""
    import altair as alt

    # Names repeat within a text; the rank before them keeps the columns apart and in order.
    names = [f"{rank + 1} {found.text}" for rank, found in enumerate(result.tokens)]
    tokens = [
        {"layer": layer, "token": name, "share": rounded(share, 4)}
        for name, found in zip(names, result.tokens, strict=True)
        for layer, share in enumerate(found.share_by_layer)
    ]
    heads = [{"layer": layer, "head": head, "share": rounded(share, 4)} for (layer, head), share in np.ndenumerate(result.first_token)]
    left = _map(alt, tokens, "token", "Layer's attention on a token", sort=names, angle=-45)
    right = _map(alt, heads, "head", "Head's attention on the first token", sort=None, angle=0)
    return {"maps": frameless(composed("hconcat", left, right, resolve={"scale": {"color": "shared"}}))}


def _map(alt: Any, rows: list[dict[str, Any]], column: str, title: str, *, sort: list[str] | None, angle: int) -> Any:
    scale = alt.Scale(type="log", scheme="cividis", domain=[DARKEST, 1], clamp=True)
    return (
        alt.Chart(alt.Data(values=packed(rows)), title=title, width=alt.Step(28), height=alt.Step(12))
        .mark_rect()
        .encode(
            x=alt.X(f"{column}:O", title=column, sort=sort, axis=alt.Axis(labelAngle=angle, labelLimit=90)),
            y=alt.Y("layer:O", title="layer", axis=alt.Axis(labelOverlap=True)),
            color=alt.Color("share:Q", title=["share, logarithmic,", f"from {DARKEST:g} down darkest"], scale=scale, legend=alt.Legend(tickCount=4)),
        )
    )


def find(result: Result) -> str:
    """The strongest collector, when it starts, and the share of sink heads."""
    heads, sinks = result.first_token.size, int(result.sink_heads_by_layer.sum())
    counted = f"{sinks} of {heads} heads ({percent(result.sink_head_share, 3)}) give over {SINK_HEAD:g} of their attention to the first token, in this text, whether or not resampled sentences bear it out."
    found, most = [token for token in result.tokens if token.starts is not None], result.tokens[0]
    collects = f"{percent(most.share, 3)} of all attention, mean over layers and heads{_over_even(most)}"
    if not found:
        rule = f"none collects {percent(LEAST_SHARE, 1)} of a layer's attention and {LEAST_LIFT:g} times what even attention would give"
        return f"None of the {len(result.tokens)} tokens that collect most is a sink: {rule}. {_named(most)} collects most, {collects}.{_by_type(result)} {counted}"
    first = found[0]
    others = f" {len(found) - 1} of the other tokens listed {'is a sink' if len(found) == 2 else 'are sinks'} too." if len(found) > 1 else ""
    layers = f"in {first.layers} of {len(first.share_by_layer)} layers, first in layer {first.starts} and most in layer {first.most} ({percent(first.share_by_layer[first.most], 3)})"
    if first is most:
        return f"{_named(first)} collects {collects}; it is a sink {layers}.{others}{_by_type(result)} {counted}"
    return (
        f"{_named(most)} collects most, {collects}, but in no layer {LEAST_LIFT:g} times what even attention would give, as a sink does here. "
        f"{_named(first)} is a sink {layers}; it collects {percent(first.share, 3)}{_over_even(first)}.{others}{_by_type(result)} {counted}"
    )


def _over_even(token: Collector) -> str:
    return f", {significant(token.lift)} times even attention" if token.lift is not None else ""


def _by_type(result: Result) -> str:
    """The type that collects most, where it stands more than once and is more than its places would give it."""
    first = next((kind for kind in result.types if kind.count > 1 and (kind.lift or 0) >= TYPE_LIFT), None)
    if first is None:
        return ""
    return f" All {first.count} {_quoted(first.text)} together collect {percent(first.share, 3)}, {significant(first.lift)} times even attention."


def _named(token: Collector) -> str:
    which = "The first token" if token.token == 0 else f"Token {token.token}"
    return f"{which} ({_quoted(token.text)})"


def _quoted(text: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}"


ANALYSIS = Analysis(
    name="sinks",
    question="Which tokens collect attention, and from which layer on?",
    needs=("token_influence_total", "first_token", "delimiter"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "A sink collects attention whatever it says: weight on it is mostly weight that a head did not need. Early tokens are seen by more queries and collect more "
        "by that alone, which the lift over even attention takes off. Tokens of no sentence are what the tokenizer or a chat template added and the breaks between "
        "blocks; none of them tells a summary from a resting place."
    ),
    methods=(
        Method(
            name="Share of a layer's attention",
            formula="token_influence_total[l, k] / sum over k; " + CONTRACT["*.token_influence_total"].formula,
            source="none; defined here",
        ),
        Method(
            name="Even attention",
            formula="the same if every visible key had the same weight: mean over queries of 1 / (visible keys) [k is visible]",
            source="none; defined here",
        ),
        Method(
            name="Sink token",
            formula=f"{LEAST_SHARE:g} of a layer's attention or more, and {LEAST_LIFT:g} times even attention or more where that is known",
            source="none published for tokens; chosen here",
        ),
        Method(
            name="Sink heads",
            formula=f"first_token > {SINK_HEAD:g}, where first_token is: " + CONTRACT["*.first_token"].formula,
            source="after Gu et al. 2024, threshold 0.3",
        ),
        Method(name="Attention on separators", formula=CONTRACT["*.delimiter"].formula, source=CONTRACT["*.delimiter"].source),
    ),
)
