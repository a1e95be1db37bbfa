"""A causal model's own text behind the document: ids as generated, spans into one text, sentences of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_folders import byte_level, tiny_gpt2
from tokenizers import Tokenizer, processors
from tokens.fed import LONG, SECOND, TEXT, check_that_every_token_is_accounted_for, document, gpt2, pieces, sentence_texts
from transformers import PreTrainedTokenizerFast

from reportgen.errors import DocumentError
from reportgen.models import LanguageModel, given_model
from reportgen.sentences import split_sentences
from reportgen.tokens import DOCUMENT, GENERATED, PAIR, build_input

WRITTEN = " Nobody slept 字é😀. So the gulls left.\n\nWho would have thought so? And th"


def parrot(text: str, **changes: int) -> LanguageModel:
    """A GPT-2 that writes this text, whatever it reads: its positions choose the token, its words do not count."""
    ids = byte_level()(text)["input_ids"]
    start, width = len(byte_level()(TEXT)["input_ids"]), len(byte_level())
    model = tiny_gpt2(n_embd=width + (-width) % 3, tie_word_embeddings=False, **changes)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.zero_() if "ln_" not in name or "bias" in name else weights.fill_(1.0)
        for place, number in enumerate(ids):
            model.transformer.wpe.weight[start - 1 + place, number] = 100.0
        model.lm_head.weight[:, :width] = torch.eye(width)
    return given_model(model.eval(), byte_level())


def test_the_continuation_is_part_of_the_text_and_its_sentences_are_marked() -> None:
    tokens = len(byte_level()(WRITTEN)["input_ids"])
    found = build_input(document(TEXT), parrot(WRITTEN), generate=tokens)
    assert found.document.text == TEXT + WRITTEN
    assert found.source.ids.tolist() == byte_level()(TEXT)["input_ids"] + byte_level()(WRITTEN)["input_ids"]
    offsets = [byte_level()(part, return_offsets_mapping=True)["offset_mapping"] for part in (TEXT, WRITTEN)]
    assert found.source.spans.tolist() == [list(span) for span in offsets[0]] + [[start + len(TEXT), end + len(TEXT)] for start, end in offsets[1]]
    assert sentence_texts(found)[4:] == ["Nobody slept 字é😀.", "So the gulls left.", "Who would have thought so?", "And th"]
    assert found.source.part_of_sentence.tolist() == [DOCUMENT] * 4 + [GENERATED] * 4
    assert [found.source.sentences[index].block for index in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [found.document.text[block.start : block.end] for block in found.document.blocks[2:]] == WRITTEN.strip().split("\n\n")
    assert found.settings == {"generate": {"tokens_at_most": tokens, "tokens": tokens, "do_sample": False, "num_beams": 1}}
    assert found.notices == ()
    assert (found.target, found.target_document) == (None, None)
    check_that_every_token_is_accounted_for(found.document.text, found.source)


def test_a_continuation_that_breaks_off_inside_a_character_is_accounted_for() -> None:
    tokens = len(byte_level()(" Nobody slept 字")["input_ids"]) - 1
    found = build_input(document(TEXT), parrot(WRITTEN), generate=tokens)
    assert found.document.text == TEXT + " Nobody slept \ufffd"
    assert found.source.spans[-1, 1] == len(found.document.text)
    check_that_every_token_is_accounted_for(found.document.text, found.source)


def test_a_random_models_continuation_is_its_own_ids_and_their_text() -> None:
    model = gpt2()
    found = build_input(document(TEXT), model, generate=30)
    prompt = byte_level()(TEXT)["input_ids"]
    own = model.model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False, max_new_tokens=30, pad_token_id=0)
    assert found.source.ids.tolist() == own[0].tolist()
    assert found.document.text == TEXT + byte_level().decode(own[0, len(prompt) :])
    check_that_every_token_is_accounted_for(found.document.text, found.source)


def test_a_second_text_is_continued_too() -> None:
    found = build_input(document(TEXT), gpt2(), pair=document(SECOND), generate=9)
    whole = TEXT + "\n\n" + SECOND
    assert found.document.text.startswith(whole)
    assert found.source.ids[:-9].tolist() == byte_level()(whole)["input_ids"]
    assert found.source.part_of_sentence.tolist()[:6] == [DOCUMENT] * 4 + [PAIR] * 2
    assert set(found.source.part_of_sentence.tolist()[6:]) <= {GENERATED}
    assert list(found.settings) == ["pair", "generate"]


def test_room_is_kept_for_the_continuation_and_the_text_ends_where_the_cut_is() -> None:
    text = document(LONG)
    found = build_input(text, gpt2(n_positions=211), generate=23)
    kept = int((found.source.part_of_sentence == DOCUMENT).sum())
    cut = split_sentences(text)[kept - 1].end
    assert found.document.text[:cut] == LONG[:cut]
    assert found.source.ids[:-23].tolist() == byte_level()(LONG[:cut])["input_ids"]
    assert len(found.source.ids) <= 211 < len(byte_level()(LONG[: split_sentences(text)[kept].end])["input_ids"]) + 23
    assert found.document.text == LONG[:cut] + byte_level().decode(found.source.ids[-23:])
    assert f"({kept} of 29; the model reads 211 tokens at most, of which 23 are kept for its own text)" in found.notices[0]
    check_that_every_token_is_accounted_for(found.document.text, found.source)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (205, "of which 205 are kept for its own text, and fewer than two sentences"),
        (211, "which leaves nothing to read beside the 211 that it is to write: ask for fewer"),
        (900, "which leaves nothing to read beside the 900 that it is to write: ask for fewer"),
    ],
)
def test_more_tokens_than_the_model_has_room_for_are_refused(tokens: int, said: str) -> None:
    with pytest.raises(DocumentError, match=f"The model reads 211 tokens at most, {said}"):
        build_input(document(TEXT), gpt2(n_positions=211), generate=tokens)


def test_a_model_that_writes_nothing_is_said_to() -> None:
    model = parrot(WRITTEN)
    model.model.generation_config.eos_token_id = byte_level()(WRITTEN)["input_ids"][0]
    found = build_input(document(TEXT), model, generate=9)
    assert found.document.text == TEXT
    assert found.settings["generate"]["tokens"] == 0
    assert found.notices == ("GPT2LMHeadModel wrote no sentence after the text.",)
    assert found.source.part_of_sentence.tolist() == [DOCUMENT] * 4


def test_a_token_that_closes_the_text_is_left_off_before_it_goes_on() -> None:
    closing = Tokenizer.from_str(byte_level()._tokenizer.to_str())
    closing.add_special_tokens(["<end>"])
    number = closing.token_to_id("<end>")
    closing.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", number)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=closing, eos_token="<end>")
    model = given_model(tiny_gpt2(vocab_size=len(tokenizer)), tokenizer)
    assert build_input(document(TEXT), model).source.ids[-1] == number
    found = build_input(document(TEXT), model, generate=7)
    assert found.source.ids[:-7].tolist() == byte_level()(TEXT)["input_ids"]
    assert np.array_equal(pieces(TEXT, found.source.spans[:-7]), pieces(TEXT, build_input(document(TEXT), model).source.spans[:-1]))
