"""An attention function that hides some keys from some queries in every layer, a few query rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.block import CELLS_AT_MOST, ROWS_AT_MOST, ROWS_ON_A_DEVICE, end_of_block
from reportgen.capture.feeding import StackOf
from reportgen.capture.per_layer import reads_per_layer
from reportgen.capture.position_bias import biases_by_offset
from reportgen.capture.scores import ScoreRule, score_rule
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.visibility import Visibility, visibility_of
from reportgen.errors import ModelError

NAME = "reportgen_hiding"
CELLS_ON_A_DEVICE = 1 << 25  # scores at once: 128 MB in float32
OUTSIDE = "the model's attention is outside the library's interface, where no sentence can be hidden exactly"
NOT_ALONE = "the model carries information past its attention, where hiding a sentence does not cut it"


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden:
    """Which keys of a stack are hidden, and from which of its queries; what else the model's mask hides stays hidden.

    Where the sentences of queries and keys are given, the other queries see no hidden keys but those of their own sentence.
    """

    keys: Bool[np.ndarray, " key"]
    queries: Bool[np.ndarray, " query"]
    sentences: tuple[Int[np.ndarray, " query"], Int[np.ndarray, " key"]] | None = None

    def cells(self, rows: slice, span: slice, device: torch.device) -> Bool[torch.Tensor, "row key"]:
        """What is hidden in a block."""
        hiding = torch.from_numpy(self.queries[rows, None]).to(device)
        if self.sentences is not None:
            of_query, of_key = (torch.from_numpy(members[part]).to(device) for members, part in zip(self.sentences, (rows, span), strict=True))
            hiding = hiding | (of_query[:, None] != of_key)
        return hiding & torch.from_numpy(self.keys[span]).to(device)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Hiding:
    by_stack: Mapping[str, Hidden]
    stack_of: StackOf
    places: Int[np.ndarray, " token"] | None = None


_current: ContextVar[_Hiding] = ContextVar("reportgen_hiding")


def why_nothing_is_hidden(model: Any, *, attention_alone: bool) -> str:
    """Why leaving sentences out of this model says nothing; empty where it does. `attention_alone` says that nothing else carries anything between tokens."""
    if reads_per_layer(model.config):
        return OUTSIDE
    return "" if attention_alone else NOT_ALONE


@contextmanager
def hiding(model: Any, by_stack: Mapping[str, Hidden], stack_of: StackOf, places: Int[np.ndarray, " token"] | None = None) -> Iterator[None]:
    """Inside the block a forward pass of the model hides what is said for each of its stacks, and nothing in those of which nothing is said.

    Texts may follow others of which the model has kept keys and values: the keys are then all, the queries the new ones. Where only some tokens of a
    text are read, `places` says where in it they are, and the mask is that of those places. Memory: that of a forward pass and a block of weights.
    """
    token = _current.set(_Hiding(by_stack=by_stack, stack_of=stack_of, places=places))
    try:
        with attention_implementation(model, NAME), biases_by_offset(model), torch.no_grad():
            yield
    finally:
        _current.reset(token)


def _attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **keywords: Any) -> tuple[torch.Tensor, None]:
    rule, current = score_rule(query, attention_mask, keywords), _current.get()
    hidden = current.by_stack.get(current.stack_of(module, attention_mask))
    return attend(query, key, value, attention_mask, rule, hidden), None


def attend(
    query: Float[torch.Tensor, "1 head query dim"],
    key: Float[torch.Tensor, "1 key_head key dim"],
    value: Float[torch.Tensor, "1 key_head key value_dim"],
    visibility: Visibility,
    rule: ScoreRule,
    hidden: Hidden | None,
) -> Float[torch.Tensor, "1 query head value_dim"]:
    """The output of one call of attention. Every query must see some key. Raises `ModelError` for a batch."""
    if query.shape[0] != 1:
        raise ModelError(f"Attention with hidden keys reads one text at a time, not a batch of {query.shape[0]}.")
    kind = torch.promote_types(query.dtype, torch.float32)
    keys, values = key[0].to(kind), value[0].to(kind)
    queries = (query[0].to(kind) * rule.scaling).unflatten(0, (len(keys), -1))
    output = torch.empty(query.shape[2], query.shape[1], values.shape[2], dtype=kind, device=query.device)
    by_head = output.transpose(0, 1)
    for rows, span in _blocks(visibility, query.shape[1], query.device):
        shape = (query.shape[1], rows.stop - rows.start, span.stop - span.start)
        scores = (queries[:, :, rows].flatten(1, 2) @ keys[:, span].transpose(1, 2)).view(shape)
        rule.finish(scores, rows, span)
        weights = rule.weights(scores, _unseen(visibility, hidden, rows, span, query.device))
        by_head[:, rows] = (weights.reshape(len(keys), -1, shape[2]) @ values[:, span]).view(*shape[:2], -1)
    return output[None].to(query.dtype)


def _blocks(visibility: Visibility, heads: int, device: torch.device) -> Iterator[tuple[slice, slice]]:
    """Consecutive query rows, and the keys that they see."""
    start, (rows, cells) = 0, (ROWS_AT_MOST, CELLS_AT_MOST) if device.type == "cpu" else (ROWS_ON_A_DEVICE, CELLS_ON_A_DEVICE)
    while start < len(visibility.first):
        stop = end_of_block(visibility, start, heads, rows, cells)
        yield slice(start, stop), slice(*visibility.span(start, stop))
        start = stop


def _unseen(visibility: Visibility, hidden: Hidden | None, rows: slice, span: slice, device: torch.device) -> Bool[torch.Tensor, "row key"]:
    cells = visibility.unseen(rows, span, device)
    return cells if hidden is None else cells | hidden.cells(rows, span, device)


def _mask_of(
    *,
    q_length: int,
    kv_length: int,
    mask_function: Callable[..., torch.Tensor],
    attention_mask: torch.Tensor | None = None,
    q_offset: int = 0,
    kv_offset: int = 0,
    **_: Any,
) -> Visibility:
    """What stands for the mask; queries may follow keys that were kept. Raises `ModelError` for padding and for a cache that has dropped keys."""
    if (attention_mask is not None and not bool(attention_mask.all())) or int(kv_offset):
        raise ModelError("Attention with hidden keys reads one text without padding, all of whose keys were kept.")
    if _current.get().places is not None:
        places = torch.from_numpy(_current.get().places)
        return visibility_of(lambda batch, head, query, key: mask_function(batch, head, places[query], places[key]), q_length, kv_length)
    before = int(q_offset)
    return visibility_of(lambda batch, head, query, key: mask_function(batch, head, query + before, key), q_length, kv_length)


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask_of)
