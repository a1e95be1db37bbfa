"""Runs in processes of their own, taken in turns, and the median of each."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("one_run.py")
DOES_NOT_FIT = 3  # exit status


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One way at one length, with so many sentences each taken as one. `gigabytes` and `seconds` are what a process may take at most, `once` is for slow ones."""

    way: str
    tokens: int
    merged: int = 1
    gigabytes: float | None = None
    seconds: float | None = None
    once: bool = False


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Seconds and peak memory in GB over tokens in sentences; MB of what was written, None where nothing was."""

    seconds: float
    gigabytes: float
    tokens: int
    sentences: int
    megabytes: float | None = None


Outcome = Figures | str  # or why there are none


def in_turns(timed: Sequence[Timed], runs: int, run: Callable[[Timed], Outcome]) -> dict[Timed, Outcome]:
    """The medians of so many runs of each, A B C A B C, so that what slows the machine for a while slows all. What fails is not run again."""
    found: dict[Timed, list[Outcome]] = {one: [] for one in timed}
    for turn in range(runs):
        for one, outcomes in found.items():
            if turn == 0 or not (one.once or isinstance(outcomes[-1], str)):
                outcomes.append(run(one))
    return {one: median(outcomes) for one, outcomes in found.items()}


def median(outcomes: Iterable[Outcome]) -> Outcome:
    """The median of each figure, or the first reason why there are none."""
    outcomes = list(outcomes)
    for outcome in outcomes:
        if isinstance(outcome, str):
            return outcome
    return Figures(
        seconds=statistics.median(one.seconds for one in outcomes),
        gigabytes=statistics.median(one.gigabytes for one in outcomes),
        tokens=outcomes[0].tokens,
        sentences=outcomes[0].sentences,
        megabytes=outcomes[0].megabytes,
    )


def run_apart(timed: Timed) -> Outcome:
    """One run in a process of its own."""
    limit = [] if timed.gigabytes is None else [str(timed.gigabytes)]
    command = [sys.executable, str(SCRIPT), timed.way, str(timed.tokens), str(timed.merged), *limit]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timed.seconds)
    except subprocess.TimeoutExpired:
        return f"over {timed.seconds:.0f} s"
    if done.returncode == DOES_NOT_FIT:
        return "does not fit"
    if done.returncode:
        print(done.stderr, file=sys.stderr, flush=True)
        return f"failed ({done.returncode})"
    return Figures(**json.loads(done.stdout.strip().splitlines()[-1]))
