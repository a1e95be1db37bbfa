"""Tiny random models of each kind with their tokenizers, and texts to feed them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from tiny_folders import byte_level, tiny_gpt2, unigram, word_piece
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartForQuestionAnswering,
    BartForSequenceClassification,
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BigBirdConfig,
    BigBirdForQuestionAnswering,
    LongformerConfig,
    LongformerForSequenceClassification,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MBartConfig,
    MBartForConditionalGeneration,
    MBartForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
    T5ForQuestionAnswering,
)

from reportgen.documents import Document, document_from_text
from reportgen.models import LanguageModel, given_model
from reportgen.tokens import ModelInput

TEXT = "The ship left the harbour. Nobody waved!\n\nBy noon, the gulls slept. So be it."
SECOND = "Who would have thought so? The quay was loud."
LONG = " ".join(f"The harbour number {index} slept at dawn{' and so' * (index % 3)}." for index in range(1, 30))
BART = {"d_model": 24, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "init_std": 0.5}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "pad_token_id": 0, "eos_token_id": 1, "max_position_embeddings": 300}


def document(text: str, source: str = "made-up.txt") -> Document:
    return document_from_text(text, source=source)


@cache
def typed_word_piece() -> PreTrainedTokenizerFast:
    """The word pieces of a tokenizer that tells its two texts apart, as BERT's does."""
    names = {name: getattr(word_piece(), name) for name in ("unk_token", "cls_token", "sep_token")}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=word_piece()._tokenizer, model_input_names=inputs, **names)


def gpt2(**changes: Any) -> LanguageModel:
    return given_model(tiny_gpt2(**changes), byte_level())


def bert(model_class: Any = BertForSequenceClassification, **changes: Any) -> LanguageModel:
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": len(word_piece())}
    return given_model(model_class(BertConfig(**{**sizes, "max_position_embeddings": 400, "initializer_range": 0.3, **changes})).eval(), typed_word_piece())


def bert_for_questions(**changes: Any) -> LanguageModel:
    return bert(BertForQuestionAnswering, **changes)


def per_layer(model_class: Any, config_class: Any, **options: Any) -> LanguageModel:
    """One that is read one layer at a time, with a tokenizer that gives no token types."""
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 29, "vocab_size": len(word_piece()) + 1}
    special = {"pad_token_id": len(word_piece()), "bos_token_id": word_piece().cls_token_id, "sep_token_id": word_piece().sep_token_id}
    config = config_class(**sizes, **special, max_position_embeddings=600, initializer_range=0.3, **options)
    return given_model(model_class(config).eval(), word_piece())


def longformer_for_classes() -> LanguageModel:
    return per_layer(LongformerForSequenceClassification, LongformerConfig, attention_window=[4, 6, 12], num_labels=3)


def big_bird_for_questions(block_size: int = 5) -> LanguageModel:
    return per_layer(BigBirdForQuestionAnswering, BigBirdConfig, attention_type="block_sparse", block_size=block_size, num_random_blocks=2)


def roberta() -> LanguageModel:
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": len(word_piece())}
    return given_model(RobertaForSequenceClassification(RobertaConfig(**sizes, type_vocab_size=1)).eval(), typed_word_piece())


def bart(**changes: Any) -> LanguageModel:
    torch.manual_seed(0)
    settings = {**BART, "vocab_size": len(unigram()), "decoder_start_token_id": 1, "forced_eos_token_id": None, **changes}
    return given_model(BartForConditionalGeneration(BartConfig(**settings)).eval(), unigram())


def bart_for_classes(model_class: Any = BartForSequenceClassification) -> LanguageModel:
    torch.manual_seed(0)
    config = BartConfig(**BART, vocab_size=len(unigram()), decoder_start_token_id=1, num_labels=3)
    return given_model(model_class(config).eval(), unigram())


def bart_for_questions() -> LanguageModel:
    return bart_for_classes(BartForQuestionAnswering)


def mbart_for_classes() -> LanguageModel:
    torch.manual_seed(0)
    return given_model(MBartForSequenceClassification(MBartConfig(**BART, vocab_size=len(unigram()))).eval(), unigram())


def t5_for_questions() -> LanguageModel:
    torch.manual_seed(0)
    settings = {"d_model": 24, "d_kv": 12, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": len(unigram()), "initializer_factor": 1.5}
    return given_model(T5ForQuestionAnswering(T5Config(**settings, decoder_start_token_id=0)).eval(), unigram())


def mbart() -> LanguageModel:
    torch.manual_seed(0)
    return given_model(MBartForConditionalGeneration(MBartConfig(**BART, vocab_size=len(unigram()))).eval(), unigram())


def m2m100() -> LanguageModel:
    torch.manual_seed(0)
    settings = {**BART, "vocab_size": len(unigram()), "decoder_start_token_id": 1}
    return given_model(M2M100ForConditionalGeneration(M2M100Config(**settings)).eval(), unigram())


def t5() -> LanguageModel:
    torch.manual_seed(0)
    settings = {"d_model": 24, "d_kv": 12, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": len(unigram()), "initializer_factor": 1.5}
    return given_model(T5ForConditionalGeneration(T5Config(**settings, decoder_start_token_id=0)).eval(), unigram())


def pieces(text: str, spans: np.ndarray) -> list[str]:
    return [text[start:end] for start, end in spans]


def sentence_texts(found: ModelInput) -> list[str]:
    return [found.document.text[sentence.start : sentence.end] for sentence in found.source.sentences]


def check_that_every_token_is_accounted_for(text: str, tokenised: Any) -> None:
    """Spans inside the text; none of a special token; a token that lies inside one sentence belongs to it."""
    assert len(tokenised.ids) == len(tokenised.spans) == len(tokenised.sentence_of_token) == len(tokenised.special) == len(tokenised.delimiter)
    assert len(tokenised.part_of_sentence) == len(tokenised.sentences)
    assert (tokenised.spans >= 0).all()
    assert (tokenised.spans <= len(text)).all()
    assert (tokenised.spans[:, 0] <= tokenised.spans[:, 1]).all()
    assert (tokenised.spans[tokenised.special, 0] == tokenised.spans[tokenised.special, 1]).all()
    assert (tokenised.sentence_of_token[tokenised.special] == -1).all()
    for (start, end), owner in zip(tokenised.spans, tokenised.sentence_of_token, strict=True):
        inside = [index for index, sentence in enumerate(tokenised.sentences) if sentence.start <= start < end <= sentence.end]
        assert inside in ([owner], [])
