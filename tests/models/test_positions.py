"""The longest input: proved on tiny models that read exactly as many tokens as they are said to, and not one more."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as library

from reportgen.models.positions import source_positions, target_positions

SIZES = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": 31}
BART = {"d_model": 24, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": 31}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
T5 = {"d_model": 24, "d_kv": 12, "d_ff": 24, "num_layers": 1, "num_heads": 2, "vocab_size": 31, "decoder_start_token_id": 0}
T5_GEMMA = {half: {**SIZES, "num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": limit} for half, limit in (("encoder", 19), ("decoder", 23))}
DEBERTA = {**SIZES, "max_position_embeddings": 19, "relative_attention": True, "position_buckets": 8, "pos_att_type": ["c2p", "p2c"]}

# model class and configuration class; settings; source and target limits; whether one token more breaks it
MODELS: dict[str, tuple[str, str, dict[str, Any], int | None, int | None, bool]] = {
    "bert": ("BertModel", "BertConfig", {**SIZES, "max_position_embeddings": 19}, 19, None, True),
    "electra": ("ElectraModel", "ElectraConfig", {**SIZES, "max_position_embeddings": 19}, 19, None, True),
    "albert": ("AlbertModel", "AlbertConfig", {**SIZES, "max_position_embeddings": 19}, 19, None, True),
    "distilbert": (
        "DistilBertModel",
        "DistilBertConfig",
        {"dim": 24, "n_layers": 1, "n_heads": 2, "vocab_size": 31, "max_position_embeddings": 19},
        19,
        None,
        True,
    ),
    "roberta": ("RobertaForMaskedLM", "RobertaConfig", {**SIZES, "max_position_embeddings": 19, "pad_token_id": 1}, 17, None, True),
    "roberta with a late padding token": ("RobertaModel", "RobertaConfig", {**SIZES, "max_position_embeddings": 19, "pad_token_id": 4}, 14, None, True),
    "xlm-roberta": ("XLMRobertaModel", "XLMRobertaConfig", {**SIZES, "max_position_embeddings": 19}, 17, None, True),
    "camembert": ("CamembertForSequenceClassification", "CamembertConfig", {**SIZES, "max_position_embeddings": 19}, 17, None, True),
    "mpnet": ("MPNetModel", "MPNetConfig", {**SIZES, "max_position_embeddings": 19, "pad_token_id": 1}, 17, None, True),
    "longformer": ("LongformerModel", "LongformerConfig", {**SIZES, "max_position_embeddings": 20, "attention_window": 4, "pad_token_id": 1}, 18, None, True),
    "big bird": ("BigBirdModel", "BigBirdConfig", {**SIZES, "max_position_embeddings": 19, "attention_type": "original_full"}, 19, None, True),
    "roformer": ("RoFormerModel", "RoFormerConfig", {**SIZES, "max_position_embeddings": 19, "embedding_size": 24}, 19, None, True),
    "modernbert": ("ModernBertModel", "ModernBertConfig", {**SIZES, "max_position_embeddings": 19, "pad_token_id": 0}, 19, None, False),
    "deberta-v2": ("DebertaV2Model", "DebertaV2Config", {**DEBERTA, "position_biased_input": False}, None, None, False),
    "deberta-v2 with absolute positions": ("DebertaV2Model", "DebertaV2Config", {**DEBERTA, "position_biased_input": True}, 19, None, True),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_layer": 1, "n_head": 2, "n_embd": 24, "n_positions": 19, "vocab_size": 31}, 19, None, True),
    "opt": ("OPTForCausalLM", "OPTConfig", {**SIZES, "ffn_dim": 24, "word_embed_proj_dim": 24, "max_position_embeddings": 19}, 19, None, True),
    "llama": ("LlamaForCausalLM", "LlamaConfig", {**SIZES, "max_position_embeddings": 19}, 19, None, False),
    "bloom": ("BloomForCausalLM", "BloomConfig", {"n_layer": 1, "n_head": 2, "hidden_size": 24, "vocab_size": 31}, None, None, False),
    "bart": ("BartForConditionalGeneration", "BartConfig", {**BART, "max_position_embeddings": 19}, 19, 19, True),
    "marian": ("MarianMTModel", "MarianConfig", {**BART, "max_position_embeddings": 19}, 19, 19, True),
    "t5gemma": ("T5GemmaForConditionalGeneration", "T5GemmaConfig", {**T5_GEMMA, "vocab_size": 31}, 19, 23, False),
    "led": (
        "LEDForConditionalGeneration",
        "LEDConfig",
        {**BART, "max_encoder_position_embeddings": 20, "max_decoder_position_embeddings": 13, "attention_window": 4},
        20,
        13,
        True,
    ),
    "t5": ("T5ForConditionalGeneration", "T5Config", T5, None, None, False),
    "t5 encoder": ("T5EncoderModel", "T5Config", T5, None, None, False),
}


def tiny(name: str) -> Any:
    torch.manual_seed(0)
    model_class, config_class, settings, *_ = MODELS[name]
    return getattr(library, model_class)(getattr(library, config_class)(**settings)).eval()


def run(model: Any, source: int, target: int | None) -> None:
    """One pass over texts of that many tokens, none of them special."""
    fed = {"input_ids": torch.full((1, source), 7)}
    if target is not None:
        fed["decoder_input_ids"] = torch.full((1, target), 7)
    with torch.no_grad():
        model(**fed)


@pytest.mark.parametrize("name", MODELS)
def test_the_limits_are_known(name: str) -> None:
    model = tiny(name)
    assert (source_positions(model), target_positions(model)) == MODELS[name][3:5]


@pytest.mark.parametrize("name", [name for name, (*_, breaks) in MODELS.items() if breaks])
def test_a_model_reads_as_many_tokens_as_it_is_said_to_and_not_one_more(name: str) -> None:
    model, source, target = tiny(name), *MODELS[name][3:5]
    run(model, source, target)
    with pytest.raises((IndexError, RuntimeError)):
        run(model, source + 1, target)
    if target is not None:
        with pytest.raises((IndexError, RuntimeError)):
            run(model, source, target + 1)


@pytest.mark.parametrize("name", [name for name, (*_, source, target, _) in MODELS.items() if source is None])
def test_a_model_that_is_said_to_have_no_limit_reads_far_more_than_it_was_made_for(name: str) -> None:
    run(tiny(name), 700, 600 if name == "t5" else None)
