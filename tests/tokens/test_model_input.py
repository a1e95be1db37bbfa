"""One input for each kind of model: a document alone, with a second text, with a decoder's text."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level, word_piece
from tokenizers import processors
from tokens.fed import (
    LONG,
    SECOND,
    TEXT,
    bart,
    bert,
    bert_for_questions,
    big_bird_for_questions,
    check_that_every_token_is_accounted_for,
    document,
    gpt2,
    pieces,
    roberta,
    sentence_texts,
    t5,
    typed_word_piece,
)

from reportgen.errors import DocumentError, ModelError
from reportgen.models import load_model
from reportgen.sentences import split_sentences
from reportgen.tokens import DOCUMENT, PAIR, align_tokens, build_input
from reportgen.tokens.model_input import types_by_class

JOINED = TEXT + "\n\n" + SECOND
SENTENCES = ["The ship left the harbour.", "Nobody waved!", "By noon, the gulls slept.", "So be it."]
SENTENCES_OF_SECOND = ["Who would have thought so?", "The quay was loud."]


@pytest.mark.parametrize("build", [gpt2, bert, roberta, bert_for_questions, t5, bart])
def test_a_document_alone_is_aligned_as_ever(build: Any) -> None:
    model, text = build(), document(TEXT)
    found = build_input(text, model, generate=3) if model.kind == "seq2seq" else build_input(text, model)
    expected = align_tokens(text, split_sentences(text), model.tokenizer, model.positions)
    for name in ("ids", "spans", "sentence_of_token", "special", "delimiter", "part_of_sentence"):
        np.testing.assert_array_equal(getattr(found.source, name), getattr(expected, name))
    assert found.source.sentences == expected.sentences
    assert found.document == text
    assert (found.target is None) == (model.kind != "seq2seq")
    assert found.source.part_of_sentence.tolist() == [DOCUMENT] * 4


def test_the_callers_own_sentences_are_kept() -> None:
    text = document(TEXT)
    own = split_sentences(text)[1:]
    assert build_input(text, gpt2(), sentences=own).source.sentences == own


# A second text


def test_an_encoder_reads_two_texts_with_its_separators_and_token_types() -> None:
    found = build_input(document(TEXT), bert(), pair=document(SECOND, "second.txt"))
    first, second = word_piece()(TEXT, add_special_tokens=False)["input_ids"], word_piece()(SECOND, add_special_tokens=False)["input_ids"]
    cls, sep = word_piece().cls_token_id, word_piece().sep_token_id
    assert found.source.ids.tolist() == [cls, *first, sep, *second, sep]
    assert found.extra["token_type_ids"].tolist() == [0] * (len(first) + 2) + [1] * (len(second) + 1)
    assert list(found.extra) == ["token_type_ids"]
    assert found.document.text == JOINED
    assert sentence_texts(found) == SENTENCES + SENTENCES_OF_SECOND
    assert found.source.part_of_sentence.tolist() == [DOCUMENT] * 4 + [PAIR] * 2
    assert np.flatnonzero(found.source.special).tolist() == [0, len(first) + 1, len(found.source.ids) - 1]
    assert "".join(pieces(JOINED, found.source.spans)) == "".join(JOINED.split())
    check_that_every_token_is_accounted_for(JOINED, found.source)


def test_what_is_fed_is_what_the_model_itself_is_fed_for_two_texts() -> None:
    model = bert()
    found = build_input(document(TEXT), model, pair=document(SECOND))
    with torch.no_grad():
        fed = {"input_ids": found.source.ids, **found.extra}
        ours = model.model(**{name: torch.from_numpy(values.astype(np.int64))[None] for name, values in fed.items()}).logits
        own = model.model(**model.tokenizer(TEXT, SECOND, return_tensors="pt")).logits
        without = model.model(input_ids=torch.from_numpy(found.source.ids.astype(np.int64))[None]).logits
    torch.testing.assert_close(ours, own)
    assert (ours - without).abs().max() > 1e-4


@pytest.mark.parametrize("pair", [None, document(SECOND, "question.txt")])
def test_token_types_that_the_class_would_make_are_given_where_the_tokenizer_gives_none(pair: Any) -> None:
    model = big_bird_for_questions()
    found = build_input(document(TEXT), model, pair=pair)
    ids = torch.from_numpy(found.source.ids.astype(np.int64))[None]
    length = (ids == word_piece().sep_token_id).int().argmax(1, keepdim=True) + 1
    expected = 1 - model.model.prepare_question_mask(length, ids.shape[1])[0]
    assert list(found.extra) == ["token_type_ids"]
    np.testing.assert_array_equal(found.extra["token_type_ids"], expected)
    assert found.extra["token_type_ids"].tolist().count(1) == (0 if pair is None else len(word_piece()(TEXT, add_special_tokens=False)["input_ids"]) + 1)
    none, single = np.array([5, 7, 9], np.int32), np.array([1, 2, 2, 7], np.int32)
    assert [types_by_class(model.model, ids)["token_type_ids"].tolist() for ids in (none, single)] == [[0, 1, 1], [0, 0, 1, 1]]


def test_token_types_of_the_tokenizer_come_before_those_that_the_class_would_make() -> None:
    tokenizer = copy.deepcopy(typed_word_piece())
    ends = [(name, word_piece().convert_tokens_to_ids(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(pair="[CLS] $A [SEP]:1 $B:1 [SEP]:0", special_tokens=ends)
    found = build_input(document(TEXT), replace(big_bird_for_questions(), tokenizer=tokenizer), pair=document(SECOND))
    separators = np.flatnonzero(found.source.ids == word_piece().sep_token_id)
    assert found.extra["token_type_ids"][separators].tolist() == [1, 0]


def test_a_model_with_one_token_type_is_given_none() -> None:
    assert dict(build_input(document(TEXT), roberta(), pair=document(SECOND)).extra) == {}


def test_a_model_with_fewer_token_types_than_the_tokenizer_is_refused() -> None:
    model = bert()
    ends = [(name, word_piece().convert_tokens_to_ids(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer = copy.deepcopy(model.tokenizer)
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(pair="[CLS] $A [SEP] $B:2 [SEP]:2", special_tokens=ends)
    with pytest.raises(ModelError, match="gives token type 2, but BertForSequenceClassification knows 2 types only"):
        build_input(document(TEXT), replace(model, tokenizer=tokenizer), pair=document(SECOND))


def test_a_question_is_put_before_the_document() -> None:
    found = build_input(document(TEXT), bert_for_questions(), pair=document(SECOND, "question.txt"))
    assert found.source.ids.tolist() == word_piece()(SECOND, TEXT)["input_ids"]
    assert found.document.text == SECOND + "\n\n" + TEXT
    assert sentence_texts(found) == SENTENCES_OF_SECOND + SENTENCES
    assert found.source.part_of_sentence.tolist() == [PAIR] * 2 + [DOCUMENT] * 4
    assert [found.document.blocks[sentence.block].start for sentence in found.source.sentences] == [0, 0, 47, 47, 89, 89]
    assert found.settings["pair"]["role"] == "question"
    check_that_every_token_is_accounted_for(found.document.text, found.source)


def test_a_causal_model_reads_the_second_text_after_a_blank_line() -> None:
    found = build_input(document(TEXT), gpt2(), pair=document(SECOND, "second.txt"))
    assert found.source.ids.tolist() == byte_level()(JOINED)["input_ids"]
    assert pieces(JOINED, found.source.spans) == pieces(JOINED, np.array(byte_level()(JOINED, return_offsets_mapping=True)["offset_mapping"]))
    assert found.source.part_of_sentence.tolist() == [DOCUMENT] * 4 + [PAIR] * 2
    assert sentence_texts(found) == SENTENCES + SENTENCES_OF_SECOND
    assert dict(found.extra) == {}
    assert found.document.source == "made-up.txt with second.txt"
    second = document(SECOND)
    assert found.settings["pair"] == {"role": "second text", "title": "Untitled", "source": "second.txt", "sha256": second.sha256, "language": "en"}
    assert found.document.sha256 == document(JOINED).sha256


def test_two_texts_of_one_sentence_each_are_enough() -> None:
    found = build_input(document("The ship left."), bert(), pair=document("Nobody waved."))
    assert found.source.part_of_sentence.tolist() == [DOCUMENT, PAIR]


@pytest.mark.parametrize("build", [gpt2, bert, bert_for_questions])
@pytest.mark.parametrize("limit", [60, 97, 211])
def test_where_two_texts_do_not_fit_the_document_is_cut_after_a_whole_sentence_and_the_other_kept(build: Any, limit: int) -> None:
    model = build(**({"n_positions": limit} if build is gpt2 else {"max_position_embeddings": limit}))
    text, second = document(LONG), document(SECOND, "second.txt")
    found = build_input(text, model, pair=second)
    own = [sentence for sentence, part in zip(sentence_texts(found), found.source.part_of_sentence, strict=True) if part == DOCUMENT]
    every = [LONG[sentence.start : sentence.end] for sentence in split_sentences(text)]
    assert 1 <= len(own) < len(every) == 29
    assert own == every[: len(own)]
    assert [sentence for sentence in sentence_texts(found) if sentence not in own] == SENTENCES_OF_SECOND
    parts = [LONG[: split_sentences(text)[len(own) - 1].end], SECOND]
    assert found.document.text == "\n\n".join(parts[::-1] if build is bert_for_questions else parts)
    assert len(found.source.ids) <= limit
    longer = LONG[: split_sentences(text)[len(own)].end]
    whole = model.tokenizer(longer + "\n\n" + SECOND) if build is gpt2 else model.tokenizer(longer, SECOND)
    assert len(whole["input_ids"]) > limit
    (notice,) = found.notices
    assert f"second.txt was kept whole and the document cut after a whole sentence ({len(own)} of 29; the model reads {limit} tokens at most)" in notice
    check_that_every_token_is_accounted_for(found.document.text, found.source)


def test_a_second_text_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(DocumentError, match="The model reads 18 tokens at most, and beside second.txt no whole sentence of made-up.txt fits"):
        build_input(document(TEXT), bert(max_position_embeddings=18), pair=document(SECOND, "second.txt"))


WORDS = st.lists(st.sampled_from(["the ship left.", "Nobody waved!", "So be it", "é字😀.", "Who?", "at dawn", "\n\n", " "]), min_size=1, max_size=9).map(
    " ".join
)


@settings(max_examples=40, deadline=None)
@given(first=WORDS, second=WORDS, limit=st.integers(8, 120), kind=st.sampled_from(["encoder", "question", "causal"]))
def test_with_any_two_texts_every_token_is_accounted_for(first: str, second: str, limit: int, kind: str) -> None:
    build = {"encoder": bert, "question": bert_for_questions, "causal": gpt2}[kind]
    try:
        text, other = document(first), document(second)
        found = build_input(text, build(**({"n_positions": limit} if kind == "causal" else {"max_position_embeddings": limit})), pair=other)
    except DocumentError:
        return
    check_that_every_token_is_accounted_for(found.document.text, found.source)
    assert len(found.source.ids) <= limit
    assert (np.diff(found.source.spans[~found.source.special], axis=0) >= 0).all()
    assert other.text in found.document.text
    for block in found.document.blocks:
        assert found.document.text[block.start : block.end].strip()


# Refusals


@pytest.mark.parametrize("build", [bert, bert_for_questions])
def test_an_encoder_cannot_write(build: Any) -> None:
    with pytest.raises(ModelError, match="cannot write text; only causal models and encoder-decoders can"):
        build_input(document(TEXT), build(), generate=5)


@pytest.mark.parametrize("tokens", [0, -3])
def test_no_tokens_cannot_be_asked_for(tokens: int) -> None:
    with pytest.raises(ModelError, match="ask for one at least"):
        build_input(document(TEXT), gpt2(), generate=tokens)


def test_a_decoder_reads_one_text_only() -> None:
    with pytest.raises(ModelError, match="reads either the second text or what the model writes"):
        build_input(document(TEXT), t5(), pair=document(SECOND), generate=5)


@pytest.mark.parametrize("options", [{}, {"generate": 4}, {"pair": document(SECOND)}])
@pytest.mark.parametrize("build", [gpt2, bert, bart])
def test_a_tokenizer_of_another_model_is_refused_before_anything_is_fed(build: Any, options: dict[str, Any]) -> None:
    if build is bert and "generate" in options:
        return
    with pytest.raises(ModelError, match=r"gives token \d+, but .* knows 31 tokens only: they do not belong together"):
        build_input(document(TEXT), build(vocab_size=31), **options)


def test_a_model_with_several_tables_of_embeddings_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    model = gpt2()
    monkeypatch.setattr(model.model, "get_input_embeddings", lambda: torch.nn.ModuleList([model.model.transformer.wte]))
    with pytest.raises(ModelError, match="has no single table of token embeddings"):
        build_input(document(TEXT), model)


# A real encoder


@pytest.mark.model
def test_the_packaged_encoder_reads_more_than_its_tokenizer_was_saved_for() -> None:
    model = load_model("all-minilm-l6-v2")
    found = build_input(document(LONG), model, pair=document(SECOND))
    assert (model.kind, model.positions, model.model.pooler) == ("encoder", 512, None)
    assert 128 < len(found.source.ids) == len(model.tokenizer(LONG, SECOND)["input_ids"])
    assert found.notices == ()
    assert sorted(set(found.extra["token_type_ids"].tolist())) == [0, 1]
    check_that_every_token_is_accounted_for(found.document.text, found.source)
