"""The tokens of any text under tokenizers of every kind: where they stand by the tokenizer's own account and by what they write, and whose they are."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tiny_folders import CORPUS, byte_level, unigram, word_piece
from tokens.test_alignment import owner_by_loops
from tokens.texts import ANY_TEXT, FAST, slow_bytes, slow_pieces
from transformers import AutoTokenizer

from reportgen.errors import ModelError
from reportgen.models.packaged import PACKAGED
from reportgen.sentences import Sentence
from reportgen.tokens import encode, owners_of_tokens
from reportgen.tokens.encoding import Encoding
from reportgen.tokens.finding import Letters, find_spans
from reportgen.tokens.writing import special_ids

BORDERS = st.lists(st.integers(0, 200), max_size=8)


def parts(text: str, borders: Sequence[int]) -> list[Sentence]:
    """The text cut at these places, without the blanks at the ends of each part."""
    edges = sorted({0, len(text), *(border for border in borders if border < len(text))})
    found = [(start + len(text[start:end]) - len(text[start:end].lstrip()), start + len(text[start:end].rstrip())) for start, end in itertools.pairwise(edges)]
    return [Sentence(start=start, end=end, block=0) for start, end in found if start < end]


def encoded(tokenizer: Any, text: str) -> Encoding:
    """What we make of the text; texts that the tokenizer makes special tokens of are refused, and there are others."""
    try:
        return encode(tokenizer, text)
    except ModelError as error:
        assert "special token" in str(error)
        assume(False)
        raise


def check(tokenizer: Any, text: str, borders: Sequence[int]) -> Encoding:
    """The tokenizer's own tokens, none lost; spans in the text; owners by a walk over characters; no special token out of the text."""
    found, sentences = encoded(tokenizer, text), parts(text, borders)
    assert found.ids.tolist() == tokenizer(text, split_special_tokens=True)["input_ids"]
    assert len(found.ids) == len(found.spans) == len(found.special)
    assert ((found.spans >= 0) & (found.spans <= len(text))).all()
    assert (found.spans[:, 0] <= found.spans[:, 1]).all()
    assert not special_ids(tokenizer) - {tokenizer.unk_token_id} & set(found.ids[~found.special].tolist())
    owners = owners_of_tokens(text, sentences, found.spans, found.special)
    assert owners.tolist() == [-1 if added else owner_by_loops(text, sentences, *span) for span, added in zip(found.spans.tolist(), found.special, strict=True)]
    return found


@pytest.mark.parametrize("name", FAST)
@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT, borders=BORDERS)
@example(text="e\u0301[SEP]  👩‍👩‍👧\u200b字", borders=[2])
def test_every_token_of_a_fast_tokenizer_is_accounted_for(name: str, text: str, borders: list[int]) -> None:
    tokenizer = FAST[name]()
    found = check(tokenizer, text, borders)
    own = found.ids[~found.special]
    check_letters(tokenizer, text, found) if tokenizer.unk_token_id not in own else None


def check_letters(tokenizer: Any, text: str, found: Encoding) -> None:
    """Where nothing is unknown, every letter of the text is in some token's span, but for the mark of a lost character, which normalisers drop."""
    covered = np.zeros(len(text), bool)
    for start, end in found.spans:
        covered[start:end] = True
    assert all(covered[place] for place in Letters.of(text).places if text[place] != "\ufffd")


@cache
def packaged(name: str) -> Any:
    return AutoTokenizer.from_pretrained(name)


@pytest.mark.parametrize("model", PACKAGED[:3], ids=lambda model: model.name)
@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT, borders=BORDERS)
@example(text=" ½", borders=[])
@example(text="0\u200d\u202bab\u202c", borders=[1])
@example(text="İthe\ufffdthe", borders=[])
@example(text="Ae\u0301", borders=[1])
def test_every_token_of_the_packaged_models_is_accounted_for(downloaded: Callable[..., Any], model: Any, text: str, borders: list[int]) -> None:
    tokenizer = packaged(str(downloaded(model)))
    found = check(tokenizer, text, borders)
    if tokenizer.unk_token_id not in found.ids:
        assert owners_differ(tokenizer, text, borders, found) == []


def without_marks(text: str, spans: np.ndarray) -> np.ndarray:
    """The spans up to their last character that is no mark on a letter: normalisers drop marks, and a token is said to end before or after them."""
    letters = [[place for place in range(start, end) if unicodedata.category(text[place])[0] != "M"] for start, end in spans.tolist()]
    return np.array([[start, places[-1] + 1 if places else end] for (start, end), places in zip(spans.tolist(), letters, strict=True)], int).reshape(-1, 2)


def owners_differ(tokenizer: Any, text: str, borders: Sequence[int], found: Encoding) -> list[tuple[int, int, int]]:
    """Tokens that write letters whose sentence by what they write is another than by the tokenizer's own account."""
    own, sentences = np.flatnonzero(~found.special), parts(text, borders)
    none = np.zeros(len(own), bool)
    theirs, ours = (
        owners_of_tokens(text, sentences, without_marks(text, spans), none) for spans in (found.spans[own], find_spans(tokenizer, found.ids[own], text).spans)
    )
    blank = tokenizer.convert_tokens_to_ids("▁")  # at the start of a word it stands for what the word does, and writes nothing
    visible = [number != blank and bool(Letters.of(text[start:end]).keys) for number, (start, end) in zip(found.ids[own], found.spans[own], strict=True)]
    return [(token, int(one), int(other)) for token, (one, other, seen) in enumerate(zip(theirs, ours, visible, strict=True)) if seen and one != other]


@pytest.mark.parametrize("name", ["byte-level", "decomposing pieces", "unigram"])
@settings(max_examples=60, deadline=None)
@given(data=st.data(), borders=BORDERS)
def test_what_tokens_write_puts_them_in_the_sentence_that_their_characters_are_in(name: str, data: st.DataObject, borders: list[int]) -> None:
    tokenizer = FAST[name]()
    text = data.draw(ANY_TEXT if name == "byte-level" else st.text(alphabet=sorted({*"".join(CORPUS), "\n"}), min_size=1, max_size=40))
    found = encoded(tokenizer, text)
    assert owners_differ(tokenizer, text, borders, found) == []


@pytest.mark.parametrize("text", ["\n;", "\n;\n;", "a\n;"])
def test_an_unknown_blank_takes_no_letter_from_what_follows(text: str) -> None:
    assert owners_differ(unigram(), text, [], encoded(unigram(), text)) == []


@settings(max_examples=80, deadline=None)
@given(text=ANY_TEXT)
def test_bytes_stand_for_their_characters(text: str) -> None:
    found = encoded(slow_bytes(), text)
    expected = [(place, place + 1) for place, character in enumerate(text) for _ in character.encode("utf-8")]
    assert [tuple(span) for span in found.spans[~found.special].tolist()] == expected


def test_word_pieces_in_python_stand_where_the_fast_ones_do(tmp_path: Any) -> None:
    text = "The SHIP léft the harbour;  nobody zörked on the quay. Who?\n\nBy nöon  the gulls: 字 slept."
    slow_one, fast = slow_pieces(tmp_path), encode(word_piece(), text)
    found = encode(slow_one, text)
    pieces = [text[start:end] for start, end in found.spans[~found.special]]
    assert pieces == [text[start:end] for start, end in fast.spans[~fast.special]]
    (notice,) = found.notices
    assert "does not tell which characters" in notice
    assert fast.notices == ()


def test_unknown_words_share_what_stands_between_their_neighbours_and_a_notice_counts_them(tmp_path: Any) -> None:
    tokenizer = slow_pieces(tmp_path)
    found = encode(tokenizer, "the gulls 😀x😀-😀 slept")
    pieces = ["the gulls 😀x😀-😀 slept"[start:end] for start, end in found.spans[~found.special]]
    unknown = [piece for piece, number in zip(pieces, found.ids[~found.special], strict=True) if number == tokenizer.unk_token_id]
    assert "".join(dict.fromkeys(unknown)) in ("😀x😀-😀", "😀x😀😀")
    assert pieces[:2] == ["the", "gulls"]


def test_two_texts_of_a_tokenizer_without_offsets_stand_one_after_the_other() -> None:
    found = encode(slow_bytes(), "The ship.", "Who?")
    assert found.spans[~found.special].tolist() == [[place, place + 1] for place in [*range(9), *range(11, 15)]]


class Scrambling:
    """A tokenizer without offsets whose tokens write other letters than the text has."""

    is_fast, unk_token_id, all_special_ids = False, None, ()

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [ord(character) + 7 for character in text], "special_tokens_mask": [0] * len(text)}

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(map(chr, ids))

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return list(map(chr, ids))


def test_tokens_that_are_not_found_in_the_text_are_refused() -> None:
    with pytest.raises(ModelError, match=r"only \d+ of \d+ tokens are found in the text.*a fast tokenizer is needed"):
        encode(Scrambling(), "The ship left. Nobody waved.")


# Names of special tokens in a document are words


@pytest.mark.parametrize("text", ["The ship <|im_end|> left.", "The <|im_start|>system left.", "<|endoftext|> The ship."])
def test_the_default_models_special_tokens_are_words_in_a_document(downloaded: Callable[..., Any], text: str) -> None:
    tokenizer = packaged(str(downloaded(PACKAGED[0])))
    found = encode(tokenizer, text)
    assert not special_ids(tokenizer) & set(found.ids.tolist())
    assert tokenizer.decode(found.ids) == text
    assert special_ids(tokenizer) & set(tokenizer(text)["input_ids"])  # as it is by itself


def test_a_separator_that_is_written_out_ends_no_text_of_an_encoder() -> None:
    found = encode(word_piece(), "the gulls [SEP] slept [CLS]")
    assert np.flatnonzero(np.isin(found.ids, [word_piece().sep_token_id, word_piece().cls_token_id])).tolist() == [0, len(found.ids) - 1]


@pytest.mark.parametrize(("tokenizer", "text", "place"), [(unigram, "The ship </s> left.", 9), (unigram, "A <pad>", 2)])
def test_a_tokenizer_that_cannot_tell_words_from_special_tokens_is_refused(tokenizer: Callable[[], Any], text: str, place: int) -> None:
    with pytest.raises(ModelError, match=rf"special token \S+ of .* at character {place} of the text"):
        encode(tokenizer(), text)


def test_a_tokenizer_in_python_that_keeps_special_tokens_is_refused(tmp_path: Any) -> None:
    with pytest.raises(ModelError, match=r"makes its special token \[SEP\] of '\[SEP\]' at character 10"):
        encode(slow_pieces(tmp_path), "the gulls [SEP] slept")


def test_byte_level_has_no_special_tokens_to_confuse() -> None:
    text = "The </s> ship"
    assert byte_level().decode(encode(byte_level(), text).ids) == text
