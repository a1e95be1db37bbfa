"""What a run makes of documents, whoever measures them: here nobody does, and made-up measurements are taken for theirs."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import made_up

from reportgen.asked import Asked
from reportgen.batch import How, Manifest, Shard, Told, parse_shard, read_manifest, run_batch, running
from reportgen.batch.crew import Answer
from reportgen.batch.work import Facts, Made, NotMade, Work
from reportgen.errors import BatchError, DocumentError, ModelError

Answering = Callable[[Work], Made | NotMade | None]


class Pretending:
    """One worker that answers what it is told to, and keeps what it was given."""

    def __init__(self, answer: Answering) -> None:
        self.answer, self.work, self.given, self.closed = answer, None, [], 0

    @property
    def free(self) -> bool:
        return self.work is None

    @property
    def busy(self) -> bool:
        return self.work is not None

    def give(self, work: Work) -> None:
        self.work = work
        self.given.append(work)

    def answers(self) -> Sequence[Answer]:
        work, self.work = self.work, None
        return [(work, self.answer(work))]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("made") / "up.npz"
    made_up().save(path)
    return path.read_bytes()


@pytest.fixture
def made(npz: bytes) -> Made:
    metadata = made_up().metadata
    return Made(facts=Facts(title=metadata["title"], model=metadata["model"], tokens=23, sentences=5), npz=npz, page=b"<p>page")


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch, made: Made) -> Pretending:
    one = Pretending(lambda work: made)
    monkeypatch.setattr(running, "crew_of", lambda asked, how, tasks: one)
    return one


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.txt", "b.md", "deep/c.txt", "deep/.hidden.txt", "picture.png"):
        (folder / name).write_text(f"This is {name}.", encoding="utf-8")
    return folder


def names(manifest: Manifest) -> list[str]:
    return [Path(entry.source).name for entry in manifest.entries]


def test_folders_files_and_patterns_name_each_document_once(crew: Pretending, docs: Path, quick: Asked) -> None:
    out = docs / "out"
    manifest = run_batch([str(docs), str(docs / "a.txt"), f"{docs}/**/*.txt"], out, quick)
    assert names(manifest) == ["a.txt", "b.md", "c.txt"]
    assert names(run_batch([str(docs)], out, quick, How(resume=True))) == ["a.txt", "b.md", "c.txt"]  # its own pages are none


@pytest.mark.parametrize("name", ["missing.txt", "*.docx", "https://example.org/a.html", "-"])
def test_names_of_nothing_are_refused_before_anything_is_measured(name: str, crew: Pretending, docs: Path, quick: Asked) -> None:
    with pytest.raises(DocumentError):
        run_batch([str(docs), name if ":" in name or name == "-" else str(docs / name)], docs / "out", quick)
    assert not crew.given


def test_a_folder_of_nothing_is_refused(crew: Pretending, tmp_path: Path, quick: Asked) -> None:
    with pytest.raises(BatchError, match="No document"):
        run_batch([str(tmp_path)], tmp_path / "out", quick)


@pytest.mark.parametrize("named", ["docs/a.txt", "docs", "docs/*.txt"])
def test_documents_that_all_lie_in_the_output_folder_are_refused_as_such(
    crew: Pretending, docs: Path, quick: Asked, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(docs.parent)
    with pytest.raises(BatchError, match=r"lie in the output folder docs, which is left out .*: name another with --output\.$"):
        run_batch([named], Path("docs"), quick)


def test_bad_documents_stop_no_other(crew: Pretending, docs: Path, made: Made, quick: Asked) -> None:
    (docs / "gone.txt").symlink_to(docs / "nowhere.txt")
    crew.answer = lambda work: NotMade(error="b.md holds no sentence.") if work.name == "b.md" else made
    manifest = run_batch([str(docs), str(docs / "picture.png")], docs / "out", quick)
    assert names(manifest) == ["a.txt", "b.md", "c.txt", "gone.txt", "picture.png"]
    assert {Path(entry.source).name: entry.error for entry in manifest.of("failed")} == {
        "b.md": "b.md holds no sentence.",
        "gone.txt": f"{docs / 'gone.txt'} cannot be read (No such file or directory): check the name and its permissions.",
        "picture.png": "picture.png is an image: have the text recognised first, for example with `tesseract picture.png NEW`, and give NEW.txt.",
    }


def test_a_document_that_changes_meanwhile_has_failed(crew: Pretending, docs: Path, made: Made, quick: Asked) -> None:
    def answer(work: Work) -> Made:
        (docs / "b.md").write_text("Something else.", encoding="utf-8")
        return made

    crew.answer = answer
    manifest = run_batch([str(docs)], docs / "out", quick)
    assert [entry.error for entry in manifest.of("failed")] == [f"{docs / 'b.md'} changed while the run went on: run again with --resume."]


def test_a_document_is_given_to_three_workers_that_die_over_it_and_no_more(crew: Pretending, docs: Path, made: Made, quick: Asked) -> None:
    told: list[Told] = []
    crew.answer = lambda work: None if work.name == "b.md" else made
    manifest = run_batch([str(docs)], docs / "out", quick, show=told.append)
    assert [work.name for work in crew.given] == ["a.txt", "b.md", "b.md", "b.md", "c.txt"]
    assert [one.what for one in told] == ["measured", "again", "again", "failed", "measured"]
    assert manifest.of("failed")[0].error == running.DIED
    assert crew.closed == 1


def test_the_manifest_says_what_became_of_each_document(crew: Pretending, docs: Path, npz: bytes, quick: Asked) -> None:
    run_batch([str(docs)], docs / "out", quick)
    data = json.loads((docs / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert (data["schema"], data["shard"], data["settings"]) == (1, None, {"pages": True, "threads": 1})
    assert data["asked"]["attribution"] == "none"
    first = data["documents"][0]
    assert (first["source"], first["status"], first["tokens"], first["sentences"], first["error"]) == (str(docs / "a.txt"), "done", 23, 5, None)
    assert [file["name"] for file in first["files"]] == [f"a-{first['key'][:16]}.npz", f"a-{first['key'][:16]}.html"]
    assert first["files"][0]["bytes"] == len(npz)
    assert os.stat(docs / "out" / first["files"][0]["name"]).st_size == len(npz)


def test_documents_of_the_same_content_are_measured_once(crew: Pretending, docs: Path, quick: Asked) -> None:
    (docs / "z.txt").write_bytes((docs / "a.txt").read_bytes())
    manifest = run_batch([str(docs)], docs / "out", quick)
    assert [work.name for work in crew.given] == ["a.txt", "b.md", "c.txt"]
    first, last = manifest.entries[0], next(entry for entry in manifest.entries if entry.source.endswith("z.txt"))
    assert last == replace(first, source=last.source)


def test_an_earlier_run_is_not_written_over(crew: Pretending, docs: Path, quick: Asked) -> None:
    run_batch([str(docs)], docs / "out", quick)
    with pytest.raises(BatchError, match="--resume"):
        run_batch([str(docs)], docs / "out", quick)


def test_a_run_whose_model_is_refused_stands_in_no_later_ones_way(crew: Pretending, docs: Path, made: Made, quick: Asked) -> None:
    def refused(work: Work) -> Made:
        raise ModelError("Mamba has no attention.")

    crew.answer = refused
    with pytest.raises(ModelError):
        run_batch([str(docs)], docs / "out", quick)
    assert list((docs / "out").iterdir()) == []
    crew.answer = lambda work: made
    assert len(run_batch([str(docs)], docs / "out", quick).of("done")) == 3
    (docs / "d.txt").write_text("Another.", encoding="utf-8")
    crew.answer = refused
    with pytest.raises(ModelError):
        run_batch([str(docs)], docs / "out", quick, How(resume=True))
    assert sorted(entry.status for entry in read_manifest(docs / "out").entries) == ["done", "done", "done", "waiting"]


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    ("ending", "given", "what"), [(".npz", False, "measured"), (".html", True, "drawn"), ("", True, "kept")], ids=["measurements", "page", "nothing"]
)
def test_only_what_is_damaged_is_made_again(
    recorded: bool, ending: str, given: bool, what: str, crew: Pretending, docs: Path, npz: bytes, quick: Asked
) -> None:
    """Measurements that no manifest lists are trusted by the archive's own checksums; a page is not, and is drawn again."""
    out, told, doc = docs / "out", [], [str(docs / "a.txt")]
    before = run_batch(doc, out, quick)
    for path in out.glob(f"*{ending}") if ending else ():
        spoil(path)
    if not recorded:
        (out / "manifest.json").unlink()
        what = "drawn" if what == "kept" else what
    crew.given.clear()
    after = run_batch(doc, out, quick, How(resume=True), told.append)
    assert [one.what for one in told] == [what]
    assert [work.measured for work in crew.given] == ([] if what == "kept" else [npz if given else None])
    assert (after.entries[0].key, after.entries[0].files) == (before.entries[0].key, before.entries[0].files)


def test_failed_documents_are_tried_again(crew: Pretending, docs: Path, made: Made, quick: Asked) -> None:
    crew.answer = lambda work: NotMade(error="No memory.") if work.name == "b.md" else made
    run_batch([str(docs)], docs / "out", quick)
    crew.answer, told = lambda work: made, []
    assert not run_batch([str(docs)], docs / "out", quick, How(resume=True), told.append).of("failed")
    assert sorted(one.what for one in told) == ["kept", "kept", "measured"]


def test_shards_part_the_documents_and_their_manifests_are_put_together(crew: Pretending, docs: Path, quick: Asked) -> None:
    for number in range(23):
        (docs / f"{number}.txt").write_text(f"Number {number}.", encoding="utf-8")
    parts = [run_batch([str(docs)], docs.parent / "out", quick, How(shard=Shard(index=index, of=3))) for index in (1, 2, 3)]
    apart = [entry for part in parts for entry in part.entries]
    whole = run_batch([str(docs)], docs.parent / "whole", quick)
    assert len({entry.source for entry in apart}) == len(apart) == 26
    assert all(part.entries for part in parts)
    assert set(apart) == set(whole.entries)
    assert read_manifest(docs.parent / "out").entries == read_manifest(docs.parent / "whole").entries
    told: list[Told] = []
    run_batch([str(docs)], docs.parent / "out", quick, How(resume=True), told.append)  # what the shards have finished counts for all
    assert {one.what for one in told} == {"kept"}


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3"])
def test_no_other_shards_are_taken(text: str) -> None:
    assert parse_shard("3/3") == Shard(index=3, of=3)
    with pytest.raises(BatchError, match="write the third of eight as 3/8"):
        parse_shard(text)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Where the tests run in the background, their process ignores interruptions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_leaves_a_manifest_of_what_is_finished(crew: Pretending, docs: Path, made: Made, quick: Asked) -> None:
    def interrupted(work: Work) -> Made:
        if work.name == "b.md":
            signal.raise_signal(signal.SIGINT)
        return made

    crew.answer = interrupted
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        run_batch([str(docs)], docs / "out", quick)
    assert [entry.status for entry in read_manifest(docs / "out").entries] == ["done", "waiting", "waiting"]
    assert crew.closed == 1


def test_what_is_for_ray_is_refused_without_it(crew: Pretending, docs: Path, quick: Asked) -> None:
    for how in (How(address="auto"), How(gpus_per_worker=1.0)):
        with pytest.raises(BatchError, match="--engine ray"):
            run_batch([str(docs)], docs / "out", quick, how)


def test_a_manifest_that_does_not_say_the_threads_is_gone_on_with(crew: Pretending, docs: Path, quick: Asked) -> None:
    run_batch([str(docs)], docs / "out", quick)
    path = docs / "out" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "settings": {}}), encoding="utf-8")
    assert len(run_batch([str(docs)], docs / "out", quick, How(resume=True)).of("done")) == 3


def test_a_manifest_that_cannot_be_read_is_named(crew: Pretending, docs: Path, quick: Asked) -> None:
    run_batch([str(docs)], docs / "out", quick)
    (docs / "out" / "manifest.json").write_text('{"schema": 99}', encoding="utf-8")
    with pytest.raises(BatchError, match="manifest.json"):
        run_batch([str(docs)], docs / "out", quick, How(resume=True))
