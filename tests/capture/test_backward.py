"""The streamed backward pass against autograd through the model's own eager attention, whose weights are kept whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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

sys.path.insert(0, str(Path(__file__).parent))
from tiny import SPREAD, VOCABULARY, made_up_layout, tiny_gpt2, tiny_llama, tiny_mistral

from reportgen.capture.backward import BackwardNumbers, BackwardPass, StackNumbers, measure_backward, row_blocks, stack_by_direction
from reportgen.capture.backward.interface import _attention
from reportgen.capture.backward.stack_sums import StackSums
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError

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
        relevance = (joint - np.eye(queries.tokens))[queries.target_rows].mean(0) @ of_key
    return StackNumbers(
        importance=np.abs(all_products.sum((2, 3))).astype(np.float32),
        importance_abs=np.abs(all_products).sum((2, 3)).astype(np.float32),
        attention_x_gradient=np.einsum("qi,lqk,kj->lij", of_query, positive, of_key).astype(np.float32),
        relevance=None if relevance is None else relevance.astype(np.float32),
    )


def assert_same(found: StackNumbers, expected: StackNumbers) -> None:
    for name in ("importance", "importance_abs", "attention_x_gradient", "relevance"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        if theirs is None:
            assert ours is None
        else:
            assert np.abs(theirs).max() > 0
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max(), err_msg=name)


def measured(model: Any, layout: TextLayout, stack: str, target: Target, **options: Any) -> BackwardNumbers:
    backward_pass = BackwardPass(layouts={stack: layout}, **options)
    return measure_backward(model, embeddings_of(model, layout), lambda embeddings: target(model, embeddings), backward_pass)


@pytest.mark.parametrize("name", MODELS)
def test_all_numbers_equal_autograd_through_eager_attention(name: str) -> None:
    build, stack, make_target = MODELS[name]
    model, layout = build().double(), made_up_layout(TOKENS, SENTENCES)
    target = make_target(layout)
    found, eager = measured(model, layout, stack, target, rows_at_most=19), by_autograd(model, embeddings_of(model, layout), target)
    assert found.value == pytest.approx(eager.value, rel=1e-5)
    torch.testing.assert_close(found.gradient, eager.gradient, rtol=1e-4, atol=1e-5 * float(eager.gradient.abs().max()))
    assert set(found.stacks) == {stack}
    assert_same(found.stacks[stack], numbers_of(eager.products[stack], layout, layout))


def tiny_t5() -> T5ForConditionalGeneration:
    sizes = {"d_model": 48, "d_kv": 8, "d_ff": 32, "num_heads": 7, "num_layers": 2, "num_decoder_layers": 3, "vocab_size": VOCABULARY}
    return seeded(
        lambda: T5ForConditionalGeneration(T5Config(**sizes, relative_attention_num_buckets=8, relative_attention_max_distance=23, initializer_factor=1.0))
    )


def give_tables(model: T5ForConditionalGeneration, patch: pytest.MonkeyPatch) -> None:
    """Position biases by offset in place of the model's own arrays of query x key."""

    def table(module: Any, queries: int, keys: int) -> torch.Tensor:
        offsets = torch.arange(1 - queries, keys)
        buckets = module._relative_position_bucket(
            offsets, not module.is_decoder, module.relative_attention_num_buckets, module.relative_attention_max_distance
        )
        return module.relative_attention_bias(buckets).T

    def no_table(module: Any, queries: int, keys: int) -> torch.Tensor:
        return torch.zeros(module.n_heads, queries + keys - 1)

    for module in (module for module in model.modules() if hasattr(module, "compute_bias")):
        of_module = table if module.has_relative_attention_bias else no_table
        patch.setattr(module, "has_relative_attention_bias", True)
        patch.setattr(module, "compute_bias", lambda queries, keys, of=of_module, module=module, **_: of(module, queries, keys))


def test_the_three_stacks_of_an_encoder_decoder_equal_autograd_through_eager_attention() -> None:
    model, source, answer = tiny_t5().double(), made_up_layout(TOKENS, SENTENCES), made_up_layout(41, 3, seed=1)
    ids = torch.from_numpy(answer.ids.astype(np.int64))[None]

    def target(model: Any, embeddings: torch.Tensor) -> torch.Tensor:
        scores = model(inputs_embeds=embeddings, decoder_input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
        return -scores[answer.target_rows, ids[0, answer.target_rows + 1]].sum()

    def stack(module: Any, visibility: Any) -> str:
        return "cross" if len(visibility.first) != visibility.last.max() else stack_by_direction(module, visibility)

    eager = by_autograd(model, embeddings_of(model, source), target)
    backward_pass = BackwardPass(layouts={"encoder": source, "decoder": answer}, stack_of=stack, rows_at_most=19)
    with pytest.MonkeyPatch.context() as patch:
        give_tables(model, patch)
        found = measure_backward(model, embeddings_of(model, source), lambda embeddings: target(model, embeddings), backward_pass)
    torch.testing.assert_close(found.gradient, eager.gradient, rtol=1e-4, atol=1e-5 * float(eager.gradient.abs().max()))
    assert {name: len(numbers.importance) for name, numbers in found.stacks.items()} == {"encoder": 2, "decoder": 3, "cross": 3}
    for name, queries, keys in (("encoder", source, source), ("decoder", answer, answer), ("cross", answer, source)):
        assert_same(found.stacks[name], replace(numbers_of(eager.products[name], queries, keys), relevance=None))


@pytest.mark.parametrize(
    ("build", "projection"), [(tiny_gpt2, "c_proj"), (tiny_llama, "o_proj"), (tiny_gpt_oss, "o_proj")], ids=["gpt2", "llama", "gpt-oss with sinks"]
)
def test_importance_is_the_gradient_of_a_gate_on_each_head(build: Callable[[], Any], projection: str) -> None:
    model, layout = build().double(), made_up_layout(TOKENS, SENTENCES)
    target, heads = likelihood(layout), model.config.num_attention_heads
    found = measured(model, layout, "decoder", target).stacks["decoder"].importance
    gates = torch.ones(found.shape, dtype=torch.float64, requires_grad=True)
    projections = [module for name, module in model.named_modules() if name.endswith((f"attn.{projection}",))]
    for gate, module in zip(gates, projections, strict=True):
        module.register_forward_pre_hook(lambda module, inputs, gate=gate: (inputs[0].unflatten(-1, (heads, -1)) * gate[:, None]).flatten(-2))
    with attention_implementation(model, "eager"):
        (slopes,) = torch.autograd.grad(target(model, embeddings_of(model, layout)), gates)
    np.testing.assert_allclose(found, slopes.abs().numpy(), rtol=1e-5, atol=1e-5 * float(slopes.abs().max()))


WHOLE = {name: None for name in ("decoder", "encoder")}


@given(rows=st.integers(1, TOKENS + 3), name=st.sampled_from(["mistral with a window of 23", "bert"]))
@settings(max_examples=12, deadline=None)
def test_block_boundaries_do_not_matter(rows: int, name: str) -> None:
    build, stack, make_target = MODELS[name]
    model, layout = build(), made_up_layout(TOKENS, SENTENCES)
    WHOLE[stack] = WHOLE[stack] or measured(model, layout, stack, make_target(layout), rows_at_most=TOKENS)
    found = measured(model, layout, stack, make_target(layout), rows_at_most=rows)
    assert_same(found.stacks[stack], WHOLE[stack].stacks[stack])
    torch.testing.assert_close(found.gradient, WHOLE[stack].gradient, rtol=1e-4, atol=1e-5 * float(found.gradient.abs().max()))


def test_blocks_have_fewer_rows_where_they_see_more_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "CELLS_AT_MOST", 7 * 20 * 97)
    layout, causal = made_up_layout(257, 5), Visibility(first=np.zeros(257, int), last=np.arange(257) + 1)
    rows = [block.rows for block in row_blocks.plan_row_blocks(layout, layout, causal, heads=7, rows_at_most=48)]
    assert [(row.start, row.stop) for row in rows[:4]] == [(0, 40), (40, 62), (62, 79), (79, 95)]
    assert {row.stop - row.start for row in rows[3:-1]} == {row_blocks.ROWS_AT_LEAST}
    assert [row.start for row in rows[1:]] == [row.stop for row in rows[:-1]]
    assert rows[-1].stop == 257


QUERIES, KEYS, HEADS, KEY_HEADS, DIM, VALUE_DIM = 29, 37, 6, 2, 5, 11


def visible(kind: str) -> Visibility:
    query = np.arange(QUERIES)
    last = {"all keys": np.full(QUERIES, KEYS), "causal": query + 1, "window": query + 3}[kind]
    return Visibility(first=np.maximum(query - 7, 0) if kind == "window" else np.zeros(QUERIES, int), last=last)


def plain_attention(tensors: list[torch.Tensor | None], seen: Visibility, scaling: float, cap: float | None) -> torch.Tensor:
    """The formula over whole arrays."""
    query, key, value, bias, sinks = tensors
    key, value = (tensor.repeat_interleave(HEADS // KEY_HEADS, 1) for tensor in (key, value))
    scores = query @ key.transpose(2, 3) * scaling
    scores = scores if cap is None else cap * torch.tanh(scores / cap)
    offset = torch.arange(KEYS)[None] - torch.arange(QUERIES)[:, None] + QUERIES - 1
    scores = scores if bias is None else scores + bias[:, offset]
    keys = np.arange(KEYS)
    scores = scores.masked_fill(torch.from_numpy((keys < seen.first[:, None]) | (keys >= seen.last[:, None])), -torch.inf)
    nowhere = torch.full((1, HEADS, QUERIES, 1), -torch.inf, dtype=scores.dtype) if sinks is None else sinks[None, :, None, None].expand(1, HEADS, QUERIES, 1)
    return (torch.cat([scores, nowhere], 3).softmax(3)[..., :-1] @ value).transpose(1, 2)


@pytest.mark.parametrize("kind", ["all keys", "causal", "window"])
@pytest.mark.parametrize("extra", ["nothing", "cap", "bias", "sinks", "bias and sinks"])
def test_every_input_of_an_attention_call_gets_its_gradient(kind: str, extra: str) -> None:
    random = torch.Generator().manual_seed(5)
    shapes = [(1, HEADS, QUERIES, DIM), (1, KEY_HEADS, KEYS, DIM), (1, KEY_HEADS, KEYS, VALUE_DIM), (HEADS, QUERIES + KEYS - 1), (HEADS,)]
    tensors = [torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_(True) for shape in shapes]
    tensors[3], tensors[4] = tensors[3] if "bias" in extra else None, tensors[4] if "sinks" in extra else None
    seen, cap, direction = visible(kind), 0.7 if extra == "cap" else None, torch.randn(1, QUERIES, HEADS, VALUE_DIM, generator=random, dtype=torch.float64)
    layouts = {"encoder": made_up_layout(KEYS, 5), "decoder": made_up_layout(QUERIES, 3)}
    found = BackwardPass(layouts=layouts, rows_at_most=11).attend("cross", seen, tensors, 0.9, cap)
    expected = plain_attention(tensors, seen, 0.9, cap)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    known = [tensor for tensor in tensors if tensor is not None]
    for ours, theirs in zip(*(torch.autograd.grad(output, known, direction) for output in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


def test_layers_that_the_target_does_not_depend_on_have_zeros() -> None:
    model, layout = tiny_llama(), made_up_layout(TOKENS, SENTENCES)
    target = lambda model, embeddings: model(inputs_embeds=embeddings, use_cache=False, output_hidden_states=True).hidden_states[1].square().sum()  # noqa: E731
    found = measured(model, layout, "decoder", target).stacks["decoder"]
    assert found.importance.shape == (3, 6)
    for values in (found.importance, found.importance_abs, found.attention_x_gradient):
        assert (values[0] > 0).any()
        assert (values[1:] == 0).all()


def test_models_of_half_precision_have_statistics_in_float32() -> None:
    model, layout = tiny_llama(), made_up_layout(TOKENS, SENTENCES)
    exact = measured(model, layout, "decoder", likelihood(layout)).stacks["decoder"]
    found = measured(model.bfloat16(), layout, "decoder", likelihood(layout))
    assert found.gradient.dtype == torch.bfloat16
    numbers = found.stacks["decoder"]
    assert {numbers.importance.dtype, numbers.importance_abs.dtype, numbers.attention_x_gradient.dtype, numbers.relevance.dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(numbers.attention_x_gradient, exact.attention_x_gradient, rtol=0.1, atol=0.1 * exact.attention_x_gradient.max())


def test_relevance_is_left_out_where_no_rows_are_the_targets() -> None:
    model, layout = tiny_llama(), made_up_layout(TOKENS, SENTENCES)
    found = measured(model, replace(layout, target_rows=layout.target_rows[:0]), "decoder", likelihood(layout))
    assert found.stacks["decoder"].relevance is None


def test_progress_goes_from_the_first_block_of_the_last_layer_to_one() -> None:
    model, layout, shares = tiny_llama(), made_up_layout(TOKENS, SENTENCES), []
    measured(model, layout, "decoder", likelihood(layout), rows_at_most=32, progress=shares.append)
    assert shares == pytest.approx([(layer * TOKENS + rows) / (3 * TOKENS) for layer in range(3) for rows in (32, 64, 67)])


def state_of(model: Any) -> tuple[Any, ...]:
    forwards = {name: "forward" in module.__dict__ for name, module in model.named_modules()}
    return model.config._attn_implementation, forwards, [module.training for module in model.modules()], [tensor.grad for tensor in model.parameters()]


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_model_is_as_it_was_afterwards_also_after_an_error(implementation: str) -> None:
    model, layout = tiny_gpt2().train(), made_up_layout(31, 3)
    model.set_attn_implementation(implementation)
    model.transformer.h[1].eval()
    before = state_of(model)
    measured(model, layout, "decoder", likelihood(layout))
    assert state_of(model) == before
    with pytest.raises(ZeroDivisionError):
        measured(model, layout, "decoder", lambda model, embeddings: likelihood(layout)(model, embeddings) / (1 // 0))
    assert state_of(model) == before
    with torch.no_grad():
        model.lm_head.weight[:] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        measured(model, layout, "decoder", likelihood(layout))
    assert state_of(model) == before


def test_what_cannot_be_read_is_refused_by_name() -> None:
    model, layout = tiny_llama(), made_up_layout(31, 3)
    with pytest.raises(ModelError, match="looks from 31 tokens at 31, but the text has 29 and 29"):
        measure_backward(
            model, embeddings_of(model, layout), lambda given: model(inputs_embeds=given).logits.sum(), BackwardPass(layouts={"decoder": made_up_layout(29, 3)})
        )
    with pytest.raises(ModelError, match="attention of its decoder, but there is text for encoder only"):
        measured(model, layout, "encoder", likelihood(layout))
    with pytest.raises(ModelError, match="31 values"):
        measured(model, layout, "decoder", lambda model, given: model(inputs_embeds=given).logits[0, :, 0])
    with pytest.raises(ModelError, match="does not depend on the input embeddings"):
        measured(model, layout, "decoder", lambda model, given: likelihood(layout)(model, given.detach()))
    with pytest.raises(ModelError, match="batch|one text"):
        measured(model, layout, "decoder", lambda model, given: model(inputs_embeds=given.expand(2, -1, -1)).logits.sum())
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight[0, 0] = torch.inf
    with pytest.raises(ModelError, match="not finite"):
        measured(model, layout, "decoder", likelihood(layout))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"head_mask": torch.ones(7)}, "uses head_mask"),
        ({"dropout": 0.1}, "uses dropout"),
        ({"softcap": 2.0, "position_bias": torch.zeros(7, 21)}, "both caps"),
        ({"position_bias": torch.zeros(1, 7, 11, 11)}, r"bias of shape \(1, 7, 11, 11\)"),
    ],
)
def test_what_would_change_the_weights_unread_is_refused_by_name(keywords: dict[str, Any], message: str) -> None:
    seen = Visibility(first=np.zeros(11, int), last=np.arange(11) + 1)
    with pytest.raises(ModelError, match=message):
        _attention(None, *torch.zeros(3, 1, 7, 11, 5), seen, **keywords)


def test_a_mask_that_is_not_asked_for_is_refused() -> None:
    with pytest.raises(ModelError, match="builds its own attention mask"):
        _attention(None, *torch.zeros(3, 1, 7, 11, 5), None)


def test_layers_out_of_order_or_of_other_sizes_are_refused() -> None:
    layout = made_up_layout(31, 3)
    sums = StackSums("decoder", layout, layout)
    assert [sums.next_layer(7), sums.next_layer(7)] == [0, 1]
    with pytest.raises(ModelError, match="7 and 5 heads"):
        sums.next_layer(5)
    sums.close(0, sums.open(0), share=1.0)
    with pytest.raises(ModelError, match="layer 1 of the decoder after layer 0"):
        sums.open(1)
