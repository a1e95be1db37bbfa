"""The seam for attention knockout: an attention function of its own, and the passes through a model that use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.feeding import StackOf
from reportgen.capture.knockout.attending import Keys, Seen, attend
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
    first: Int[torch.Tensor, " query"]
    last: Int[torch.Tensor, " query"]
    rule: ScoreRule


@dataclass(kw_only=True, eq=False)
class WholeText:
    """A pass over a whole text, with what is hidden in it; with `keeping` its layers are kept. For one use. Raises `ModelError` for more than one text."""

    stack_of: StackOf
    hidden: Hidden | None = None
    keeping: bool = False
    layers: list[KeptLayer] = field(default_factory=list)
    borders: dict[Visibility, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    seen: dict[tuple[str, torch.Tensor], Seen] = field(default_factory=dict)  # by stack and what the layers' rows see

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The attention output of the next layer, batch x token x head x dim."""
        if query.shape[0] != 1:
            raise ModelError(f"Attention knockout reads one text at a time, not a batch of {query.shape[0]}.")
        first, last = self._borders(visibility, query.device)
        layer = KeptLayer(keys=key[0].contiguous(), values=value[0].contiguous(), first=first, last=last, rule=rule)
        if self.keeping:
            self.layers.append(layer)
        keys = Keys(shared=layer.keys, shared_values=layer.values, own=key[:, :, :0], own_values=value[:, :, :0])
        return attend(query, keys, self._seen(self.stack_of(module, visibility), layer), rule)

    def _borders(self, visibility: Visibility, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """What rows see, the same two tensors for all layers that see the same."""
        if visibility not in self.borders:
            self.borders[visibility] = torch.from_numpy(visibility.first).to(device), torch.from_numpy(visibility.last).to(device)
        return self.borders[visibility]

    def _seen(self, stack: str, layer: KeptLayer) -> Seen:
        if (stack, layer.first) not in self.seen:
            cut, device = self.hidden, layer.keys.device
            if cut is None or cut.stack != stack:
                hiding, hidden = torch.zeros(len(layer.first), dtype=torch.bool), torch.zeros(layer.keys.shape[1], dtype=torch.bool)
            else:
                hiding, hidden = cut.queries, cut.keys
            self.seen[stack, layer.first] = Seen(start=0, first=layer.first, last=layer.last, hiding=hiding.to(device), hidden=hidden.to(device)[None])
        return self.seen[stack, layer.first]


@dataclass(kw_only=True, eq=False)
class Again:
    """A pass over the tokens of `span` alone, in several versions: they look at the kept keys of all tokens before them and at their own. For one use."""

    layers: Sequence[KeptLayer]
    span: slice
    hiding: Bool[torch.Tensor, " row"]
    hidden: Bool[torch.Tensor, "version key"]
    done: int = 0
    seen: dict[torch.Tensor, Seen] = field(default_factory=dict)  # by what the layers' rows see

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The attention output of the next layer. What rows see, and the rule, are those of the whole text."""
        layer, start = self.layers[self.done], self.span.start
        self.done += 1
        keys = Keys(shared=layer.keys[:, :start], shared_values=layer.values[:, :start], own=key, own_values=value)
        if layer.first not in self.seen:
            self.seen[layer.first] = Seen(start=start, first=layer.first[self.span], last=layer.last[self.span], hiding=self.hiding, hidden=self.hidden)
        return attend(query, keys, self.seen[layer.first], layer.rule)


Run = WholeText | Again
_current: ContextVar[Run] = ContextVar("reportgen_knockout_run")


@contextmanager
def through(model: Any, run: Run) -> Iterator[None]:
    """Inside the block the model's attention is computed by `run`; the model is as before afterwards."""
    with asking(model), answering(run):
        yield


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


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, mask_of)
