"""One layer's attention in full, and the call of a model's attention module that it is read from."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float

from reportgen.errors import ModelError

Stack = Literal["encoder", "decoder", "cross"]


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeLayer:
    """The attention weights of one layer on all pairs of real tokens, and the pairs that the layer really computes.

    `layer` is counted from 0 within its stack. `visible` holds for all heads together: a pair that one head computes is visible. Pairs that are not
    visible have weight 0. `global_tokens` are the positions that every token looks at and that look at every token. Memory: heads x queries x keys.
    """

    stack: Stack
    layer: int
    weights: Float[torch.Tensor, "head query key"]
    visible: Bool[torch.Tensor, "query key"]
    global_tokens: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What a layout reads off one call: weights and visible pairs of the real tokens, positions with global attention."""

    weights: Float[torch.Tensor, "head query key"]
    visible: Bool[torch.Tensor, "query key"]
    global_tokens: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One call of an attention module: its arguments by name, which may still be changed, and `run`, which makes the call.

    `implementation` is the attention implementation that the model has outside the reading.
    """

    module: Any
    arguments: MutableMapping[str, Any]
    run: Callable[[], tuple[Any, ...]]
    implementation: str


# Makes the call; gives the module's own output, whose weights are dropped afterwards, and what was seen.
Layout = Callable[[Call], tuple[tuple[Any, ...], Seen]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Placing:
    """How what a call's softmaxes give is put to token pairs: `parts` softmaxes in the order of the call.

    `place` is linear: it is for weights, and for anything that stands in their place. The axis `head_axis` of the first part counts the heads.
    """

    place: Callable[[Sequence[torch.Tensor]], Float[torch.Tensor, "head query key"]]
    parts: int = 1
    head_axis: int = -3


# Inside the block the call is to be made; `place` holds from then on.
PlacingOf = Callable[[Call], AbstractContextManager[Placing]]


def real_tokens(real: Bool[torch.Tensor, " position"]) -> int:
    """How many real tokens there are before the padding at the end. Raises `ModelError` when padding is anywhere else."""
    count = int(real.sum())
    if not bool(real[:count].all()):
        raise ModelError("The model's mask hides tokens in the middle of the text; attention is read of one text without padding.")
    return count
