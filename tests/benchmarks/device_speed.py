"""Time and memory on a device of measuring against the same model's plain SDPA passes, and eager attention with the same formulas.

Prints one Markdown table. All ways run in one process, in turns, after a run of each over the first tokens that is not timed; figures are medians of the
runs of this call, memory is what torch takes on the device at most.

    python tests/benchmarks/device_speed.py [--device cuda] [--model default] [--tokens 512 1024 2048 4096 8192] [--runs 3]
"""

from __future__ import annotations

import argparse
import os
import time
from importlib.metadata import version
from typing import Any

from table import Ratio, columns, header, row, ways_of
from timing import Figures, Outcome, Timed, in_turns
from ways import WAYS, load

THERE = ("sdpa", "ours", "eager", "plain backward", "backward")
WARM_UP = 128


def main() -> None:
    """Print the table, a row when it is known, and what it was measured with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N")
    parser.add_argument("--model", default="default", help="the default model, a packaged one, or a folder")
    parser.add_argument("--tokens", type=int, nargs="+", default=[512, 1024, 2048, 4096, 8192], help="lengths; each is cut after a whole sentence")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way, whose median is shown")
    options = parser.parse_args()
    shown = shown_there()
    print(header(shown), flush=True)
    for tokens in options.tokens:
        loaded, layout = load(tokens, options.model, options.device)
        print(row(shown, at_length(ways_of(shown), loaded, layout, options.runs)), flush=True)
    print(conditions(loaded, options.runs))


def at_length(ways: list[str], loaded: Any, layout: Any, runs: int) -> dict[str, Outcome]:
    """The medians of each way."""
    for way in ways:
        run(way, loaded, layout.head(WARM_UP))
    found = in_turns([Timed(way=way, tokens=layout.tokens) for way in ways], runs, lambda timed: run(timed.way, loaded, layout))
    return {timed.way: outcome for timed, outcome in found.items()}


def shown_there() -> dict[str, str | Ratio]:
    """The columns of ways that run on a device."""
    return {name: what for name, what in columns(gradients=True).items() if {*([what] if isinstance(what, str) else what[:2])} <= set(THERE)}


def run(way: str, loaded: Any, layout: Any) -> Outcome:
    """One run, from when the device has nothing to do until it has done it."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(loaded.model.device)
    torch.cuda.synchronize(loaded.model.device)
    start = time.perf_counter()
    try:
        WAYS[way](loaded, layout)
    except torch.OutOfMemoryError:
        return "does not fit"
    torch.cuda.synchronize(loaded.model.device)
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated(loaded.model.device) / 1e9
    return Figures(seconds=seconds, gigabytes=peak, tokens=layout.tokens, sentences=layout.sentences)


def conditions(loaded: Any, runs: int) -> str:
    """What the figures were measured with."""
    import torch

    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "numba"))
    return f"{torch.cuda.get_device_name(loaded.model.device)}, {os.cpu_count()} cores, {loaded.name}, {loaded.model.dtype}, {libraries}; medians of {runs}."


if __name__ == "__main__":
    main()
