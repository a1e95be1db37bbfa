"""What several analyses need of the same measurements is computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TypeVar
from weakref import WeakKeyDictionary

from reportgen.measurements import Measurements

Found = TypeVar("Found")


def remembered(compute: Callable[[Measurements], Found]) -> Callable[[Measurements], Found]:
    """The same function, which computes its result once for each object of measurements and keeps it as long as that lives. Results are not to be written into.

    Whoever asks in another thread in the meantime waits for it.
    """
    known: WeakKeyDictionary[Measurements, Found] = WeakKeyDictionary()
    computing = RLock()

    @wraps(compute)
    def found(measurements: Measurements) -> Found:
        with computing:
            if measurements not in known:
                known[measurements] = compute(measurements)
            return known[measurements]

    return found
