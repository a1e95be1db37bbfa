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


def query_key(
    stack: Stack, layers: Sequence[LayerScores], found: Mapping[str, np.ndarray], progress: Callable[[float], None] | None = None
) -> dict[str, np.ndarray]:
    """`query_key` and `query_key_pairs` for the links that the page can show of the stack; `found` are its arrays between sentences.

    Of each link from sentence i to sentence j: the greatest p over layers, heads, q in i and k in j, as for `isa`, but without the first token and special
    tokens as keys where i sees any other in j. Exact: a layer is looked at again unless its `isa_by_layer`, which no weight exceeds, is below
    what another layer has. Equal weights: the first in the order of layers by `isa_by_layer`, then heads, queries, keys.
    Memory: links x 3 x dimensions, and heads x tokens of i x tokens of j.
    """
    links = shown_links(found["sentence_attention"], found["sentence_expected"], crosses=stack.crosses)
    pairs = []
    for number, (query, key) in enumerate(links.tolist()):
        pairs.append(strongest_pair(stack, layers, (query, key), found["isa_by_layer"][:, query, key]))
        if progress is not None:
            progress((number + 1) / len(links))
    places = np.array([(pair.layer, pair.head, pair.query, pair.key) for pair in pairs], np.int32).reshape(-1, 4)
    return {"query_key": _vectors(layers, pairs), "query_key_pairs": places}


def strongest_pair(stack: Stack, layers: Sequence[LayerScores], link: tuple[int, int], greatest: Float[np.ndarray, " layer"]) -> TokenPair:
    """The strongest token link of sentences `link`; `greatest` bounds its weight in each layer."""
    keys = np.flatnonzero(stack.keys.sentence_of_token == link[1])
    kept = keys[~np.isin(keys, stack.keys.sinks)]
    best = _strongest_of(stack.queries, layers, link[0], kept, greatest) if len(kept) else None
    best = best or _strongest_of(stack.queries, layers, link[0], keys, greatest)
    if best is None:
        raise ValueError(f"sentence {link[0]} sees nothing of sentence {link[1]}")
    return best


def _strongest_of(
    queries: TextLayout, layers: Sequence[LayerScores], sentence: int, keys: Int[np.ndarray, " key"], greatest: Float[np.ndarray, " layer"]
) -> TokenPair | None:
    """None where the sentence sees none of the keys in any layer."""
    best = None
    for layer in np.argsort(-greatest, kind="stable").tolist():
        if best is not None and greatest[layer] * SLACK < np.exp(best.log_weight):
            break
        pair = _strongest_in(layers[layer], layer, queries, sentence, keys)
        if pair is not None and (best is None or pair.log_weight > best.log_weight):
            best = pair
    return best


def _strongest_in(scores: LayerScores, layer: int, queries: TextLayout, sentence: int, keys: Int[np.ndarray, " key"]) -> TokenPair | None:
    members = np.flatnonzero(queries.sentence_of_token == sentence)
    rows = slice(int(members[0]), int(members[-1]) + 1)
    logs = log_weights(scores, rows, torch.from_numpy(keys), torch.from_numpy(queries.sentence_of_token[rows] == sentence))
    place = int(logs.argmax())
    log_weight = float(logs.flatten()[place])
    if log_weight == -np.inf:
        return None
    head, row, key = np.unravel_index(place, logs.shape)
    return TokenPair(layer=layer, head=int(head), query=rows.start + int(row), key=int(keys[key]), log_weight=log_weight)


def log_weights(scores: LayerScores, rows: slice, keys: Int[torch.Tensor, " key"], counted: Bool[torch.Tensor, " row"]) -> Float[torch.Tensor, "head row key"]:
    """ln p of some rows on some keys, from the scores and each row's known normaliser; minus infinity for invisible pairs and rows that do not count."""
    logs = torch.empty(len(scores.log_normalisers), rows.stop - rows.start, len(keys))
    scores.between(rows, keys, out=logs)
    logs -= scores.log_normalisers[:, rows, None]
    hidden = torch.from_numpy(scores.visibility.hidden(rows, keys.numpy()))
    return logs.masked_fill_(hidden | ~counted[:, None], -torch.inf)


def _vectors(layers: Sequence[LayerScores], pairs: Sequence[TokenPair]) -> Float[np.ndarray, "link part dimension"]:
    """Query, key and product of each pair. Where heads of some layers have fewer dimensions than others, NaN in place of those they lack."""
    dimensions = max(scores.keys.shape[-1] for scores in layers)
    found = np.full((len(pairs), PARTS, dimensions), np.nan, np.float32)
    for link, pair in enumerate(pairs):
        query, key = layers[pair.layer].pair(pair.head, pair.query, pair.key)
        found[link, :, : len(query)] = torch.stack([query, key, query * key]).numpy()
    return found
