"""Workers that are actors of a Ray cluster, on this machine or on many.

A worker is sent the bytes of a document and answers with the bytes of its files: no folder has to be shared but that of a local model.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reportgen.batch.crew import SECONDS, Answer, refuse_endless_deaths
from reportgen.batch.work import Measurer, Setup, Work
from reportgen.errors import BatchError, ReportgenError

HERE = "local"
STORE = 256_000_000  # bytes of shared memory for documents on their way on this machine; what is larger goes by its disk


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where the workers are (`local` starts Ray here, `auto` finds the cluster that this machine is part of), how many (None: all that there is room for),
    and what each takes."""

    address: str = HERE
    workers: int | None = None
    gpus: float = 0.0
    cpus: int = 1


@dataclass(kw_only=True, eq=False)
class Actor:
    """A worker, what it will answer, whether its model is loaded, and what it is at."""

    handle: Any
    answer: Any
    ready: bool = False
    work: Work | None = None


class RayCrew:
    """Actors that keep their models loaded. One that dies is replaced, and its document given to another: Ray itself repeats nothing."""

    def __init__(self, setup: Setup, cluster: Cluster) -> None:
        self.ray, self.started = connect(cluster)
        kind = self.ray.remote(Measurer).options(num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_restarts=0, max_task_retries=0)
        shared = self.ray.put(setup)
        self.make_actor, self.unready_deaths = lambda: kind.remote(shared), 0
        self.actors: list[Actor] = []
        try:
            self.actors += [self._start() for _ in range(cluster.workers or self._room(cluster))]
        except BaseException:
            self.close()  # nobody else can
            raise

    @property
    def free(self) -> bool:
        """Whether an actor is ready for a document; one that the cluster has no room for yet never is."""
        return any(actor.ready and actor.work is None for actor in self.actors)

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return any(actor.work is not None for actor in self.actors)

    def give(self, work: Work) -> None:
        """Hand a document to a free actor."""
        actor = next(one for one in self.actors if one.ready and one.work is None)
        actor.work, actor.answer = work, actor.handle.make.remote(work)

    def answers(self) -> Sequence[Answer]:
        """What has been answered."""
        awaited = {actor.answer: actor for actor in self.actors if actor.answer is not None}
        done, _ = self.ray.wait(list(awaited), num_returns=1, timeout=SECONDS)
        answers = [self._hear(awaited[reference]) for reference in done]
        return [answer for answer in answers if answer is not None]

    def close(self) -> None:
        """End the actors, and Ray where it was started for them."""
        for actor in self.actors:
            self.ray.kill(actor.handle)
        if self.started:
            self.ray.shutdown()

    def _hear(self, actor: Actor) -> Answer | None:
        errors = self.ray.exceptions
        try:
            said = self.ray.get(actor.answer)
        except errors.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, ReportgenError) else error) from None
        except errors.RayError as error:
            return self._replace(actor, type(error).__name__)
        work, actor.work, actor.answer = actor.work, None, None
        if work is None:
            actor.ready = True
        return None if work is None else (work, said)

    def _replace(self, actor: Actor, why: str) -> Answer | None:
        """A new actor; the old one is ended, should it live on where it cannot be reached."""
        self.ray.kill(actor.handle)
        self.unready_deaths = 0 if actor.ready else self.unready_deaths + 1
        refuse_endless_deaths(self.unready_deaths, why)
        self.actors[self.actors.index(actor)] = self._start()
        return None if actor.work is None else (actor.work, None)

    def _start(self) -> Actor:
        handle = self.make_actor()
        return Actor(handle=handle, answer=handle.load.remote())

    def _room(self, cluster: Cluster) -> int:
        """How many workers the cluster has room for now. Raises `BatchError` for none."""
        there = self.ray.cluster_resources()
        room = [there.get(name, 0) // each for name, each in (("CPU", cluster.cpus), ("GPU", cluster.gpus)) if each]
        if min(room) < 1:
            found = ", ".join(f"{there.get(name, 0):g} {name}s" for name in ("CPU", "GPU"))
            raise BatchError(
                f"The cluster has {found} and no room for one worker of {cluster.cpus} CPUs and {cluster.gpus:g} GPUs: ask for less, or say --jobs."
            )
        return int(min(room))


def connect(cluster: Cluster) -> tuple[Any, bool]:
    """Ray, connected or started here without its dashboard, and whether this was done here and now. It reports nothing about its use to anybody.

    Raises `BatchError` when it is not installed or there is no such cluster.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # is read when Ray is imported and by the processes that it starts
    os.environ.setdefault("RAY_worker_niceness", "0")  # else its workers yield to everything: beside other work they starve
    try:
        ray = importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise BatchError("--engine ray needs Ray, which is not installed: pip install 'reportgen[ray]'.") from error
    if ray.is_initialized():
        return ray, False
    try:
        ray.init(**_options(cluster))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise BatchError(f"Cannot connect to the Ray cluster {cluster.address}: {' '.join(str(error).split())[:300]}") from error
    return ray, True


def _options(cluster: Cluster) -> dict[str, Any]:
    common = {"address": cluster.address, "logging_level": "WARNING", "include_dashboard": False}
    if cluster.address != HERE:
        return common
    return common | {"num_cpus": None if cluster.workers is None else cluster.workers * cluster.cpus, "object_store_memory": STORE}
