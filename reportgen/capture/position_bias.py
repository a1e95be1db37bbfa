"""Additive position biases that depend on k - q alone, as T5 has them, without a tokens x tokens array."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

HOW_T5_ASKS = ("query_length", "key_length", "device", "past_seen_tokens")


@dataclass(frozen=True, kw_only=True, eq=False)
class PositionBias:
    """The bias of each head at every offset k - q, from -(queries - 1) to keys - 1."""

    table: Float[np.ndarray, "head offset"]
    queries: int

    def add_to(self, scores: Float[torch.Tensor, "head row key"], rows: slice | Int[torch.Tensor, " row"], keys: slice | Int[torch.Tensor, " key"]) -> None:
        """Add the bias of these pairs in place."""
        if isinstance(rows, slice) and isinstance(keys, slice) and scores.device.type == "cpu":
            found = scores.numpy()
            found += self._band(keys.start - rows.start, found.shape)
        else:
            self.add_by_index(scores, rows, keys)

    def add_by_index(
        self, scores: Float[torch.Tensor, "head row key"], rows: slice | Int[torch.Tensor, " row"], keys: slice | Int[torch.Tensor, " key"]
    ) -> None:
        """The same pair by pair, on any device. Memory: as much again as the scores."""
        row, key = (torch.arange(one.start, one.stop, device=scores.device) if isinstance(one, slice) else one for one in (rows, keys))
        scores += torch.from_numpy(self.table).to(scores.device)[:, key - row[:, None] + self.queries - 1]

    def _band(self, offset: int, shape: tuple[int, int, int]) -> Float[np.ndarray, "head row key"]:
        """The same table seen by consecutive rows and keys, each row one step back: a view."""
        start = self.table[:, offset + self.queries - 1 :]
        head, step = self.table.strides
        return np.lib.stride_tricks.as_strided(start, shape, (head, -step, step), writeable=False)


class NoBias:
    """What a layer without a position bias is handed, so that it makes no array of zeros."""


@contextmanager
def biases_by_offset(model: Any) -> Iterator[None]:
    """Inside the block attention layers of T5 and UMT5 pass a `PositionBias` (or `NoBias`) on instead of arrays of tokens x tokens; they are as before afterwards."""
    layers = [module for module in model.modules() if hasattr(module, "has_relative_attention_bias") and _asks_as_t5(module)]
    hooks: list[Any] = []
    asked: list[Any] = []  # layers without a bias that take none from outside, as UMT5's across its stacks: they would make zeros
    try:
        for layer in layers:
            if layer.has_relative_attention_bias:
                layer.compute_bias = partial(_bias_by_offset, layer.compute_bias)
            elif "position_bias" in inspect.signature(layer.forward).parameters:
                hooks.append(layer.register_forward_pre_hook(_hand_in_none, with_kwargs=True))
            else:
                asked.append(layer)
                layer.has_relative_attention_bias, layer.compute_bias = True, _no_bias
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("compute_bias", None)
        for layer in asked:
            layer.has_relative_attention_bias = False
        for hook in hooks:
            hook.remove()


def _asks_as_t5(module: Any) -> bool:
    return tuple(inspect.signature(getattr(module, "compute_bias", lambda: None)).parameters) == HOW_T5_ASKS


def _bias_by_offset(compute: Any, query_length: int, key_length: int, device: Any = None, past_seen_tokens: int = 0) -> PositionBias:
    """The layer's own bias of one query, so far to the right that its keys lie at every offset that occurs."""
    table = compute(1, query_length + key_length - 1, device=device, past_seen_tokens=query_length - 1)[0, :, 0]
    return PositionBias(table=np.ascontiguousarray(table.detach().float().cpu().numpy()), queries=query_length)


def _no_bias(*_: Any, **__: Any) -> NoBias:
    return NoBias()


def _hand_in_none(layer: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = keywords.get("position_bias")
    return inputs, {**keywords, "position_bias": NoBias() if given is None else given}
