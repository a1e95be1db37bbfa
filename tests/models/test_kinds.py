"""What kind a model is, from the folder it is saved in and from its class; every weight from the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_folders import byte_level, save_folder, tiny_gpt2
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartForSequenceClassification,
    BartModel,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertGenerationConfig,
    BertGenerationEncoder,
    BertLMHeadModel,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertModel,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5ForQuestionAnswering,
    T5Model,
)

from reportgen.errors import ModelError
from reportgen.models import given_model, load_model
from reportgen.models.kinds import kind_of_folder, refuse_other_senses

VOCABULARY = len(byte_level())
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": VOCABULARY}
BERT, ELECTRA = BertConfig(**SIZES), ElectraConfig(**SIZES, embedding_size=24)
BART = BartConfig(d_model=24, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, vocab_size=VOCABULARY)
T5 = T5Config(d_model=24, d_kv=12, d_ff=24, num_layers=1, num_heads=2, vocab_size=VOCABULARY)
MODERN = ModernBertConfig(**SIZES, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)

# what is saved; its kind; the class it is loaded as
SAVED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "llama": (lambda: LlamaForCausalLM(LlamaConfig(**SIZES)), "causal", "LlamaForCausalLM"),
    "gemma 3 text": (lambda: Gemma3ForCausalLM(Gemma3TextConfig(**SIZES, head_dim=12)), "causal", "Gemma3ForCausalLM"),
    "gpt2 classifier": (lambda: GPT2ForSequenceClassification(tiny_gpt2().config), "classifier", "GPT2ForSequenceClassification"),
    "bert decoder": (lambda: BertLMHeadModel(BertConfig(**SIZES, is_decoder=True)), "causal", "BertLMHeadModel"),
    "bert masked": (lambda: BertForMaskedLM(BERT), "masked", "BertForMaskedLM"),
    "bert pretrained": (lambda: BertForPreTraining(BERT), "masked", "BertForMaskedLM"),
    "bert classifier": (lambda: BertForSequenceClassification(BERT), "classifier", "BertForSequenceClassification"),
    "bert answers": (lambda: BertForQuestionAnswering(BERT), "question answering", "BertForQuestionAnswering"),
    "bert": (lambda: BertModel(BERT), "encoder", "BertModel"),
    "roberta": (lambda: RobertaForMaskedLM(RobertaConfig(**SIZES)), "masked", "RobertaForMaskedLM"),
    "distilbert": (
        lambda: DistilBertModel(DistilBertConfig(dim=24, n_layers=1, n_heads=2, hidden_dim=24, vocab_size=VOCABULARY)),
        "encoder",
        "DistilBertModel",
    ),
    "modernbert": (lambda: ModernBertModel(MODERN), "encoder", "ModernBertModel"),
    "electra masked": (lambda: ElectraForMaskedLM(ELECTRA), "masked", "ElectraForMaskedLM"),
    "electra discriminator": (lambda: ElectraForPreTraining(ELECTRA), "encoder", "ElectraModel"),
    "bart classifier": (lambda: BartForSequenceClassification(BART), "classifier", "BartForSequenceClassification"),
    "t5 answers": (lambda: T5ForQuestionAnswering(T5), "question answering", "T5ForQuestionAnswering"),
    "bart": (lambda: BartForConditionalGeneration(BART), "seq2seq", "BartForConditionalGeneration"),
    "bart without a head": (lambda: BartModel(BART), "seq2seq", "BartForConditionalGeneration"),
    "t5": (lambda: T5ForConditionalGeneration(T5), "seq2seq", "T5ForConditionalGeneration"),
    "t5 without a head": (lambda: T5Model(T5), "seq2seq", "T5ForConditionalGeneration"),
    "bert generation encoder": (lambda: BertGenerationEncoder(BertGenerationConfig(**SIZES)), "encoder", "BertGenerationEncoder"),
    "t5 encoder": (lambda: T5EncoderModel(T5), "encoder", "T5EncoderModel"),
}
TEXT_PARTS = (
    *("Gemma3ForCausalLM", "Gemma3nForCausalLM", "Gemma4ForCausalLM", "Gemma4UnifiedForCausalLM", "Llama4ForCausalLM", "MllamaForCausalLM"),
    *("MiniMaxM3VLForCausalLM", "CohereCompassForCausalLM", "CohereCompassTextForSequenceClassification", "Emu3ForCausalLM", "Molmo2TextModel"),
)
OTHER_SENSES = {
    "Gemma3ForConditionalGeneration": "image",
    "Gemma3ForSequenceClassification": "image",
    "Gemma4ForConditionalGeneration": "audio and image and video",
    "FuyuForCausalLM": "image",
    "GitForCausalLM": "image",
    "Emu3Model": "image",
    "ImageGPTModel": "image",  # whose ids are of colours
    "KyutaiSpeechToTextModel": "audio",
    "WhisperForCausalLM": "audio",
}
HANDED_IN = [name for name in SAVED if name not in ("bert pretrained", "electra discriminator", "bart without a head", "t5 without a head")]


@pytest.mark.parametrize("name", SAVED)
def test_a_folder_is_loaded_as_what_it_declares_and_every_weight_is_the_files(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    build, kind, loaded_as = SAVED[name]
    built = build()
    loaded = load_model(str(save_folder(tmp_path / "tiny", built)))
    assert (loaded.kind, type(loaded.model).__name__) == (kind, loaded_as)
    assert not loaded.model.training
    saved = built.state_dict()
    for key, weights in loaded.model.state_dict().items():
        own = next((own for own in saved if own == key or key.endswith("." + own) or own.endswith("." + key)), None)
        if own is None:  # a head that is the embeddings under another name, or the bias of none
            assert key in ("lm_head.weight", "final_logits_bias")
            continue
        torch.testing.assert_close(weights, saved[own])


@pytest.mark.parametrize("name", HANDED_IN)
def test_a_model_that_is_handed_in_is_known_by_its_class(name: str) -> None:
    build, kind, _ = SAVED[name]
    assert given_model(build(), byte_level()).kind == kind


def test_an_encoder_that_is_told_to_be_a_decoder_is_refused_without_its_head() -> None:
    with pytest.raises(ModelError, match="is a BertGenerationEncoder .bert-generation. and has no next-token head"):
        given_model(BertGenerationEncoder(BertGenerationConfig(**SIZES, is_decoder=True)), byte_level())


def test_a_class_made_from_the_librarys_is_of_its_kind() -> None:
    class MyOwn(BertForMaskedLM):
        pass

    assert given_model(MyOwn(BERT), byte_level()).kind == "masked"


def test_a_model_with_heads_for_pretraining_is_refused_when_handed_in() -> None:
    with pytest.raises(ModelError, match="is a BertForPreTraining"):
        given_model(BertForPreTraining(BERT), byte_level())


def test_a_pooler_is_not_made_for_a_bare_encoder_whether_its_weights_are_there_or_not(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "tiny", BertModel(BERT))
    assert load_model(str(folder)).model.pooler is None
    weights = {key: value for key, value in load_file(folder / "model.safetensors").items() if not key.startswith("pooler")}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert load_model(str(folder)).model.pooler is None


def test_a_classifier_without_its_head_is_refused_rather_than_made_up(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "tiny", BertModel(BERT))
    declare(folder, ["BertForSequenceClassification"])
    with pytest.raises(ModelError, match="are incomplete: 2 tensors such as classifier.bias"):
        load_model(str(folder))


@pytest.mark.parametrize(("name", "kind"), [("llama", "causal"), ("bert masked", "encoder"), ("bart", "seq2seq")])
def test_a_folder_that_declares_nothing_is_what_its_type_is_without_a_head(name: str, kind: str, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "tiny", SAVED[name][0]())
    declare(folder, None)
    assert load_model(str(folder)).kind == kind


def test_an_architecture_of_another_type_is_refused(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "tiny", LlamaForCausalLM(LlamaConfig(**SIZES)))
    declare(folder, ["BertForMaskedLM"])
    with pytest.raises(ModelError, match="tiny declares BertForMaskedLM, and the library has no such class for llama"):
        load_model(str(folder))


def test_an_architecture_that_nobody_knows_is_refused() -> None:
    config = BertConfig(architectures=["MyOwnModel"])
    with pytest.raises(ModelError, match="tiny is a MyOwnModel .bert., which reportgen does not measure; it measures causal and masked"):
        kind_of_folder(config, "tiny")


@pytest.mark.parametrize("name", TEXT_PARTS)
def test_the_text_part_of_a_model_that_reads_images_too_is_not_refused(name: str) -> None:
    refuse_other_senses(getattr(transformers, name), "tiny")


@pytest.mark.parametrize(("name", "senses"), OTHER_SENSES.items())
def test_a_class_that_reads_images_or_sound_itself_is_refused(name: str, senses: str) -> None:
    with pytest.raises(ModelError, match=f"tiny is a {name}, which reads {senses}; reportgen measures models that read text alone"):
        refuse_other_senses(getattr(transformers, name), "tiny")


def declare(folder: Path, architectures: list[str] | None) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": architectures}))
