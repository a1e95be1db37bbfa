"""Tiny random models of real configuration classes, made-up layouts for them, and the plain formulas over their own eager attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from reference import Reference
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from reportgen.capture.feeding import Feed
from reportgen.capture.forward import ForwardNumbers, measure_forward
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.self_check import check_model, eager_weights
from reportgen.capture.streaming import StackPass, attention_implementation

VOCABULARY = 101
LAYERS, HEADS = 3, 7
SPREAD = 0.3  # weights large enough for attention that is far from even
DIVERGENCE = ("head_divergence", "head_divergence_without_sink", "head_divergence_queries")
FLOAT32, FLOAT16 = 2e-5, 2e-3
NOT_IN_REFERENCE = {"decay_edges", "token_links", "query_key", "query_key_pairs", *DIVERGENCE}


def tiny_gpt2(**changes: Any) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    options = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": HEADS * 11, "vocab_size": VOCABULARY, "n_positions": 700, "initializer_range": SPREAD}
    return GPT2LMHeadModel(GPT2Config(**(options | changes))).eval()


def tiny_llama(**changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**(grouped() | changes))).eval()


def tiny_mistral(window: int) -> MistralForCausalLM:
    torch.manual_seed(0)
    return MistralForCausalLM(MistralConfig(**grouped(), sliding_window=window)).eval()


def eager_experts(model: Any) -> Any:
    """The model, its experts one after the other: grouped products know neither float64 nor made-up devices."""
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")
    return model


def grouped() -> dict[str, Any]:
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


def stack_of(layout: TextLayout, layers: int = 1, heads: int = 1) -> Stack:
    """A stack whose text looks at itself."""
    return Stack(name="decoder", layers=layers, heads=heads, queries=layout, keys=layout)


def pass_through(model: Any, layout: TextLayout, *reducers: Any) -> dict[str, StackPass]:
    """One forward pass of a decoder-only model."""
    config = model.config
    stack = stack_of(layout, config.num_hidden_layers, config.num_attention_heads)
    return {"decoder": StackPass(stack=stack, reducers=list(reducers))}


def measured(model: Any, given: Feed, **options: Any) -> ForwardNumbers:
    """The forward pass after the self-check."""
    return measure_forward(model, given, check_model(model, given), lambda stage, share: None, **options)


def arrays_of(model: Any, layout: TextLayout, **options: Any) -> dict[str, np.ndarray]:
    """The arrays of a model of one stack, without the stack's name."""
    return {name.partition(".")[2]: values for name, values in measured(model, Feed(source=layout), **options).arrays.items()}


def references_of(model: Any, given: Feed) -> dict[str, Reference]:
    """The plain formulas over the model's own eager attention, by stack."""
    with attention_implementation(model, "eager"), torch.no_grad():
        output = model(**given.keywords(model), output_attentions=True)
    weights = {name: np.stack([layer.double().numpy() for layer in layers]) for name, layers in eager_weights(model, output).items()}
    stacks = given.stacks({name: p.shape[:2] for name, p in weights.items()})
    return {name: Reference.of(weights[name], stack) for name, stack in stacks.items()}


def reference_of(model: Any, layout: TextLayout) -> Reference:
    """The same for a model of one stack."""
    (reference,) = references_of(model, Feed(source=layout)).values()
    return reference


def weights_of(model: Any, ids: np.ndarray) -> np.ndarray:
    """The model's own eager attention: layer x head x query x key, float64."""
    layout = made_up_layout(tokens=len(ids), sentences=2)
    return reference_of(model, TextLayout(**{**vars_of(layout), "ids": ids})).p


def vars_of(layout: TextLayout) -> dict[str, Any]:
    return {name: getattr(layout, name) for name in ("ids", "sentence_of_token", "sinks", "delimiter", "target_rows")}


def assert_equal_to_reference(arrays: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(arrays) - NOT_IN_REFERENCE == set(expected)
    for name, values in expected.items():
        tolerance = FLOAT16 if arrays[name].dtype == np.float16 else FLOAT32
        decided = ~np.ma.getmaskarray(values)
        assert decided.mean() > 0.5, name
        np.testing.assert_allclose(arrays[name][decided], np.asarray(values)[decided], rtol=tolerance, atol=tolerance, err_msg=name)


def assert_links_are_the_strongest(links: np.ndarray, mean: np.ndarray) -> None:
    strongest = np.sort(mean, axis=1)[:, ::-1][:, :8]
    np.testing.assert_allclose(links["weight"][:, : strongest.shape[1]], strongest, atol=FLOAT32)
    linked = np.take_along_axis(mean, np.maximum(links["key"], 0), axis=1) * (links["key"] >= 0)
    np.testing.assert_allclose(links["weight"], linked, atol=FLOAT32)
    assert ((links["key"] < 0) == (links["weight"] == 0)).all()
