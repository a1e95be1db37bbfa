"""Made-up measurements of texts of one's own: the same tokens after the same tokens have the same attention, whatever follows."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from made_up import BREAK, Sizes, made_up, pair_arrays

from reportgen.measurements import Measurements

FIRST = ("Grey gulls sat on the quay.", "The ship left at dawn.", "Nobody waved to it.", "By noon the harbour slept under clouds.", "Rain fell.")
EDITED = ("Grey gulls sat on the quay.", "The ship left at dawn.", "Nobody sang to it.", "By noon the harbour slept under clouds.", "Rain fell.")
SHUFFLED = (
    "Grey gulls sat on the quay.",
    "By noon the harbour slept under clouds.",
    "The ship left at dawn.",
    "A bell rang twice.",
    "Nobody sang to it.",
)
LONGEST = 211
MANY = tuple(
    f"The {noun} {verb} {place} {number}."
    for number, (noun, verb, place) in enumerate([("boat", "met", "rock"), ("gull", "saw", "pier"), ("tide", "took", "sand")] * 4)
)


@dataclass(frozen=True, kw_only=True)
class Words(Sizes):
    """As many tokens in each sentence as it has words."""

    counts: tuple[int, ...] = ()

    @property
    def tokens_of_sentence(self) -> tuple[int, ...]:
        return self.counts


def causal(sizes: Sizes, seed: int = 0) -> np.ndarray:
    """p, layer x head x query x key: a query's weights depend on its place and those before it alone; the first token draws the even heads."""
    scores = np.random.default_rng(seed).normal(size=(sizes.layers, sizes.heads, LONGEST, LONGEST))[..., : sizes.tokens, : sizes.tokens]
    scores = scores * (1.0 + np.arange(sizes.layers)[:, None, None, None])
    scores[:, ::2, :, 0] += 3.0
    weights = np.exp(scores) * np.tri(sizes.tokens)
    return weights / weights.sum(-1, keepdims=True)


def version(
    sentences: Sequence[str],
    *,
    seed: int = 0,
    layers: int = 2,
    heads: int = 3,
    both_ways: bool = False,
    half: bool = False,
    leave_out: Sequence[str] = (),
    **metadata: Any,
) -> Measurements:
    """Measurements of these sentences, a token for each word and one for the break after the second; `both_ways` of an encoder, `half` stored as float16."""
    counts = tuple(len(sentence.split()) for sentence in sentences)
    sizes = Words(layers=layers, heads=heads, sentences=len(counts), tokens=sum(counts) + (len(counts) > 2), counts=counts)
    p = causal(sizes, seed)
    if both_ways:
        p = np.random.default_rng(seed).dirichlet(np.ones(sizes.tokens), size=p.shape[:3])
    text, spans, token_spans, members = _text(sentences)
    found = {f"decoder.{name}": values for name, values in pair_arrays(p, members).items()}
    if both_ways:
        found["decoder.sentence_expected"] = np.tile(np.bincount(members[members >= 0]) / sizes.tokens, (len(counts), 1))
    if half:
        found["decoder.sentence_attention"] = found["decoder.sentence_attention"].astype(np.float16)
    ids = np.array([zlib.crc32(text[start:end].encode("utf-8", "surrogatepass")) % 9973 for start, end in token_spans])
    described = {"title": "The quay", "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), **metadata}
    base = made_up(seed=seed, sizes=sizes, replaced=found, leave_out=leave_out, metadata=described)
    arrays = {name.replace("decoder.", "encoder.") if both_ways else name: values for name, values in base.arrays.items()}
    arrays |= {name: values.astype(np.int32) for name, values in (("sentence_spans", spans), ("token_spans", token_spans), ("token_ids", ids))}
    return Measurements(arrays=arrays, metadata=dict(base.metadata), text=text)


def _text(sentences: Sequence[str]) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    text, spans, tokens, members = "", [], [], []
    for place, sentence in enumerate(sentences):
        if place == 2:
            tokens.append((len(text), len(text) + len(BREAK)))
            members.append(-1)
        text += "" if not place else BREAK if place == 2 else " "
        start = len(text)
        spans.append((start, start + len(sentence)))
        for word in sentence.split():
            begin = start + sentence.index(word, tokens[-1][1] - start if members and members[-1] == place else 0)
            tokens.append((begin, begin + len(word)))
            members.append(place)
        text += sentence
    return text, np.array(spans), np.array(tokens), np.array(members)
