"""What a model writes, against a slow loop over its logits; and the characters of each token, against the tokenizer's own offsets."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level, tiny_gpt2, unigram
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from tokens.fed import bart, t5
from transformers import BertConfig, BertModel, GenerationConfig, PreTrainedTokenizerFast

from reportgen.errors import ModelError
from reportgen.tokens.writing import Written, decode_pieces, generate_greedily, last_whole_characters, special_ids

# Pieces


@cache
def single_bytes() -> PreTrainedTokenizerFast:
    """Byte-level without merges, and an end-of-text token."""
    tokenizer = Tokenizer.from_str(byte_level()._tokenizer.to_str())
    vocabulary = {mark: number for number, mark in enumerate(sorted(alphabet()))}
    tokenizer.model = models.BPE(vocabulary, [])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.ByteLevel.alphabet()


@cache
def byte_fallback() -> PreTrainedTokenizerFast:
    """Llama's first form: a mark for spaces, and for what the vocabulary lacks one token per byte."""
    vocabulary = {"<unk>": 0, "</s>": 1} | {f"<0x{byte:02X}>": byte + 2 for byte in range(256)}
    vocabulary |= {piece: len(vocabulary) + place for place, piece in enumerate(["▁", "a", "b", "c", "."])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    replace = decoders.Replace("▁", " ")
    tokenizer.decoder = decoders.Sequence([replace, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")


def spans(found: Written) -> list[tuple[int, int]]:
    return [(int(start), int(end)) for start, end in found.spans]


def test_parts_of_a_character_stand_for_the_whole_of_it() -> None:
    found = decode_pieces(single_bytes(), single_bytes()(" a字é😀")["input_ids"], ())
    assert found.text == " a字é😀"
    assert spans(found) == [(0, 1), (1, 2), *[(2, 3)] * 3, *[(3, 4)] * 2, *[(4, 5)] * 4]
    assert not found.special.any()


def test_a_character_that_stays_unfinished_is_the_mark_for_it() -> None:
    ids = single_bytes()("a字")["input_ids"]
    found = decode_pieces(single_bytes(), ids[:-1], ())
    assert found.text == "a\ufffd"
    assert found.spans[0].tolist() == [0, 1]
    assert found.spans[1].tolist() == [1, 2]
    assert found.spans[-1].max() == 2


def test_a_special_token_stands_for_no_text_where_it_is() -> None:
    end = single_bytes().eos_token_id
    found = decode_pieces(single_bytes(), [*single_bytes()("a字")["input_ids"], end, *single_bytes()("b")["input_ids"], end], ())
    assert found.text == "a字b"
    assert spans(found) == [(0, 1), (1, 2), (1, 2), (1, 2), (2, 2), (2, 3), (3, 3)]
    assert found.special.tolist() == [False, False, False, False, True, False, True]


def test_bytes_of_a_fallback_stand_for_their_character_too() -> None:
    number = {piece: place for piece, place in byte_fallback().get_vocab().items()}
    ids = [number[piece] for piece in ("▁", "a", "<0xE5>", "<0xAD>", "<0x97>", "<0xC3>", "<0xA9>", "▁", "b")]
    found = decode_pieces(byte_fallback(), ids, ())
    assert found.text == "a字é b"
    assert spans(found)[:2] == [(0, 0), (0, 1)]
    assert spans(found)[2:] == [(1, 2)] * 3 + [(2, 3)] * 2 + [(3, 4), (4, 5)]


def test_the_space_before_a_first_word_is_there_after_other_text_and_not_at_the_start() -> None:
    ids = unigram()("gulls", add_special_tokens=False)["input_ids"]
    assert decode_pieces(unigram(), ids, ()).text == "gulls"
    after = decode_pieces(unigram(), ids, unigram()("The", add_special_tokens=False)["input_ids"])
    assert after.text == " gulls"
    assert after.spans[0, 0] == 0


def test_nothing_written_has_no_pieces() -> None:
    found = decode_pieces(byte_level(), [], byte_level()("The ship")["input_ids"])
    assert (found.text, found.spans.shape, found.ids.shape) == ("", (0, 2), (0,))


def test_a_tokenizer_that_rewrites_what_stood_before_is_refused() -> None:
    class Backwards:
        all_special_ids: tuple[int, ...] = ()

        def decode(self, ids: list[int], **_: Any) -> str:
            return "".join("abc"[number] for number in reversed(ids))

    with pytest.raises(ModelError, match="rewrites earlier text"):
        decode_pieces(Backwards(), [1, 2], [0])


CHARACTERS = st.lists(st.sampled_from([*"ab.,é字😀\n ", "the", " harbour", "e\u0301", "👩‍👧"]), min_size=1, max_size=12).map("".join)


@settings(max_examples=150, deadline=None)
@given(text=CHARACTERS, single=st.booleans())
def test_the_pieces_of_any_text_are_where_the_tokenizer_has_them(text: str, single: bool) -> None:
    tokenizer = single_bytes() if single else byte_level()
    encoded = tokenizer(text, return_offsets_mapping=True)
    found = decode_pieces(tokenizer, encoded["input_ids"], ())
    assert found.text == text
    assert spans(found) == encoded["offset_mapping"]


@settings(max_examples=150, deadline=None)
@given(text=CHARACTERS, more=CHARACTERS, single=st.booleans())
@example(text="字" * 9, more="字😀", single=True)
def test_pieces_after_other_text_are_where_the_tokenizer_has_them(text: str, more: str, single: bool) -> None:
    tokenizer = single_bytes() if single else byte_level()
    encoded, following = tokenizer(text, return_offsets_mapping=True), tokenizer(more, return_offsets_mapping=True)
    before = last_whole_characters(encoded["input_ids"], np.array(encoded["offset_mapping"], np.int32))
    found = decode_pieces(tokenizer, following["input_ids"], before)
    assert found.text == more
    assert spans(found) == following["offset_mapping"]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(["byte-level", "single bytes", "byte fallback", "unigram"]))
def test_whatever_tokens_a_model_writes_all_characters_belong_to_some_and_spans_never_step_back(data: st.DataObject, name: str) -> None:
    tokenizer = {"byte-level": byte_level, "single bytes": single_bytes, "byte fallback": byte_fallback, "unigram": unigram}[name]()
    ids = data.draw(st.lists(st.integers(0, len(tokenizer) - 1), max_size=24))
    found = decode_pieces(tokenizer, ids, ())
    assert found.text == tokenizer.decode(ids, skip_special_tokens=True)
    assert found.ids.tolist() == ids
    assert found.special.tolist() == [number in special_ids(tokenizer) for number in ids]
    ordinary = found.spans[~found.special]
    assert (np.diff(found.spans[:, 0]) >= 0).all()
    assert (np.diff(ordinary, axis=0) >= 0).all()
    assert (found.spans[found.special, 0] == found.spans[found.special, 1]).all()
    covered = {place for start, end in ordinary for place in range(start, end)}
    assert covered == set(range(len(found.text)))


def test_added_tokens_that_are_special_are_known() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(byte_level()._tokenizer.to_str()))
    tokenizer.add_tokens([AddedToken("<talk>", special=True), AddedToken("<word>")])
    assert special_ids(tokenizer) == {tokenizer.convert_tokens_to_ids("<talk>")}


# Greedy generation


def by_argmax(model: Any, ids: list[int], tokens: int) -> list[int]:
    """The most probable token, again and again, all of the text read anew each time."""
    for _ in range(tokens):
        with torch.no_grad():
            ids = [*ids, int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())]
    return ids


def decoder_by_argmax(model: Any, source: list[int], tokens: int) -> list[int]:
    ids = [model.config.decoder_start_token_id]
    for _ in range(tokens):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([ids]), use_cache=False).logits
        ids.append(int(logits[0, -1].argmax()))
    return ids


PROMPT = np.array(byte_level()("The ship left the harbour.")["input_ids"], np.int32)
SOURCE = np.array(unigram()("The ship left the harbour.")["input_ids"], np.int32)


def test_a_causal_model_writes_the_most_probable_tokens() -> None:
    model = tiny_gpt2()
    ids, setting = generate_greedily(model, PROMPT, 13)
    assert ids.tolist() == by_argmax(model, PROMPT.tolist(), 13)
    assert setting == {"tokens_at_most": 13, "tokens": 13, "do_sample": False, "num_beams": 1}


@pytest.mark.parametrize("build", [bart, t5])
def test_an_encoder_decoder_writes_the_most_probable_tokens_from_its_start_token_on(build: Any) -> None:
    model = build().model
    model.generation_config.eos_token_id = None
    ids, setting = generate_greedily(model, SOURCE, 11)
    assert ids.tolist() == decoder_by_argmax(model, SOURCE.tolist(), 11)
    assert (setting["tokens"], setting["decoder_start_token_id"]) == (11, model.config.decoder_start_token_id)


def test_the_habits_of_a_model_are_set_aside_and_given_back() -> None:
    model = tiny_gpt2(resid_pdrop=0.5).train()
    expected = by_argmax(model.eval(), PROMPT.tolist(), 13)
    model.train()
    habits = GenerationConfig(do_sample=True, temperature=9.0, num_beams=1, repetition_penalty=5.0, no_repeat_ngram_size=1, min_length=300, max_length=7)
    model.generation_config = habits
    assert generate_greedily(model, PROMPT, 13)[0].tolist() == expected
    assert model.generation_config is habits
    assert all(module.training for module in model.modules())


def test_a_model_is_given_back_as_it_was_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_gpt2().train()
    before = model.generation_config

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model, "generate", fail)
    with pytest.raises(RuntimeError):
        generate_greedily(model, PROMPT, 3)
    assert model.generation_config is before
    assert model.training


def test_the_token_that_ends_a_text_ends_it_and_is_left_off() -> None:
    model = tiny_gpt2()
    whole = by_argmax(model, PROMPT.tolist(), 40)
    written = whole[len(PROMPT) :]
    last = next(place for place in range(3, 40) if written[place] not in written[:place])
    model.generation_config.eos_token_id = [written[last], 999]
    ids, setting = generate_greedily(model, PROMPT, 40)
    assert ids.tolist() == whole[: len(PROMPT) + last]
    assert (setting["tokens"], setting["eos_token_id"]) == (last, [written[last], 999])


def test_tokens_that_a_model_must_not_choose_stay_forbidden_and_are_in_the_settings() -> None:
    model = tiny_gpt2()
    first = by_argmax(model, PROMPT.tolist(), 1)[-1]
    model.generation_config.bad_words_ids = [[first]]
    ids, setting = generate_greedily(model, PROMPT, 5)
    assert first not in ids[len(PROMPT) :]
    assert setting["bad_words_ids"] == [[first]]


def test_a_model_that_cannot_write_is_refused() -> None:
    bare = BertModel(BertConfig(num_hidden_layers=1, num_attention_heads=2, hidden_size=24, intermediate_size=24, vocab_size=99))
    with pytest.raises(ModelError, match="BertModel cannot write text"):
        generate_greedily(bare, PROMPT, 3)


def test_an_encoder_decoder_that_knows_no_token_to_start_with_is_refused() -> None:
    model = t5().model
    model.generation_config = GenerationConfig(eos_token_id=1, pad_token_id=0)
    with pytest.raises(ModelError, match="cannot write text: its generation settings have no decoder_start_token_id and no bos_token_id"):
        generate_greedily(model, SOURCE, 11)
