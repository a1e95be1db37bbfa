"""The most memory that the tensors of a pass hold at once, counted as they come and go."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reportgen.capture.backward import BackwardPass, measure_backward
from reportgen.capture.embedding import embedded, embeddings_placed
from reportgen.capture.feeding import Feed, Shapes, stack_namer
from reportgen.capture.forward import run_through
from reportgen.capture.per_layer import reads_per_layer, weighed_layers
from reportgen.capture.streaming import StackPass


def forward_peak(model: Any, given: Feed, shapes: Shapes) -> int:
    """Bytes of a forward pass that keeps the queries and keys of all layers, as measuring does."""
    kept = not reads_per_layer(model.config)
    passes = {name: StackPass(stack=stack, reducers=[], keep_layers=kept) for name, stack in given.stacks(shapes).items()}
    return _peak(model, lambda: run_through(model, given, passes))


def backward_peak(model: Any, given: Feed) -> int:
    """Bytes of a forward and a backward pass from the last states; what the head computes is not among them."""
    keywords, embeddings = given.keywords(model), embedded(model, given.source)

    def value_of(inputs: torch.Tensor) -> torch.Tensor:
        with embeddings_placed(model, given.source, inputs):
            return model.base_model(**keywords)[0].float().sum()

    texts, through = {"encoder": given.source, "decoder": given.target or given.source}, weighed_layers if reads_per_layer(model.config) else None
    backward_pass = BackwardPass(layouts=texts, stack_of=stack_namer(model))
    return _peak(model, lambda: measure_backward(model, embeddings, value_of, backward_pass, through=through))


def _peak(model: Any, run: Callable[[], object]) -> int:
    held = [tensor.untyped_storage() for tensor in (*model.parameters(), *model.buffers())]
    with _Counting({storage._cdata for storage in held}) as counting:
        run()
    return counting.peak


class _Counting(TorchDispatchMode):
    """Inside the block, the bytes of all storages that operations make, from when they are made until they are freed."""

    def __init__(self, known: set[int]) -> None:
        super().__init__()
        self.known, self.now, self.peak = known, 0, 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        for tensor in _tensors(result):
            self._count(tensor)
        return result

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, partial(self._free, key, size)).atexit = False

    def _free(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def _tensors(result: Any) -> Iterator[torch.Tensor]:
    """Those that an operation gives: one, or several in tuples and lists."""
    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, (tuple, list)):
        for one in result:
            yield from _tensors(one)
