"""Which layers of a model have softmax attention, found in the code of its modules: state-space and linear layers have none."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn

from reportgen.errors import ModelError

# What the code of a module names when it turns scores into weights that sum to 1. Routers of experts use softmax as well, but nothing else the first ones.
ATTENTION_NAMES = frozenset({"ALL_ATTENTION_FUNCTIONS", "scaled_dot_product_attention", "multi_head_attention_forward"})
SOFTMAX_NAMES = frozenset({"softmax", "Softmax", "logsumexp"})
WITHOUT: Mapping[str, str] = {
    "mamba": "it is a state-space model",
    "mamba2": "it is a state-space model",
    "falcon_mamba": "it is a state-space model",
    "rwkv": "it is a linear-attention model, which has no weights between tokens",
    "xlstm": "it is a recurrent model",
    "fnet": "it mixes tokens by Fourier transforms",
}


@dataclass(frozen=True, kw_only=True)
class AttentionLayers:
    """The layers of a stack that have softmax attention, counted from 0 among all its layers, and how many these are."""

    layers: tuple[int, ...]
    of: int


def why_unreadable(model: Any) -> str | None:
    """What says of a model without softmax attention that there is nothing to read, to go on after its name; None where there is some."""
    if any(is_softmax_attention(module) for module in model.modules()):
        return None
    return f"has no attention: {WITHOUT.get(model.config.model_type, 'none of its layers turns scores into weights by softmax')}; there is nothing for reportgen to measure."


def attention_layers(model: Any) -> AttentionLayers | None:
    """The layers that have softmax attention; None where all have, or where `why_unreadable` says that none has.

    Raises `ModelError` when more than one stack of the model mixes layers with and without attention.
    """
    mixed = [layers for layers in map(_with_attention, _layer_lists(model)) if 0 < sum(layers) < len(layers)]
    if len(mixed) > 1:
        raise ModelError(f"{type(model).__name__} ({model.config.model_type}) has {len(mixed)} stacks in which only some layers have attention.")
    if not mixed:
        return None
    return AttentionLayers(layers=tuple(layer for layer, has in enumerate(mixed[0]) if has), of=len(mixed[0]))


def is_softmax_attention(module: nn.Module) -> bool:
    """Whether the module itself, not a part of it, computes softmax attention."""
    return _computes_softmax_attention(type(module))


@cache
def _computes_softmax_attention(module_class: type) -> bool:
    """By the attention functions that its code names, or by its name and softmax: linear attention is called attention as well.

    Whole models are passed over: the library's base class names the attention functions to choose one.
    """
    from transformers import PreTrainedModel

    if issubclass(module_class, PreTrainedModel):
        return False
    named = {name for code in _code_of(module_class) for name in code.co_names}
    called_attention = any("Attention" in base.__name__ for base in module_class.__mro__)
    return bool(named & ATTENTION_NAMES) or (called_attention and bool(named & SOFTMAX_NAMES))


def _code_of(module_class: type) -> Iterator[Any]:
    """The code of the methods that a module class has beyond those of every module."""
    for base in module_class.__mro__[: module_class.__mro__.index(nn.Module)]:
        for method in vars(base).values():
            function = inspect.unwrap(method.__func__ if isinstance(method, (staticmethod, classmethod)) else method)
            if inspect.isfunction(function):
                yield function.__code__


def _layer_lists(module: nn.Module) -> Iterator[nn.ModuleList]:
    """The outermost lists of modules: those inside a layer are parts of the layer."""
    for child in module.children():
        if isinstance(child, nn.ModuleList):
            yield child
        else:
            yield from _layer_lists(child)


def _with_attention(layers: nn.ModuleList) -> list[bool]:
    """For each layer whether any of its parts has softmax attention; layers may share them."""
    return [any(is_softmax_attention(part) for part in layer.modules()) for layer in layers]
