"""Attention between sentences that nothing but distance, length and chance decides, and measurements that hold it."""

from __future__ import annotations

import numpy as np
from made_up import Sizes, made_up

from reportgen.measurements import Measurements

NOISES = ("normal", "heavy-tailed", "more at a distance", "less at a distance", "alike within rows", "rows of unequal scatter", "gamma", "skewed")


def noise_of(shape: str, views: int, sentences: int, random: np.random.Generator) -> np.ndarray:
    """view x query x key: standard noise of a shape, on the logarithm of shares."""
    size = (views, sentences, sentences)
    apart = np.log1p(np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences)))) / np.log(sentences)
    match shape:
        case "heavy-tailed":
            return random.standard_t(3, size)
        case "more at a distance":
            return random.normal(size=size) * (0.3 + 1.7 * apart)
        case "less at a distance":
            return random.normal(size=size) * (1.7 - 1.3 * apart)
        case "alike within rows":
            noise = random.normal(size=size)
            for key in range(1, sentences):
                noise[..., key] = 0.8 * noise[..., key - 1] + 0.6 * noise[..., key]
            return noise
        case "rows of unequal scatter":
            return random.normal(size=size) * random.uniform(0.3, 2, (sentences, 1))
        case "gamma" | "skewed":
            return np.log(random.gamma(1.5, size=size)) * (1 if shape == "gamma" else -1)
    return random.normal(size=size)


def distance_driven(
    sentences: int, *, seed: int = 0, views: int = 1, noise: float = 0.3, causal: bool = True, blocks: int = 0, shape: str = "normal"
) -> np.ndarray:
    """view x query x key: weight of the key over one more than the distance in sentences, times the exponential of noise; rows share what a sink leaves, which differs from row to row.

    With `blocks`, pairs within a run of that many sentences get 2.5 times as much.
    """
    random = np.random.default_rng(seed)
    lengths, left = random.integers(4, 40, sentences), random.uniform(0.2, 0.9, (views, sentences, 1))
    shares = lengths / (1 + np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences))))
    if blocks:
        part = np.arange(sentences) // blocks
        shares = shares * np.where(np.equal.outer(part, part), 2.5, 1)
    shares = shares * np.exp(noise * noise_of(shape, views, sentences, random)) * (np.tri(sentences) if causal else 1)
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
