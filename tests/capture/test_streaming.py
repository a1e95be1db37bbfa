"""The seam itself: refusals, masks, and leaving the model alone."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

sys.path.insert(0, str(Path(__file__).parent))
from families import SEAM
from tiny import made_up_layout, pass_through, tiny_gpt2, tiny_llama, tiny_mistral
from tiny_folders import byte_level

from reportgen.capture.feeding import Feed
from reportgen.capture.forward import run_through
from reportgen.capture.scores import LayerScores
from reportgen.capture.self_check import check_model
from reportgen.capture.streaming import NAME, StackPass
from reportgen.capture.visibility import Visibility, visibility_of
from reportgen.errors import ModelError
from reportgen.models import given_model


def input_of(tokens: int, sentences: int) -> Feed:
    return Feed(source=made_up_layout(tokens=tokens, sentences=sentences))


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_model_is_as_it_was_afterwards_also_after_an_error(implementation: str) -> None:
    model, given = tiny_gpt2(), input_of(tokens=31, sentences=3)
    model.set_attn_implementation(implementation)
    model.train()
    run_through(model, given, pass_through(model, given.source))
    with torch.no_grad():
        model.transformer.h[1].attn.c_attn.weight[0, 0] = torch.inf
    with pytest.raises(ModelError, match="Layer 1 of the model's decoder .* not finite"):
        run_through(model, given, pass_through(model, given.source))
    assert model.config._attn_implementation == implementation
    assert model.training


def test_a_keyword_that_is_not_implemented_is_refused_by_name(monkeypatch) -> None:
    model = tiny_llama()
    attention = model.model.layers[1].self_attn
    monkeypatch.setattr(attention, "forward", partial(attention.forward, alibi_slopes=torch.ones(6)))
    with pytest.raises(ModelError, match="alibi_slopes"):
        run_through(model, given := input_of(tokens=31, sentences=3), pass_through(model, given.source))


def test_a_position_bias_of_tokens_by_tokens_is_refused(monkeypatch) -> None:
    model = tiny_llama()
    attention = model.model.layers[1].self_attn
    monkeypatch.setattr(attention, "forward", partial(attention.forward, position_bias=torch.ones(1, 6, 31, 31)))
    with pytest.raises(ModelError, match="position bias of tokens x tokens"):
        run_through(model, given := input_of(tokens=31, sentences=3), pass_through(model, given.source))


def test_attention_of_a_stack_that_the_model_is_not_known_to_have_is_refused() -> None:
    model, given = tiny_llama(), input_of(tokens=31, sentences=3)
    with pytest.raises(ModelError, match="LlamaAttention attends as a layer of a decoder would"):
        run_through(model, given, {})


def test_more_layers_or_other_heads_than_the_model_is_known_to_have_are_refused() -> None:
    model, given = tiny_llama(), input_of(tokens=31, sentences=3)
    for layers, heads in ((2, 6), (3, 5)):
        stack = given.stacks({"decoder": (layers, heads)})["decoder"]
        with pytest.raises(ModelError, match=f"where {layers} layers of {heads} heads were expected"):
            run_through(model, given, {"decoder": StackPass(stack=stack, reducers=[])})


@pytest.mark.parametrize("name", ["T5", "UMT5"])
def test_layers_compute_their_own_bias_again_afterwards_also_after_an_error(name: str) -> None:
    model = next(family for family in SEAM if family.name == name).build()
    with_a_bias = {module: module.has_relative_attention_bias for module in model.modules() if hasattr(module, "has_relative_attention_bias")}
    with pytest.raises(ModelError, match="attends as a layer"):
        run_through(model, Feed(source=made_up_layout(31, 3), target=made_up_layout(13, 3)), {})
    assert not [module for module in model.modules() if "compute_bias" in vars(module) or module._forward_pre_hooks]
    assert {module: module.has_relative_attention_bias for module in with_a_bias} == with_a_bias
    assert set(with_a_bias.values()) == {True, False}
    assert model.config._attn_implementation != NAME


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama, lambda: tiny_mistral(5)], ids=["gpt2", "llama", "mistral"])
def test_the_self_check_passes_for_models_that_are_read_exactly(build) -> None:
    assert check_model(model := build(), input_of(tokens=61, sentences=5)) == {"decoder": (3, model.config.num_attention_heads)}


def test_the_self_check_refuses_wrong_weights_with_the_figures(monkeypatch) -> None:
    exact = LayerScores.between
    monkeypatch.setattr(LayerScores, "between", lambda scores, rows, keys, out: (exact(scores, rows, keys, out), out.mul_(1.01)))
    with pytest.raises(ModelError, match=r"self-check: on 48 tokens attention weights differ by 0\.\d+"):
        check_model(tiny_gpt2(), input_of(tokens=61, sentences=5))


def test_a_mask_with_gaps_is_refused_where_a_layer_attends_by_it(monkeypatch) -> None:
    mask = visibility_of(lambda batch, head, query, key: (key <= query) & (key % 3 != 1), 31, 31)
    model = tiny_llama()
    attention = model.model.layers[1].self_attn
    own = attention.forward
    monkeypatch.setattr(attention, "forward", lambda **keywords: own(**(keywords | {"attention_mask": mask})))
    with pytest.raises(ModelError, match="mask leaves gaps between the keys that a token sees; such masks cannot be measured"):
        run_through(model, given := input_of(tokens=31, sentences=3), pass_through(model, given.source))


def test_a_mask_by_which_tokens_see_nothing_counts_as_one_with_gaps() -> None:
    assert visibility_of(lambda batch, head, query, key: key > query + 40, 31, 31).gaps


def test_a_model_put_together_of_two_others_is_refused_for_the_mask_that_one_makes_itself() -> None:
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": 320}
    config = EncoderDecoderConfig.from_encoder_decoder_configs(BertConfig(**sizes), BertConfig(**sizes), pad_token_id=0, decoder_start_token_id=1)
    model = given_model(EncoderDecoderModel(config=config).eval(), byte_level()).model
    with pytest.raises(ModelError, match="builds its own attention mask"):
        check_model(model, Feed(source=made_up_layout(tokens=31, sentences=3), target=made_up_layout(tokens=21, sentences=2)))


def test_intervals_of_a_windowed_mask_are_read_off_the_mask_function() -> None:
    found = visibility_of(lambda batch, head, query, key: (key <= query) & (query - key < 3), 7, 7)
    assert found.first.tolist() == [0, 0, 0, 1, 2, 3, 4]
    assert found.last.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert found.queries_seeing(np.ones(7, bool)).tolist() == [3, 3, 3, 3, 3, 2, 1]
    assert found.queries_seeing(np.arange(7) > 3).tolist() == [0, 0, 1, 2, 3, 2, 1]
    assert found.causal


def test_pairs_by_distance_counts_both_directions_of_a_full_mask() -> None:
    full = Visibility(first=np.zeros(5, int), last=np.full(5, 5), keys=5)
    counted = np.array([1.0, 0, 1, 1, 1])
    gap = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    by_loop = [sum(counted[query] for query in range(5) for key in range(5) if gap[query, key] == distance) for distance in range(5)]
    assert full.pairs_by_distance(counted).tolist() == by_loop
    assert not full.causal


def test_a_mask_of_single_cells_counts_as_its_intervals_do() -> None:
    position = np.arange(11)
    intervals = Visibility(first=np.maximum(position - 3, 0), last=np.minimum(position + 2, 11), keys=11)
    cells = (np.arange(11) >= intervals.first[:, None]) & (np.arange(11) < intervals.last[:, None])
    single = Visibility(first=np.zeros(11, int), last=np.full(11, 11), keys=11, cells=cells)
    group = np.array([0, 0, 0, -1, 1, 1, 2, 2, 2, 2, -1])
    np.testing.assert_array_equal(single.keys_seen, intervals.keys_seen)
    np.testing.assert_array_equal(single.queries_seeing(position % 3 > 0), intervals.queries_seeing(position % 3 > 0))
    np.testing.assert_array_equal(single.seen_among(np.array([0, 4, 9])), intervals.seen_among(np.array([0, 4, 9])))
    np.testing.assert_array_equal(single.seen_by_group(group, 3), intervals.seen_by_group(group, 3))
    np.testing.assert_array_equal(single.queries_that_see(4), intervals.queries_that_see(4))
    np.testing.assert_array_equal(single.pairs_by_distance(np.arange(11.0)), intervals.pairs_by_distance(np.arange(11.0)))
