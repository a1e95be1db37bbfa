"""Made-up measurements of an encoder-decoder: an output of its own beside the source of made_up, every axis of another prime size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from made_up import made_up
from scipy.stats import entropy, kendalltau

from reportgen.contract import ALIGNMENT
from reportgen.measurements import Measurements

CROSS_LAYERS, CROSS_HEADS = 2, 11
TOKENS_OF_OUTPUT = (1, 5, 7, 4)  # the start token is of no sentence; 17 tokens in 3 sentences
OUTPUT = "Birch and delta were seen. A kayak trail led past night to the ocean. Umber stone lay there."


def random_cross(seed: int = 0, tokens: int = 23, sharpness: float = 1.0) -> np.ndarray:
    """p, layer x head x output token x source token: softmax of random scores; of 0 sharpness: even."""
    scores = np.random.default_rng(seed).normal(size=(CROSS_LAYERS, CROSS_HEADS, sum(TOKENS_OF_OUTPUT), tokens)) * sharpness
    weights = np.exp(scores)
    return weights / weights.sum(-1, keepdims=True)


def output_members(counts: tuple[int, ...] = TOKENS_OF_OUTPUT) -> np.ndarray:
    """The sentence of each output token; the first tokens are of none."""
    return np.repeat(np.arange(len(counts)) - 1, counts)


def made_up_pair(p: np.ndarray | None = None, *, replaced: Mapping[str, Any] | None = None) -> Measurements:
    """An encoder that read made_up's text, and a decoder whose cross-attention is p."""
    source = made_up(leave_out=["attribution.", "decoder.probe_"])
    encoder = {key.replace("decoder.", "encoder."): values for key, values in source.arrays.items()}
    p = random_cross() if p is None else p
    members = output_members()
    arrays = encoder | _output_arrays(members) | {f"cross.{name}": values for name, values in cross_arrays(p, members, source["token_sentences"]).items()}
    metadata = {**source.metadata, "target_block_kinds": ["paragraph"], "target": {}}
    return Measurements(arrays={**arrays, **(replaced or {})}, metadata=metadata, text=source.text, target_text=OUTPUT)


def _output_arrays(members: np.ndarray) -> dict[str, np.ndarray]:
    ends = [index + 1 for index, letter in enumerate(OUTPUT) if letter == "."]
    spans = list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))
    places = [(0, 0) if member < 0 else spans[member] for member in members.tolist()]
    return {
        "target_sentence_spans": np.array(spans, np.int32),
        "target_sentence_blocks": np.zeros(len(spans), np.int32),
        "target_token_ids": np.arange(len(members), dtype=np.int32),
        "target_token_spans": np.array(places, np.int32),
        "target_token_sentences": members.astype(np.int32),
    }


def cross_arrays(p: np.ndarray, members: np.ndarray, of_source: np.ndarray) -> dict[str, np.ndarray]:
    """The contract's formulas, with scipy's entropy and tau."""
    shares = np.stack([p[:, :, members == i].mean(2) for i in range(members.max() + 1)], axis=2)
    by_sentence = np.stack([shares[..., of_source == j].sum(-1) for j in range(of_source.max() + 1)], axis=-1)
    even = np.tile(np.bincount(of_source[of_source >= 0]) / p.shape[-1], (members.max() + 1, 1))
    found = {"sentence_attention": by_sentence, "outside_attention": 1 - by_sentence.sum(-1), "sentence_expected": even}
    inside = p[:, :, members >= 0]
    found |= alignment_arrays(inside) | {f"{name}_mean_heads": values[:, 0] for name, values in alignment_arrays(inside.mean(1, keepdims=True)).items()}
    assert {f"cross.{name}" for name in found} >= set(ALIGNMENT)
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def alignment_arrays(p: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of heads, over output tokens in sentences that follow each other."""
    chosen, mass, queries = p.argmax(-1), p.sum(2), np.arange(p.shape[2])
    tau = [[kendalltau(queries, head).statistic for head in layer] for layer in chosen]
    return {
        "alignment_entropy": entropy(p, axis=-1).mean(-1),
        "source_coverage": (p.max(2) > 0.1).mean(-1),
        "monotonicity": (np.diff(chosen, axis=-1) >= 0).mean(-1),
        "alignment_tau": np.array(tau),
        "absentmindedness_in": entropy(p, axis=2).mean(-1),
        "coverage_deviation": np.log(1 + (1 - mass) ** 2).mean(-1),
    }
