"""Which sentence each token lies in, against a slow walk over single characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level, word_piece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from reportgen.documents import Document, document_from_text
from reportgen.errors import DocumentError
from reportgen.sentences import Sentence, split_sentences
from reportgen.tokens import TokenisedText, align_tokens

TEXT = "The ship left.  Nobody waved!\n\nBy noon, the harbour slept. So be it."


def cutter(pattern: str) -> PreTrainedTokenizerFast:
    """A token for every match of the pattern, whatever borders it crosses."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


BYTE_LEVEL, WORD_PIECE = byte_level(), word_piece()
TOKENIZERS = {"byte-level": BYTE_LEVEL, "word pieces": WORD_PIECE} | {f"pieces of {n}": cutter(rf"[\s\S]{{1,{n}}}") for n in (1, 2, 3, 5)}


def of_sentences(parts: Sequence[str], gaps: Sequence[str]) -> tuple[Document, tuple[Sentence, ...]]:
    """A document of these sentences with these gaps after them."""
    text, sentences = "", []
    for index, (part, gap) in enumerate(zip(parts, gaps, strict=True)):
        sentences.append(Sentence(start=len(text), end=len(text) + len(part), block=index))
        text += part + gap
    return Document(title="Made up", text=text, source="made-up.txt", blocks=(), sha256=""), tuple(sentences)


def owner_by_loops(text: str, sentences: Sequence[Sentence], start: int, end: int) -> int:
    """Walk over a token's characters and count, for each sentence, those that can be seen; if none can, all."""
    for counts_as_seen in (lambda character: not character.isspace(), lambda character: True):
        counts = [0] * len(sentences)
        seen = False
        for place in range(start, end):
            if counts_as_seen(text[place]):
                seen = True
                for index, sentence in enumerate(sentences):
                    if sentence.start <= place < sentence.end:
                        counts[index] += 1
        if seen:
            return counts.index(max(counts)) if any(counts) else -1
    return -1


def encoding(tokenizer: Any, text: str) -> Any:
    return tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)


def owners_by_loops(tokenizer: Any, text: str, sentences: Sequence[Sentence]) -> list[int]:
    found = encoding(tokenizer, text)
    return [
        -1 if special else owner_by_loops(text, sentences, start, end)
        for (start, end), special in zip(found["offset_mapping"], found["special_tokens_mask"], strict=True)
    ]


SEEN = st.sampled_from([*"ab.,é字😀", "a b", "a\u00a0b", "a\nb"])
PARTS = st.lists(st.lists(SEEN, min_size=1, max_size=6).map("".join), min_size=2, max_size=7)
GAPS = st.lists(st.sampled_from(["", " ", "  ", "\n\n", " \t\n"]), min_size=7, max_size=7)


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=60, deadline=None)
@given(parts=PARTS, gaps=GAPS)
def test_every_token_lies_where_a_walk_over_its_characters_puts_it(name: str, parts: list[str], gaps: list[str]) -> None:
    document, sentences = of_sentences(parts, gaps[: len(parts)])
    expected = owners_by_loops(TOKENIZERS[name], document.text, sentences)
    listed = sorted(set(expected) - {-1})
    if len(listed) < 2:
        with pytest.raises(DocumentError):
            align_tokens(document, sentences, TOKENIZERS[name], None)
        return
    found = align_tokens(document, sentences, TOKENIZERS[name], None)
    assert found.sentences == tuple(sentences[index] for index in listed)
    assert len(found.notices) == (len(listed) < len(sentences))
    assert found.sentence_of_token.tolist() == owners_by_loops(TOKENIZERS[name], document.text, found.sentences)
    assert found.sentence_of_token.tolist() == [listed.index(owner) if owner >= 0 else -1 for owner in expected]


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, WORD_PIECE], ids=["byte-level", "word pieces"])
def test_ids_and_spans_are_the_tokenizers_own(tokenizer: Any) -> None:
    document = document_from_text(TEXT)
    found = align_tokens(document, split_sentences(document), tokenizer, None)
    expected = encoding(tokenizer, document.text)
    assert found.ids.tolist() == expected["input_ids"]
    assert found.spans.tolist() == [list(span) for span in expected["offset_mapping"]]
    assert found.special.tolist() == [bool(special) for special in expected["special_tokens_mask"]]
    assert found.notices == ()
    assert {array.dtype for array in (found.ids, found.spans, found.sentence_of_token)} == {np.dtype(np.int32)}


def test_special_tokens_lie_in_no_sentence_and_are_delimiters() -> None:
    document = document_from_text(TEXT)
    found = align_tokens(document, split_sentences(document), WORD_PIECE, None)
    assert found.sentence_of_token[[0, -1]].tolist() == [-1, -1]
    assert np.flatnonzero(found.special).tolist() == [0, len(found.ids) - 1]
    assert found.delimiter[[0, -1]].all()
    assert (found.sentence_of_token[1:-1] >= 0).all()


def aligned(parts: Sequence[str], gaps: Sequence[str], pattern: str) -> tuple[list[str], list[int]]:
    """The tokens' texts and sentences."""
    document, sentences = of_sentences(parts, gaps)
    found = align_tokens(document, sentences, cutter(pattern), None)
    return [document.text[start:end] for start, end in found.spans], found.sentence_of_token.tolist()


def test_a_token_across_a_border_goes_to_the_sentence_that_has_more_of_it() -> None:
    tokens, owners = aligned(["One a.", "Two b.", "End c."], [" ", " ", ""], r"a\. Tw|b\. E|[A-Za-z]+| |.")
    assert owners[tokens.index("b. E")] == 1
    assert owners[tokens.index("a. Tw")] == 0
    assert [owner for token, owner in zip(tokens, owners, strict=True) if token in ("One", "o", "nd")] == [0, 1, 2]


def test_white_space_of_a_token_does_not_count() -> None:
    tokens, owners = aligned(["One a.", "Two."], ["     ", ""], r"\.     Tw|[A-Za-z]+| |.")
    assert owners[tokens.index(".     Tw")] == 1


def test_white_space_alone_lies_in_its_sentence_or_between_two_in_none() -> None:
    tokens, owners = aligned(["One  two.", "Three four."], ["\n\n", "  "], r"\s+|\S+")
    assert tokens == ["One", "  ", "two.", "\n\n", "Three", " ", "four.", "  "]
    assert owners == [0, 0, 0, -1, 1, 1, 1, -1]


def test_a_sentence_without_a_token_of_its_own_is_not_listed_and_a_notice_says_so() -> None:
    document, sentences = of_sentences(["One two", "a", "Three", "b", "Four"], ["", "", " ", "", ""])
    found = align_tokens(document, sentences, cutter(r"One|twoa|Three|bFour| "), None)
    assert found.sentences == (sentences[0], sentences[2], sentences[4])
    assert found.sentence_of_token.tolist() == [0, 0, 0, 1, -1, 2]
    (notice,) = found.notices
    assert notice.startswith("2 sentences left out")
    assert "'a'" in notice


def test_too_few_sentences_with_tokens_are_refused() -> None:
    document, sentences = of_sentences(["One", "a"], ["", ""])
    with pytest.raises(DocumentError, match="Only 1 sentence of made-up.txt"):
        align_tokens(document, sentences, cutter(r"[\s\S]+"), None)


@pytest.mark.parametrize(
    ("token", "delimits"),
    [
        (".", True),
        ("...", True),
        (" ,", True),
        ("—", True),
        ("»", True),
        ("$", True),
        ("「", True),
        ("a.", False),
        ("7", False),
        ("字", False),
        ("\u093f", False),
        ("😀", False),
    ],
)
def test_only_punctuation_delimits(token: str, delimits: bool) -> None:
    document, sentences = of_sentences([f"One|{token}|two", "End"], ["|", ""])
    found = align_tokens(document, sentences, cutter(r"[^|]+|\|"), None)
    tokens = [document.text[start:end] for start, end in found.spans]
    assert found.delimiter[tokens.index(token)] == delimits
    assert found.delimiter[tokens.index("|")]
    assert not found.delimiter[tokens.index("One")]


def test_white_space_is_no_delimiter() -> None:
    document, sentences = of_sentences(["One", "two"], ["\n\n", ""])
    assert not align_tokens(document, sentences, cutter(r"\s+|\S+"), None).delimiter.any()


# Longer than the model

LONG = " ".join(f"The harbour number {index} slept at dawn{' and ' * (index % 3)}." for index in range(1, 30))


def cut(tokenizer: Any, limit: int) -> tuple[Document, tuple[Sentence, ...], TokenisedText]:
    document = document_from_text(LONG)
    sentences = split_sentences(document)
    return document, sentences, align_tokens(document, sentences, tokenizer, limit)


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, WORD_PIECE], ids=["byte-level", "word pieces"])
@pytest.mark.parametrize("limit", [40, 97, 211])
def test_a_document_longer_than_the_model_is_cut_after_as_many_whole_sentences_as_fit(tokenizer: Any, limit: int) -> None:
    document, sentences, found = cut(tokenizer, limit)
    kept = len(found.sentences)
    assert 2 <= kept < len(sentences) == 29
    assert found.sentences == sentences[:kept]
    assert found.ids.tolist() == encoding(tokenizer, document.text[: sentences[kept - 1].end])["input_ids"]
    assert len(found.ids) <= limit
    assert len(encoding(tokenizer, document.text[: sentences[kept].end])["input_ids"]) > limit
    assert set(found.sentence_of_token.tolist()) - {-1} == set(range(kept))


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, WORD_PIECE], ids=["byte-level", "word pieces"])
def test_the_notice_of_a_cut_has_the_right_numbers(tokenizer: Any) -> None:
    document, _, found = cut(tokenizer, 97)
    (notice,) = found.notices
    total = len(encoding(tokenizer, document.text)["input_ids"])
    assert [int(number) for number in re.findall(r"\d+", notice)] == [total, len(found.ids), len(found.sentences), 29, 97]
    assert "longer than the model" in notice
    assert "not seen" in notice


def test_a_limit_that_just_fits_cuts_nothing_and_one_less_does() -> None:
    document = document_from_text(LONG)
    whole = len(encoding(WORD_PIECE, document.text)["input_ids"])
    _, sentences, found = cut(WORD_PIECE, whole)
    assert found.sentences == sentences
    assert found.notices == ()
    _, _, shorter = cut(WORD_PIECE, whole - 1)
    assert shorter.sentences == sentences[:-1]


def test_no_limit_cuts_nothing() -> None:
    document = document_from_text(LONG)
    assert len(align_tokens(document, split_sentences(document), BYTE_LEVEL, None).sentences) == 29


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1, 400))
def test_at_any_limit_whole_sentences_fit_or_the_document_is_refused(limit: int) -> None:
    try:
        _, sentences, found = cut(WORD_PIECE, limit)
    except DocumentError as error:
        assert str(limit) in str(error)
        assert limit < 60
        return
    assert len(found.ids) <= limit
    assert found.sentences == sentences[: len(found.sentences)]


# Refusals


@pytest.mark.parametrize("sentences", [0, 1])
def test_fewer_than_two_sentences_are_refused(sentences: int) -> None:
    document = document_from_text("Only one sentence.")
    with pytest.raises(DocumentError, match=rf"a string has {sentences} sentence.*needs at least two"):
        align_tokens(document, split_sentences(document)[:sentences], BYTE_LEVEL, None)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_model_too_short_for_two_sentences_is_refused_with_the_limit(limit: int) -> None:
    document = document_from_text(TEXT)
    with pytest.raises(DocumentError, match=f"reads {limit} tokens at most, and fewer than two sentences of a string fit"):
        align_tokens(document, split_sentences(document), WORD_PIECE, limit)


def test_a_tokenizer_that_does_not_tell_characters_is_asked_what_its_tokens_write() -> None:
    document = document_from_text(TEXT)
    found = align_tokens(document, split_sentences(document), ByT5Tokenizer(), None)
    assert [document.text[start:end] for start, end in found.spans[:-1]] == list(document.text)
    assert found.sentence_of_token.tolist() == [owner_by_loops(document.text, found.sentences, place, place + 1) for place in range(len(document.text))] + [-1]
    (notice,) = found.notices
    assert "does not tell which characters" in notice
