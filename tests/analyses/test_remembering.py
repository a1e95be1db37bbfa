"""What is needed twice is computed once for each object, and forgotten with it."""

from __future__ import annotations

import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from made_up import made_up

from reportgen.analyses.remembering import remembered
from reportgen.analyses.sentence_matrix import attention_views
from reportgen.measurements import Measurements


def test_each_object_of_measurements_is_looked_at_once() -> None:
    looked_at: list[Measurements] = []

    @remembered
    def sentences(measurements: Measurements) -> int:
        looked_at.append(measurements)
        return len(measurements.sentences)

    one, other = made_up(seed=1), made_up(seed=1)
    assert [sentences(one), sentences(one), sentences(other)] == [5, 5, 5]
    assert [found is expected for found, expected in zip(looked_at, (one, other), strict=True)] == [True, True]


def test_who_asks_meanwhile_in_another_thread_waits_for_the_same_result() -> None:
    looked_at: list[Measurements] = []

    @remembered
    def sentences(measurements: Measurements) -> list[str]:
        looked_at.append(measurements)
        time.sleep(0.05)
        return list(measurements.sentences)

    measurements = made_up()
    with ThreadPoolExecutor(3) as threads:
        first, *others = threads.map(sentences, [measurements] * 3)
    assert looked_at == [measurements]
    assert all(other is first for other in others)


def test_results_go_when_the_measurements_go() -> None:
    measurements = made_up()
    views = weakref.ref(attention_views(measurements))
    assert not views().flags.writeable
    np.testing.assert_array_equal(attention_views(measurements)[1:].mean(0), views()[0])
    del measurements
    gc.collect()
    assert views() is None
