"""The seam for attention knockout: an attention function of its own, and the passes through a model that use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.feeding import StackOf
from reportgen.capture.knockout.attending import Keys, Seen, Versions, attend
from reportgen.capture.position_bias import biases_by_offset
from reportgen.capture.scores import ScoreRule, score_rule
from reportgen.capture.streaming import attention_implementation, mask_of
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError

NAME = "reportgen_knockout"


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden:
    """What is cut in one stack of attention layers: these keys are hidden from these queries, in every layer."""

    stack: str
    queries: Bool[torch.Tensor, " query"]
    keys: Bool[torch.Tensor, " key"]


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptLayer:
    """Keys and values of one layer, what its rows see, and how its scores are made."""

    keys: Float[torch.Tensor, "key_head key dim"]
    values: Float[torch.Tensor, "key_head key value_dim"]
    visibility: Visibility
    rule: ScoreRule

    def seen(self, rows: Versions) -> Seen:
        """What some rows of its text look at."""
        first, last = (torch.from_numpy(borders)[rows.place] for borders in (self.visibility.first, self.visibility.last))
        return Seen(rows=rows, first=first, last=last)


@dataclass(kw_only=True, eq=False)
class WholeText:
    """A pass over a whole text, with what is hidden in it; with `keeping` its layers are kept. For one use. Raises `ModelError` for more than one text."""

    stack_of: StackOf
    hidden: Hidden | None = None
    keeping: bool = False
    layers: list[KeptLayer] = field(default_factory=list)
    seen: dict[tuple[str, Visibility], Seen] = field(default_factory=dict)

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The attention output of the next layer, batch x token x head x dim."""
        if query.shape[0] != 1:
            raise ModelError(f"Attention knockout reads one text at a time, not a batch of {query.shape[0]}.")
        layer, stack = KeptLayer(keys=key[0].contiguous(), values=value[0].contiguous(), visibility=visibility, rule=rule), self.stack_of(module, visibility)
        if self.keeping:
            self.layers.append(layer)
        if (stack, visibility) not in self.seen:
            self.seen[stack, visibility] = layer.seen(self._rows(stack, visibility))
        keys = Keys(shared=layer.keys, shared_values=layer.values, own=layer.keys[:, :0], own_values=layer.values[:, :0])
        return attend(query[0], keys, self.seen[stack, visibility], rule)[None]

    def _rows(self, stack: str, visibility: Visibility) -> Versions:
        """All rows of a stack, in one version, which has no keys of its own."""
        count, cut = len(visibility.first), self.hidden
        hiding, hidden = (
            (cut.queries, cut.keys) if cut is not None and cut.stack == stack else (torch.zeros(n, dtype=torch.bool) for n in (count, visibility.keys))
        )
        return Versions(
            place=torch.arange(count),
            version=torch.zeros(count, dtype=torch.int64),
            own_from=torch.full((count,), visibility.keys),
            hiding=hiding,
            hidden=hidden[None],
        )

    def mask(self, **given: Any) -> Visibility:
        """What stands for the mask where the library would build it."""
        return mask_of(**given)


@dataclass(kw_only=True, eq=False)
class Again:
    """A pass over some versions of some of a text's rows, which look at the kept keys of all tokens before them and at their own. For one use."""

    layers: Sequence[KeptLayer]
    rows: Versions
    done: int = 0
    seen: dict[Visibility, Seen] = field(default_factory=dict)

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The attention output of the next layer. What rows see, and the rule, are those of the whole text."""
        layer, shared = self.layers[self.done], int(self.rows.own_from.max())
        self.done += 1
        if layer.visibility not in self.seen:
            self.seen[layer.visibility] = layer.seen(self.rows)
        keys = Keys(shared=layer.keys[:, :shared], shared_values=layer.values[:, :shared], own=key[0], own_values=value[0])
        return attend(query[0], keys, self.seen[layer.visibility], layer.rule)[None]

    def mask(self, **_: Any) -> Visibility:
        """Nothing: what rows see is kept with the layers."""
        return NOT_READ


NOT_READ = Visibility(first=np.zeros(0, np.int64), last=np.zeros(0, np.int64), keys=0)
Run = WholeText | Again
_current: ContextVar[Run] = ContextVar("reportgen_knockout_run")


@contextmanager
def asking(model: Any) -> Iterator[None]:
    """Inside the block the model's attention is computed by what answers in the same thread; the model is as before afterwards."""
    with attention_implementation(model, NAME), biases_by_offset(model):
        yield


@contextmanager
def answering(run: Run) -> Iterator[None]:
    """Inside the block `run` computes the attention of models that ask in this thread."""
    token = _current.set(run)
    try:
        with torch.no_grad():
            yield
    finally:
        _current.reset(token)


def _attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **keywords: Any) -> tuple[torch.Tensor, None]:
    rule = score_rule(query, attention_mask, keywords)
    return _current.get().attend(module, query, key, value, attention_mask, rule), None


def _mask(**given: Any) -> Visibility:
    return _current.get().mask(**given)


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask)
