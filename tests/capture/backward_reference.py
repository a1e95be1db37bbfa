"""Tiny models and targets for the backward pass, and the same numbers by autograd through whole arrays of eager attention: the independent path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SPREAD, VOCABULARY, tiny_gpt2, tiny_llama, tiny_mistral
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from reportgen.capture.backward import BackwardNumbers, BackwardPass, StackNumbers, measure_backward
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import attention_implementation

TOKENS, SENTENCES = 67, 5
GROUPED = {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8, "hidden_size": 48, "intermediate_size": 32}
BOTH_WAYS = {"num_attention_heads": 7, "hidden_size": 77, "intermediate_size": 32, "max_position_embeddings": 101}
OF_ALL = {"num_hidden_layers": 3, "vocab_size": VOCABULARY, "initializer_range": SPREAD}
Target = Callable[[Any, torch.Tensor], torch.Tensor]


def seeded(build: Callable[[], Any]) -> Any:
    torch.manual_seed(0)
    return build().eval()


def tiny_gemma2() -> Gemma2ForCausalLM:
    """Scores of several times the cap, windows in every other layer, scaling that is not that of the head's size."""
    options = {"attn_logit_softcapping": 1.5, "sliding_window": 13, "query_pre_attn_scalar": 5}
    return seeded(lambda: Gemma2ForCausalLM(Gemma2Config(**GROUPED, **OF_ALL, **options)))


def tiny_gpt_oss() -> GptOssForCausalLM:
    """One layer with a window and two without; experts in the way that knows float64."""
    model = seeded(lambda: GptOssForCausalLM(GptOssConfig(**GROUPED, **OF_ALL, num_local_experts=2, num_experts_per_tok=1, sliding_window=13)))
    model.set_experts_implementation("eager")
    return model


def tiny_bert() -> BertModel:
    return seeded(lambda: BertModel(BertConfig(**BOTH_WAYS, **OF_ALL), add_pooling_layer=False))


def tiny_albert() -> AlbertModel:
    """One attention module for all layers."""
    return seeded(lambda: AlbertModel(AlbertConfig(**BOTH_WAYS, **OF_ALL, embedding_size=19), add_pooling_layer=False))


def likelihood(layout: TextLayout) -> Target:
    """Negative log-likelihood of the last tokens."""
    rows, tokens = torch.from_numpy(layout.target_rows), torch.from_numpy(layout.ids[layout.target_rows + 1].astype(np.int64))
    return lambda model, embeddings: torch.nn.functional.cross_entropy(
        model(inputs_embeds=embeddings, use_cache=False).logits[0][rows], tokens, reduction="sum"
    )


def made_up_score(layout: TextLayout) -> Target:
    """A random product with the last hidden states of the target's rows, for models without a head."""

    def score(model: Any, embeddings: torch.Tensor) -> torch.Tensor:
        states = model(inputs_embeds=embeddings).last_hidden_state[0, layout.target_rows]
        weights = torch.randn(states.shape, generator=torch.Generator().manual_seed(3)).to(states)
        return (states * weights).sum().square()

    return score


MODELS = {
    "gpt2": (tiny_gpt2, "decoder", likelihood),
    "llama with grouped queries": (tiny_llama, "decoder", likelihood),
    "mistral with a window of 23": (lambda: tiny_mistral(23), "decoder", likelihood),
    "gemma2 with capped scores": (tiny_gemma2, "decoder", likelihood),
    "gpt-oss with sinks": (tiny_gpt_oss, "decoder", likelihood),
    "bert": (tiny_bert, "encoder", made_up_score),
    "albert": (tiny_albert, "encoder", made_up_score),
}


@dataclass(frozen=True, kw_only=True)
class Eager:
    """What autograd gives: p dp of each layer (head query key), and the gradients of the embeddings."""

    value: float
    gradient: torch.Tensor
    products: dict[str, list[np.ndarray]]


def embeddings_of(model: Any, layout: TextLayout) -> torch.Tensor:
    return model.get_input_embeddings()(torch.from_numpy(layout.ids.astype(np.int64))[None]).detach()


def by_autograd(model: Any, embeddings: torch.Tensor, target: Target) -> Eager:
    """The same target through eager attention, whose weights are caught where it returns them."""
    caught: list[tuple[str, torch.Tensor]] = []
    embeddings = embeddings.clone().requires_grad_(True)
    with attention_implementation(model, "eager"), pytest.MonkeyPatch.context() as patch:
        for module in {sys.modules[type(module).__module__] for module in model.modules()}:
            if hasattr(module, "eager_attention_forward"):
                patch.setattr(module, "eager_attention_forward", catching(module.eager_attention_forward, caught))
        value = target(model, embeddings)
    gradient, *slopes = torch.autograd.grad(value, [embeddings, *(weights for _, weights in caught)])
    products: dict[str, list[np.ndarray]] = {}
    for (stack, weights), slope in zip(caught, slopes, strict=True):
        products.setdefault(stack, []).append((weights * slope)[0].double().detach().numpy())
    return Eager(value=float(value.detach()), gradient=gradient[0], products=products)


def catching(eager: Callable[..., Any], caught: list[tuple[str, torch.Tensor]]) -> Callable[..., Any]:
    def attention(module: Any, *arguments: Any, **keywords: Any) -> Any:
        output, weights = eager(module, *arguments, **keywords)
        caught.append((stack_of(module, arguments[0], arguments[1]), weights))
        return output, weights

    return attention


def stack_of(module: Any, query: torch.Tensor, key: torch.Tensor) -> str:
    """Of the tiny models here: texts of two lengths are those of cross-attention."""
    if query.shape[2] != key.shape[2]:
        return "cross"
    return "encoder" if getattr(module, "is_causal", False) is False else "decoder"


def numbers_of(products: list[np.ndarray], queries: TextLayout, keys: TextLayout) -> StackNumbers:
    """The definitions over whole arrays."""
    all_products = np.stack(products)
    of_query, of_key = ((layout.sentence_of_token[:, None] == np.arange(layout.sentences)).astype(float) for layout in (queries, keys))
    positive = np.maximum(all_products, 0).mean(1)  # layer query key
    relevance = None
    if queries is keys:
        joint = np.eye(queries.tokens)
        for layer in positive:
            joint = joint + layer @ joint
        relevance = (joint - np.eye(queries.tokens))[queries.target_rows].mean(0)
    return StackNumbers(
        importance=np.abs(all_products.sum((2, 3))).astype(np.float32),
        importance_abs=np.abs(all_products).sum((2, 3)).astype(np.float32),
        attention_x_gradient=np.einsum("qi,lqk,kj->lij", of_query, positive, of_key).astype(np.float32),
        relevance=None if relevance is None else relevance.astype(np.float32) @ of_key,
        token_attention_x_gradient=of_query.sum(1) @ positive.sum(0),
        token_relevance=relevance,
    )


def relevance_of_both_texts(products: dict[str, list[np.ndarray]], target: TextLayout, source: TextLayout) -> tuple[np.ndarray, np.ndarray]:
    """R <- R + A R with one matrix over the target's tokens, then the source's: encoder layers first, then each decoder layer's own attention and its cross. By sentence and by token of the source."""
    tokens = target.tokens + source.tokens
    ours, theirs = slice(0, target.tokens), slice(target.tokens, tokens)
    in_order = [(theirs, theirs, layer) for layer in products["encoder"]]
    for own, cross in zip(products["decoder"], products["cross"], strict=True):
        in_order += [(ours, ours, own), (ours, theirs, cross)]
    joint = np.eye(tokens)
    for queries, keys, layer in in_order:
        step = np.zeros((tokens, tokens))
        step[queries, keys] = np.maximum(layer, 0).mean(0)
        joint = joint + step @ joint
    of_source = joint[target.target_rows, theirs].mean(0)
    return np.array([of_source[source.sentence_of_token == sentence].sum() for sentence in range(source.sentences)]), of_source


def assert_same(found: StackNumbers, expected: StackNumbers) -> None:
    for name in ("importance", "importance_abs", "attention_x_gradient", "relevance", "token_attention_x_gradient", "token_relevance"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        if theirs is None:
            assert ours is None
        else:
            assert np.abs(theirs).max() > 0
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max(), err_msg=name)


def measured(model: Any, layout: TextLayout, stack: str, target: Target, **options: Any) -> BackwardNumbers:
    backward_pass = BackwardPass(layouts={stack: layout}, **options)
    return measure_backward(model, embeddings_of(model, layout), lambda embeddings: target(model, embeddings), backward_pass)


def tiny_t5() -> T5ForConditionalGeneration:
    sizes = {"d_model": 48, "d_kv": 8, "d_ff": 32, "num_heads": 7, "num_layers": 2, "num_decoder_layers": 3, "vocab_size": VOCABULARY}
    return seeded(
        lambda: T5ForConditionalGeneration(T5Config(**sizes, relative_attention_num_buckets=8, relative_attention_max_distance=23, initializer_factor=1.0))
    )
