"""The tokens of each window are the tokenizer's own for its text, and together they are the document's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level, word_piece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from reportgen.documents import Document, document_from_text
from reportgen.errors import DocumentError
from reportgen.sentences import Sentence, split_sentences
from reportgen.tokens import align_tokens
from reportgen.windows import WindowedText, tokenise_windows

TEXT = "\n\n".join(
    " ".join(f"The harbour number {index} – 字 – slept at dawn{' and ' * (index % 3)}." for index in range(start, start + 5)) for start in (1, 6, 11, 16)
)
TOKENIZERS = {"byte-level": byte_level(), "word pieces": word_piece()}


def cutter(pattern: str) -> PreTrainedTokenizerFast:
    """A token for every match of the pattern, whatever borders it crosses."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


def read(tokenizer: Any, limit: int | None = 97, text: str = TEXT, **asked: Any) -> tuple[Document, WindowedText]:
    document = document_from_text(text)
    return document, tokenise_windows(document, split_sentences(document), tokenizer, limit, **asked)


def check(document: Document, found: WindowedText, tokenizer: Any, size: int) -> None:
    """What holds of any document in windows."""
    assert found.windows[-1].last == len(found.whole.sentences)
    for window, part, places, counted in zip(found.windows, found.parts, found.places, found.counted, strict=True):
        text = document.text[window.start : window.end]
        encoded = tokenizer(text, return_offsets_mapping=True)
        assert part.ids.tolist() == encoded["input_ids"]
        assert len(part.ids) <= size
        assert [document.text[start:end] for start, end in part.spans[~part.special]] == [
            text[start:end] for (start, end), added in zip(encoded["offset_mapping"], part.special, strict=True) if not added
        ]
        assert set(part.sentence_of_token.tolist()) - {-1} == set(range(window.last - window.first))
        own = part.sentence_of_token >= window.own - window.first
        assert counted[own].all()
        assert not counted[(part.sentence_of_token >= 0) & ~own].any()
        np.testing.assert_array_equal(found.whole.ids[places[counted]], part.ids[counted])
        np.testing.assert_array_equal(found.whole.spans[places[counted]], part.spans[counted])
        inside = part.sentence_of_token >= 0
        np.testing.assert_array_equal(found.whole.sentence_of_token[places[inside]], part.sentence_of_token[inside] + window.first)
        assert (np.diff(places) >= 0).all()
    taken = np.concatenate([places[counted] for places, counted in zip(found.places, found.counted, strict=True)])
    np.testing.assert_array_equal(taken, np.arange(len(found.whole.ids)))


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("limit", [40, 97, 211])
def test_windows_hold_the_tokenizers_own_tokens_and_each_of_the_documents_is_counted_once(name: str, limit: int) -> None:
    document, found = read(TOKENIZERS[name], limit)
    assert len(found.windows) > 1
    check(document, found, TOKENIZERS[name], limit)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_documents_tokens_are_those_of_the_text_read_at_once(name: str) -> None:
    document, found = read(TOKENIZERS[name])
    whole = align_tokens(document, split_sentences(document), TOKENIZERS[name], None)
    np.testing.assert_array_equal(found.whole.ids, whole.ids)
    np.testing.assert_array_equal(found.whole.spans, whole.spans)
    np.testing.assert_array_equal(found.whole.sentence_of_token, whole.sentence_of_token)
    np.testing.assert_array_equal(found.whole.special, whole.special)
    np.testing.assert_array_equal(found.whole.delimiter, whole.delimiter)
    assert found.whole.sentences == whole.sentences


def test_special_tokens_of_every_window_stand_for_the_documents_two() -> None:
    _, found = read(TOKENIZERS["word pieces"])
    assert np.flatnonzero(found.whole.special).tolist() == [0, len(found.whole.ids) - 1]
    for part, places in zip(found.parts, found.places, strict=True):
        assert part.special[[0, -1]].all()
        assert places[[0, -1]].tolist() == [0, len(found.whole.ids) - 1]


@pytest.mark.parametrize("limit", [None, 10_000])
def test_a_document_that_fits_is_one_window_without_a_word_about_windows(limit: int | None) -> None:
    document, found = read(TOKENIZERS["word pieces"], limit)
    (window,) = found.windows
    assert (window.first, window.last, window.own) == (0, len(found.whole.sentences), 0)
    assert found.parts == (found.whole,)
    assert found.metadata == []
    assert found.whole.notices == ()
    assert found.counted[0].all()
    assert found.places[0].tolist() == list(range(len(found.whole.ids)))
    whole = align_tokens(document, split_sentences(document), TOKENIZERS["word pieces"], limit)
    np.testing.assert_array_equal(found.whole.ids, whole.ids)


def test_a_limit_that_just_fits_makes_one_window_and_one_less_makes_two() -> None:
    tokens = len(TOKENIZERS["byte-level"](document_from_text(TEXT).text)["input_ids"])
    assert len(read(TOKENIZERS["byte-level"], tokens)[1].windows) == 1
    assert len(read(TOKENIZERS["byte-level"], tokens - 1)[1].windows) == 2


def test_the_notice_and_the_metadata_have_the_figures() -> None:
    _, found = read(TOKENIZERS["byte-level"], 97)
    (notice,) = found.whole.notices
    least = min(
        int(np.flatnonzero(part.sentence_of_token == window.own - window.first)[0]) for window, part in zip(found.windows[1:], found.parts[1:], strict=True)
    )
    assert [int(number) for number in re.findall(r"\d+", notice)] == [97, len(found.windows), least]
    assert len(found.metadata) == len(found.windows)
    assert found.metadata[1] == {
        "sentences": [found.windows[1].first, found.windows[1].last],
        "own": found.windows[0].last,
        "characters": [found.windows[1].start, found.windows[1].end],
        "tokens": len(found.parts[1].ids),
    }


def test_a_window_that_cuts_its_first_word_otherwise_still_fits_and_its_tokens_find_their_place() -> None:
    # Inside the document " Two" is one token; at the start of a window "Two" makes three.
    tokenizer = cutter(r" \w+|\w|[.]| ")
    document, found = read(tokenizer, 12, "One two three four. Two five six seven. Three eight nine ten. Four eleven.")
    check_places = [
        document.text[slice(*found.whole.spans[place])] for places, part in zip(found.places, found.parts, strict=True) for place in places[~part.special]
    ]
    own = [document.text[slice(*span)] for part in found.parts for span in part.spans[~part.special]]
    assert all(len(part.ids) <= 12 for part in found.parts)
    assert len(found.windows) > 1
    assert any(token != whole for token, whole in zip(own, check_places, strict=True))
    assert all(token in whole or whole in token for token, whole in zip(own, check_places, strict=True))
    taken = np.concatenate([places[counted] for places, counted in zip(found.places, found.counted, strict=True)])
    np.testing.assert_array_equal(taken, np.arange(len(found.whole.ids)))


def test_a_sentence_that_some_window_has_no_token_for_is_left_out_of_all_with_one_notice() -> None:
    parts = ["One two", "a", "Three six", "b", "Four five"]
    text, sentences = "", []
    for part in parts:
        sentences.append(Sentence(start=len(text), end=len(text) + len(part), block=0))
        text += part
    document = Document(title="Made up", text=text, source="made-up.txt", blocks=(), sha256="")
    found = tokenise_windows(document, sentences, cutter(r"One|twoa|Three|six|b?Four|five| "), 6)
    assert found.whole.sentences == (sentences[0], sentences[2], sentences[4])
    assert len(found.windows) > 1
    unread, _ = found.whole.notices
    assert unread.startswith("2 sentences left out")


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1, 300), stride=st.integers(1, 200), name=st.sampled_from(sorted(TOKENIZERS)))
def test_at_any_limit_all_is_read_or_the_document_is_refused(limit: int, stride: int, name: str) -> None:
    try:
        document, found = read(TOKENIZERS[name], limit, stride=stride)
    except DocumentError as error:
        assert "tokens" in str(error)
        assert limit < 40 or stride >= limit
        return
    check(document, found, TOKENIZERS[name], limit)
    assert found.whole.sentences == split_sentences(document)


# Refusals


def test_a_window_larger_than_the_model_is_refused() -> None:
    with pytest.raises(DocumentError, match="A window of 98 tokens is larger than the model, which reads 97 at most"):
        read(TOKENIZERS["byte-level"], 97, size=98)


@pytest.mark.parametrize("stride", [0, 97, 500])
def test_a_stride_that_leaves_no_overlap_is_refused(stride: int) -> None:
    with pytest.raises(DocumentError, match=f"start {stride} tokens apart do not overlap; the stride lies between 1 and 96"):
        read(TOKENIZERS["byte-level"], 97, stride=stride)


def test_a_single_sentence_is_refused() -> None:
    with pytest.raises(DocumentError, match="has 1 sentence"):
        read(TOKENIZERS["byte-level"], 97, "Only one.")
