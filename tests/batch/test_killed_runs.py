"""Whole runs that are killed lose nothing and repeat nothing."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
from batch.fifty import ROOT, Files, files_in

from reportgen.asked import Asked
from reportgen.batch import How, run_batch


def killed_after(measured: int, docs: str, folder: Path, quick: Asked, *options: str) -> list[str]:
    """The documents that a run by the command line had measured by the time it was killed, a moment after so many."""
    command = [sys.executable, "-m", "reportgen", "batch", docs, "-o", str(folder), "-m", quick.model, *options]
    command += ["--attribution", "none", "--no-probes", "--device", "cpu", "--no-pages"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment) as process:
        lines = []
        while sum(" measured: " in line for line in lines) < measured:
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)
        time.sleep(random.random() / 10)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        lines += process.stderr.readlines()
    assert not psutil.wait_procs(workers, timeout=60)[1]
    return [line.split(" measured: ")[1].split(" (")[0] for line in lines if " measured: " in line]


def test_runs_killed_at_random_points_lose_nothing_and_repeat_nothing(fifty_docs: Path, quick: Asked, by_one: Files, tmp_path: Path) -> None:
    some, folder, told = str(fifty_docs / "text-[01]*.txt"), tmp_path / "out", []
    measured = killed_after(random.randint(1, 9), some, folder, quick)
    measured += killed_after(random.randint(1, 9), some, folder, quick, "--resume", "--jobs", "2")
    last = run_batch([some], folder, quick, How(pages=False, resume=True), told.append)
    assert len(last.of("done")) == len(last.entries) == 20
    assert set(measured) <= {one.source for one in told if one.what == "kept"}
    measured += [one.source for one in told if one.what == "measured"]
    assert max(Counter(measured).values()) == 1
    kept = {name: data for name, data in files_in(folder).items() if name.startswith("text-")}
    assert len(kept) == 20
    assert kept.items() <= by_one.items()


def test_a_renamed_document_is_found_by_what_it_holds(fifty_docs: Path, quick: Asked, tmp_path: Path) -> None:
    old, new, told = tmp_path / "ship.txt", tmp_path / "vessel.txt", []
    shutil.copy(fifty_docs / "text-03.txt", old)
    first = run_batch([str(old)], tmp_path / "out", quick, How(pages=False))
    old.rename(new)
    second = run_batch([str(new)], tmp_path / "out", quick, How(pages=False, resume=True), told.append)
    assert [one.what for one in told] == ["kept"]
    assert second.entries[0].source == str(new)
    assert second.entries[0].files == first.entries[0].files
