"""Tiny random models of real configuration classes, and made-up layouts for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from reference import Reference
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import attention_implementation

VOCABULARY = 101
LAYERS, HEADS = 3, 7
SPREAD = 0.3  # weights large enough for attention that is far from even


def tiny_gpt2(**changes: Any) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    options = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": HEADS * 11, "vocab_size": VOCABULARY, "n_positions": 700, "initializer_range": SPREAD}
    return GPT2LMHeadModel(GPT2Config(**(options | changes))).eval()


def tiny_llama(**changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**(_grouped() | changes))).eval()


def tiny_mistral(window: int) -> MistralForCausalLM:
    torch.manual_seed(0)
    return MistralForCausalLM(MistralConfig(**_grouped(), sliding_window=window)).eval()


def _grouped() -> dict[str, Any]:
    return {
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "hidden_size": 48,
        "intermediate_size": 64,
        "vocab_size": VOCABULARY,
        "initializer_range": SPREAD,
    }


def made_up_layout(tokens: int, sentences: int, seed: int = 0) -> TextLayout:
    """Random sentence borders, some tokens of no sentence, a special token in the middle, repeated ids."""
    random = np.random.default_rng(seed)
    cuts = np.sort(random.choice(np.arange(2, tokens, 2), sentences - 1, replace=False))
    members = np.searchsorted(cuts, np.arange(tokens), side="right")
    outside = cuts[::3] - 1
    members[outside[[(members == members[token]).sum() > 1 for token in outside]]] = -1
    return TextLayout(
        ids=random.integers(0, VOCABULARY, tokens).astype(np.int32),
        sentence_of_token=members.astype(np.int32),
        sinks=np.array([0, tokens // 3]),
        delimiter=random.random(tokens) < 0.2,
        target_rows=np.arange(tokens - 6, tokens - 1),
    )


def eager_weights(model: Any, ids: np.ndarray) -> np.ndarray:
    """The model's own eager attention: layer x head x query x key, float64."""
    with attention_implementation(model, "eager"), torch.no_grad():
        attentions = model(input_ids=torch.from_numpy(ids.astype(np.int64))[None], output_attentions=True, use_cache=False).attentions
    return np.stack([layer[0].double().numpy() for layer in attentions])


def reference_of(model: Any, layout: TextLayout, window: int | None = None) -> Reference:
    """The plain formulas over the model's own eager attention."""
    visible = np.tri(layout.tokens, dtype=bool)
    if window is not None:
        visible &= ~np.tri(layout.tokens, k=-window, dtype=bool)
    return Reference(
        p=eager_weights(model, layout.ids),
        visible=visible,
        members=layout.sentence_of_token,
        sinks=layout.sinks,
        delimiter=layout.delimiter,
        ids=layout.ids,
    )
