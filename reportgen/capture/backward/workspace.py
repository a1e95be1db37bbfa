"""Threads for the compiled passes, and memory that is used again from block to block: fresh pages for each would cost more than the sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

ROWS_AT_ONCE = 8  # what one thread takes at a time


class Workspace:
    """Closed by leaving its `with` block."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(torch.get_num_threads(), thread_name_prefix="reportgen-backward")
        self.buffers: dict[str, torch.Tensor] = {}

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.threads.shutdown()
        self.buffers.clear()

    def cells(self, name: str, *shape: int, device: torch.device | str = "cpu") -> torch.Tensor:
        """The buffer of that name in this shape, one device for one name; what it holds is undefined."""
        size = math.prod(shape)
        if name not in self.buffers or len(self.buffers[name]) < size:
            self.buffers[name] = torch.empty(size, device=device)
        return self.buffers[name][:size].view(shape)

    def over_rows(self, rows: int, add: Callable[[int, int], None]) -> None:
        """Call `add` with the borders of a few rows at a time, on all threads."""
        starts = range(0, rows, ROWS_AT_ONCE)
        list(self.threads.map(lambda start: add(start, min(start + ROWS_AT_ONCE, rows)), starts))

    def over_heads(self, heads: int, add: Callable[[int], None]) -> None:
        """Call `add` with each head, on all threads."""
        list(self.threads.map(add, range(heads)))
