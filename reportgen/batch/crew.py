"""Workers as a run sees them, and the one that is this process itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from reportgen.batch.work import Made, Measurer, NotMade, Setup, Work
from reportgen.errors import BatchError

Answer = tuple[Work, Made | NotMade | None]  # None: the worker died over it, or the machine that it was on
TRIES = 3  # of a document whose worker died, and of a worker that dies before it has loaded its model
SECONDS = 0.5  # that an answer is waited for at a time, so that an interruption is soon heard


@runtime_checkable
class Crew(Protocol):
    """Workers that load the model once and take a document at a time."""

    @property
    def free(self) -> bool:
        """Whether a worker is ready for a document."""

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""

    def give(self, work: Work) -> None:
        """Hand a document to a free worker."""

    def answers(self) -> Sequence[Answer]:
        """What has been answered since, after a while. Raises `ModelError` when the model cannot be loaded, `BatchError` when no worker lives to load it."""

    def close(self) -> None:
        """End the workers, whatever they are at."""


class Alone:
    """This process as the only worker."""

    def __init__(self, setup: Setup) -> None:
        self.measurer, self.work = Measurer(setup), None
        self.measurer.load()

    @property
    def free(self) -> bool:
        """Whether it is ready for a document."""
        return self.work is None

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return self.work is not None

    def give(self, work: Work) -> None:
        """Take a document."""
        self.work = work

    def answers(self) -> Sequence[Answer]:
        """Measure it."""
        work, self.work = self.work, None
        return [(work, self.measurer.make(work))]

    def close(self) -> None:
        """Forget the model."""
        self.measurer.model = None


def refuse_endless_deaths(deaths: int, why: str) -> None:
    """Raise `BatchError` when workers die and die before any has loaded the model."""
    if deaths >= TRIES:
        raise BatchError(f"{deaths} workers ended before the model was loaded ({why}): see what they wrote to standard error; fewer workers take less memory.")
