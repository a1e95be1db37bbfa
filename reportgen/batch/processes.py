"""Workers that are processes of this machine."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from reportgen.batch.crew import SECONDS, Answer, refuse_endless_deaths
from reportgen.batch.work import Measurer, Setup, Work
from reportgen.errors import ModelError, ReportgenError

GONE = (EOFError, OSError)  # the other end is not there, or died in the middle of a message
READY, REFUSED = "ready", "refused"
GRACE = 5.0  # seconds for a worker that is told to end


@dataclass(kw_only=True, eq=False)
class Process:
    """A worker: its process and the pipe to it, whether its model is loaded, and what it is at."""

    process: Any
    pipe: Connection
    index: int
    ready: bool = False
    work: Work | None = None


class Processes:
    """So many processes, each with the model loaded. One that dies is replaced."""

    def __init__(self, setup: Setup, count: int) -> None:
        self.setup, self.context, self.unready_deaths = setup, get_context("spawn"), 0
        self.workers = [self._start(index) for index in range(count)]

    @property
    def free(self) -> bool:
        """Whether a worker is ready for a document."""
        return any(worker.ready and worker.work is None for worker in self.workers)

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return any(worker.work is not None for worker in self.workers)

    def give(self, work: Work) -> None:
        """Hand a document to a free worker; that it has died is found out with its answer."""
        worker = next(one for one in self.workers if one.ready and one.work is None)
        worker.work = work
        with suppress(*GONE):
            worker.pipe.send(work)

    def answers(self) -> Sequence[Answer]:
        """What has been answered."""
        heard = pipes.wait([worker.pipe for worker in self.workers], SECONDS)
        answers = [self._hear(worker) for worker in list(self.workers) if worker.pipe in heard]
        return [answer for answer in answers if answer is not None]

    def close(self) -> None:
        """End the processes."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(GRACE)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()

    def _hear(self, worker: Process) -> Answer | None:
        try:
            what, said = worker.pipe.recv()
        except GONE:
            return self._replace(worker)
        if what == REFUSED:
            raise ModelError(said)
        if what == READY:
            worker.ready = True
            return None
        work, worker.work = worker.work, None
        return work, said

    def _replace(self, worker: Process) -> Answer | None:
        worker.process.join()
        worker.pipe.close()
        self.unready_deaths = 0 if worker.ready else self.unready_deaths + 1
        refuse_endless_deaths(self.unready_deaths, f"exit code {worker.process.exitcode}")
        self.workers[self.workers.index(worker)] = self._start(worker.index)
        return None if worker.work is None else (worker.work, None)

    def _start(self, index: int) -> Process:
        here, there = self.context.Pipe()
        process = self.context.Process(target=serve, args=(there, self.setup, index), daemon=True)
        process.start()
        there.close()
        return Process(process=process, pipe=here, index=index)


def serve(pipe: Connection, setup: Setup, index: int) -> None:
    """The whole life of a worker: it ends when the process that began it is gone, which also hears the interruptions of the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    measurer = Measurer(setup, index)
    try:
        measurer.load()
    except ReportgenError as error:
        pipe.send((REFUSED, str(error)))
        return
    said = (READY, None)
    while (work := _next(pipe, said)) is not None:
        said = ("answer", measurer.make(work))


def _next(pipe: Connection, said: tuple[str, Any]) -> Work | None:
    """What is to be done when this has been said; None if the other end is gone."""
    with suppress(*GONE):
        pipe.send(said)
        return pipe.recv()
    return None
