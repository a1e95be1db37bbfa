"""The query and key behind each shown link between sentences: of the strongest token link in it, over all layers and heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.scores import LayerScores
from reportgen.links import shown_links

SLACK = 1.0001  # for rounding in the bounds
PARTS = 3  # query, key, product


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """A query token and a key token in one head, and the logarithm of the weight between them."""

    layer: int
    head: int
    query: int
    key: int
    log_weight: float


def query_key(stack: Stack, layers: Sequence[LayerScores], found: Mapping[str, np.ndarray], progress: Callable[[float], None]) -> dict[str, np.ndarray]:
    """`query_key` and `query_key_pairs` for the links that the page can show of the stack; `found` are its arrays between sentences.

    Of each link from sentence i to sentence j: the greatest p over layers, heads, q in i and k in j, as for `isa`, but without the first token and special
    tokens as keys where i sees any other in j. Exact: a layer is looked at again unless its `isa_by_layer`, which no weight exceeds, is below
    what another layer has. Equal weights: the first in the order of layers by `isa_by_layer`, then heads, queries, keys.
    Memory: links x 3 x dimensions, and heads x tokens of i x tokens of j.
    """
    links = shown_links(found["sentence_attention"], found["sentence_expected"], crosses=stack.crosses)
    queries, keys = _tokens_of(stack.queries), _tokens_of(stack.keys)
    pairs = []
    for number, (query, key) in enumerate(links.tolist()):
        pairs.append(strongest_pair(layers, queries[query], keys[key], stack.keys.sinks, found["isa_by_layer"][:, query, key]))
        progress((number + 1) / len(links))
    places = np.array([(pair.layer, pair.head, pair.query, pair.key) for pair in pairs], np.int32).reshape(-1, 4)
    return {"query_key": _vectors(layers, pairs), "query_key_pairs": places}


def _tokens_of(text: TextLayout) -> list[Int[np.ndarray, " token"]]:
    """The tokens of each sentence, in order."""
    order = np.argsort(text.sentence_of_token, kind="stable")
    return np.split(order, np.searchsorted(text.sentence_of_token[order], np.arange(text.sentences + 1)))[1:-1]


def strongest_pair(
    layers: Sequence[LayerScores],
    queries: Int[np.ndarray, " query"],
    keys: Int[np.ndarray, " key"],
    sinks: Int[np.ndarray, " sink"],
    greatest: Float[np.ndarray, " layer"],
) -> TokenPair:
    """The strongest link of one sentence's tokens to another's, in order; `greatest` bounds its weight in each layer."""
    kept = keys[~np.isin(keys, sinks)] if keys[0] <= sinks.max(initial=-1) else keys
    best = _strongest_of(layers, queries, kept, greatest) if len(kept) else None
    best = best or _strongest_of(layers, queries, keys, greatest)
    if best is None:
        raise ValueError(f"the sentence of token {queries[0]} sees nothing of that of token {keys[0]}")
    return best


def _strongest_of(
    layers: Sequence[LayerScores], queries: Int[np.ndarray, " query"], keys: Int[np.ndarray, " key"], greatest: Float[np.ndarray, " layer"]
) -> TokenPair | None:
    """None where the sentence sees none of the keys in any layer."""
    rows, chosen = slice(int(queries[0]), int(queries[-1]) + 1), torch.from_numpy(keys)
    others = np.isin(np.arange(rows.start, rows.stop), queries, invert=True)
    hidden = {mask: torch.from_numpy(mask.hidden(rows, keys) | others[:, None]) for mask in {scores.visibility for scores in layers}}
    best = None
    for layer in np.argsort(-greatest, kind="stable").tolist():
        if best is not None and greatest[layer] * SLACK < np.exp(best.log_weight):
            break
        scores = layers[layer]
        logs = log_weights(scores, rows, chosen, hidden[scores.visibility])
        place = int(logs.argmax())
        log_weight = float(logs.view(-1)[place])
        if log_weight > (-np.inf if best is None else best.log_weight):
            head, row, key = np.unravel_index(place, logs.shape)
            best = TokenPair(layer=layer, head=int(head), query=rows.start + int(row), key=int(keys[key]), log_weight=log_weight)
    return best


def log_weights(
    scores: LayerScores, rows: slice, keys: Int[torch.Tensor, " key"], hidden: Bool[torch.Tensor, "row key"]
) -> Float[torch.Tensor, "head row key"]:
    """ln p of some rows on some keys, from the scores and each row's known normaliser; minus infinity for hidden pairs."""
    logs = torch.empty(len(scores.log_normalisers), rows.stop - rows.start, len(keys))
    scores.between(rows, keys, out=logs)
    logs -= scores.log_normalisers[:, rows, None]
    return logs.masked_fill_(hidden, -torch.inf)


def _vectors(layers: Sequence[LayerScores], pairs: Sequence[TokenPair]) -> Float[np.ndarray, "link part dimension"]:
    """Query, key and product of each pair. Where heads of some layers have fewer dimensions than others, NaN in place of those they lack."""
    dimensions = max(scores.keys.shape[-1] for scores in layers)
    found = np.full((len(pairs), PARTS, dimensions), np.nan, np.float32)
    for link, pair in enumerate(pairs):
        query, key = layers[pair.layer].pair(pair.head, pair.query, pair.key)
        found[link, :, : len(query)] = torch.stack([query, key, query * key]).numpy()
    return found
