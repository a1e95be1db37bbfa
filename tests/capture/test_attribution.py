"""Targets of every kind of model, and their gradients against autograd through the model's own eager attention."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS, T5_LIKE, Family
from per_layer_models import tiny_bloom, tiny_longformer
from tiny import made_up_layout, tiny_gpt2, tiny_llama, vars_of

from reportgen.capture.attribution import Gradients, measure_gradients
from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import Target, default_target
from reportgen.errors import ModelError
from reportgen.models import LanguageModel

MASK = 7


def language_model(model: Any, kind: str, mask: int | None = MASK) -> LanguageModel:
    return LanguageModel(model=model, tokenizer=SimpleNamespace(mask_token_id=mask), name="tiny", identity="made up", kind=kind)


def texts(kind: str) -> Feed:
    """67 tokens of 5 sentences; for an encoder-decoder another 31 of 3, which start with a token of no sentence."""
    source = made_up_layout(67, 5)
    if kind != "seq2seq":
        return Feed(source=source)
    target = made_up_layout(31, 3, seed=2)
    members = np.concatenate([[-1], target.sentence_of_token[1:]]).astype(np.int32)
    return Feed(source=source, target=TextLayout(**{**vars_of(target), "sentence_of_token": members}))


def found_for(model: Any, kind: str, given: Feed) -> tuple[Target, Feed, Gradients]:
    target = default_target(language_model(model, kind), given)
    aimed = target.feed(given, MASK)
    return target, aimed, measure_gradients(model, aimed, target, lambda stage, share: None)


def by_kind(kind: str, given: Feed) -> tuple[np.ndarray, Callable[[Any], torch.Tensor]]:
    """The target again, written plainly: the ids that the source has for it, and the scalar of the output."""
    ids, last = given.source.ids.astype(np.int64), np.flatnonzero(given.source.sentence_of_token == 4)
    if kind == "causal":
        return ids, lambda output: -sum(output.logits[0, token - 1].log_softmax(-1)[ids[token]] for token in last)
    if kind == "masked":
        hidden = ids.copy()
        hidden[last] = MASK
        return hidden, lambda output: -sum(output.logits[0, token].log_softmax(-1)[ids[token]] for token in last)
    if kind == "seq2seq":
        inputs, end = given.target.ids, np.flatnonzero(given.target.sentence_of_token == 2)
        return ids, lambda output: -sum(output.logits[0, token - 1].log_softmax(-1)[inputs[token]] for token in end)
    if kind == "classifier":
        return ids, lambda output: output.logits[0].max()
    if kind == "question answering":
        return ids, lambda output: best_answer(output)(output)
    return ids, lambda output: output.last_hidden_state[0].mean(0).norm()


def best_answer(output: Any) -> Callable[[Any], torch.Tensor]:
    """Of all pairs of a start and an end that is not before it, the one with the greatest sum."""
    sums = output.start_logits[0][:, None] + output.end_logits[0][None]
    start, end = divmod(int(sums.masked_fill(torch.ones_like(sums).tril(-1).bool(), -torch.inf).argmax()), len(sums))
    return lambda output: output.start_logits[0, start] + output.end_logits[0, end]


def eager_gradient(model: Any, given: Feed, ids: np.ndarray, read: Callable[[Any], torch.Tensor]) -> tuple[float, torch.Tensor, torch.Tensor]:
    embeddings = model.get_input_embeddings()(torch.from_numpy(ids)[None]).detach().requires_grad_(True)
    keywords = given.keywords(model)
    del keywords["input_ids"]
    with attention_implementation(model, "eager"):
        value = read(model(inputs_embeds=embeddings, **keywords))
        (gradient,) = torch.autograd.grad(value, embeddings)
    return float(value.detach()), gradient[0], embeddings[0].detach()


KINDS = ("causal", "masked", "classifier", "question answering", "seq2seq", "encoder")
T5 = Family(name="T5", classes="T5Config T5ForConditionalGeneration", options=T5_LIKE, kind="encoder-decoder")
MODELS = {kind: (kind, family.build) for kind, family in zip(KINDS, HEADS, strict=True)} | {
    "seq2seq with a position bias": ("seq2seq", T5.build),
    "causal, read one layer at a time": ("causal", tiny_bloom),
    "masked, read one layer at a time": ("masked", tiny_longformer),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_default_target_and_its_gradients_equal_autograd_through_eager_attention(name: str) -> None:
    kind, build = MODELS[name]
    model, given = build() if build is tiny_longformer else build().double(), texts(kind)  # Longformer's padding gives NaN gradients in double precision
    target, aimed, found = found_for(model, kind, given)
    ids, read = by_kind(kind, given)
    value, gradient, embeddings = eager_gradient(model, given, ids, read)
    np.testing.assert_array_equal(aimed.source.ids, ids)
    assert found.value == pytest.approx(value, rel=1e-5)
    for sentence in range(5):
        inside = given.source.sentence_of_token == sentence
        assert found.gradient[sentence] == pytest.approx(float(gradient[inside].abs().sum()), rel=1e-4)
        assert found.gradient_norm[sentence] == pytest.approx(float(gradient[inside].norm(dim=1).sum()), rel=1e-4)
        assert found.input_x_gradient[sentence] == pytest.approx(float((gradient * embeddings)[inside].sum()), rel=1e-3, abs=1e-4 * abs(value))
    arrays, largest = found.arrays(), float(gradient.abs().max())
    by_token = {"gradient": gradient.abs().sum(1), "gradient_norm": gradient.norm(dim=1), "input_x_gradient": (gradient * embeddings).sum(1)}
    for name, values in by_token.items():
        np.testing.assert_allclose(arrays[f"attribution.token_{name}"], values.numpy(), rtol=1e-3, atol=1e-4 * largest, err_msg=name)
    assert target.unit == {"classifier": "logit", "question answering": "logit", "encoder": "product"}.get(kind, "nats")


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_are_those_whose_outputs_the_target_reads(kind: str) -> None:
    _, build = MODELS[kind]
    model, given = build().double(), texts(kind)
    target = default_target(language_model(model, kind), given)
    keywords = target.feed(given, MASK).keywords(model)
    with torch.no_grad():
        output = model.base_model(**keywords)
    states = output.last_hidden_state.detach().requires_grad_(True)
    hook = model.base_model.register_forward_hook(lambda module, inputs, output: replaced(output, states))
    try:
        (gradient,) = torch.autograd.grad(target.read(model(**keywords) if kind != "encoder" else replaced(output, states)), states, allow_unused=True)
    finally:
        hook.remove()
    if kind == "classifier":  # it reads the pooled first state, which the base model makes itself
        assert target.rows.tolist() == [0]
    else:
        assert np.flatnonzero(gradient[0].abs().sum(1) > 0).tolist() == target.rows.tolist()


def replaced(output: Any, states: torch.Tensor) -> Any:
    output.last_hidden_state = states
    return output


def test_what_falls_on_the_source_is_summed_over_the_stacks_that_look_at_it() -> None:
    model, given = MODELS["seq2seq"][1](), texts("seq2seq")
    arrays = found_for(model, "seq2seq", given)[2].arrays()
    expected = arrays["encoder.attention_x_gradient"].sum((0, 1)) + arrays["cross.attention_x_gradient"].sum((0, 1))
    np.testing.assert_allclose(arrays["attribution.attention_x_gradient"], expected, rtol=1e-5)
    for name in ("attention_x_gradient", "relevance"):
        summed = given.source.summed_by_sentence(arrays[f"attribution.token_{name}"])
        np.testing.assert_allclose(summed, arrays[f"attribution.{name}"], rtol=1e-5, err_msg=name)
    assert arrays["cross.attention_x_gradient"].shape == (2, 3, 5)
    assert arrays["decoder.importance"].shape == (2, 11)
    assert arrays["attribution.relevance"].shape == (5,)
    assert (arrays["attribution.relevance"] > 0).all()


def test_a_masked_model_without_a_mask_token_is_refused() -> None:
    model = MODELS["masked"][1]()
    with pytest.raises(ModelError, match="no mask token"):
        default_target(language_model(model, "masked", mask=None), texts("masked"))


def test_input_x_gradient_is_the_change_of_the_target_when_embeddings_shrink() -> None:
    model, given = tiny_llama().double(), texts("causal")
    _, _, found = found_for(model, "causal", given)
    ids, read = by_kind("causal", given)
    embeddings, step = model.get_input_embeddings()(torch.from_numpy(ids)[None]).detach(), 1e-3
    scale, sentence = torch.ones_like(embeddings), int(np.abs(found.input_x_gradient).argmax())
    scale[0, given.source.sentence_of_token == sentence] = 1 + step
    with torch.no_grad():
        more, less = (float(read(model(inputs_embeds=embeddings * factor, use_cache=False))) for factor in (scale, 2 - scale))
    assert found.input_x_gradient[sentence] == pytest.approx((more - less) / (2 * step), rel=1e-2)


def test_the_model_is_left_as_it_was_also_after_an_error() -> None:
    model, given = tiny_gpt2().train(), texts("causal")
    before = (model.config._attn_implementation, {name: "forward" in module.__dict__ for name, module in model.named_modules()})
    found_for(model, "causal", given)
    with torch.no_grad():
        model.lm_head.weight[:] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        found_for(model, "causal", given)
    after = (model.config._attn_implementation, {name: "forward" in module.__dict__ for name, module in model.named_modules()})
    assert before == after
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
