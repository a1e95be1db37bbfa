"""Which layers of a model have softmax attention, found in the code of its modules: state-space and linear layers have none."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

from torch import nn

from reportgen.errors import ModelError

# What the code of a module names when it turns scores into weights that sum to 1.
SOFTMAX_NAMES = frozenset({"ALL_ATTENTION_FUNCTIONS", "scaled_dot_product_attention", "softmax", "logsumexp"})


def why_unreadable(model: Any) -> str | None:
    """One sentence that says why there is nothing to read in a model without softmax attention, or None where there is some."""
    if any(is_softmax_attention(module) for module in model.modules()):
        return None
    model_type = model.config.model_type
    return f"{type(model).__name__} ({model_type}) has no softmax attention in any of its layers, so there are no attention weights to read."


def attention_layers(model: Any) -> tuple[int, ...] | None:
    """The layers that have softmax attention, counted from 0 among all layers; None where all have, or where `why_unreadable` says that none has.

    Raises `ModelError` when more than one stack of the model mixes layers with and without attention.
    """
    mixed = [layers for layers in map(_with_attention, _layer_lists(model)) if 0 < sum(layers) < len(layers)]
    if len(mixed) > 1:
        raise ModelError(f"{type(model).__name__} ({model.config.model_type}) has {len(mixed)} stacks in which only some layers have attention.")
    return tuple(layer for layer, has in enumerate(mixed[0]) if has) if mixed else None


def is_softmax_attention(module: nn.Module) -> bool:
    """Whether the module itself, not a part of it, computes softmax attention."""
    return _computes_softmax_attention(type(module))


@cache
def _computes_softmax_attention(module_class: type) -> bool:
    """Attention by its name, and softmax by its code: routers of experts use softmax as well, and linear attention is called attention as well."""
    if not any("Attention" in base.__name__ for base in module_class.__mro__):
        return False
    return any(SOFTMAX_NAMES & set(code.co_names) for code in _code_of(module_class))


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
