"""Mentions as pairs of tokens, for a tokenizer that writes a token for each byte or so."""

from __future__ import annotations

import numpy as np
from tiny_folders import byte_level

from reportgen.documents import document_from_text
from reportgen.mentions import CONTENT_REST, CONTENT_START, FUNCTION, OTHER, DocumentMentions, mentions_of, pairs
from reportgen.sentences import split_sentences
from reportgen.tokens import TokenisedText, align_tokens

TEXT = "We met Ann and then Bob. Bob saw that Ann had her hat. She saw Bob, and Bob saw Ann. Ann was with him, as he was with Ann."


def tokenised(text: str = TEXT) -> tuple[TokenisedText, DocumentMentions]:
    document = document_from_text(text)
    sentences = split_sentences(document)
    return align_tokens(document, sentences, byte_level(), None), mentions_of(document, sentences)


def written(text: TokenisedText, token: int) -> str:
    return TEXT[slice(*text.spans[token].tolist())]


def test_every_token_of_a_later_mention_is_paired_with_every_token_of_each_earlier_one() -> None:
    text, found = tokenised()
    made = found.pairs(text)
    expected = set()
    for index, later in enumerate(found.mentions.found):
        for earlier in found.mentions.found[:index]:
            if earlier.entity == later.entity:
                expected |= {(q, k) for q in within(text, later.start, later.end) for k in within(text, earlier.start, earlier.end)}
    assert expected
    assert set(zip(made.queries.tolist(), made.keys.tolist(), strict=True)) == expected
    assert len(made.queries) == len(expected)
    assert (np.diff(made.queries) >= 0).all()
    assert (made.keys < made.begins).all()
    assert (made.begins <= made.queries).all()


def within(text: TokenisedText, start: int, end: int) -> list[int]:
    """The tokens whose letters lie in the span."""
    found = []
    for token, (first, last) in enumerate(text.spans.tolist()):
        first += len(TEXT[first:last]) - len(TEXT[first:last].lstrip())
        if first < last and start <= first and last <= end:
            found.append(token)
    return found


def test_pronouns_that_look_at_names_are_told_from_all_others() -> None:
    text, found = tokenised()
    made = found.pairs(text)
    for query, key, told in zip(made.queries.tolist(), made.keys.tolist(), made.pronoun_to_name.tolist(), strict=True):
        small = [mention.pronoun for token in (query, key) for mention in found.mentions.found if token in within(text, mention.start, mention.end)]
        assert told == (small == [True, False])


def test_tokens_are_of_function_words_or_begin_or_go_on_with_others() -> None:
    text, found = tokenised()
    kinds = found.pairs(text).kind_of_token
    by_kind = {kind: {written(text, token).strip() for token in np.flatnonzero(kinds == kind)} for kind in (OTHER, FUNCTION, CONTENT_START, CONTENT_REST)}
    assert by_kind[OTHER] <= {".", ",", ""}
    assert {"and", "had"} & by_kind[FUNCTION] or "a" in by_kind[FUNCTION]
    words = "".join(written(text, token) for token in np.flatnonzero(kinds >= CONTENT_START))
    assert words.replace(" ", "") == "metAnnBobBobsawAnnhatsawBobBobsawAnnAnnAnn"
    starts = "".join(written(text, token).strip()[:1] for token in np.flatnonzero(kinds == CONTENT_START))
    assert starts == "mABBsAhsBBsAAA"


def test_a_mention_is_paired_with_the_nearest_few_alone(monkeypatch) -> None:
    text, found = tokenised()
    every = found.pairs(text)
    monkeypatch.setattr(pairs, "EARLIER", 1)
    nearest = found.pairs(text)
    latest = {query: max(key for q, key in zip(every.queries.tolist(), every.keys.tolist(), strict=True) if q == query) for query in every.queries.tolist()}
    assert {query: max(nearest.keys[nearest.queries == query]) for query in latest} == latest
    assert len(nearest.queries) < len(every.queries)
