"""A run over many documents: what there is to do, who does it, and what came of it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from reportgen.asked import Asked
from reportgen.batch.crew import TRIES, Alone, Crew
from reportgen.batch.finding import find_documents, printable
from reportgen.batch.keeping import Kept, remove_half_written, write_made
from reportgen.batch.manifest import FAILED, Entry, Manifest, piece_path, write_manifest
from reportgen.batch.model_identity import pinned
from reportgen.batch.on_ray import HERE, Cluster, RayCrew
from reportgen.batch.planning import Plan, Task, plan_of, work_of
from reportgen.batch.processes import Processes
from reportgen.batch.sharding import Shard
from reportgen.batch.store import file_stem, make_folder, said
from reportgen.batch.work import Made, NotMade, setup_of
from reportgen.errors import BatchError, DocumentError

MEASURED, DRAWN, KEPT = "measured", "drawn", "kept"
DIED = f"{TRIES} workers died while they measured it: give a larger machine, or measure fewer tokens at once (--window)."
AT_MOST, SHARE = 5.0, 0.05  # the manifest is written when the last one is so many seconds old, and takes at most this share of the time


@dataclass(frozen=True, kw_only=True)
class How:
    """How a run goes, of which only `threads` can change a byte of what it gives.

    `jobs` workers (None: one, or all that a cluster has room for) of `threads` threads, in processes of this machine or as Ray's actors. Backward passes add up in
    an order that depends on the threads, so that their last figures do, and all workers have the same number.
    `resume` goes on where an earlier run ended. `shard` is the part of the documents to take. Without `pages` only measurements are made.
    """

    resume: bool = False
    shard: Shard | None = None
    jobs: int | None = None
    engine: Literal["local", "ray"] = "local"
    address: str = HERE
    gpus_per_worker: float = 0.0
    threads: int = 1
    pages: bool = True


@dataclass(frozen=True, kw_only=True)
class Told:
    """What just became of a document: measured, drawn (its page alone), kept, failed, or again (its worker died); so many of all are finished, and the seconds left, None where unknown."""

    what: str
    source: str
    key: str | None
    finished: int
    documents: int
    left: float | None


def run_batch(named: Sequence[str], folder: Path, asked: Asked, how: How | None = None, show: Callable[[Told], None] | None = None) -> Manifest:
    """The manifest of a run that measured every document once, with a page each; it and all files lie in `folder`, which is made where it is missing.

    A document that cannot be measured is listed as failed and stops no other. The same documents, model, options and libraries on the same kind of processor
    give the same bytes by the same threads, whatever else `how` says. Raises `BatchError` where the run cannot be begun or gone on with, `DocumentError` for names of nothing, `ModelError`
    for a model that cannot be loaded and `OutputError`; what was finished by then stays, and is in the manifest.
    """
    how = how or How()
    _refuse(how)
    asked = pinned(asked, ("cuda" if how.gpus_per_worker else "cpu") if how.engine == "ray" else None)
    run = Run(folder, asked, how, show or (lambda told: None))
    make_folder(folder)
    run.begin(plan_of(find_documents(named, folder), asked, run.said, how.shard))
    with run.written_at_the_end():
        run.go()
    return run.manifest


class Run:
    """The state of a run: the tasks, and the entries by their sources."""

    def __init__(self, folder: Path, asked: Asked, how: How, show: Callable[[Told], None]) -> None:
        self.folder, self.asked, self.how, self.show = folder, asked, how, show
        self.said: Mapping[str, Any] = said(asked)
        self.entries: dict[str, Entry] = {}
        self.tasks: Sequence[Task] = ()
        self.finished, self.made = 0, 0
        self.began, self.written, self.cost = 0.0, 0.0, 0.0

    @property
    def manifest(self) -> Manifest:
        """What has become of the documents by now."""
        settings = {"pages": self.how.pages, "threads": self.how.threads}
        entries = sorted(self.entries.values(), key=lambda entry: entry.source)
        return Manifest(asked=self.said, entries=tuple(entries), shard=self.how.shard, settings=settings)

    def begin(self, plan: Plan) -> None:
        """Find what is there already, write the first manifest, and tell what has failed before the work begins."""
        if self.how.resume:
            remove_half_written(self.folder)
            kept = Kept(folder=self.folder)
            kept.refuse_other_threads(self.how.threads)
            plan = plan.with_found(lambda key: kept.find(key, self.how.pages))
        elif piece_path(self.folder, self.how.shard).exists():
            raise BatchError(f"{self.folder} holds the results of an earlier run: go on with --resume, or name another folder.")
        self.tasks = plan.tasks
        self.entries = {source: Entry(source=printable(source), key=task.key) for task in plan.tasks for source in task.sources} | dict(plan.failed)
        self._write()
        for entry in plan.failed.values():
            self._tell(FAILED, entry)

    def go(self) -> None:
        """Do what is to be done."""
        waiting: deque[Task] = deque()
        for task in self.tasks:
            if task.found.entry is None:
                waiting.append(task)
            else:
                self._finish(task, task.found.entry, KEPT)
        if waiting:
            self.began = time.monotonic()
            with closing(crew_of(self.asked, self.how, len(waiting))) as crew:
                self._work_off(waiting, crew)

    @contextmanager
    def written_at_the_end(self) -> Iterator[None]:
        """Whatever ends the run, the manifest says how far it came; a new run that ends before it has measured anything, as over its model, leaves none in the next one's way."""
        try:
            yield
        except BaseException:
            if self.made or self.how.resume:
                self._write()
            else:
                piece_path(self.folder, self.how.shard).unlink(missing_ok=True)
            raise
        self._write()

    def _work_off(self, waiting: deque[Task], crew: Crew) -> None:
        """Tasks are handed out as workers get free; one whose worker died goes first, up to so many times."""
        deaths: Counter[str] = Counter()
        at_work: dict[str, Task] = {}
        while waiting or crew.busy:
            while waiting and crew.free:
                self._give(waiting.popleft(), crew, at_work)
            for work, answer in crew.answers() if waiting or crew.busy else ():
                task = at_work.pop(work.key)
                deaths[task.key] += answer is None
                if answer is None and deaths[task.key] < TRIES:
                    self._show("again", self.entries[task.sources[0]])
                    waiting.appendleft(task)
                else:
                    self._take(task, answer or NotMade(error=DIED))

    def _give(self, task: Task, crew: Crew, at_work: dict[str, Task]) -> None:
        try:
            work = work_of(task, self.asked)
        except DocumentError as error:
            self._take(task, NotMade(error=" ".join(str(error).split())))
            return
        at_work[task.key] = task
        crew.give(work)

    def _take(self, task: Task, answer: Made | NotMade) -> None:
        self.made += len(task.sources)
        if isinstance(answer, NotMade):
            self._finish(task, Entry(source="", key=task.key, status=FAILED, error=answer.error), FAILED)
        else:
            stem = task.found.stem or file_stem(task.sources[0], task.key)
            self._finish(task, write_made(self.folder, stem, task.key, answer), MEASURED if task.found.measured is None else DRAWN)
        if time.monotonic() - self.written > max(AT_MOST, self.cost / SHARE):
            self._write()

    def _finish(self, task: Task, entry: Entry, what: str) -> None:
        for source in task.sources:
            self.entries[source] = replace(entry, source=printable(source))
            self._tell(what, self.entries[source])

    def _tell(self, what: str, entry: Entry) -> None:
        self.finished += 1
        self._show(what, entry)

    def _show(self, what: str, entry: Entry) -> None:
        left = (time.monotonic() - self.began) / self.made * (len(self.entries) - self.finished) if self.made else None
        self.show(Told(what=what, source=entry.source, key=entry.key, finished=self.finished, documents=len(self.entries), left=left))

    def _write(self) -> None:
        start = time.monotonic()
        write_manifest(self.folder, self.manifest)
        self.written = time.monotonic()
        self.cost = self.written - start


def crew_of(asked: Asked, how: How, tasks: int) -> Crew:
    """The workers that a run asks for, no more than it has documents left."""
    setup = setup_of(asked, how.threads, how.pages)
    if how.engine == "ray":
        jobs = None if how.jobs is None else min(how.jobs, tasks)
        return RayCrew(setup, Cluster(address=how.address, workers=jobs, gpus=how.gpus_per_worker, cpus=how.threads))
    jobs = min(how.jobs or 1, tasks)
    return Alone(setup) if jobs == 1 else Processes(setup, jobs)


def _refuse(how: How) -> None:
    if how.engine != "ray" and (how.address != HERE or how.gpus_per_worker):
        raise BatchError("--address and --gpus-per-worker are for --engine ray: on this machine --jobs takes one GPU after the other.")
