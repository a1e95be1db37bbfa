"""A causal model's own continuation of what it was fed, as part of the input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reportgen.documents import Document
from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.models import LanguageModel
from reportgen.sentences import Sentence
from reportgen.sentences.levels import SENTENCE, split_beside
from reportgen.tokens.alignment import Fed
from reportgen.tokens.encoding import Encoding
from reportgen.tokens.joining import joined, raw_document, shifted
from reportgen.tokens.tokenised_text import GENERATED, tokenised_text
from reportgen.tokens.writing import Written, decode_pieces, generate_greedily, last_whole_characters

BY = "continuation by "


def continued(fed: Fed, language_model: LanguageModel, tokens: int, *, level: str = SENTENCE, answers: bool = False) -> tuple[Fed, dict[str, Any]]:
    """The text with what the model writes after it, greedily, `tokens` at most; its sentences are split on their own and marked as generated.

    Special tokens at the end of the input (some tokenizers close a text) are left off, since the text goes on; where the model `answers`, in a turn of its
    own that the input opens, they stay, and its text is parted from the document's.
    """
    opened = fed.encoding if answers else _without_closing_tokens(fed.encoding)
    ids, settings = generate_greedily(language_model.model, opened.ids, tokens)
    before = last_whole_characters(opened.ids.tolist(), opened.spans)
    written = decode_pieces(language_model.tokenizer, ids[len(opened.ids) :].tolist(), before)
    own = raw_document(written.text, title="Continuation", source=BY + language_model.name, language=fed.document.language)
    return _appended(fed, opened, written, own, level, BETWEEN_BLOCKS if answers else ""), dict(settings)


def _without_closing_tokens(encoding: Encoding) -> Encoding:
    kept = int(np.flatnonzero(~encoding.special).max()) + 1
    return Encoding(ids=encoding.ids[:kept], spans=encoding.spans[:kept], special=encoding.special[:kept], extra={})


def _appended(fed: Fed, opened: Encoding, written: Written, own: Document, level: str, between: str) -> Fed:
    sentences = split_beside(own, level)
    whole = joined(fed.document, own, between=between, main=fed.document, source=f"{fed.document.source} with a {own.source}")
    encoding = Encoding(
        ids=np.concatenate([opened.ids, written.ids]),
        spans=np.concatenate([opened.spans, written.spans + np.int32(len(fed.document.text + between))]),
        special=np.concatenate([opened.special, written.special]),
        extra={},
        worded=None if opened.worded is None else np.concatenate([opened.worded, np.zeros(len(written.ids), bool)]),
    )
    before: tuple[Sentence, ...] = fed.tokenised.sentences
    placed = (*before, *shifted(sentences, after=fed.document, between=between))
    parts = [*fed.tokenised.part_of_sentence.tolist(), *[GENERATED] * len(sentences)]
    notices = fed.tokenised.notices if sentences else (*fed.tokenised.notices, f"{own.source.removeprefix(BY)} wrote no sentence after the text.")
    return replace(fed, document=whole, encoding=encoding, tokenised=tokenised_text(whole, placed, parts, encoding, notices=notices))
