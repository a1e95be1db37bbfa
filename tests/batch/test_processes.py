"""What a worker that dies in the middle of a message leaves behind."""

from __future__ import annotations

import os
import struct
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import SimpleNamespace

from reportgen.batch.processes import Process, Processes
from reportgen.batch.work import Setup, Work


def cut_short() -> Connection:
    """The end of a pipe whose other end said that a thousand bytes come, wrote three and was gone."""
    here, there = Pipe()
    os.write(there.fileno(), struct.pack("!i", 1000) + b"abc")
    there.close()
    return here


class Dying(Processes):
    """Workers that load their model and die while they send their first answer."""

    def _start(self, index: int) -> Process:
        dead = SimpleNamespace(join=lambda *_: None, terminate=lambda: None, kill=lambda: None, is_alive=lambda: False, exitcode=-9)
        return Process(process=dead, pipe=cut_short(), index=index, ready=True)


def test_a_worker_that_dies_while_it_answers_is_replaced_and_its_document_given_back() -> None:
    crew, work = Dying(object.__new__(Setup), 1), object.__new__(Work)  # what they hold is the workers' alone
    (worker,) = crew.workers
    crew.give(work)
    assert crew.busy
    ((given_back, answer),) = crew.answers()
    assert given_back is work
    assert answer is None
    assert not crew.busy
    assert crew.workers != [worker]
    crew.close()
