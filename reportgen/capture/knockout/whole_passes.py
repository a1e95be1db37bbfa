"""Knockout by passes over the whole text: exact for every model that reads through the library's attention interface, a pass for each link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.feeding import Feed, leaves_out_logits, stack_namer
from reportgen.capture.knockout.distributions import Effect, Intact
from reportgen.capture.knockout.interface import Hidden, Run, WholeText, answering, asking
from reportgen.capture.knockout.sentences import LinkedTexts


def effects_by_whole_passes(model: Any, given: Feed, texts: LinkedTexts, links: Int[np.ndarray, "link 2"]) -> Iterator[Effect]:
    """What each of these links does, one pass after another; the encoder of an encoder-decoder runs once.

    Memory: that of a plain forward pass, and the logits of the linked sentences' tokens.
    """
    keywords, name = given.keywords(model), stack_namer(model)
    if texts.stack == "cross":
        keywords = _encoded(model, keywords)
    rows = np.unique(np.concatenate([texts.rows(sentence) for sentence in np.unique(links[:, 0]).tolist()]))
    intact = logits_of_rows(model, keywords, WholeText(stack_of=name), rows)
    for sentence, key in links.tolist():
        tokens = texts.rows(sentence)
        cut = Hidden(stack=texts.stack, queries=_members(texts.looking.sentence_of_token, sentence), keys=_members(texts.looked_at.sentence_of_token, key))
        changed = logits_of_rows(model, keywords, WholeText(stack_of=name, hidden=cut), tokens)
        yield Intact(logits=intact[np.searchsorted(rows, tokens)], actual=texts.actual(tokens).to(changed.device)).effect(changed)


def logits_of_rows(model: Any, keywords: Mapping[str, Any], run: Run, rows: Int[np.ndarray, " row"]) -> Float[torch.Tensor, "row vocabulary"]:
    """The logits at some positions; no others are computed where the model can leave them out."""
    with asking(model):
        return asked_logits(model, keywords, run, torch.from_numpy(rows))


def asked_logits(model: Any, keywords: Mapping[str, Any], run: Run, rows: Int[torch.Tensor, " row"]) -> Float[torch.Tensor, "row vocabulary"]:
    """The same inside `asking`."""
    wanted = rows.to(model.device)
    kept = {"logits_to_keep": wanted} if leaves_out_logits(model) else {}
    with answering(run):
        logits = model(**keywords, **kept).logits[0]
    return logits if kept else logits[wanted]


def _encoded(model: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments with what the encoder gives in place of what it reads."""
    source = {name: values for name, values in keywords.items() if name not in ("decoder_input_ids", "use_cache")}
    with asking(model), answering(WholeText(stack_of=stack_namer(model))):
        encoded = model.get_encoder()(**source)
    return {"encoder_outputs": encoded, **{name: keywords[name] for name in keywords if name not in source}}


def _members(sentence_of_token: Int[np.ndarray, " token"], sentence: int) -> torch.Tensor:
    return torch.from_numpy(sentence_of_token == sentence)
