"""What must have happened once in a process before a model reads anything."""

from __future__ import annotations

from functools import cache

FUNCTIONS = ("cos", "exp", "log", "sin", "sqrt", "tanh")


@cache
def call_math_once() -> None:
    """Functions of torch that models and measuring use, called once in one thread.

    The mathematics library of torch's CPU builds chooses its code for a processor in the first call. Where that call runs in several threads, some of them
    may get code of far lower precision, for that call only: errors of 1.5e-4 in the cosines of rotary positions were seen in one process of twenty. One call
    of one function settled it for all that were tried; by the source it is each function's own first call, so several are called.
    Source: PyTorch issue 188792, "MKL VML first-call kernel dispatch race".
    """
    import torch

    for dtype in (torch.float32, torch.float64):
        for name in FUNCTIONS:
            getattr(torch, name)(torch.ones(1, dtype=dtype))
