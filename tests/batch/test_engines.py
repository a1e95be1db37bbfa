"""One process, several, and Ray's actors give the same bytes; workers and whole runs that are killed lose nothing and repeat nothing."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from reportgen.asked import Asked
from reportgen.batch import How, Told, run_batch
from reportgen.batch.on_ray import Cluster, connect

ROOT = Path(__file__).parents[2]
DOCUMENTS = 50
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    for number in range(DOCUMENTS):
        (folder / f"text-{number:02d}.txt").write_text(f"The gull {number} slept{' on' * (number % 7)} at dawn. Nobody waved.\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def by_one(docs: Path, quick: Asked, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What one process gives that nobody disturbs."""
    folder = tmp_path_factory.mktemp("one") / "out"
    manifest = run_batch([str(docs)], folder, quick, How(pages=False))
    assert len(manifest.of("done")) == DOCUMENTS
    return files_in(folder)


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """Ray on this machine, started once, whose workers find the package where the tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        ray, started = connect(Cluster(workers=2))
        assert started
        yield
        ray.shutdown()


def files_in(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def once_finished(documents: int, do: Callable[[], None]) -> Callable[[Told], None]:
    """What does something in the middle of a run, when so many documents are finished."""
    return lambda told: do() if told.finished == documents and told.what == "measured" else None


def kill_a_process() -> None:
    random.choice(multiprocessing.active_children()).kill()


def kill_an_actor() -> None:
    actors = [one for one in psutil.Process().children(recursive=True) if one.cmdline()[:1] == ["ray::Measurer"] or "ray::Measurer" in one.name()]
    random.choice(actors).kill()


def test_processes_one_of_which_is_killed_give_the_same_bytes(docs: Path, quick: Asked, by_one: Files, tmp_path: Path) -> None:
    run_batch([str(docs)], tmp_path / "out", quick, How(pages=False, jobs=2), once_finished(7, kill_a_process))
    assert files_in(tmp_path / "out") == by_one
    assert not multiprocessing.active_children()


def test_actors_of_ray_one_of_which_is_killed_give_the_same_bytes(ray_here: None, docs: Path, quick: Asked, by_one: Files, tmp_path: Path) -> None:
    how = How(pages=False, jobs=2, engine="ray")
    run_batch([str(docs)], tmp_path / "out", quick, how, once_finished(11, kill_an_actor))
    assert files_in(tmp_path / "out") == by_one


def test_pages_are_the_same_bytes_too(ray_here: None, docs: Path, quick: Asked, tmp_path: Path) -> None:
    doc = [str(docs / "text-05.txt")]
    run_batch(doc, tmp_path / "one", quick)
    run_batch(doc, tmp_path / "ray", quick, How(engine="ray", jobs=1))
    files = files_in(tmp_path / "one")
    assert sorted(os.path.splitext(name)[1] for name in files) == [".html", ".json", ".npz"]
    assert files_in(tmp_path / "ray") == files


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


def test_runs_killed_at_random_points_lose_nothing_and_repeat_nothing(docs: Path, quick: Asked, by_one: Files, tmp_path: Path) -> None:
    some, folder, told = str(docs / "text-[012]*.txt"), tmp_path / "out", []
    measured = killed_after(random.randint(1, 9), some, folder, quick)
    measured += killed_after(random.randint(1, 9), some, folder, quick, "--resume", "--jobs", "2")
    last = run_batch([some], folder, quick, How(pages=False, resume=True), told.append)
    assert len(last.of("done")) == len(last.entries) == 30
    assert set(measured) <= {one.source for one in told if one.what == "kept"}
    measured += [one.source for one in told if one.what == "measured"]
    assert max(Counter(measured).values()) == 1
    kept = {name: data for name, data in files_in(folder).items() if name.startswith("text-")}
    assert len(kept) == 30
    assert kept.items() <= by_one.items()


def test_a_renamed_document_is_found_by_what_it_holds(docs: Path, quick: Asked, tmp_path: Path) -> None:
    old, new, told = tmp_path / "ship.txt", tmp_path / "vessel.txt", []
    shutil.copy(docs / "text-03.txt", old)
    first = run_batch([str(old)], tmp_path / "out", quick, How(pages=False))
    old.rename(new)
    second = run_batch([str(new)], tmp_path / "out", quick, How(pages=False, resume=True), told.append)
    assert [one.what for one in told] == ["kept"]
    assert second.entries[0].source == str(new)
    assert second.entries[0].files == first.entries[0].files
