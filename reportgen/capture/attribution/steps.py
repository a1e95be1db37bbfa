"""Progress of many passes of one kind: how long all of them will take, as soon as the first is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

Report = Callable[[str, float], None]
MINUTE = 60
SHORT = 90  # seconds up to which a duration is told in seconds


def steps_of(stage: str, costs: Sequence[int], report: Report) -> Iterator[int]:
    """The number of each step, in order. Progress is reported by the steps' costs, and from the first step on the stage's name says about how long all take."""
    total, done, started = sum(costs), 0, time.monotonic()
    report(stage, 0.0)
    for step, cost in enumerate(costs):
        yield step
        done += cost
        report(f"{stage}, {about((time.monotonic() - started) * total / done)}", done / total)


def about(seconds: float) -> str:
    """A duration in words."""
    if seconds < SHORT:
        return f"about {max(round(seconds), 1)} s"
    return f"about {round(seconds / MINUTE)} min"
