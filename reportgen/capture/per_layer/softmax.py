"""The softmaxes of an attention module, as they are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

SOFTMAXES = (torch.softmax, torch.nn.functional.softmax, torch.Tensor.softmax)


class EachSoftmax(TorchFunctionMode):
    """Inside the block, every softmax of this thread gives what `take` makes of its result."""

    def __init__(self, take: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.take = take

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        return self.take(result) if function in SOFTMAXES else result
