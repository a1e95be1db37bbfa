"""What is run in which order, what is not run, and how it is written down."""

from __future__ import annotations

import numpy as np
import peers
import pytest
from peers import is_missing, needed
from table import columns, header, row, ways_of
from timing import Figures, Outcome, Timed, in_turns
from ways import WAYS, merged

A, B, C = Timed(way="ours", tokens=7), Timed(way="sdpa", tokens=7), Timed(way="eager", tokens=7, once=True)


def figures(seconds: float, gigabytes: float = 1.5, megabytes: float | None = None) -> Figures:
    return Figures(seconds=seconds, gigabytes=gigabytes, tokens=997, sentences=31, megabytes=megabytes)


def test_runs_are_taken_in_turns_and_slow_ones_once() -> None:
    order = []

    def run(timed: Timed) -> Outcome:
        order.append(timed)
        return figures([5, 1, 2][order.count(timed) - 1])

    found = in_turns([A, B, C], 3, run)
    assert order == [A, B, C, A, B, A, B]
    assert [found[one].seconds for one in (A, B, C)] == [2, 2, 5]


def test_what_fails_is_not_run_again_and_its_reason_is_kept() -> None:
    order = []

    def run(timed: Timed) -> Outcome:
        order.append(timed)
        return "does not fit" if timed == A else figures(2)

    assert in_turns([A, B], 2, run) == {A: "does not fit", B: figures(2)}
    assert order == [A, B, B]


def test_a_row_has_a_cell_for_each_heading() -> None:
    shown = columns(gradients=True)
    outcomes = {way: figures(2 + number, 1 + number) for number, way in enumerate(ways_of(shown))}
    outcomes |= {"savis": "not installed", "bertviz": figures(60, 12, megabytes=1993)}
    cells = dict(zip(header(shown).splitlines()[0].split(" | "), row(shown, outcomes).split(" | "), strict=True))
    assert cells["| tokens"] == "| 997"
    assert cells["ours"] == "4.0 s, 3.00 GB"
    assert cells["ours / SDPA"] == "2.00"
    assert cells["memory, ours / SDPA"] == "3.00"
    assert cells["savis"] == "not installed"
    assert cells["savis / ours"] == ""
    assert cells["bertviz"] == "60.0 s, 12.00 GB, writes 1,993 MB"
    assert cells["bertviz / ours"] == "15.00"


def test_every_way_of_the_table_is_one_that_can_be_timed() -> None:
    assert set(ways_of(columns(gradients=True))) == set(WAYS)


def test_memory_grows_with_the_square_for_what_keeps_whole_arrays_alone() -> None:
    assert needed("ours", 8192) == 0
    for way in peers.BYTES_PER_PAIR:
        assert needed(way, 2048) - peers.LOADED == pytest.approx(4 * (needed(way, 1024) - peers.LOADED))


def test_memory_of_other_tools_is_near_what_they_took() -> None:
    assert needed("savis", 1024) == pytest.approx(3.5, rel=0.2)
    assert needed("bertviz", 512) == pytest.approx(12, rel=0.2)


def test_only_other_packages_can_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert [way for way in WAYS if is_missing(way)] == ["savis", "bertviz"]


def test_merging_takes_neighbouring_sentences_as_one() -> None:
    assert merged(np.array([-1, 0, 0, 1, 2, -1, 3, 4]), 2).tolist() == [-1, 0, 0, 0, 1, -1, 1, 2]
