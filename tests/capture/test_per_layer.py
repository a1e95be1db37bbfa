"""Attention read one layer at a time against each model's own, put back to token pairs by plain loops."""

from __future__ import annotations

import copy
import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BigBirdForCausalLM, LongformerForQuestionAnswering, LongformerForSequenceClassification, LongformerModel

sys.path.insert(0, str(Path(__file__).parent))
from per_layer_models import (
    BLOCK,
    CASE_LENGTHS,
    CASES,
    GLOBAL,
    RANDOM,
    WINDOWS,
    block_sparse,
    built,
    ids_of,
    tiny_big_bird,
    tiny_bloom,
    tiny_deberta,
    tiny_falcon,
    tiny_longformer,
)
from tiny import HEADS, LAYERS, tiny_gpt2

from reportgen.capture.per_layer import PER_LAYER, WholeLayer, reads_per_layer, whole_layers
from reportgen.errors import ModelError

EXACT = 1e-6


def read(model: Any, inputs: dict[str, torch.Tensor], **options: Any) -> tuple[list[WholeLayer], Any]:
    layers: list[WholeLayer] = []
    with whole_layers(model, layers.append):
        output = model(**inputs, **options)
    return layers, output


def plain_pass(model: Any, inputs: dict[str, torch.Tensor]) -> Any:
    with torch.no_grad():
        return model(**inputs)


def written(*rows: str) -> np.ndarray:
    return np.array([[mark == "1" for mark in row] for row in rows])


@pytest.mark.parametrize(("name", "tokens"), CASE_LENGTHS)
def test_weights_are_the_models_own_between_all_pairs_of_real_tokens(name: str, tokens: int) -> None:
    case = CASES[name]
    own = case.own(case.build(), case.inputs(tokens))
    layers, _ = read(case.build(), case.inputs(tokens))
    for stack in own:
        assert [seen.layer for seen in layers if seen.stack == stack] == list(range(len(own[stack])))
    assert len(layers) == sum(map(len, own.values()))
    for seen in layers:
        assert seen.weights.dtype == torch.float32
        assert seen.visible.shape == seen.weights.shape[1:] == own[seen.stack][seen.layer].shape[1:]
        np.testing.assert_allclose(seen.weights.numpy(), own[seen.stack][seen.layer], rtol=1e-5, atol=EXACT)
        np.testing.assert_allclose(seen.weights.sum(-1).numpy(), 1, atol=1e-5)
        assert not seen.weights[:, ~seen.visible].any()


@pytest.mark.parametrize(("name", "tokens"), CASE_LENGTHS)
def test_the_model_gives_what_it_gives_without_being_read(name: str, tokens: int) -> None:
    case = CASES[name]
    plain = plain_pass(case.build(), case.inputs(tokens))
    _, output = read(case.build(), case.inputs(tokens))
    torch.testing.assert_close(output.logits, plain.logits, rtol=0, atol=EXACT * float(plain.logits.abs().max()))  # Falcon's fused softmax rounds otherwise


@pytest.mark.parametrize("name", CASES)
def test_no_weights_are_left_in_the_models_output(name: str) -> None:
    case = CASES[name]
    _, output = read(case.build(), case.inputs(case.lengths[0]), output_attentions=True)
    collected = [output[key] for key in output if "attentions" in key and output[key] is not None]
    assert collected or "big_bird" in name  # its class collects nothing when it turns to full attention during the pass
    assert not any(weights.numel() for stack in collected for weights in stack)


@pytest.mark.parametrize("name", CASES)
def test_no_two_layers_are_in_memory_at_once(name: str) -> None:
    case = CASES[name]
    model, inputs, seen, living = case.build(), case.inputs(case.lengths[0]), [], []
    cells = HEADS * case.lengths[0] ** 2

    def take(layer: WholeLayer) -> None:
        assert not [reference for reference in seen if reference() is not None]
        seen.append(weakref.ref(layer.weights))
        if layer.stack == "encoder" or "led" not in name:
            large = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor and thing.numel() >= cells]
            living.append(len({thing.untyped_storage().data_ptr() for thing in large}))

    with whole_layers(model, take):
        model(**inputs)
    assert len(seen) >= LAYERS
    assert max(living) == min(living) <= 3  # no more at the last layer than at the first: the weights, and position bias or blocks


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_as_it_was_afterwards_also_after_an_error_in_take(name: str, fails: bool) -> None:
    case = CASES[name]
    model, inputs = case.build(), case.inputs(case.lengths[-1])
    model.train()
    before, parameters = state_of(model), copy.deepcopy(model.state_dict())

    def take(layer: WholeLayer) -> None:
        if fails and layer.layer == 1:
            raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError), whole_layers(model, take):
            model(**inputs)
    else:
        with whole_layers(model, take):
            model(**inputs)
    assert state_of(model) == before
    assert torch.is_grad_enabled()
    for key, values in model.state_dict().items():
        assert torch.equal(values, parameters[key]), key


def state_of(model: Any) -> list[Any]:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    own = [
        (
            name,
            id(module),
            module.training,
            sorted(vars(module)),
            [dict(getattr(module, kind)) for kind in hooks],
            getattr(module, "attention_type", None),
        )
        for name, module in model.named_modules()
    ]
    return [own, model.config.to_dict(), model.config._attn_implementation]


def test_weights_times_values_are_what_longformers_layers_put_out() -> None:
    case = CASES["longformer with global tokens"]
    model, found = case.build(), []
    for layer in model.longformer.encoder.layer:
        attention, kept = layer.attention.self, {}
        found.append(kept)
        for name, module in (("near", attention.value), ("far", attention.value_global), ("output", attention)):
            module.register_forward_hook(lambda _, given, output, kept=kept, name=name: kept.update({name: output}))
    layers, _ = read(model, case.inputs(53))
    for seen, kept in zip(layers, found, strict=True):
        near, far = (kept[name].reshape(-1, HEADS, 11)[:53] for name in ("near", "far"))
        expected = torch.einsum("hqk,khd->qhd", seen.weights, near)
        expected[list(GLOBAL)] = torch.einsum("hqk,khd->qhd", seen.weights[:, list(GLOBAL)], far)
        torch.testing.assert_close(kept["output"][0][0, :53], expected.flatten(1), rtol=1e-5, atol=1e-5)


def test_a_text_of_1024_tokens_for_which_big_bird_has_another_plan() -> None:
    model = tiny_big_bird(num_hidden_layers=1, num_attention_heads=2, hidden_size=22, block_size=64, max_position_embeddings=1024)
    inputs = {"input_ids": ids_of(1024)}
    (own,) = block_sparse(model, inputs)["encoder"]
    (seen,), _ = read(model, inputs)
    np.testing.assert_allclose(seen.weights.numpy(), own, atol=EXACT)


def test_big_bird_as_a_decoder_looks_back() -> None:
    config = tiny_big_bird(is_decoder=True, attention_type="original_full").config
    layers, _ = read(built(BigBirdForCausalLM, config), {"input_ids": ids_of(17)})
    for layer in layers:
        assert layer.stack == "decoder"
        np.testing.assert_array_equal(layer.visible.numpy(), np.tri(17, dtype=bool))
        np.testing.assert_allclose(layer.weights.sum(-1).numpy(), 1, atol=1e-5)


def test_big_bird_with_cross_attention_is_refused() -> None:
    config = tiny_big_bird(is_decoder=True, attention_type="original_full", add_cross_attention=True).config
    with pytest.raises(ModelError, match="cross-attention"):
        read(built(BigBirdForCausalLM, config), {"input_ids": ids_of(7), "encoder_hidden_states": torch.ones(1, 7, HEADS * 11)})


def test_a_short_text_does_not_turn_big_bird_to_full_attention_for_later_ones() -> None:
    model, inputs = tiny_big_bird(), {"input_ids": ids_of(53)}
    sparse = plain_pass(model, inputs).logits
    layers, _ = read(model, {"input_ids": ids_of(7)})
    assert all(bool(layer.visible.all()) and not layer.global_tokens for layer in layers)
    assert torch.equal(plain_pass(model, inputs).logits, sparse)


def test_the_window_and_the_global_tokens_are_visible_as_drawn() -> None:
    model = tiny_longformer(attention_window=[4, 8, 4])
    mask = torch.zeros(1, 9, dtype=torch.long)
    mask[0, 6] = 1
    layers, _ = read(model, {"input_ids": ids_of(9), "global_attention_mask": mask})
    narrow = written("111000100", "111100100", "111110100", "011111100", "001111100", "000111110", "111111111", "000001111", "000000111")
    wide = written("111110100", "111111100", "111111100", "111111110", "111111111", "011111111", "111111111", "000111111", "000011111")
    for layer, expected in zip(layers, (narrow, wide, narrow), strict=True):
        np.testing.assert_array_equal(layer.visible.numpy(), expected)
        assert layer.global_tokens == (6,)


def test_the_blocks_are_visible_as_drawn() -> None:
    rows = ("11111111", "11100001", "11110001", "10111001", "10011101", "10001111", "10000111", "11111111")
    layers, _ = read(tiny_big_bird(block_size=3, num_random_blocks=1), {"input_ids": ids_of(23)})
    by_token = np.kron(written(*rows), np.ones((3, 3), bool))[:23, :23]
    for layer in layers:
        np.testing.assert_array_equal(layer.visible.numpy(), by_token)
        assert layer.global_tokens == (0, 1, 2, 21, 22)


def test_random_blocks_that_differ_by_head_are_each_put_in_their_place() -> None:
    count = -(-53 // BLOCK)
    random = np.random.default_rng(0).integers(0, count, (HEADS, count - 2, RANDOM))
    model = tiny_big_bird()
    for layer in model.bert.encoder.layer:
        layer.attention.self._bigbird_block_rand_mask_with_head = lambda **_: list(random)
    own = block_sparse(model, {"input_ids": ids_of(53)}, random)["encoder"]
    layers, _ = read(model, {"input_ids": ids_of(53)})
    for seen, weights in zip(layers, own, strict=True):
        np.testing.assert_allclose(seen.weights.numpy(), weights, atol=EXACT)
        np.testing.assert_array_equal(seen.visible.numpy(), (weights > 0).any(0))


def test_global_tokens_are_those_that_the_models_own_class_sets() -> None:
    text = ids_of(31)
    question = text.clone()
    question[0, [4, 5, 30]] = 2  # question </s> </s> text </s>
    for model_class, inputs, expected in (
        (LongformerForSequenceClassification, text, (0,)),
        (LongformerForQuestionAnswering, question, (0, 1, 2, 3)),
        (LongformerModel, text, ()),
    ):
        layers, _ = read(tiny_longformer(model_class), {"input_ids": inputs})
        assert [layer.global_tokens for layer in layers] == [expected] * LAYERS


def test_falcon_with_position_bias_is_read_as_its_fused_attention_computes_it() -> None:
    model, tokens, fused = tiny_falcon(alibi=True), 31, []
    for block in model.transformer.h:
        block.self_attention.query_key_value.register_forward_hook(lambda module, given, output: fused.append(output[0].double().view(tokens, HEADS + 2, -1)))
    layers, _ = read(model, {"input_ids": ids_of(tokens)})
    slopes = [2.0 ** (-2 * (head + 1)) for head in range(4)] + [2.0 ** (-(2 * step + 1)) for step in range(3)]
    for seen, states in zip(layers, fused, strict=True):
        for head in range(HEADS):
            for query in range(tokens):
                bias = (torch.tensor(slopes[head]).bfloat16() * torch.arange(query + 1)).double()  # the class rounds it so
                scores = (states[: query + 1, HEADS] @ states[query, head] + bias) / np.sqrt(10)
                np.testing.assert_allclose(seen.weights[head, query, : query + 1].numpy(), scores.softmax(0).numpy(), atol=EXACT)


def test_causal_models_look_back_and_encoders_look_everywhere() -> None:
    for build, expected in ((tiny_bloom, np.tri(17, dtype=bool)), (tiny_falcon, np.tri(17, dtype=bool)), (tiny_deberta, np.ones((17, 17), bool))):
        for layer in read(build(), {"input_ids": ids_of(17)})[0]:
            np.testing.assert_array_equal(layer.visible.numpy(), expected)


def test_which_models_are_read_so_is_known_by_their_configuration() -> None:
    assert all(reads_per_layer(case.build().config) for case in CASES.values())
    assert {case.build().config.model_type for case in CASES.values()} == set(PER_LAYER)
    assert not reads_per_layer(tiny_gpt2().config)
    with pytest.raises(ModelError, match="GPT2LMHeadModel .gpt2. is not read one layer at a time"), whole_layers(tiny_gpt2(), print):
        pass


REFUSALS = {
    "a batch": (tiny_bloom, {"input_ids": ids_of(14).view(2, 7)}, "not of a batch of 2"),
    "padding in front": (tiny_bloom, {"input_ids": ids_of(7), "attention_mask": torch.tensor([[0, 0, 1, 1, 1, 1, 1]])}, "without padding"),
    "padding within": (tiny_longformer, {"input_ids": ids_of(7), "attention_mask": torch.tensor([[1, 1, 0, 1, 1, 1, 1]])}, "middle of the text"),
    "talking heads": (lambda: tiny_deberta(talking_head=True), {"input_ids": ids_of(7)}, "talking heads"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_read_exactly_is_refused(name: str) -> None:
    build, inputs, message = REFUSALS[name]
    with pytest.raises(ModelError, match=message):
        read(build(), inputs)


def test_a_second_pass_within_one_reading_is_refused() -> None:
    model = tiny_bloom()
    with whole_layers(model, lambda layer: None):
        model(input_ids=ids_of(7))
        with pytest.raises(ModelError, match="second pass"):
            model(input_ids=ids_of(7))


def test_windows_and_global_tokens_of_the_cases_are_what_makes_them_hard() -> None:
    assert 53 % max(WINDOWS)
    assert min(WINDOWS) > 3
    assert 53 % BLOCK
    assert any(0 < position < max(WINDOWS) for position in GLOBAL)
