"""Which keys each query may look at, read off the model's own mask without ever building it whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.errors import ModelError

ROWS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Visibility:
    """Query q sees the keys `first[q] <= k < last[q]`: causal, windowed and bidirectional masks are all of this form."""

    first: Int[np.ndarray, " query"]
    last: Int[np.ndarray, " query"]

    @cached_property
    def keys_seen(self) -> Int[np.ndarray, " query"]:
        """How many keys each query sees."""
        return self.last - self.first

    @cached_property
    def queries_seeing(self) -> Int[np.ndarray, " key"]:
        """How many queries see each key."""
        tokens = len(self.first)
        opened = np.bincount(self.first, minlength=tokens + 1) - np.bincount(self.last, minlength=tokens + 1)
        return np.cumsum(opened)[:tokens]

    @cached_property
    def causal(self) -> bool:
        """No query sees a key after itself."""
        return bool((self.last <= np.arange(len(self.last)) + 1).all())

    def seen_among(self, keys: Int[np.ndarray, " chosen"]) -> Int[np.ndarray, " query"]:
        """How many of the chosen (sorted) keys each query sees."""
        return np.searchsorted(keys, self.last) - np.searchsorted(keys, self.first)

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The smallest range of keys that holds all that the queries from `start` to `stop` see."""
        return int(self.first[start:stop].min()), int(self.last[start:stop].max())

    def pairs_by_distance(self, queries: Float[np.ndarray, " query"]) -> Float[np.ndarray, " distance"]:
        """How many visible pairs lie at each distance |q - k|, each query counted with its weight in `queries`."""
        tokens = len(self.first)
        position = np.arange(tokens)
        change = np.zeros(2 * tokens + 1)
        np.add.at(change, position - self.last + 1 + tokens, queries)
        np.add.at(change, position - self.first + 1 + tokens, -queries)
        signed = np.cumsum(change)[: 2 * tokens]
        distances = signed[tokens:].copy()
        distances[1:] += signed[1:tokens][::-1]
        return distances


def visibility_of(mask_function: Callable[..., torch.Tensor], queries: int, keys: int) -> Visibility:
    """The intervals of a transformers mask function (batch, head, query, key) -> bool.

    Works through a few rows at a time. Raises `ModelError` when the keys that some query sees are not consecutive.
    """
    first, last = np.empty(queries, np.int64), np.empty(queries, np.int64)
    zero, key = torch.zeros((), dtype=torch.long), torch.arange(keys)[None]
    for start in range(0, queries, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, queries)
        seen = torch.broadcast_to(mask_function(zero, zero, torch.arange(start, stop)[:, None], key), (stop - start, keys)).numpy()
        first[start:stop] = seen.argmax(1)
        last[start:stop] = keys - seen[:, ::-1].argmax(1)
        if (seen.sum(1) != last[start:stop] - first[start:stop]).any():
            raise ModelError("The model's attention mask leaves gaps between the keys that a token sees; such masks cannot be measured.")
    return Visibility(first=first, last=last)
