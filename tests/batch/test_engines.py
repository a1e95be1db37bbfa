"""One process, several, and Ray's actors give the same bytes, also where a worker is killed."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from batch.fifty import ROOT, Files, files_in

from reportgen.asked import Asked
from reportgen.batch import How, Told, run_batch
from reportgen.batch.on_ray import Cluster, connect


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """Ray on this machine, started once, whose workers find the package where the tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        ray, started = connect(Cluster(workers=2))
        assert started
        yield
        ray.shutdown()


def once_finished(documents: int, do: Callable[[], None]) -> Callable[[Told], None]:
    """What does something in the middle of a run, when so many documents are finished."""
    return lambda told: do() if told.finished == documents and told.what == "measured" else None


def kill_a_process() -> None:
    random.choice(multiprocessing.active_children()).kill()


def kill_an_actor() -> None:
    actors = [one for one in psutil.Process().children(recursive=True) if one.cmdline()[:1] == ["ray::Measurer"] or "ray::Measurer" in one.name()]
    random.choice(actors).kill()


def test_processes_one_of_which_is_killed_give_the_same_bytes(fifty_docs: Path, quick: Asked, by_one: Files, tmp_path: Path) -> None:
    run_batch([str(fifty_docs)], tmp_path / "out", quick, How(pages=False, jobs=2), once_finished(7, kill_a_process))
    assert files_in(tmp_path / "out") == by_one
    assert not multiprocessing.active_children()


def test_actors_of_ray_one_of_which_is_killed_give_the_same_bytes(ray_here: None, fifty_docs: Path, quick: Asked, by_one: Files, tmp_path: Path) -> None:
    how = How(pages=False, jobs=2, engine="ray")
    run_batch([str(fifty_docs)], tmp_path / "out", quick, how, once_finished(11, kill_an_actor))
    assert files_in(tmp_path / "out") == by_one


def test_pages_are_the_same_bytes_too(ray_here: None, fifty_docs: Path, quick: Asked, tmp_path: Path) -> None:
    doc = [str(fifty_docs / "text-05.txt")]
    run_batch(doc, tmp_path / "one", quick)
    run_batch(doc, tmp_path / "ray", quick, How(engine="ray", jobs=1))
    files = files_in(tmp_path / "one")
    assert sorted(os.path.splitext(name)[1] for name in files) == [".html", ".json", ".npz"]
    assert files_in(tmp_path / "ray") == files
