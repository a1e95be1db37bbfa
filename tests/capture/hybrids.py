"""Models in which other parts than attention carry information between tokens: tiny random ones of their real classes, and pure ones without attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from families import Family
from tiny import VOCABULARY

LAYERS = 7
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "initializer_range": 0.15,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SOME = (1, 4, 5)
EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 24, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_chunk_size": 16}
DELTA = {"head_dim": 8, "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
LATENT = {"num_key_value_heads": 6, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8, "kv_lora_rank": 8, "n_group": 1, "topk_group": 1}


@dataclass(frozen=True, kw_only=True)
class Hybrid(Family):
    """A family with attention in some layers: which. None where all have it, and other parts beside."""

    layers: tuple[int, ...] | None

    @property
    def attending(self) -> int:
        return LAYERS if self.layers is None else len(self.layers)

    def build(self) -> Any:
        model = super().build()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("qk_norm.temp"):
                    parameter.fill_(1.5)  # Zaya's are 0 at first, and its attention then even
        return model


def types(attention: str, other: str) -> list[str]:
    return [attention if layer in SOME else other for layer in range(LAYERS)]


def _hybrid(name: str, classes: str, others: str, layers: tuple[int, ...] | None = SOME, **options: Any) -> Hybrid:
    where = "attention beside" if layers is None else "attention in some layers,"
    ending = "in every layer" if layers is None else "in the others"
    prefix = classes.removesuffix("Text")
    names = f"{classes}Config {prefix}ForCausalLM"
    return Hybrid(name=name, classes=names, options={**SMALL, **options}, kind="decoder-only", special=f"{where} {others} {ending}", layers=layers)


HYBRIDS = (
    _hybrid("Jamba", "Jamba", "Mamba", (1, 4), attn_layer_period=3, attn_layer_offset=1, num_experts=2, mamba_dt_rank=3, mamba_d_state=4),
    _hybrid(
        "Zamba",
        "Zamba",
        "Mamba",
        (2, 4),
        layers_block_type=["mamba", "mamba", "hybrid", "mamba", "hybrid", "mamba", "mamba"],
        **{"mamba_d_state": 4, "mamba_dt_rank": 3, "n_mamba_heads": 2, "num_key_value_heads": 6, "attn_layer_period": 2, "attn_layer_offset": 2},
    ),
    _hybrid(
        "Zamba2",
        "Zamba2",
        "Mamba 2",
        (1, 3, 5),
        layers_block_type=["mamba", "hybrid"] * 3 + ["mamba"],
        **{"num_mem_blocks": 1, "mamba_d_state": 8, "mamba_headdim": 24, "n_mamba_heads": 4, "mamba_ngroups": 1, "use_mem_rope": False},
    ),
    _hybrid("Bamba", "Bamba", "Mamba 2", (1, 5), attn_layer_indices=[1, 5], **MAMBA),
    _hybrid("Falcon-H1", "FalconH1", "Mamba 2", None, mamba_d_ssm=96, head_dim=8, **MAMBA),
    _hybrid(
        "Granite 4",
        "GraniteMoeHybrid",
        "Mamba 2",
        layer_types=types("attention", "mamba"),
        **{"shared_intermediate_size": 16, "num_local_experts": 2, "num_experts_per_tok": 1},
        **MAMBA,
    ),
    _hybrid(
        "Nemotron-H",
        "NemotronH",
        "Mamba 2 or none",
        (1, 4, 6),
        layers_block_type=["mamba", "attention", "mlp", "mamba", "attention", "moe", "attention"],
        **{"mamba_num_heads": 4, "mamba_head_dim": 24, "n_groups": 1, "ssm_state_size": 8, "chunk_size": 16, "head_dim": 8},
        **{"n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16, "moe_shared_expert_intermediate_size": 16},
        **{"n_group": 1, "topk_group": 1},
    ),
    _hybrid("LFM2", "Lfm2", "short convolutions", layer_types=types("full_attention", "conv")),
    _hybrid("LFM2-MoE", "Lfm2Moe", "short convolutions", layer_types=types("full_attention", "conv"), num_dense_layers=1, **EXPERTS),
    _hybrid("LFM3", "Lfm3", "short convolutions", layer_types=types("full_attention", "conv")),
    _hybrid("RecurrentGemma", "RecurrentGemma", "gated linear recurrences", (2, 5), lru_width=48, attention_window_size=16),
    _hybrid(
        "Qwen3-Next",
        "Qwen3Next",
        "gated delta nets",
        layer_types=types("full_attention", "linear_attention"),
        shared_expert_intermediate_size=16,
        **DELTA,
        **EXPERTS,
    ),
    _hybrid("Qwen3.5", "Qwen3_5Text", "gated delta nets", layer_types=types("full_attention", "linear_attention"), **DELTA),
    _hybrid(
        "Qwen3.5-MoE",
        "Qwen3_5MoeText",
        "gated delta nets",
        layer_types=types("full_attention", "linear_attention"),
        shared_expert_intermediate_size=16,
        **DELTA,
        **EXPERTS,
    ),
    _hybrid(
        "Olmo Hybrid",
        "OlmoHybrid",
        "gated delta nets",
        layer_types=types("full_attention", "linear_attention"),
        **{"linear_num_key_heads": 4, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8},
    ),
    _hybrid(
        "Kimi Linear",
        "KimiLinear",
        "gated delta nets",
        layer_types=types("full_attention", "linear_attention"),
        **{"num_local_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16, "linear_num_heads": 4, "linear_head_dim": 8},
        **LATENT,
    ),
    _hybrid(
        "MiniMax",
        "MiniMax",
        "lightning attention",
        layer_types=types("full_attention", "linear_attention"),
        **{"num_local_experts": 2, "num_experts_per_tok": 1, "head_dim": 8, "block_size": 16},
    ),
    _hybrid(
        "Bailing, Ling 2.5",
        "BailingHybrid",
        "lightning attention",
        layer_types=types("full_attention", "linear_attention"),
        **{"head_dim": 8, "q_lora_rank": 8},
        **LATENT,
        **EXPERTS,
    ),
    _hybrid("Zaya", "Zaya", "short convolutions", None),
)

WITHOUT_ATTENTION: dict[str, tuple[str, dict[str, Any], str]] = {
    "mamba": ("MambaConfig MambaForCausalLM", {"state_size": 3}, "a state-space model"),
    "mamba2": ("Mamba2Config Mamba2ForCausalLM", {"num_heads": 8, "head_dim": 12, "n_groups": 1, "state_size": 8}, "a state-space model"),
    "falcon_mamba": ("FalconMambaConfig FalconMambaForCausalLM", {"state_size": 3}, "a state-space model"),
    "rwkv": ("RwkvConfig RwkvForCausalLM", {"attention_hidden_size": 48}, "a linear-attention model"),
    "xlstm": ("xLSTMConfig xLSTMForCausalLM", {"num_heads": 4, "num_blocks": 2}, "a recurrent model"),
    "fnet": ("FNetConfig FNetForMaskedLM", {"max_position_embeddings": 101}, "Fourier"),
    "yoso": ("YosoConfig YosoForMaskedLM", {"max_position_embeddings": 101}, "none of its layers turns scores into weights by softmax"),
    "mra": ("MraConfig MraForMaskedLM", {"max_position_embeddings": 128}, "none of its layers turns scores into weights by softmax"),
}


def without_attention(model_type: str) -> Any:
    """A tiny model of a class that has no attention."""
    classes, options, _ = WITHOUT_ATTENTION[model_type]
    config_name, model_name = classes.split()
    torch.manual_seed(0)
    shared = {name: value for name, value in SMALL.items() if name != "num_key_value_heads"} | {"num_hidden_layers": 2}
    return getattr(transformers, model_name)(getattr(transformers, config_name)(**(shared | options))).eval()
