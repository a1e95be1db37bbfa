"""What a decoder reads: shifted by hand, and as the model itself shifts its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny_folders import unigram
from tokens.fed import (
    LONG,
    SECOND,
    TEXT,
    bart,
    bart_for_classes,
    bart_for_questions,
    check_that_every_token_is_accounted_for,
    document,
    m2m100,
    mbart,
    mbart_for_classes,
    pieces,
    t5,
    t5_for_questions,
)

from reportgen.errors import DocumentError, ModelError
from reportgen.sentences import split_sentences
from reportgen.tokens import GENERATED, PAIR, build_input
from reportgen.tokens.targets import decoder_inputs

LABELS = unigram()(SECOND)["input_ids"]
STARTS = {bart: 1, t5: 0, m2m100: 1, mbart: LABELS[-1]}  # mBART starts with the last label, which is the language in its own tokenizer


@pytest.mark.parametrize("build", STARTS)
def test_a_given_text_is_shifted_behind_the_start_token(build: Any) -> None:
    found = build_input(document(TEXT), build(), pair=document(SECOND, "second.txt"))
    assert found.target.ids.tolist() == [STARTS[build], *LABELS[:-1]]
    assert pieces(SECOND, found.target.spans)[1:] == [SECOND[start:end] for start, end in unigram()(SECOND, return_offsets_mapping=True)["offset_mapping"][:-1]]
    assert found.target.special.tolist() == [True] + [False] * (len(LABELS) - 1)
    assert found.target.sentence_of_token[0] == -1
    assert found.target_document.text == SECOND
    assert [SECOND[sentence.start : sentence.end] for sentence in found.target.sentences] == ["Who would have thought so?", "The quay was loud."]
    assert found.target.part_of_sentence.tolist() == [PAIR] * 2
    assert found.source.ids.tolist() == unigram()(TEXT)["input_ids"]
    assert found.settings["pair"]["role"] == "decoder's text"
    assert found.notices == ()
    check_that_every_token_is_accounted_for(SECOND, found.target)


@pytest.mark.parametrize("build", STARTS)
def test_the_decoder_is_fed_what_the_model_feeds_it_when_given_labels(build: Any) -> None:
    model = build().model
    found = build_input(document(TEXT), build(), pair=document(SECOND))
    source = torch.from_numpy(found.source.ids.astype(np.int64))[None]
    with torch.no_grad():
        own = model(input_ids=source, labels=torch.tensor([LABELS])).logits
        ours = model(input_ids=source, decoder_input_ids=torch.from_numpy(found.target.ids.astype(np.int64))[None]).logits
    torch.testing.assert_close(ours, own)


def test_the_target_mode_of_a_tokenizer_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    model = bart()
    monkeypatch.setattr(type(model.tokenizer), "_switch_to_target_mode", lambda self: modes.append("target"), raising=False)
    build_input(document(TEXT), model, pair=document(SECOND))
    assert "target" in modes


def test_a_text_of_one_sentence_is_enough_for_a_decoder() -> None:
    assert len(build_input(document(TEXT), t5(), pair=document("So be it.")).target.sentences) == 1


def test_a_text_longer_than_the_decoder_is_cut_after_a_whole_sentence() -> None:
    text = document(LONG, "second.txt")
    found = build_input(document(TEXT), bart(max_position_embeddings=97), pair=text)
    kept = len(found.target.sentences)
    assert found.target.sentences == split_sentences(text)[:kept]
    assert found.target.ids.tolist() == [1, *unigram()(LONG[: found.target.sentences[-1].end])["input_ids"][:-1]]
    assert len(found.target.ids) <= 97 < len(unigram()(LONG[: split_sentences(text)[kept].end])["input_ids"])
    (notice,) = found.notices
    assert notice.startswith("second.txt: The document is longer than the model")
    assert f"({kept} of 29; the model reads 97 tokens at most)" in notice


def test_a_decoder_too_short_for_a_sentence_is_refused() -> None:
    with pytest.raises(DocumentError, match="The decoder reads 12 tokens at most, and no whole sentence of second.txt fits"):
        build_input(document("So. Be. It."), bart(max_position_embeddings=12), pair=document(SECOND, "second.txt"))


def test_a_model_that_cannot_shift_is_refused_with_the_reason() -> None:
    model = t5().model
    model.config.decoder_start_token_id = None
    with pytest.raises(ModelError, match="T5ForConditionalGeneration cannot shift a text for its decoder: "):
        decoder_inputs(model, np.array(LABELS, np.int32))


def test_a_model_whose_configuration_names_no_start_token_is_refused_with_its_name() -> None:
    model = t5().model
    del model.config.decoder_start_token_id
    with pytest.raises(ModelError, match=r"T5ForConditionalGeneration cannot shift a text .* its configuration has no decoder_start_token_id\.$"):
        decoder_inputs(model, np.array(LABELS, np.int32))


def test_a_model_that_does_something_else_than_shift_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = t5().model
    monkeypatch.setattr(model, "prepare_decoder_input_ids_from_labels", lambda labels: labels.flip(1))
    with pytest.raises(ModelError, match="does not shift its decoder's text by one token"):
        decoder_inputs(model, np.array(LABELS, np.int32))


# The source again

TWICE = {bart_for_classes: 1, bart_for_questions: 1, mbart_for_classes: 1, t5_for_questions: 0}


@pytest.mark.parametrize("build", TWICE)
def test_the_decoder_of_a_model_that_writes_nothing_reads_the_source_again(build: Any) -> None:
    model = build()
    found = build_input(document(TEXT), model, pair=document(SECOND))
    assert found.target.ids.tolist() == [TWICE[build], *found.source.ids[:-1].tolist()]
    assert found.target.spans[1:].tolist() == found.source.spans[:-1].tolist()
    assert found.target.sentence_of_token.tolist() == [-1, *found.source.sentence_of_token[:-1].tolist()]
    assert found.target.sentences == found.source.sentences
    assert found.target.part_of_sentence.tolist() == found.source.part_of_sentence.tolist()
    assert found.target_document == found.document
    source = torch.from_numpy(found.source.ids.astype(np.int64))[None]
    with torch.no_grad():
        own, ours = model.model(input_ids=source), model.model(input_ids=source, decoder_input_ids=torch.from_numpy(found.target.ids.astype(np.int64))[None])
    name = "logits" if model.kind == "classifier" else "start_logits"
    torch.testing.assert_close(ours[name], own[name])


# The model's own text


@pytest.mark.parametrize("build", [bart, t5])
def test_the_decoder_reads_what_the_model_writes(build: Any) -> None:
    model = build()
    found = build_input(document(TEXT), model, generate=17)
    source = torch.tensor([unigram()(TEXT)["input_ids"]])
    own = model.model.generate(source, do_sample=False, num_beams=1, max_new_tokens=17)[0].tolist()
    assert found.target.ids.tolist() == (own[:-1] if own[-1] == 1 else own)
    assert found.target_document.text == unigram().decode(own, skip_special_tokens=True)
    assert set(found.target.part_of_sentence.tolist()) == {GENERATED}
    assert found.settings["generate"]["tokens"] == len(found.target.ids) - 1
    assert found.notices == ()
    assert found.target_document.source.startswith("text by ")
    check_that_every_token_is_accounted_for(found.target_document.text, found.target)


def test_without_a_text_for_the_decoder_the_model_writes_128_tokens_and_a_notice_says_so() -> None:
    found = build_input(document(TEXT), t5())
    assert found.settings["generate"]["tokens_at_most"] == 128
    assert found.notices == ("No text was given for the decoder, so it reads what T5ForConditionalGeneration writes itself: greedily, 128 tokens at most.",)


def test_a_short_decoder_writes_as_much_as_it_reads() -> None:
    found = build_input(document("So. Be. It."), bart(max_position_embeddings=41))
    assert found.settings["generate"]["tokens_at_most"] == 40
    assert len(found.target.ids) <= 41
    assert "40 tokens at most" in found.notices[-1]
    with pytest.raises(ModelError, match="41 tokens and a start token are more than the decoder of BartForConditionalGeneration reads: 41 at most"):
        build_input(document("So. Be. It."), bart(max_position_embeddings=41), generate=41)


def test_a_model_that_writes_nothing_is_refused() -> None:
    model = t5()
    first = build_input(document(TEXT), model, generate=1).target.ids[1]
    model.model.generation_config.eos_token_id = int(first)
    with pytest.raises(DocumentError, match="writes no text for made-up.txt; give a text for its decoder with --pair"):
        build_input(document(TEXT), model, generate=5)
