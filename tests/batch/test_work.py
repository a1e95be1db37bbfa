"""A worker: the same options from other files, and errors that become sentences; and the command line around it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
from threadpoolctl import threadpool_info

from reportgen.asked import Asked
from reportgen.batch import How, on_ray, run_batch
from reportgen.batch.work import Made, Measurer, NotMade, Setup, Work, setup_of
from reportgen.cli import main
from reportgen.errors import BatchError, DocumentError, ModelError


def test_files_beside_the_document_are_sent_along(quick: Asked, tmp_path: Path) -> None:
    own, second = tmp_path / "own.txt", tmp_path / "question.txt"
    own.write_text("Nobody waved.\nThe gulls were loud.\n", encoding="utf-8")
    second.write_text("Who waved?", encoding="utf-8")
    setup = setup_of(replace(quick, reading={"sentences": own, "pair": second}), 1, pages=False)
    own.unlink()
    second.unlink()
    measurer = Measurer(setup)
    measurer.load()
    made = measurer.make(Work(key="k", name="quay.txt", data=b"Nobody waved. The gulls were loud."))
    assert isinstance(made, Made)
    assert (made.facts.title, made.facts.sentences, made.page) == ("Quay", 3, None)


@pytest.mark.parametrize(
    ("error", "said"),
    [(ValueError("odd\nnumber"), "A bug in reportgen, whose traceback is on standard error: ValueError: odd number"), (MemoryError(), "did not fit in memory")],
)
def test_an_error_is_told_in_a_sentence(error: Exception, said: str, quick: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("reportgen.batch.work.measure_as_asked", fail)
    answer = Measurer(setup_of(quick, 1, pages=False)).make(Work(key="k", name="a.txt", data=b"Nobody waved."))
    assert isinstance(answer, NotMade)
    assert said in answer.error
    assert ("Traceback" in capsys.readouterr().err) == isinstance(error, ValueError)


def test_workers_have_the_threads_that_are_asked_for_and_torch_its_own_again_after_them(quick: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, before = [], torch.get_num_threads()

    def look(*_: object) -> None:
        seen.append((torch.get_num_threads(), {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}))
        raise DocumentError("Seen.")

    monkeypatch.setattr("reportgen.batch.work.measure_as_asked", look)
    (tmp_path / "a.txt").write_text("Nobody waved.", encoding="utf-8")
    torch.set_num_threads(3)
    try:
        run_batch([str(tmp_path / "a.txt")], tmp_path / "one", quick)
        run_batch([str(tmp_path / "a.txt")], tmp_path / "two", quick, How(threads=2))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert [threads for threads, _ in seen] == [1, 2]
    assert seen[0][1] == {1}
    with pytest.raises(BatchError, match="--threads 2"):
        run_batch([str(tmp_path / "a.txt")], tmp_path / "two", quick, How(resume=True))


def test_the_exit_code_says_that_some_documents_failed(
    quick: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docs, out = tmp_path / "docs", tmp_path / "out"
    docs.mkdir()
    (docs / "good.txt").write_text("Nobody on the quay waved. The gulls were loud.", encoding="utf-8")
    (docs / "empty.txt").write_text("", encoding="utf-8")
    (docs / "no.pdf").write_bytes(b"%PDF-1.7 broken")
    words = ["batch", str(docs), "-o", str(out), "-m", quick.model, "--attribution", "none", "--no-probes", "--device", "cpu", "--no-pages"]
    monkeypatch.setattr(sys, "argv", ["reportgen", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert ended.value.code == 3
    assert shown.out == f"{out / 'manifest.json'}\n"
    assert shown.err.splitlines()[-1] == "2 of 3 documents failed."
    assert f"{docs / 'empty.txt'}: " in shown.err
    assert f" measured: {docs / 'good.txt'} (" in shown.err


def test_a_model_that_cannot_be_loaded_ends_the_run(quick: Asked, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}", encoding="utf-8")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"Nobody waved at {name}.", encoding="utf-8")
    for jobs in (1, 2):
        with pytest.raises(ModelError):
            run_batch([str(tmp_path)], tmp_path / f"out{jobs}", replace(quick, model=str(broken)), How(jobs=jobs))


def test_a_cluster_without_room_is_left_as_it_was_found(quick: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = MagicMock()
    ray.cluster_resources.return_value = {"CPU": 1}
    for started, ended in ((True, 1), (False, 0)):
        ray.shutdown.reset_mock()
        monkeypatch.setattr(on_ray, "connect", lambda cluster, started=started: (ray, started))
        with pytest.raises(BatchError, match="no room for one worker of 2 CPUs"):
            on_ray.RayCrew(Setup(asked=quick, beside={}), on_ray.Cluster(cpus=2))
        assert ray.shutdown.call_count == ended


def test_without_ray_its_engine_says_how_to_get_it(quick: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "a.txt").write_text("Nobody waved.", encoding="utf-8")
    with pytest.raises(BatchError, match=r"pip install 'reportgen\[ray\]'"):
        run_batch([str(tmp_path)], tmp_path / "out", quick, How(engine="ray"))
