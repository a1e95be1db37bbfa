"""A device that is not the CPU, for machines without one: tensors "there" hold their numbers on the CPU, but mixing both places is an error, as on a GPU.

It goes by the name of `meta`. Inside `elsewhere()` everything that is made on that device, or copied to it, is a tensor there; a number read from it,
or a copy to the CPU, comes back. Float64 is refused, as Apple's devices refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

THERE = torch.device("meta")
INDEXING = ("aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_")  # which take indices from the CPU as well


class There(torch.Tensor):
    """A tensor elsewhere. `inner` holds its numbers."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> There:
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype, device=THERE
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        with Elsewhere():
            return function(*arguments, **(keywords or {}))


class Elsewhere(TorchDispatchMode):
    """Does on the CPU what is asked of the device, and refuses what a device would."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        keywords = dict(keywords or {})
        given = _tensors((arguments, keywords))
        there, here = [one for one in given if isinstance(one, There)], [one for one in given if not isinstance(one, There)]
        moves = function._schema.name in ("aten::_to_copy", "aten::copy_")
        if there and any(one.ndim for one in here) and not moves and function._schema.name not in INDEXING:
            raise RuntimeError(f"{function} is given tensors from two devices")
        target = keywords.get("device")
        ends_there = (torch.device(target) == THERE) if target is not None else bool(there)
        if target is not None:
            keywords["device"] = "cpu"
        result = function(*_inner(arguments), **_inner(keywords))
        if function._schema.name == "aten::copy_":
            return arguments[0]
        if any(argument.alias_info is not None and argument.alias_info.is_write for argument in function._schema.arguments):
            return _written(function, arguments, keywords, result)
        if not ends_there:
            return result
        return tree_map_only(torch.Tensor, _there, result)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Inside the block the device exists, and what is made of plain numbers on it as well, which no dispatch mode sees."""
    made = torch.tensor

    def tensor(values: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
        here = made(values, **options)
        return here if device is None else here.to(device)

    torch.tensor = tensor
    try:
        with Elsewhere():
            yield
    finally:
        torch.tensor = made


def _there(tensor: torch.Tensor) -> There:
    if tensor.dtype == torch.float64:
        raise TypeError("this device has no float64")
    return There(tensor)


def _tensors(values: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    tree_map_only(torch.Tensor, found.append, values)
    return found


def _inner(values: Any) -> Any:
    return tree_map_only(There, lambda tensor: tensor.inner, values)


def _written(function: Any, arguments: Any, keywords: Any, result: Any) -> Any:
    """In-place functions give the tensor that they were given."""
    written = [
        keywords.get(argument.name) if argument.kwarg_only else arguments[place]
        for place, argument in enumerate(function._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write and (argument.kwarg_only or place < len(arguments))
    ]
    return written[0] if isinstance(result, torch.Tensor) else result


def moved(model: Any) -> Any:
    """The model with its weights and buffers elsewhere."""
    for module in model.modules():
        for name, value in module._parameters.items():
            if value is not None:
                module._parameters[name] = torch.nn.Parameter(There(value.detach()), requires_grad=value.requires_grad)
        for name, value in module._buffers.items():
            if value is not None:
                module._buffers[name] = There(value)
    return model


Moving = Callable[[Any], Any]


@contextmanager
def made_up() -> Iterator[Moving]:
    """Inside the block models can be moved to the made-up device."""
    with elsewhere():
        yield moved


@contextmanager
def on_a_gpu() -> Iterator[Moving]:
    """The same with a GPU."""
    yield lambda model: model.to("cuda")


NEEDS_A_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
PLACES = [pytest.param(made_up, id="made up"), pytest.param(on_a_gpu, id="GPU", marks=NEEDS_A_GPU)]
