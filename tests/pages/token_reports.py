"""Tokens for made-up pages: words of the sentences, links drawn by chance, queries and keys behind the strongest links between sentences."""

from __future__ import annotations

import re

import numpy as np

from reportgen.analyses import sentence_matrix, token_links
from reportgen.analyses.token_level.behind import Behind
from reportgen.analyses.token_level.places import InContext, Sink, TokenPlaces

PIECE = re.compile(r"\s*(?:\w{1,6}|[^\w\s])")
RANKS, DIMENSIONS = 8, 13


def make_token_links(random: np.random.Generator, matrix: sentence_matrix.Result, pairs: np.ndarray, heads: int) -> token_links.Result:
    """Words in pieces of six letters at most, and a line break before each block; `pairs` are the links whose queries and keys are known."""
    places, texts = _places(matrix)
    keys, weights = _links(random, places.sentences)
    behind = _behind(random, places.sentences, pairs, len(matrix.attention) - 1, heads)
    layers, sentences = len(matrix.attention) - 1, len(matrix.sentences)
    looked = random.integers(0, len(texts), (sentences, 3))[np.arange(sentences), random.integers(0, 3, (layers, heads, sentences))]
    elsewhere = (places.sentences[looked] >= 0) & (places.sentences[looked] < np.arange(sentences))
    return token_links.Result(
        stack="decoder",
        texts=texts,
        places=places,
        sinks=(Sink(token=0, kind="first", layer=0), Sink(token=3, kind="collects", layer=2)),
        measured=RANKS,
        keys=keys,
        weights=weights,
        heads=np.where(elsewhere, looked, -1),
        behind=behind,
        kept=float(weights.sum(1).mean()),
        first=0.2,
        opening=matrix.opening,
        opening_links=(),
        listed=tuple(_listed(behind, texts, place) for place in range(3)),
        leading=("0.0", 1, len(pairs)),
    )


def _places(matrix: sentence_matrix.Result) -> tuple[TokenPlaces, tuple[str, ...]]:
    rows, texts = [], []
    for sentence, text in enumerate(matrix.sentences):
        if sentence and matrix.blocks[sentence] != matrix.blocks[sentence - 1]:
            rows.append((-1, 0, 0))
            texts.append("↵")
        for piece in PIECE.finditer(text):
            rows.append((sentence, *piece.span()))
            texts.append(piece[0].strip())
    members, starts, ends = np.array(rows).T
    return TokenPlaces(sentences=members, starts=starts, ends=ends), tuple(texts)


def _links(random: np.random.Generator, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """To near tokens and to some that draw many; weights of neighbouring ranks differ by a fifth or more, so that rounding changes no order."""
    keys, weights = np.full((len(members), RANKS), -1), np.zeros((len(members), RANKS), np.float32)
    drawing = random.integers(0, len(members), 30)
    for query in range(len(members)):
        fit = np.unique([*range(max(query - 5, 0), query + 1), *drawing[drawing <= query][:6]])
        count = min(len(fit), RANKS)
        keys[query, :count] = random.permutation(fit)[:count]
        weights[query, :count] = 0.4 * np.cumprod(random.uniform(0.5, 0.8, count))
    return keys, weights


def _behind(random: np.random.Generator, members: np.ndarray, pairs: np.ndarray, layers: int, heads: int) -> Behind:
    tokens = np.array([[random.choice(np.flatnonzero(members == sentence)) for sentence in pair] for pair in pairs.tolist()])
    of_heads = np.stack([random.integers(0, layers, len(pairs)), random.integers(0, heads, len(pairs))], 1)
    vectors = random.normal(size=(len(pairs), 2, DIMENSIONS)).astype(np.float32)
    return Behind(
        links=pairs,
        places=np.concatenate([of_heads, tokens], 1),
        vectors=vectors,
        scores=vectors.astype(float).prod(1).sum(1),
        weights=np.where(pairs[:, 1] == 0, np.nan, random.uniform(0.1, 0.9, len(pairs))),
    )


def _listed(behind: Behind, texts: tuple[str, ...], place: int) -> token_links.HeadLink:
    layer, head, query, key = behind.places[place].tolist()
    named = [InContext(before="", token=texts[token], after="") for token in (query, key)]
    pair = behind.links[place].tolist()
    score, weight = float(behind.scores[place]), float(behind.weights[place])
    return token_links.HeadLink(query=pair[0], key=pair[1], head=f"{layer}.{head}", query_token=named[0], key_token=named[1], score=score, weight=weight)
