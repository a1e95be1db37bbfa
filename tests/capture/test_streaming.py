"""The seam itself: refusals, masks, and leaving the model alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GptOssConfig, GptOssForCausalLM

sys.path.insert(0, str(Path(__file__).parent))
from tiny import made_up_layout, tiny_gpt2, tiny_llama, tiny_mistral

from reportgen.capture.forward import run_through
from reportgen.capture.self_check import check_model
from reportgen.capture.streaming import StreamingPass
from reportgen.capture.visibility import Visibility, visibility_of
from reportgen.errors import ModelError


def small(config_class, **options):
    torch.manual_seed(0)
    shared = {
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "hidden_size": 32,
        "intermediate_size": 32,
        "vocab_size": 101,
    }
    return config_class(**shared, **options)


def test_the_streamed_forward_pass_gives_the_same_hidden_states() -> None:
    model, layout = tiny_llama(), made_up_layout(tokens=97, sentences=7)
    states = []
    model.model.norm.register_forward_hook(lambda module, inputs, output: states.append(output))
    run_through(model, layout, StreamingPass(layout=layout, reducers=[]))
    with torch.no_grad():
        model(input_ids=torch.from_numpy(layout.ids.astype(np.int64))[None])
    torch.testing.assert_close(states[0], states[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_model_is_as_it_was_afterwards_also_after_an_error(implementation: str) -> None:
    model, layout = tiny_gpt2(), made_up_layout(tokens=31, sentences=3)
    model.set_attn_implementation(implementation)
    model.train()
    run_through(model, layout, StreamingPass(layout=layout, reducers=[]))
    with torch.no_grad():
        model.transformer.h[1].attn.c_attn.weight[0, 0] = torch.inf
    with pytest.raises(ModelError, match="Layer 1 .* not finite"):
        run_through(model, layout, StreamingPass(layout=layout, reducers=[]))
    assert model.config._attn_implementation == implementation
    assert model.training


def test_soft_capping_is_refused_by_name() -> None:
    model = Gemma2ForCausalLM(small(Gemma2Config)).eval()
    with pytest.raises(ModelError, match="softcap"):
        check_model(model, made_up_layout(tokens=31, sentences=3))


def test_sinks_as_extra_logits_are_refused_by_name() -> None:
    model = GptOssForCausalLM(small(GptOssConfig, num_local_experts=2, num_experts_per_tok=1)).eval()
    with pytest.raises(ModelError, match="s_aux"):
        check_model(model, made_up_layout(tokens=31, sentences=3))


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama, lambda: tiny_mistral(5)], ids=["gpt2", "llama", "mistral"])
def test_the_self_check_passes_for_models_that_are_read_exactly(build) -> None:
    check_model(build(), made_up_layout(tokens=61, sentences=5))


def test_the_self_check_refuses_wrong_weights_with_the_figures(monkeypatch) -> None:
    from reportgen.capture import streaming

    exact = streaming.scores_of
    monkeypatch.setattr(streaming, "scores_of", lambda record, plan, out: (exact(record, plan, out), out.mul_(1.01)))
    with pytest.raises(ModelError, match=r"self-check: on 48 tokens attention weights differ by 0\.\d+"):
        check_model(tiny_gpt2(), made_up_layout(tokens=61, sentences=5))


def test_a_mask_with_gaps_is_refused() -> None:
    with pytest.raises(ModelError, match="gaps"):
        visibility_of(lambda batch, head, query, key: (key <= query) & (key % 3 != 1), 11, 11)


def test_intervals_of_a_windowed_mask_are_read_off_the_mask_function() -> None:
    found = visibility_of(lambda batch, head, query, key: (key <= query) & (query - key < 3), 7, 7)
    assert found.first.tolist() == [0, 0, 0, 1, 2, 3, 4]
    assert found.last.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert found.queries_seeing.tolist() == [3, 3, 3, 3, 3, 2, 1]
    assert found.causal


def test_pairs_by_distance_counts_both_directions_of_a_full_mask() -> None:
    full = Visibility(first=np.zeros(5, int), last=np.full(5, 5))
    counted = np.array([1.0, 0, 1, 1, 1])
    gap = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    by_loop = [sum(counted[query] for query in range(5) for key in range(5) if gap[query, key] == distance) for distance in range(5)]
    assert full.pairs_by_distance(counted).tolist() == by_loop
    assert not full.causal
