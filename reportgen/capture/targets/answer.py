"""The target of a model for extractive question answering: the answer that it would give."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.feeding import Feed
from reportgen.capture.targets.output import output_of
from reportgen.capture.targets.target import Target, single
from reportgen.errors import DocumentError
from reportgen.tokens import DOCUMENT, TokenisedText

SHOWN = 120  # characters of an answer that descriptions quote
ELSEWHERE = "The model's greatest start and end are not within the document, as where it finds no answer there: the target is the best answer within it."


def predicted_answer(model: Any, given: Feed, tokenised: TokenisedText | None, text: str) -> Target:
    """The logits of the start and the end of the best answer within the document, summed: the greatest sum of which the end is not before the start.

    Without `tokenised` any token may be of an answer. *Source:* Devlin et al. 2019, section 4.2. Raises `DocumentError` where no token is of the document.
    """
    output = output_of(model, given)
    starts, ends = (single(logits[0]).cpu().double().numpy() for logits in (output.start_logits, output.end_logits))
    possible = np.ones(given.source.tokens, bool) if tokenised is None else tokens_of_document(tokenised)
    start, end = _best(np.where(possible, starts, -np.inf), np.where(possible, ends, -np.inf))
    elsewhere = _sum(starts, ends, _best(starts, ends)) > _sum(starts, ends, (start, end))
    found = {} if tokenised is None else _said(tokenised, text, start, end)
    quoted = quoted_answer(found["answer"]["text"]) if found else ""
    return Target(
        description=f"logits of the start and the end of the predicted answer, {quoted}tokens {start + 1} to {end + 1}, summed",
        unit="logit",
        rows=np.unique([start, end]),
        read=lambda output: single(output.start_logits[0, start]) + single(output.end_logits[0, end]),
        said=found,
        notices=(ELSEWHERE,) if elsewhere else (),
    )


def tokens_of_document(tokenised: TokenisedText) -> Bool[np.ndarray, " token"]:
    """The tokens from the document's first sentence to its last, special tokens left out. Raises `DocumentError` where there are none."""
    owners = tokenised.sentence_of_token
    inside = np.flatnonzero((owners >= 0) & (tokenised.part_of_sentence[owners] == DOCUMENT))
    if not len(inside):
        raise DocumentError("No token of the document is left beside the question.")
    places = np.arange(len(owners))
    return ~tokenised.special & (places >= inside[0]) & (places <= inside[-1])


def _best(starts: Float[np.ndarray, " token"], ends: Float[np.ndarray, " token"]) -> tuple[int, int]:
    """The start and the end, not before it, with the greatest sum of their logits; the first of equals."""
    highest: Float[np.ndarray, " token"] = np.maximum.accumulate(starts)
    end = int(np.argmax(highest + ends))
    return int(np.argmax(starts[: end + 1])), end


def _sum(starts: Float[np.ndarray, " token"], ends: Float[np.ndarray, " token"], span: tuple[int, int]) -> float:
    return float(starts[span[0]] + ends[span[1]])


def _said(tokenised: TokenisedText, text: str, start: int, end: int) -> dict[str, Any]:
    """The answer's text, its place in the text that is fed, its tokens and its first sentence."""
    spans: Int[np.ndarray, "token 2"] = tokenised.spans[start : end + 1]
    first, last = int(spans[0, 0]), int(spans[-1, 1])
    first += len(text[first:last]) - len(text[first:last].lstrip())
    owners = tokenised.sentence_of_token[start : end + 1]
    inside = owners[owners >= 0]
    answer = {"text": text[first:last], "characters": [first, last], "tokens": [start, end], "sentence": int(inside[0]) if len(inside) else None}
    return {"answer": answer}


def quoted_answer(answer: str) -> str:
    """On one line in quotation marks, cut where it is long; nothing where there is nothing to quote."""
    line = " ".join(answer.split())
    shown = line if len(line) <= SHOWN else f"{line[: SHOWN - 1].rstrip()}…"
    return f"“{shown}”, " if shown else ""
