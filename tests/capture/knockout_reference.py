"""Attention knockout by the model's own eager attention under a whole additive mask: the independent path."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from families import SEAM, Family
from tiny import eager_experts, made_up_layout, vars_of

from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import attention_implementation
from reportgen.models import LanguageModel

KINDS = {"decoder-only": "causal", "encoder-only": "masked", "encoder-decoder": "seq2seq"}
FAMILIES = {family.name: family for family in SEAM}


def language_model(model: Any, kind: str) -> LanguageModel:
    return LanguageModel(model=model, tokenizer=SimpleNamespace(mask_token_id=7), name="tiny", identity="made up", kind=kind)


def fed(kind: str) -> Feed:
    """67 tokens of 5 sentences; for an encoder-decoder another 31 of 3, which start with a token of no sentence."""
    source = made_up_layout(67, 5)
    if kind != "seq2seq":
        return Feed(source=source)
    target = made_up_layout(31, 3, seed=2)
    members = np.concatenate([[-1], target.sentence_of_token[1:]]).astype(np.int32)
    return Feed(source=source, target=TextLayout(**{**vars_of(target), "sentence_of_token": members}))


def built(family: Family) -> Any:
    """The family's tiny model, its experts in the way that knows float64."""
    return eager_experts(family.build())


def link_by_eager_attention(model: Any, kind: str, given: Feed, link: tuple[int, int]) -> tuple[float, float]:
    """KL and drop of one link: plain formulas over the model's outputs with and without the link in an additive 4D mask."""
    looking = given.source if given.target is None else given.target
    rows = np.flatnonzero(looking.sentence_of_token == link[0])
    with torch.no_grad():
        intact, cut = (eager_logits(model, kind, given, hidden).double().log_softmax(-1)[rows].numpy() for hidden in (None, link))
    about = looking.ids[rows] if kind == "masked" else np.append(looking.ids, -1)[rows + 1]
    known = np.flatnonzero(about >= 0)
    divergence = (np.exp(intact) * (intact - cut)).sum(1).mean()
    return float(divergence), float((intact - cut)[known, about[known]].mean())


def eager_logits(model: Any, kind: str, given: Feed, link: tuple[int, int] | None) -> torch.Tensor:
    with attention_implementation(model, "eager"), pytest.MonkeyPatch.context() as patch:
        for module in {sys.modules[type(module).__module__] for module in model.modules()}:
            if hasattr(module, "eager_attention_forward") and link is not None:
                patch.setattr(module, "eager_attention_forward", hiding(module.eager_attention_forward, kind, given, link))
        return model(**given.keywords(model)).logits[0]


def hiding(eager: Any, kind: str, given: Feed, link: tuple[int, int]) -> Any:
    """The model's eager attention with minus infinity added to its own mask where the link is."""
    looking = given.source if given.target is None else given.target
    cells = (looking.sentence_of_token == link[0])[:, None] & (given.source.sentence_of_token == link[1])[None]

    def attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, *rest: Any, **keywords: Any) -> Any:
        if kind == "seq2seq" and not (query.shape[2] == looking.tokens and key.shape[2] == given.source.tokens):
            return eager(module, query, key, value, attention_mask, *rest, **keywords)
        added = torch.zeros(cells.shape, dtype=query.dtype).masked_fill(torch.from_numpy(cells), torch.finfo(query.dtype).min / 2)
        mask = added[None, None] if attention_mask is None else (attention_mask + added).clamp(min=torch.finfo(query.dtype).min)
        return eager(module, query, key, value, mask, *rest, **keywords)

    return attention
