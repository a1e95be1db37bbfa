"""Attention between sentences that nothing but distance, length and chance decides, and measurements that hold it."""

from __future__ import annotations

import numpy as np
from made_up import Sizes, made_up

from reportgen.measurements import Measurements


def distance_driven(sentences: int, *, seed: int = 0, views: int = 1, noise: float = 0.3, causal: bool = True, blocks: int = 0) -> np.ndarray:
    """view x query x key: weight of the key over one more than the distance in sentences, times log-normal noise; rows share what a sink leaves, which differs from row to row.

    With `blocks`, pairs within a run of that many sentences get 2.5 times as much.
    """
    random = np.random.default_rng(seed)
    lengths, left = random.integers(4, 40, sentences), random.uniform(0.2, 0.9, (views, sentences, 1))
    shares = lengths / (1 + np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences))))
    if blocks:
        part = np.arange(sentences) // blocks
        shares = shares * np.where(np.equal.outer(part, part), 2.5, 1)
    shares = shares * np.exp(noise * random.normal(size=(views, sentences, sentences))) * (np.tri(sentences) if causal else 1)
    return left * shares / shares.sum(-1, keepdims=True)


def measured(shares: np.ndarray, **options) -> Measurements:
    """Measurements of a decoder with these shares (layer x head x query x key)."""
    layers, heads, sentences, _ = shares.shape
    replaced = {"decoder.sentence_attention": shares}
    if (np.triu(shares, 1) > 0).any():
        replaced["decoder.sentence_expected"] = np.full((sentences, sentences), 1 / sentences)
    return made_up(sizes=Sizes(layers=layers, heads=heads, sentences=sentences, tokens=3 * sentences + 2), replaced=replaced, **options)


def by_layer_only(whole: Measurements) -> Measurements:
    """The same with the mean over heads in place of attention by head."""
    arrays = {key: values for key, values in whole.arrays.items() if key != "decoder.sentence_attention"}
    arrays["decoder.sentence_attention_by_layer"] = whole["*.sentence_attention"].mean(1)
    return Measurements(arrays=arrays, metadata=whole.metadata, text=whole.text)
