"""A causal model's own continuation of what it was fed, as part of the input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reportgen.models import LanguageModel
from reportgen.sentences import Sentence, split_sentences
from reportgen.tokens.alignment import Fed
from reportgen.tokens.encoding import Encoding
from reportgen.tokens.joining import joined, raw_document, shifted
from reportgen.tokens.tokenised_text import GENERATED, tokenised_text
from reportgen.tokens.writing import Written, decode_pieces, generate_greedily, last_whole_characters


def continued(fed: Fed, language_model: LanguageModel, tokens: int) -> tuple[Fed, dict[str, Any]]:
    """The text with what the model writes after it, greedily, `tokens` at most; its sentences are split on their own and marked as generated.

    Special tokens at the end of the input (some tokenizers close a text) are left off, since the text goes on.
    """
    opened = _without_closing_tokens(fed.encoding)
    ids, settings = generate_greedily(language_model.model, opened.ids, tokens)
    before = last_whole_characters(opened.ids.tolist(), opened.spans)
    written = decode_pieces(language_model.tokenizer, ids[len(opened.ids) :].tolist(), before)
    return _appended(fed, opened, written, language_model.name), dict(settings)


def _without_closing_tokens(encoding: Encoding) -> Encoding:
    kept = int(np.flatnonzero(~encoding.special).max()) + 1
    return Encoding(ids=encoding.ids[:kept], spans=encoding.spans[:kept], special=encoding.special[:kept], extra={})


def _appended(fed: Fed, opened: Encoding, written: Written, name: str) -> Fed:
    own = raw_document(written.text, title="Continuation", source=f"continuation by {name}", language=fed.document.language)
    sentences = split_sentences(own)
    whole = joined(fed.document, own, between="", main=fed.document, source=f"{fed.document.source} with a {own.source}")
    encoding = Encoding(
        ids=np.concatenate([opened.ids, written.ids]),
        spans=np.concatenate([opened.spans, written.spans + np.int32(len(fed.document.text))]),
        special=np.concatenate([opened.special, written.special]),
        extra={},
    )
    before: tuple[Sentence, ...] = fed.tokenised.sentences
    placed = (*before, *shifted(sentences, after=fed.document, between=""))
    parts = [*fed.tokenised.part_of_sentence.tolist(), *[GENERATED] * len(sentences)]
    notices = fed.tokenised.notices if sentences else (*fed.tokenised.notices, f"{name} wrote no sentence after the text.")
    return replace(fed, document=whole, encoding=encoding, tokenised=tokenised_text(whole, placed, parts, encoding, notices=notices))
