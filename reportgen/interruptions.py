"""Interruptions that are not lost: libraries that are being imported when one comes may pass over it, or make another error of it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = "Interrupted; nothing was written."

_heard: list[int] = []


@contextmanager
def hearing_interruptions() -> Iterator[None]:
    """While the block runs, each interruption is raised as ever, and noted."""
    _heard.clear()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():  # others listen, or nobody may
        yield
        return
    signal.signal(signal.SIGINT, _hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted() -> bool:
    """Whether an interruption has come by now."""
    return bool(_heard)


def raise_interruption() -> None:
    """Raise `KeyboardInterrupt` where an interruption has come, and work goes on all the same."""
    if interrupted():
        raise KeyboardInterrupt


def end_with(sentence: str) -> NoReturn:
    """End the program with exit code 2 and this sentence on standard error."""
    print(f"reportgen: {sentence}", file=sys.stderr)
    exec("")  # else Python ends by the signal of an interruption that came while it ran the text of another exec, as dataclasses do
    sys.exit(2)


def _hear(number: int, frame: FrameType | None) -> None:
    _heard.append(number)
    signal.default_int_handler(number, frame)
