"""Every kind of model from a document to measurements and a page: what is written, what is said of what is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    BloomConfig,
    BloomForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LongformerConfig,
    LongformerForQuestionAnswering,
)

sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import (
    LONG,
    SECOND,
    bart,
    bart_for_classes,
    bert,
    big_bird_for_questions,
    document,
    gpt2,
    longformer_for_classes,
    t5,
    t5_for_questions,
    typed_word_piece,
)
from tiny_folders import byte_level, word_piece
from transformers import BertForQuestionAnswering, PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.attribution import integrated
from reportgen.contract import CONTRACT
from reportgen.errors import ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, given_model
from reportgen.render import render_report
from reportgen.report import build_report

BERT = {"num_hidden_layers": 2, "num_attention_heads": 3, "hidden_size": 24, "intermediate_size": 31, "vocab_size": 120, "initializer_range": 0.3}
TEXT = f"{LONG}\n\nSo be it. Nobody waved."
SHORT = "The ship left the harbour. Nobody waved!\n\nBy noon, the gulls slept. So be it."


def with_mask() -> PreTrainedTokenizerFast:
    names = {name: getattr(word_piece(), name) for name in ("unk_token", "cls_token", "sep_token")}
    return PreTrainedTokenizerFast(tokenizer_object=word_piece()._tokenizer, mask_token="[UNK]", **names)


def built(model_class: Any, config: Any, tokenizer: Any) -> LanguageModel:
    torch.manual_seed(0)
    return given_model(model_class._from_config(config).eval(), tokenizer)


def longformer() -> LanguageModel:
    config = LongformerConfig(**BERT, attention_window=[6, 12], max_position_embeddings=600, sep_token_id=word_piece().sep_token_id, pad_token_id=0)
    tokenizer = Tokenizer.from_str(word_piece()._tokenizer.to_str())
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] [SEP] $B [SEP]", special_tokens=ends)
    return built(
        LongformerForQuestionAnswering, config, PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]")
    )


MODELS: dict[str, tuple[Callable[[], LanguageModel], MeasureOptions]] = {
    "causal": (gpt2, MeasureOptions()),
    "causal, continued": (gpt2, MeasureOptions(generate=13)),
    "causal, with a second text": (gpt2, MeasureOptions(pair=document(SECOND, "second.txt"))),
    "masked": (lambda: built(BertForMaskedLM, BertConfig(**BERT), with_mask()), MeasureOptions()),
    "classifier of two texts": (lambda: bert(num_labels=3), MeasureOptions(pair=document(SECOND, "second.txt"))),
    "question answering": (lambda: bert(BertForQuestionAnswering), MeasureOptions(pair=document(SECOND, "question.txt"))),
    "bare encoder": (lambda: built(BertModel, BertConfig(**BERT), word_piece()), MeasureOptions()),
    "encoder-decoder with a text": (bart, MeasureOptions(pair=document(SECOND, "summary.txt"))),
    "encoder-decoder that writes": (t5, MeasureOptions(generate=17)),
    "causal, one layer at a time": (
        lambda: built(BloomForCausalLM, BloomConfig(n_layer=2, n_head=3, hidden_size=24, vocab_size=320), byte_level()),
        MeasureOptions(),
    ),
    "question answering, one layer at a time": (longformer, MeasureOptions(pair=document(SECOND, "question.txt"))),
    "question answering, token types of the class, one layer at a time": (big_bird_for_questions, MeasureOptions(question=SECOND)),
    "classifier, one layer at a time": (longformer_for_classes, MeasureOptions(control=True)),
}
TO_COME = {"*.sentence_attention_by_layer", "*.shuffled_attention", "*.shuffled_expected"}
TYPED = ("classifier of two texts", "question answering")
DRAWN = ("causal", "encoder-decoder with a text")  # whose charts are those of all others too
CAUSAL_ONLY = {key for key in CONTRACT if key.startswith("*.probe_")}
LINKS = {"attribution.link_effect", "attribution.link_drop"}
SAMPLE = {"attribution.link_sample", "attribution.link_sample_drop"}
OF_SOURCE = {f"attribution.{kind}{name}" for kind in ("", "token_") for name in ("attention_x_gradient", "relevance", "gradient_norm", "attention")}
WEIGHTS = {"*.importance", "*.importance_abs", "*.attention_x_gradient", *OF_SOURCE}


HIDING = {"attribution.ablation", "attribution.surrogate"}
MANY_PASSES = HIDING | {f"attribution.{name}" for name in ("integrated_gradients", "token_integrated_gradients", "pairs", "pair_rows")}
PRUNING = {key for key in CONTRACT if key.startswith("pruning.")}


@cache
def measured(name: str) -> Measurements:
    build, options = MODELS[name]
    return measure(document(TEXT), build(), options=options)


def measured_in_full(name: str, text: str = SHORT) -> Measurements:
    build, options = MODELS[name]
    return measure(document(text), build(), options=replace(options, attribution="full"))


def keys_of(measurements: Measurements, stack: str) -> set[str]:
    return {f"*.{key.partition('.')[2]}" for key in measurements.arrays if key.startswith(f"{stack}.")}


@pytest.mark.parametrize("name", MODELS)
def test_a_document_becomes_a_file_and_a_page(name: str, tmp_path: Path) -> None:
    found = measured(name)
    found.save(tmp_path / "x.npz")
    again = Measurements.load(tmp_path / "x.npz")
    assert set(again.arrays) == set(found.arrays)
    assert (again.text, again.target_text, again.metadata) == (found.text, found.target_text, found.metadata)
    for key, values in found.arrays.items():
        if values.dtype.kind == "f" and not key.startswith("cross.alignment_tau"):  # heads that always choose the same token have none
            assert np.isfinite(values).any(), key
    words = [found.text[start:end].strip() if start < end else "special" for start, end in found["token_spans"]]
    assert found["token_delimiters"].tolist() == [word in {"special", ".", ",", "?"} for word in words]
    for key in [key for key in found.arrays if key.startswith("attribution.token_")]:
        members, by_token, by_sentence = found["token_sentences"], found[key], found[key.replace("token_", "")]
        summed = np.bincount(members[members >= 0], weights=by_token[members >= 0])
        np.testing.assert_allclose(summed, by_sentence, rtol=1e-4, atol=1e-6 * np.abs(by_token).sum(), err_msg=key)
    report = build_report(again)
    page = render_report(report) if name in DRAWN else render_report(report, lambda specs: {})
    assert "Which sentences does each sentence look at?" in page
    np.testing.assert_allclose(found["*.sentence_attention"].sum(-1) + found["*.outside_attention"], 1, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in MODELS if "layer at a time" not in name])
def test_every_row_of_the_contract_that_the_model_can_have_is_written(name: str) -> None:
    found = measured(name)
    stars = {key for key in CONTRACT if key.startswith("*.") and "syntax" not in key and "coreference" not in key} - TO_COME
    both = {"encoder", "decoder", "cross"} & {key.partition(".")[0] for key in found.arrays}
    copies, own = ("*.duplicate_token", "*.induction"), ("*.within_sentence", "*.first_token", "*.sentence_distance", "*.head_similarity_without_sink")
    places = ("*.rollout", "*.distance", "*.locality", "*.previous_token", "*.next_token", "*.decay", "*.fixed_offset")
    within = {key for key in stars if key.startswith((*copies, *own, *places))}
    expected = {
        "decoder": stars - {key for key in stars if key.startswith("*.next_token")} - (CAUSAL_ONLY if "cross" in both else set()),
        "encoder": stars - CAUSAL_ONLY,
        "cross": stars - CAUSAL_ONLY - within - {key for key in stars if "head_divergence" in key}
        | {f"*.{key.partition('.')[2]}" for key in CONTRACT if key.startswith("cross.")},
    }
    for stack in both:
        assert keys_of(found, stack) == expected[stack], stack
    others = {key for key in CONTRACT if not key.startswith(("*.", "cross."))} - (set() if name in TYPED else {"token_types"})
    across = {"attribution.rollout"} if "cross" in both else {key for key in others if key.startswith("target_")}
    across |= set() if found.metadata["kind"] in ("causal", "masked", "seq2seq") else LINKS
    across |= SAMPLE if found.metadata["link_effect"].get("chosen", "all") == "all" else set()
    assert {key for key in found.arrays if key.partition(".")[0] not in both} == others - across - MANY_PASSES - PRUNING


@pytest.mark.parametrize("name", MODELS)
def test_what_many_passes_give_is_written_or_its_absence_said(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(integrated, "STEPS", (2, 4))
    found = measured_in_full(name)
    found.save(tmp_path / "x.npz")
    assert set(Measurements.load(tmp_path / "x.npz").arrays) == set(found.arrays)
    predicts = name.startswith(("causal", "masked", "encoder-decoder"))
    expected = MANY_PASSES - (set() if predicts else {"attribution.pairs", "attribution.pair_rows"})
    expected -= HIDING if "layer at a time" in name else set()
    expected |= set() if "layer at a time" in name else PRUNING
    assert {key for key in found.arrays if key in MANY_PASSES | PRUNING} == expected
    said = " ".join(found.notices)
    assert ("predicts no sentence: input x gradient of pairs" in said) is not predicts
    assert ("no sentence can be hidden exactly: ablation, surrogate." in said) is ("layer at a time" in name)
    assert "--attribution full" not in said
    target, options = found.metadata["target"], found.metadata["options"]
    assert target["integrated_gradients"]["steps"] in (2, 4)
    assert ("pair_rows" in options) is predicts
    if "attribution.ablation" in found:
        for key in HIDING:
            assert np.flatnonzero(np.isnan(found[key])).tolist() == ([] if target["sentence"] is None else [target["sentence"]])
        assert set(target["surrogate"]) == {"passes", "held_out", "lds", "alpha", "chance", "seed"}


def test_what_is_not_measured_is_said() -> None:
    passes, mentions, syntax, links = measured("causal").notices
    assert "of 465 links" in links
    assert "drawn by chance" in links
    assert "--attribution full" in passes
    assert mentions.endswith("and it takes 10: coreference.")
    assert "--syntax" in syntax
    assert "for causal models: the probes" in " ".join(measured("masked").notices)
    said = " ".join(measured("encoder-decoder with a text").notices)
    assert "it is not carried through cross-attention: rollout of the attribution's target." in said
    layered = measured("causal, one layer at a time")
    said = " ".join(layered.notices)
    assert "outside the library's interface: what links between sentences do" in said
    assert "outside the library's interface: queries and keys behind links" in said
    assert "where its values are not at hand: value-norm attention of the target." in said
    assert "importance" not in said
    assert "no distribution over tokens: what links between sentences do" in measured("bare encoder").notices[-1]
    assert {key.replace("decoder.", "*.") for key in layered.arrays} >= WEIGHTS
    assert layered.metadata["attention_way"] == "per-layer"


def test_parts_targets_and_settings_are_in_the_metadata() -> None:
    continued = measured("causal, continued").metadata
    assert continued["options"]["generate"]["tokens"] == 13
    assert continued["sentence_parts"][0] == "document"
    assert continued["sentence_parts"][-1] == "generated"
    answered = measured("question answering")
    assert answered.metadata["sentence_parts"][:2] == ["question", "question"]
    assert answered.metadata["target"]["unit"] == "logit"
    assert answered.metadata["target"]["sentence"] is None
    assert answered.text.startswith(SECOND)
    both = measured("encoder-decoder with a text")
    assert both.target_text == SECOND
    assert both.target_sentences == ("Who would have thought so?", "The quay was loud.")
    assert both.metadata["stacks"] == {"encoder": [1, 2], "decoder": [2, 2], "cross": [2, 2]}
    assert both["target_token_sentences"][0] == -1
    assert both["cross.sentence_attention"].shape == (2, 2, 2, len(both.sentences))
    sparse = measured("question answering, one layer at a time")
    question = np.flatnonzero(sparse["token_sentences"] >= sparse.metadata["sentence_parts"].count("question"))[0] - 2  # two separators lie between
    assert sparse.metadata["global_tokens"] == list(range(question))


@pytest.mark.parametrize("build", [bart_for_classes, t5_for_questions])
def test_an_encoder_decoder_that_writes_nothing_is_refused_by_name(build: Callable[[], LanguageModel]) -> None:
    with pytest.raises(ModelError, match="with an encoder and a decoder; of encoder-decoders reportgen measures those that write text"):
        measure(document(TEXT), build())


def test_the_encoder_of_an_encoder_decoder_is_measured_whatever_its_configuration_says_of_the_whole() -> None:
    sizes = {"d_model": 24, "d_kv": 12, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": len(byte_level())}
    model = built(UMT5EncoderModel, UMT5Config(**sizes), byte_level())
    assert model.model.config.is_encoder_decoder
    assert measure(document(TEXT), model).metadata["stacks"] == {"encoder": [2, 2]}


def test_longformer_without_a_question_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelError, match="3 separators .* there are 1. Give --pair"):
        measure(document(TEXT), longformer(), options=MeasureOptions(attribution="none"))


@pytest.mark.parametrize("options", [MeasureOptions(), MeasureOptions(attribution="none"), MeasureOptions(window=30)])
def test_a_next_token_head_on_attention_that_looks_ahead_is_refused_at_once(options: MeasureOptions) -> None:
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": len(byte_level())}
    model = built(LlamaForCausalLM, LlamaConfig(**sizes, is_causal=False), byte_level())
    with pytest.raises(ModelError, match=r"LlamaForCausalLM .llama. has a next-token head, but its attention looks ahead, at the tokens that it predicts"):
        measure(document(TEXT), model, options=options)


def test_token_types_of_two_texts_reach_the_model() -> None:
    typed = built(BertModel, BertConfig(**BERT, type_vocab_size=2), typed_word_piece())
    plain = built(BertModel, BertConfig(**BERT, type_vocab_size=2), word_piece())
    options = MeasureOptions(pair=document(SECOND, "second.txt"), attribution="none")
    one, other = (measure(document(TEXT), model, options=options)["encoder.entropy"] for model in (typed, plain))
    assert np.abs(one - other).max() > 1e-4
