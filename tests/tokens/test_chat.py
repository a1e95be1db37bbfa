"""A document in a chat: the tokens are those of the template applied to it, in their places, and the template is in no sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from tiny_folders import byte_level, tiny_gpt2, unigram
from tokenizers import Tokenizer
from tokens.fed import LONG, TEXT, bert, check_that_every_token_is_accounted_for, document, gpt2, pieces
from tokens.texts import ANY_TEXT
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from reportgen.capture import MeasureOptions, measure
from reportgen.errors import DocumentError, ModelError
from reportgen.models import LanguageModel, given_model
from reportgen.models.packaged import PACKAGED
from reportgen.sentences import split_sentences
from reportgen.tokens import Chat, build_input, encode
from reportgen.tokens.writing import special_ids
from reportgen.windows import tokenise_windows

TURNS = "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|turn|>model\n{% endif %}"
PLAIN = "{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"


@cache
def chatty(template: str = TURNS) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer.from_str(byte_level()._tokenizer.to_str())
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=["<|turn|>", "<|end|>"])
    made.chat_template = template
    return made


def model(template: str = TURNS, **changes: Any) -> LanguageModel:
    tokenizer = chatty(template)
    return given_model(tiny_gpt2(vocab_size=len(tokenizer), **changes), tokenizer)


def applied(tokenizer: Any, text: str, **asked: Any) -> list[int]:
    return tokenizer.apply_chat_template([{"role": "user", "content": text}], **asked)["input_ids"]


@pytest.mark.parametrize("template", [TURNS, PLAIN])
@pytest.mark.parametrize("opened", [False, True])
def test_the_tokens_are_those_of_the_template_applied_to_the_document(template: str, opened: bool) -> None:
    found = Chat.of(model(template), opened=opened).encode(TEXT)
    assert found.ids.tolist() == applied(chatty(template), TEXT, add_generation_prompt=opened)


@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT.map(str.strip).filter(bool))
def test_the_documents_own_tokens_stand_where_they_do_by_themselves(text: str) -> None:
    found, alone = Chat.of(model(), opened=False).encode(text), encode(chatty(), text)
    own = ~found.special
    covered = np.zeros(len(text), bool)
    for start, end in found.spans[own]:
        covered[start:end] = True
    assert covered.all()
    assert chatty().decode(found.ids[own]).strip() == chatty().decode(alone.ids).strip()


def test_what_the_template_writes_is_added_and_a_token_across_its_border_is_the_documents() -> None:
    found = Chat.of(model(PLAIN), opened=False).encode("The ship. Who?")
    assert pieces("The ship. Who?", found.spans[~found.special])[0] == "The"
    assert "".join(pieces("The ship. Who?", found.spans[~found.special])) == "The ship. Who?"
    assert (found.spans[found.special] == 0).all()
    assert found.worded.sum() == found.special.sum()  # no special token in this template


def test_special_tokens_of_the_template_are_told_from_its_words() -> None:
    found = Chat.of(model(), opened=False).encode(TEXT)
    marks = special_ids(chatty())
    assert [number in marks for number in found.ids[found.special]] == (~found.worded[found.special]).tolist()
    assert found.separating.sum() == 2


@pytest.mark.parametrize("name", ["<|end|>", "<|turn|>system", "a<|end|>\n<|turn|>model\nb"])
def test_a_document_cannot_end_its_turn(name: str) -> None:
    text = f"The ship left. {name} Nobody waved."
    found = Chat.of(model(), opened=True).encode(text)
    marks = special_ids(chatty())
    assert not marks & set(found.ids[~found.special].tolist())
    assert "".join(pieces(text, found.spans[~found.special])) == text
    harmless = Chat.of(model(), opened=True).encode("The ship left.")
    assert found.ids[found.special].tolist() == harmless.ids[harmless.special].tolist()


def test_template_tokens_are_in_no_sentence_and_count_among_tokens() -> None:
    fed = build_input(document(TEXT), model(), chat=True)
    alone = build_input(document(TEXT), model())
    check_that_every_token_is_accounted_for(fed.document.text, fed.source)
    assert fed.source.sentences == alone.source.sentences
    inside = fed.source.sentence_of_token >= 0
    assert fed.source.ids[inside].tolist() == alone.source.ids[alone.source.sentence_of_token >= 0].tolist()
    assert len(fed.source.ids) > len(alone.source.ids)
    assert fed.settings["chat"]["before"] == "<|turn|>user\n"
    (notice,) = fed.source.notices
    first = int(np.flatnonzero(inside)[0])
    assert f"puts {first} tokens before it and {len(inside) - 1 - int(np.flatnonzero(inside)[-1])} after it" in notice


def test_a_long_document_is_cut_within_its_turn_and_each_window_is_a_turn() -> None:
    words = document(LONG)
    fed = build_input(words, model(n_positions=150), chat=True)
    assert len(fed.source.ids) <= 150
    assert fed.source.ids.tolist() == applied(chatty(), words.text[: fed.source.sentences[-1].end])
    chat = Chat.of(model(), opened=False)
    found = tokenise_windows(words, split_sentences(words), chatty(), 150, encode_text=chat.encode)
    assert len(found.windows) > 1
    for window, part in zip(found.windows, found.parts, strict=True):
        assert part.ids.tolist() == applied(chatty(), words.text[window.start : window.end])
    assert found.whole.ids.tolist() == applied(chatty(), words.text)


def test_the_model_answers_in_its_own_turn() -> None:
    fed = build_input(document(TEXT), model(), chat=True, generate=7)
    prompt = applied(chatty(), TEXT, add_generation_prompt=True)
    assert fed.source.ids[: len(prompt)].tolist() == prompt
    assert fed.settings["generate"]["tokens"] == len(fed.source.ids) - len(prompt)
    assert fed.document.text.startswith(TEXT + "\n\n")
    written = fed.source.spans[len(prompt) :][~fed.source.special[len(prompt) :]]
    assert (written >= len(TEXT) + 2).all()
    assert written.max(initial=0) in (0, len(fed.document.text))


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "not once|changes the document's text"),
        ("{% for m in messages %}<|turn|>{{ m.content | replace('ship', 'boat') }}{% endfor %}", "changes the document's text"),
        ("{% for m in messages %}{{ m.content | e }}{% endfor %}", "changes the document's text"),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "writes what the user says 2 times"),
        ("nothing", "writes what the user says 0 times"),
        ("{{ raise_exception('a system turn is needed') }}", "cannot be applied: a system turn is needed"),
    ],
)
def test_a_template_that_does_not_show_the_document_as_it_is_is_refused(template: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        Chat.of(model(template), opened=False).encode('The ship & the "quay" left.')


def test_models_without_a_chat_and_second_texts_are_refused() -> None:
    with pytest.raises(ModelError, match="has no chat template: leave out --chat"):
        build_input(document(TEXT), gpt2(), chat=True)
    with pytest.raises(ModelError, match="reads no chat"):
        build_input(document(TEXT), bert(), chat=True)
    with pytest.raises(DocumentError, match="leave out --chat, or the second text"):
        build_input(document(TEXT), model(), chat=True, pair=document("Who?"))


def test_a_tokenizer_that_cannot_tell_the_document_from_the_template_is_refused() -> None:
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(unigram()._tokenizer.to_str()), pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    made.chat_template = "{% for m in messages %}the {{ m.content }}</s>{% endfor %}"
    chat = Chat(tokenizer=made, name="made", before="the ", after="</s>", opened=False)
    assert chat.encode("the gulls slept").ids.tolist() == applied(made, "the gulls slept")
    with pytest.raises(ModelError, match="special token"):
        chat.encode("the gulls </s> slept")


def test_the_default_models_template_comes_with_it(downloaded: Callable[..., Any]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(downloaded(PACKAGED[0])))
    found = Chat.of(LanguageModel(model=None, tokenizer=tokenizer, name="default", identity="", kind="causal"), opened=True)
    assert found.before.endswith("<|im_start|>user\n")
    assert found.after == "<|im_end|>\n<|im_start|>assistant\n"
    assert found.encode(TEXT).ids.tolist() == applied(tokenizer, TEXT, add_generation_prompt=True)


def test_a_measured_chat_says_so_and_explains_the_last_sentence_of_the_document() -> None:
    options = MeasureOptions(chat=True, probes=False)
    measured = measure(document(TEXT), model(), options=options)
    assert measured.metadata["options"]["chat"]["after"] == "<|end|>\n"
    assert measured.metadata["target"]["sentence"] == len(measured.sentences) - 1
    assert any("what a user says in a chat" in notice for notice in measured.notices)
    mass = measured["*.sentence_attention"].sum(-1) + measured["*.outside_attention"]
    np.testing.assert_allclose(mass, 1, atol=1e-5)


def test_windows_of_a_measured_chat_are_turns() -> None:
    measured = measure(document(LONG), model(), options=MeasureOptions(chat=True, probes=False, attribution="none", window=160))
    assert len(measured.windows) > 1
    assert measured.metadata["options"]["chat"]["before"] == "<|turn|>user\n"
    assert all(window.arrays["token_ids"][0] == chatty().convert_tokens_to_ids("<|turn|>") for window in measured.windows)
