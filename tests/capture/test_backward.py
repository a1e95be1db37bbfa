"""The streamed backward pass against autograd through the model's own eager attention, whose weights are kept whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from backward_reference import (
    MODELS,
    SENTENCES,
    TOKENS,
    assert_same,
    by_autograd,
    embeddings_of,
    likelihood,
    measured,
    numbers_of,
    relevance_of_both_texts,
    tiny_gpt_oss,
    tiny_t5,
)
from families import SEAM
from tiny import made_up_layout, tiny_gpt2, tiny_llama

from reportgen.capture.backward import BackwardPass, attention, measure_backward
from reportgen.capture.feeding import stack_namer
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError


@pytest.mark.parametrize("name", MODELS)
def test_all_numbers_equal_autograd_through_eager_attention(name: str) -> None:
    build, stack, make_target = MODELS[name]
    model, layout = build().double(), made_up_layout(TOKENS, SENTENCES)
    target = make_target(layout)
    found, eager = measured(model, layout, stack, target, rows_at_most=19), by_autograd(model, embeddings_of(model, layout), target)
    assert found.value == pytest.approx(eager.value, rel=5e-5)
    torch.testing.assert_close(found.gradient, eager.gradient, rtol=1e-4, atol=1e-5 * float(eager.gradient.abs().max()))
    assert set(found.stacks) == {stack}
    assert_same(found.stacks[stack], numbers_of(eager.products[stack], layout, layout))


ENCODER_DECODERS = {"t5 with position bias": tiny_t5} | {family.name: family.build for family in SEAM if family.name in ("UMT5", "BART", "Marian")}


@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_the_three_stacks_of_an_encoder_decoder_equal_autograd_through_eager_attention(name: str) -> None:
    model, answer = ENCODER_DECODERS[name]().double(), made_up_layout(41, 3, seed=1)
    source = made_up_layout(TOKENS, SENTENCES).changed(target_rows=np.array([], int))
    ids = torch.from_numpy(answer.ids.astype(np.int64))[None]

    def target(model: Any, embeddings: torch.Tensor) -> torch.Tensor:
        scores = model(inputs_embeds=embeddings, decoder_input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
        return -scores[answer.target_rows, ids[0, answer.target_rows + 1]].sum()

    eager = by_autograd(model, embeddings_of(model, source), target)
    backward_pass = BackwardPass(layouts={"encoder": source, "decoder": answer}, stack_of=stack_namer(model), rows_at_most=19)
    found = measure_backward(model, embeddings_of(model, source), lambda embeddings: target(model, embeddings), backward_pass)
    torch.testing.assert_close(found.gradient, eager.gradient, rtol=1e-4, atol=1e-5 * float(eager.gradient.abs().max()))
    assert {stack: len(numbers.importance) for stack, numbers in found.stacks.items()} == {stack: len(layers) for stack, layers in eager.products.items()}
    relevance = {"encoder": relevance_of_both_texts(eager.products, answer, source), "decoder": (None, None), "cross": (None, None)}
    for stack, queries, keys in (("encoder", source, source), ("decoder", answer, answer), ("cross", answer, source)):
        by_sentence, by_token = relevance[stack]
        assert_same(found.stacks[stack], replace(numbers_of(eager.products[stack], queries, keys), relevance=by_sentence, token_relevance=by_token))


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


@pytest.mark.parametrize("name", MODELS)
def test_attention_is_computed_once_in_each_layer_although_layers_are_recomputed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, stack, make_target = MODELS[name]
    model, layout, layers, attend = build(), made_up_layout(TOKENS, SENTENCES), [], attention._attend
    monkeypatch.setattr(attention, "_attend", lambda call, inputs: layers.append(call.layer) or attend(call, inputs))
    found = measured(model, layout, stack, make_target(layout))
    assert layers == list(range(len(found.stacks[stack].importance)))


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
