"""Value-norm attention of the target's rows against the plain formula over the model's own eager attention, its values and its output projection by name."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from backward_reference import seeded, stack_of
from families import SEAM
from hybrids import HYBRIDS
from per_layer_models import tiny_bloom
from tiny import grouped, made_up_layout, measured, tiny_gpt2, tiny_llama
from transformers import BitNetConfig, BitNetForCausalLM

from reportgen.capture.feeding import Feed
from reportgen.capture.forward import ForwardNumbers, measure_target_rows
from reportgen.capture.lanes import Lanes
from reportgen.capture.layout import TextLayout
from reportgen.capture.self_check import check_model
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.value_norms import norms
from reportgen.capture.value_norms.loops import products_of_heads
from reportgen.capture.value_norms.norms import head_products, products_on_a_device, summed_norms

TOKENS, SENTENCES = 67, 5
FAMILIES = {family.name: family for family in SEAM}
# Where the output projection of each layer of the stack that looks at the source is found, by hand.
PROJECTIONS = {
    "GPT-2": "transformer.h.{}.attn.c_proj",
    "Llama": "model.layers.{}.self_attn.o_proj",
    "Gemma 2": "model.layers.{}.self_attn.o_proj",
    "gpt-oss": "model.layers.{}.self_attn.o_proj",
    "BERT": "bert.encoder.layer.{}.attention.output.dense",
    "T5": "decoder.block.{}.layer.1.EncDecAttention.o",
    "UMT5": "decoder.block.{}.layer.1.EncDecAttention.o",
    "BART": "model.decoder.layers.{}.encoder_attn.out_proj",
}


def texts_for(name: str) -> tuple[Feed, TextLayout]:
    """What is fed, and the text whose tokens are the target's rows, which do not all follow each other."""
    source, rows = made_up_layout(TOKENS, SENTENCES), np.array([3, 4, 11, 12, 13, 29])
    if FAMILIES[name].kind != "encoder-decoder":
        source = source.changed(target_rows=rows)
        return Feed(source=source), source
    answer = made_up_layout(31, 3, seed=2).changed(target_rows=rows)
    return Feed(source=source.changed(target_rows=rows[:0]), target=answer), answer


def weights_and_values(model: Any, given: Feed, stack: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """p (head query key) and values (head key dim, repeated for the heads that share them) of each layer, caught in the model's own eager attention."""
    caught: list[tuple[np.ndarray, np.ndarray]] = []

    def catching(eager: Any) -> Any:
        def attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *arguments: Any, **keywords: Any) -> Any:
            output, weights = eager(module, query, key, value, *arguments, **keywords)
            if stack != "cross" or stack_of(module, query, key) == "cross":
                values = value[0].repeat_interleave(query.shape[1] // value.shape[1], 0)
                caught.append((weights[0].double().numpy(), values.double().numpy()))
            return output, weights

        return attention

    with attention_implementation(model, "eager"), torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        for module in {sys.modules[type(module).__module__] for module in model.modules()}:
            if hasattr(module, "eager_attention_forward"):
                patch.setattr(module, "eager_attention_forward", catching(module.eager_attention_forward))
        model(**given.keywords(model))
    return caught


def by_formula(model: Any, name: str, given: Feed, rows: np.ndarray) -> np.ndarray:
    """Mean over rows and layers of the length of sum over heads of p v W_O, one row and one key at a time."""
    found = weights_and_values(model, given, "cross" if given.target is not None else "")
    total = np.zeros(given.source.tokens)
    for layer, (p, values) in enumerate(found):
        weight = model.get_submodule(PROJECTIONS[name].format(layer)).weight.detach().double().numpy()
        weight = weight if name == "GPT-2" else weight.T
        heads = np.split(weight, len(p))
        for row in rows:
            for key in range(given.source.tokens):
                total[key] += np.linalg.norm(sum(p[head, row, key] * values[head, key] @ heads[head] for head in range(len(p))))
    return total / (len(found) * len(rows))


@pytest.mark.parametrize("worth_turning", [0, 100])
@pytest.mark.parametrize("name", PROJECTIONS)
def test_value_norms_equal_the_formula_on_eager_attention(name: str, worth_turning: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(norms, "WORTH_TURNING", worth_turning)
    monkeypatch.setattr(norms, "CELLS_AT_ONCE", 3001)
    monkeypatch.setattr(norms, "KEYS_AT_LEAST", 1)
    monkeypatch.setattr("reportgen.capture.value_norms.watching.CELLS_AT_ONCE", 1009)
    model, (given, read) = FAMILIES[name].build(), texts_for(name)
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    found, stack = measured(model, given), "cross" if given.target is not None else next(iter(check_model(model, given)))
    expected = by_formula(model, name, given, read.target_rows)
    assert expected.max() > 0
    by_token, by_sentence = (found.target_attention[stack][f"attribution.{kind}value_norm"] for kind in ("token_", ""))
    np.testing.assert_allclose(by_token, expected, rtol=1e-5, atol=1e-6 * expected.max())
    np.testing.assert_allclose(by_sentence, [expected[given.source.sentence_of_token == sentence].sum() for sentence in range(SENTENCES)], rtol=1e-5)
    assert found.target_notices == ()
    assert {kind for kind in found.target_attention if "value_norm" in str(found.target_attention[kind])} == {stack}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_through_the_interface_has_an_output_projection(name: str) -> None:
    model, (given, _) = FAMILIES[name].build(), texts_for(name)
    found = measure_target_rows(model, given, check_model(model, given))
    assert found.target_notices == ()
    assert sum("attribution.value_norm" in arrays for arrays in found.target_attention.values()) == 1


def of_rows(model: Any) -> ForwardNumbers:
    given = Feed(source=made_up_layout(TOKENS, SENTENCES))
    return measure_target_rows(model, given, check_model(model, given))


def refusal(model: Any) -> str:
    found = of_rows(model)
    assert not [name for name in found.target_attention["decoder"] if "value_norm" in name]
    (notice,) = found.target_notices
    assert notice.endswith(": value-norm attention of the target.")
    return notice


@pytest.mark.parametrize("name", ["Qwen3-Next", "Qwen3.5"])
def test_gated_attention_has_none_and_a_notice(name: str) -> None:
    (hybrid,) = [hybrid for hybrid in HYBRIDS if hybrid.name == name]
    assert "layer 0 of the decoder does not go straight into a plain linear layer" in refusal(hybrid.build())


def test_a_norm_before_the_output_projection_has_none_and_a_notice() -> None:
    model = seeded(lambda: BitNetForCausalLM(BitNetConfig(**grouped())))
    assert "does not go straight into a plain linear layer" in refusal(model)


def test_what_changes_the_projected_output_within_the_module_has_none_and_a_notice() -> None:
    model = tiny_llama()
    attention = model.model.layers[1].self_attn
    forward = attention.forward
    attention.forward = lambda *arguments, **keywords: ((output := forward(*arguments, **keywords))[0] * 1.5, *output[1:])
    assert "layer 1 of the decoder gives" in refusal(model)


def test_a_linear_layer_that_is_not_plain_has_none_and_a_notice() -> None:
    class Doubling(torch.nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(inputs)

    model = tiny_llama()
    model.model.layers[2].self_attn.o_proj.__class__ = Doubling
    assert "layer 2 of the decoder does not go straight into a plain linear layer" in refusal(model)


def test_weights_that_are_not_what_the_layer_computes_have_none_and_a_notice() -> None:
    model = tiny_llama()
    model.model.layers[1].self_attn.o_proj.register_forward_hook(lambda module, inputs, output: output * 1.5)
    assert "weights times projected values differ by" in refusal(model)


def test_models_read_one_layer_at_a_time_have_none_and_a_notice() -> None:
    assert "outside the library's interface, where its values are not at hand" in refusal(tiny_bloom())


def test_a_head_with_values_of_zero_adds_nothing_whatever_its_weights() -> None:
    """A layer of one head whose values are zero adds vectors of no length; the weights stay."""
    model = tiny_gpt2(n_layer=1, n_head=1, n_embd=11)
    with torch.no_grad():
        model.transformer.h[0].attn.c_attn.weight[:, 22:] = 0
        model.transformer.h[0].attn.c_attn.bias[22:] = 0
    found = of_rows(model).target_attention["decoder"]
    assert found["attribution.attention"].max() > 0.1
    np.testing.assert_array_equal(found["attribution.value_norm"], np.zeros(SENTENCES))


@pytest.mark.parametrize("worth_turning", [0, 100])
def test_parts_of_heads_that_cancel_are_not_lost_to_rounding(worth_turning: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(norms, "WORTH_TURNING", worth_turning)
    added = torch.arange(1.0, 8.0)[None, None]
    opposed = torch.stack([torch.eye(7), -torch.eye(7) * (1 + 2**-20)])
    products = head_products(added, opposed, Lanes(1))
    found = summed_norms(torch.full((2, 1, 1), 0.5), products, Lanes(1))
    np.testing.assert_allclose(found, [float(added.norm()) * 2**-21], rtol=1e-6)


@pytest.mark.parametrize(("heads", "groups", "value_dim", "dim"), [(1, 1, 5, 11), (5, 1, 3, 11), (7, 7, 2, 23), (6, 2, 3, 7)])
def test_products_of_heads_are_those_of_their_vectors_on_any_device(heads: int, groups: int, value_dim: int, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(heads)
    values, by_head = torch.randn(groups, 13, value_dim), torch.randn(heads, value_dim, dim)
    vectors = torch.bmm(values.repeat_interleave(heads // groups, 0).double(), by_head.double())  # head key dim
    expected = torch.einsum("hkd,gkd->hgk", vectors, vectors)
    for worth_turning in (0, 100):
        monkeypatch.setattr(norms, "WORTH_TURNING", worth_turning)
        torch.testing.assert_close(head_products(values, by_head, Lanes(1)), expected, rtol=1e-5, atol=1e-5)
    lengths = np.arange(1, heads + 1) * value_dim
    side_by_side = torch.randn(13, int(lengths.sum()))
    of_loops = np.zeros((heads, heads, 13))
    products_of_heads(side_by_side.numpy(), np.cumsum(lengths), np.zeros((heads, heads * value_dim)), 0, of_loops)
    np.testing.assert_allclose(products_on_a_device(side_by_side, np.cumsum(lengths)), of_loops, rtol=1e-5, atol=1e-6)


def test_the_model_is_as_it_was_afterwards() -> None:
    model, given = tiny_llama(), Feed(source=made_up_layout(TOKENS, SENTENCES))
    shapes = check_model(model, given)
    hooks = [len(module._forward_hooks) for module in model.modules()]
    measure_target_rows(model, given, shapes)
    assert [len(module._forward_hooks) for module in model.modules()] == hooks


def test_attention_by_head_and_by_token_are_means_over_the_targets_rows() -> None:
    model, layout = tiny_llama(), made_up_layout(TOKENS, SENTENCES)
    found = of_rows(model).target_attention["decoder"]
    with attention_implementation(model, "eager"), torch.no_grad():
        p = torch.stack(model(**Feed(source=layout).keywords(model), output_attentions=True).attentions)[:, 0].double().numpy()
    of_target = p[:, :, layout.target_rows].mean(2)  # layer head key
    expected = np.stack([of_target[..., layout.sentence_of_token == sentence].sum(-1) for sentence in range(SENTENCES)], -1)
    np.testing.assert_allclose(found["attribution.attention_by_head"], expected, atol=2e-6)
    np.testing.assert_allclose(found["attribution.token_attention"], of_target.mean((0, 1)), atol=2e-6)
    np.testing.assert_allclose(found["attribution.attention"], expected.mean((0, 1)), atol=2e-6)


def test_texts_without_a_target_are_not_looked_at() -> None:
    layout = made_up_layout(TOKENS, SENTENCES)
    found = measured(tiny_llama(), Feed(source=replace(layout, target_rows=layout.target_rows[:0])))
    assert found.target_notices == ()
    assert "attribution.value_norm" not in found.target_attention["decoder"]
