"""Queries and keys behind made-up links: which tokens and heads, by loops over the whole attention array."""

from __future__ import annotations

import numpy as np
from made_up import Sizes, attention, made_up

from reportgen.measurements import Measurements

DIMENSIONS = 11


def greatest_weight(p: np.ndarray, members: np.ndarray, query: int, key: int) -> tuple[int, int, int, int]:
    """Layer, head, q and k of the greatest p of a link, the first token left out as key where the sentence has others that can be seen."""
    queries, keys = np.flatnonzero(members == query), np.flatnonzero(members == key)
    others = keys[keys > 0]
    keys = others if len(others) and p[:, :, queries][..., others].max() > 0 else keys
    found = p[:, :, queries][..., keys]
    layer, head, row, column = np.unravel_index(int(found.argmax()), found.shape)
    return int(layer), int(head), int(queries[row]), int(keys[column])


def query_key_arrays(sizes: Sizes, links: list[tuple[int, int]], seed: int = 0) -> dict[str, np.ndarray]:
    """`query_key` and its pairs for these links."""
    members = made_up(sizes=sizes, seed=seed)["token_sentences"]
    p, random = attention(sizes, seed), np.random.default_rng(seed + 7)
    pairs = np.array([greatest_weight(p, members, *link) for link in links], np.int32).reshape(-1, 4)
    vectors = random.normal(size=(len(links), 2, DIMENSIONS)).astype(np.float32)
    products = vectors[:, :1] * vectors[:, 1:]
    return {"decoder.query_key": np.concatenate([vectors, products], 1), "decoder.query_key_pairs": pairs}


def every_link(sentences: int) -> list[tuple[int, int]]:
    return [(query, key) for query in range(sentences) for key in range(query + 1)]


def with_neurons(sizes: Sizes | None = None, seed: int = 0) -> Measurements:
    """Made-up measurements that hold queries and keys behind every link."""
    sizes = sizes or Sizes()
    return made_up(sizes=sizes, seed=seed, replaced=query_key_arrays(sizes, every_link(sizes.sentences), seed))
