"""Very long sentences are split into pieces; no character is lost and no other sentence changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level, tiny_gpt2, unigram, word_piece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from reportgen.capture import MeasureOptions, measure
from reportgen.documents import Block, Document, document_from_text
from reportgen.sentences import Sentence, split_sentences
from reportgen.tokens import split_long
from reportgen.tokens.long_sentences import LEEWAY, LONGEST, SHARE

TOKENIZERS = {"byte-level": byte_level(), "word pieces": word_piece(), "unigram": unigram()}


def four_characters() -> PreTrainedTokenizerFast:
    """A token for every four characters of a word at most."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s?\w{1,4}|\S"), behavior="isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


def paragraph(text: str) -> Document:
    return Document(title="", text=text, source="a.txt", blocks=(Block(start=0, end=len(text), kind="paragraph"),), sha256="")


def in_pieces(text: str, limit: int | None = 64, tokenizer: str = "byte-level", **asked: int) -> tuple[list[str], tuple[str, ...]]:
    found, notices = split_long(paragraph(text), (Sentence(start=0, end=len(text), block=0),), TOKENIZERS[tokenizer], limit, **asked)
    return [text[one.start : one.end] for one in found], notices


def lengths(parts: list[str], tokenizer: str = "byte-level") -> list[int]:
    return [len(TOKENIZERS[tokenizer](part, add_special_tokens=False)["input_ids"]) for part in parts]


def test_what_is_short_enough_stays_as_it_is() -> None:
    document = document_from_text((Path(__file__).parents[2] / "samples" / "moby-dick-42.txt").read_text(encoding="utf-8"))
    sentences = split_sentences(document)
    assert split_long(document, sentences, four_characters(), None) == (sentences, ())


def test_pieces_end_at_line_breaks_first() -> None:
    lines = [f"row {index}, of {index}; it goes" for index in range(40)]
    parts, _ = in_pieces("\n".join(lines), limit=256)
    assert len(parts) > 2
    assert [line for part in parts for line in part.split("\n")] == lines


@pytest.mark.parametrize(("mark", "end"), [("; ", ";"), (", ", ","), (" ", "d")])
def test_without_line_breaks_they_end_at_semicolons_then_commas_then_words(mark: str, end: str) -> None:
    parts, _ = in_pieces(mark.join(["abcd"] * 60), limit=128)
    assert len(parts) > 1
    assert {part[-1] for part in parts[:-1]} == {end}


def test_a_run_without_blanks_is_cut_between_characters_and_marks_stay_with_their_letters() -> None:
    text = "e\u0301" * 200
    parts, _ = in_pieces(text)
    assert "".join(parts) == text
    assert all(part.startswith("e") for part in parts)


def test_the_notice_says_which_sentences_and_how_many_pieces() -> None:
    text = "One. A " + "word " * 150 + "end. Two."
    document = paragraph(text)
    found, (said,) = split_long(document, split_sentences(document), TOKENIZERS["byte-level"], 300)
    assert text[found[0].start : found[0].end] == "One."
    assert text[found[-1].start : found[-1].end] == "Two."
    assert said.startswith("One sentence is too long to be read as one (more than 1,024 tokens, or than the model reads at once)")
    assert said.endswith(f"the pieces are 2 to {len(found) - 1}.")


def test_a_limit_too_small_for_pieces_is_not_heeded() -> None:
    text = "word " * 40
    assert in_pieces(text.strip(), limit=31)[0] == [text.strip()]
    long = "word " * 400
    assert in_pieces(long.strip(), limit=31) == in_pieces(long.strip(), limit=None)
    assert 1 < len(in_pieces(long.strip(), limit=31)[0]) < 4


@given(
    st.text(alphabet="abc ,;\n.漢🎉\u0301\u200d", min_size=200, max_size=900).map(str.strip).filter(lambda text: len(text) > 150),
    st.sampled_from(sorted(TOKENIZERS)),
    st.sampled_from([64, 101, 256]),
)
@settings(max_examples=120, deadline=None)
def test_pieces_cover_the_sentence_in_order_and_are_about_equally_long(text: str, tokenizer: str, limit: int) -> None:
    found, _ = split_long(paragraph(text), (Sentence(start=0, end=len(text), block=0),), TOKENIZERS[tokenizer], limit)
    end = 0
    for piece in found:
        assert not text[end : piece.start].strip()
        assert piece.end > piece.start >= end
        end = piece.end
    assert not text[end:].strip()
    starts = [start for start, _ in TOKENIZERS[tokenizer](text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]]
    counts = [sum(piece.start <= start < piece.end for start in starts) for piece in found]
    assert max(counts) <= limit
    if len(found) > 1:
        assert max(counts) <= limit * SHARE * (1 + 2 * LEEWAY) + 4  # a character may have four tokens


def test_a_text_without_marks_is_measured_in_pieces_and_says_so() -> None:
    text = "The list. " + " ".join(f"https://example.org/{number}" for number in range(12))
    found = measure(document_from_text(text), tiny_gpt2(n_positions=97), byte_level(), options=MeasureOptions(attribution="none", probes=False))
    assert "".join("".join(found.sentences).split()) == "".join(text.split())
    assert found.notices[0].startswith("One sentence is too long")
    assert any("overlapping windows" in notice for notice in found.notices)
    together = np.argwhere(found["*.coverage"] > 0)
    assert (together[:, 0] > together[:, 1] + 1).any()  # several pieces are read at once, and so there are links between them


def test_the_limit_is_beyond_the_longest_sentences_of_prose() -> None:
    assert LONGEST == 1024
