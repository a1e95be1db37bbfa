"""Which layers have softmax attention, against the layers that call the attention function in a forward pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AttentionInterface, AttentionMaskInterface, LongcatFlashConfig, LongcatFlashForCausalLM
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

sys.path.insert(0, str(Path(__file__).parent.parent / "capture"))
sys.path.insert(0, str(Path(__file__).parent.parent))
from families import SEAM
from hybrids import HYBRIDS, LAYERS, WITHOUT_ATTENTION, Hybrid, without_attention
from per_layer_models import CASES
from tiny_folders import byte_level, save_folder

from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError
from reportgen.models import given_model, load_model
from reportgen.models.softmax_attention import AttentionLayers, attention_layers, why_unreadable

NAME = "test_recording"


def attending(model: Any) -> list[Any]:
    """The modules that call the attention function in a forward pass of a few tokens, in order."""
    called: list[Any] = []

    def record(module: Any, *arguments: Any, **keywords: Any) -> Any:
        called.append(module)
        return ALL_ATTENTION_FUNCTIONS["sdpa"](module, *arguments, **keywords)

    AttentionInterface.register(NAME, record)
    AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
    with attention_implementation(model, NAME), torch.no_grad():
        model(input_ids=torch.arange(1, 20)[None], use_cache=False)
    return called


@pytest.mark.parametrize("family", HYBRIDS, ids=lambda family: family.name)
def test_the_layers_with_attention_are_those_that_attend(family: Hybrid) -> None:
    model = family.build()
    found, called = attention_layers(model), attending(model)
    assert found == (None if family.layers is None else AttentionLayers(layers=family.layers, of=LAYERS))
    layers = range(LAYERS) if found is None else found.layers
    for layer, module in zip(layers, called, strict=True):
        assert module in set(model.base_model.layers[layer].modules())
    assert why_unreadable(model) is None


@pytest.mark.parametrize("build", [*(family.build for family in SEAM), *(case.build for case in CASES.values())])
def test_where_all_layers_have_attention_none_is_singled_out(build: Any) -> None:
    assert attention_layers(build()) is None
    assert why_unreadable(build()) is None


def test_attention_is_known_by_the_function_it_calls_where_its_class_has_another_name() -> None:
    sizes = {"hidden_size": 24, "num_layers": 2, "num_attention_heads": 2, "ffn_hidden_size": 24, "vocab_size": 101, "kv_lora_rank": 8, "q_lora_rank": 8}
    latent = {"qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8, "n_routed_experts": 2, "moe_topk": 1, "expert_ffn_hidden_size": 8}
    assert why_unreadable(LongcatFlashForCausalLM(LongcatFlashConfig(**sizes, **latent))) is None


@pytest.mark.parametrize("model_type", WITHOUT_ATTENTION)
def test_a_model_without_attention_is_refused_in_one_sentence_that_says_what_it_is(model_type: str, tmp_path: Path) -> None:
    model, said = without_attention(model_type), WITHOUT_ATTENTION[model_type][2]
    assert attention_layers(model) is None
    with pytest.raises(ModelError) as caught:
        given_model(model, byte_level())
    assert str(caught.value).startswith(f"{type(model).__name__} ({model_type}) has no attention: ")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ModelError, match="has no attention: "):
        load_model(str(save_folder(tmp_path / "tiny", model)))


def test_a_model_with_two_such_stacks_is_refused() -> None:
    model, second = (next(family for family in HYBRIDS if family.name == name).build() for name in ("Jamba", "Bamba"))
    model.second = second.model
    with pytest.raises(ModelError, match="2 stacks in which only some layers have attention"):
        attention_layers(model)
