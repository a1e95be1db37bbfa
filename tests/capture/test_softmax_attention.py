"""Which layers have softmax attention, against the layers that call the attention function in a forward pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

sys.path.insert(0, str(Path(__file__).parent))
from per_layer_models import CASES
from tiny import VOCABULARY, tiny_gpt2, tiny_llama

from reportgen.capture.per_layer import attention_layers, why_unreadable
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError

NAME = "test_recording"
LAYERS = 7
SHARED = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
SOME = ["linear_attention", "full_attention", "linear_attention", "linear_attention", "full_attention", "full_attention", "linear_attention"]
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 24, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_chunk_size": 16}
HYBRIDS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "Jamba": ({"attn_layer_period": 3, "attn_layer_offset": 1, "num_experts": 2, "mamba_dt_rank": 3, "mamba_d_state": 4, "use_mamba_kernels": False}, (1, 4)),
    "Bamba": ({**MAMBA, "attn_layer_indices": [1, 5]}, (1, 5)),
    "Qwen3Next": (
        {
            "layer_types": SOME,
            "head_dim": 8,
            "linear_num_value_heads": 4,
            "linear_num_key_heads": 2,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
        },
        (1, 4, 5),
    ),
    "Lfm2": ({"layer_types": ["conv" if kind == "linear_attention" else kind for kind in SOME]}, (1, 4, 5)),
    "RecurrentGemma": ({"lru_width": 48, "attention_window_size": 16}, (2, 5)),
    "MiniMax": ({"layer_types": SOME, "num_local_experts": 2, "num_experts_per_tok": 1, "head_dim": 8, "block_size": 16}, (1, 4, 5)),
}


def tiny(name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**(SHARED | options))
    return getattr(transformers, f"{name}ForCausalLM")(config).eval()


def layers_that_attend(model: Any) -> tuple[int, ...]:
    """Those that call the attention function in a forward pass of a few tokens."""
    called: list[int] = []

    def record(module: Any, *arguments: Any, **keywords: Any) -> Any:
        called.append(module.layer_idx)
        return ALL_ATTENTION_FUNCTIONS["sdpa"](module, *arguments, **keywords)

    AttentionInterface.register(NAME, record)
    AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
    with attention_implementation(model, NAME), torch.no_grad():
        model(input_ids=torch.arange(1, 20)[None], use_cache=False)
    return tuple(called)


@pytest.mark.parametrize("name", HYBRIDS)
def test_the_layers_with_attention_are_those_that_attend(name: str) -> None:
    options, expected = HYBRIDS[name]
    model = tiny(name, **options)
    assert attention_layers(model) == expected
    assert layers_that_attend(model) == expected
    assert why_unreadable(model) is None


def test_layers_that_share_one_attention_all_have_it() -> None:
    options = {"layers_block_type": ["mamba", "hybrid", "mamba", "hybrid", "mamba", "hybrid", "mamba"], "num_mem_blocks": 1, "mamba_d_state": 8}
    model = tiny("Zamba2", **options, mamba_headdim=24, n_mamba_heads=4, mamba_ngroups=1, use_mem_rope=False)
    assert attention_layers(model) == (1, 3, 5)


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama, *(case.build for case in CASES.values())])
def test_where_all_layers_have_attention_none_is_singled_out(build: Any) -> None:
    assert attention_layers(build()) is None
    assert why_unreadable(build()) is None


@pytest.mark.parametrize("name", ["Mamba", "Mamba2", "Rwkv"])
def test_a_model_without_softmax_attention_says_so_with_its_type(name: str) -> None:
    options = {"attention_hidden_size": 48} if name == "Rwkv" else {"num_heads": 8, "head_dim": 12, "n_groups": 1} if name == "Mamba2" else {}
    model = tiny(name, **options)
    assert why_unreadable(model) == (
        f"{name}ForCausalLM ({name.lower()}) has no softmax attention in any of its layers, so there are no attention weights to read."
    )
    assert attention_layers(model) is None


def test_a_model_with_two_such_stacks_is_refused() -> None:
    model = tiny("Jamba", **HYBRIDS["Jamba"][0])
    model.second = tiny("Bamba", **HYBRIDS["Bamba"][0]).model
    with pytest.raises(ModelError, match="2 stacks in which only some layers have attention"):
        attention_layers(model)
