"""Where a model is put, and in what number type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from reportgen.errors import ModelError

DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True, kw_only=True)
class Placing:
    """A torch device, and a torch number type or `auto` for that of the weights' file."""

    device: Any
    dtype: Any


def placing(device: str, dtype: str) -> Placing:
    """What `auto`, `cpu`, `cuda`, `cuda:1` or `mps` and `auto` or a number type mean here. Raises `ModelError` for what is not here or not known."""
    import torch

    if dtype not in DTYPES:
        raise ModelError(f"{dtype!r} is no number type for a model; choose {', '.join(DTYPES)}.")
    if not DEVICE.fullmatch(device):
        raise ModelError(f"{device!r} is no device; choose auto, cpu, cuda, cuda:N or mps.")
    chosen = torch.device(_best() if device == "auto" else device)
    _refuse_what_is_not_here(chosen)
    if chosen.type == "mps" and dtype == "float64":
        raise ModelError("The device mps has no float64; choose --dtype float32, or --device cpu.")
    return Placing(device=chosen, dtype="auto" if dtype == "auto" else getattr(torch, dtype))


def _best() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _refuse_what_is_not_here(device: Any) -> None:
    import torch

    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("There is no CUDA device that this torch can use; choose --device cpu or auto.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"There is no device {device}: this machine has {torch.cuda.device_count()}, counted from 0.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("There is no device mps that this torch can use; choose --device cpu or auto.")
