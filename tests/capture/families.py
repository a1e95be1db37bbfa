"""Every model family that is read: how to build a tiny random model of its real classes, and how it is named in the README's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from tiny import SPREAD, VOCABULARY

SMALL = {"vocab_size": VOCABULARY, "initializer_range": SPREAD, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
LLAMA_LIKE = {**SMALL, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 48, "intermediate_size": 64, "head_dim": 8}
BERT_LIKE = {**SMALL, "num_hidden_layers": 3, "num_attention_heads": 7, "hidden_size": 77, "intermediate_size": 64, "max_position_embeddings": 300}
BART_LIKE = {
    **{"vocab_size": VOCABULARY, "init_std": SPREAD, "d_model": 55, "max_position_embeddings": 300, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    **{"encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 5, "decoder_attention_heads": 11},
    **{"encoder_ffn_dim": 31, "decoder_ffn_dim": 31, "decoder_start_token_id": 2},
}
T5_LIKE = {
    **{"vocab_size": VOCABULARY, "d_model": 35, "d_kv": 7, "d_ff": 31, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 5},
    **{"relative_attention_num_buckets": 12, "relative_attention_max_distance": 40, "initializer_factor": 1.0, "decoder_start_token_id": 0},
}
GEMMA_LIKE = {**LLAMA_LIKE, "sliding_window": 19, "attn_logit_softcapping": 3.0, "query_pre_attn_scalar": 8}
T5_GEMMA_LIKE = {**GEMMA_LIKE, "vocab_size": VOCABULARY + 1, "pad_token_id": VOCABULARY}  # which no text may have, as no mask is given


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family: its transformers class and configuration, what it has of its own, and what kind of model it is."""

    name: str
    classes: str
    options: dict[str, Any]
    kind: str
    special: str = ""

    def build(self) -> Any:
        torch.manual_seed(0)
        config_name, model_name = self.classes.split()
        config = getattr(transformers, config_name)(**self.options)
        return getattr(transformers, model_name)(config).eval()


def _decoder(name: str, classes: str, special: str = "", **options: Any) -> Family:
    return Family(name=name, classes=classes, options={**LLAMA_LIKE, **options}, kind="decoder-only", special=special)


def _encoder(name: str, classes: str, special: str = "", **options: Any) -> Family:
    return Family(name=name, classes=classes, options={**BERT_LIKE, **options}, kind="encoder-only", special=special)


def _both(name: str, classes: str, shared: dict[str, Any], special: str = "", **options: Any) -> Family:
    return Family(name=name, classes=classes, options={**shared, **options}, kind="encoder-decoder", special=special)


SEAM = (
    Family(
        name="GPT-2",
        classes="GPT2Config GPT2LMHeadModel",
        options={**SMALL, "n_layer": 3, "n_head": 7, "n_embd": 77, "n_positions": 300},
        kind="decoder-only",
    ),
    Family(
        name="GPT-NeoX, Pythia",
        classes="GPTNeoXConfig GPTNeoXForCausalLM",
        options={**SMALL, "num_hidden_layers": 3, "num_attention_heads": 7, "hidden_size": 84, "intermediate_size": 64},
        kind="decoder-only",
    ),
    Family(
        name="OPT",
        classes="OPTConfig OPTForCausalLM",
        options={
            **{"vocab_size": VOCABULARY, "init_std": SPREAD, "num_hidden_layers": 3, "num_attention_heads": 7, "hidden_size": 77, "ffn_dim": 64},
            **{"word_embed_proj_dim": 77, "max_position_embeddings": 300},
        },
        kind="decoder-only",
    ),
    _decoder("Llama", "LlamaConfig LlamaForCausalLM", "grouped queries"),
    _decoder("Qwen2", "Qwen2Config Qwen2ForCausalLM", "grouped queries"),
    _decoder(
        "Qwen2-MoE",
        "Qwen2MoeConfig Qwen2MoeForCausalLM",
        "grouped queries, experts",
        **{"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16},
    ),
    _decoder("Qwen3", "Qwen3Config Qwen3ForCausalLM", "grouped queries, normalised queries and keys"),
    _decoder("Mistral", "MistralConfig MistralForCausalLM", "sliding window", sliding_window=23),
    _decoder("Phi", "PhiConfig PhiForCausalLM", "rotary part", num_key_value_heads=6),
    _decoder(
        "Gemma 2",
        "Gemma2Config Gemma2ForCausalLM",
        "soft-capping, local layers",
        **GEMMA_LIKE,
    ),
    _decoder(
        "Gemma 3",
        "Gemma3TextConfig Gemma3ForCausalLM",
        "local layers",
        sliding_window=17,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        query_pre_attn_scalar=8,
    ),
    _decoder(
        "gpt-oss",
        "GptOssConfig GptOssForCausalLM",
        "sinks as extra logits, local layers",
        sliding_window=13,
        num_local_experts=2,
        num_experts_per_tok=1,
    ),
    _encoder("BERT", "BertConfig BertForMaskedLM"),
    _encoder("RoBERTa", "RobertaConfig RobertaForMaskedLM"),
    Family(
        name="DistilBERT",
        classes="DistilBertConfig DistilBertForMaskedLM",
        options={**SMALL, "n_layers": 3, "n_heads": 7, "dim": 77, "hidden_dim": 64, "max_position_embeddings": 300},
        kind="encoder-only",
    ),
    _encoder("ELECTRA", "ElectraConfig ElectraForMaskedLM", embedding_size=24),
    _encoder("ALBERT", "AlbertConfig AlbertForMaskedLM", "layers that share their weights", embedding_size=24),
    _encoder(
        "ModernBERT",
        "ModernBertConfig ModernBertForMaskedLM",
        "local layers on both sides",
        hidden_size=84,
        local_attention=14,
        global_attn_every_n_layers=2,
        cls_token_id=1,
        sep_token_id=2,
    ),
    _both("T5", "T5Config T5ForConditionalGeneration", T5_LIKE, "position bias"),
    _both("mT5", "MT5Config MT5ForConditionalGeneration", T5_LIKE, "position bias"),
    _both(
        "T5Gemma",
        "T5GemmaConfig T5GemmaForConditionalGeneration",
        {"encoder": T5_GEMMA_LIKE, "decoder": {**T5_GEMMA_LIKE, "num_hidden_layers": 2}, "vocab_size": VOCABULARY + 1},
        "soft-capping, local layers",
    ),
    _both("UMT5", "UMT5Config UMT5ForConditionalGeneration", T5_LIKE, "position bias of each layer"),
    _both("BART", "BartConfig BartForConditionalGeneration", BART_LIKE),
    _both("Marian", "MarianConfig MarianMTModel", BART_LIKE),
    _both("Pegasus", "PegasusConfig PegasusForConditionalGeneration", BART_LIKE),
)

HEADS = (
    _decoder("causal language model", "LlamaConfig LlamaForCausalLM"),
    _encoder("masked language model", "BertConfig BertForMaskedLM"),
    _encoder("sequence classification", "BertConfig BertForSequenceClassification", num_labels=3),
    _encoder("extractive question answering", "BertConfig BertForQuestionAnswering"),
    _both("sequence to sequence", "BartConfig BartForConditionalGeneration", BART_LIKE),
    _encoder("bare encoder", "BertConfig BertModel"),
)
# Models outside the interface, tested as `CASES` in per_layer_models.py: name, model type, kind, what they have of their own.
ONE_LAYER_AT_A_TIME = (
    ("Longformer", "longformer", "encoder-only", "local window, tokens with global attention"),
    ("LED", "led", "encoder-decoder", "local window, tokens with global attention"),
    ("BigBird", "big_bird", "encoder-only", "blocks: near, first and last, random"),
    ("DeBERTa", "deberta", "encoder-only", "disentangled positions"),
    ("DeBERTa-v2, v3", "deberta-v2", "encoder-only", "disentangled positions"),
    ("BLOOM", "bloom", "decoder-only", "penalty on distance"),
    ("Falcon", "falcon", "decoder-only", "grouped keys, penalty on distance"),
)


def readme_table(hybrids: tuple[Family, ...]) -> str:
    """The families of models that the tests hold against the model's own attention, as the README has them."""
    rows = [(family.name, family.kind, family.special, "streaming") for family in (*SEAM, *hybrids)]
    rows += [(name, kind, special, "one layer at a time") for name, _, kind, special in ONE_LAYER_AT_A_TIME]
    lines = ["| family | kind | of its own | read |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
