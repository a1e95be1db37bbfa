"""What each analysis takes, its result and its charts, and all of them together over the plain reading of the file.

    python tests/benchmarks/below_the_waist.py MEASUREMENTS.npz

Prints seconds of one core: set OMP_NUM_THREADS=1 where anything else runs, because threads that wait for each other count as well. Last come the seconds that
pass until a whole report is made, by all cores, as `reportgen render` makes it before it writes the page.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from reportgen.analyses import ANALYSES, Analysis
from reportgen.measurements import Measurements
from reportgen.report import build_report, build_section


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and the seconds of the processor that it took."""
    started = time.process_time()
    return work(), time.process_time() - started


def applicable(analysis: Analysis, measurements: Measurements) -> bool:
    """Whether the report would have it."""
    needed = [[name if "." in name else f"*.{name}" for name in need.split("|")] for need in analysis.needs]
    there = all(any(name in measurements for name in one_of) for one_of in needed)
    return there and (analysis.applies_with is None or analysis.applies_with in measurements)


def main(path: Path) -> None:
    """A row for each analysis, and their sum."""
    import altair  # noqa: F401  its loading is told apart

    _, reading = timed(lambda: dict(np.load(path)))
    measurements = Measurements.load(path)
    layers, heads = measurements.metadata["layers"], measurements.metadata["heads"]
    print(f"{len(measurements.sentences)} sentences, {layers} x {heads} heads\n\n| analysis | result | charts |\n|---|---:|---:|")
    total = 0.0
    for analysis in ANALYSES:
        if applicable(analysis, measurements):
            result, analysing = timed(lambda: analysis.analyse(measurements))  # noqa: B023
            _, drawing = timed(lambda: build_section(analysis, result))  # noqa: B023
            total += analysing + drawing
            print(f"| {analysis.name} | {analysing:.2f} s | {drawing:.2f} s |", flush=True)
    print(f"\nAll: {total:.1f} s, {total / reading:.1f} times the plain reading of all arrays ({reading:.2f} s).")
    anew, started = Measurements.load(path), time.perf_counter()
    build_report(anew)
    print(f"The whole report by {os.cpu_count()} cores: {time.perf_counter() - started:.1f} s.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
