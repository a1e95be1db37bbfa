"""Work on blocks that goes on on all cores at once, each block on one core, while its result is taken in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Condition
from typing import TypeVar

import torch

Item = TypeVar("Item")
Done = TypeVar("Done")


class Lanes:
    """As many lanes as torch has threads. In a lane torch runs on one core: a block's products and sums then find it in that core's cache, and no lane waits for another but to hand over.

    Made with one thread, the caller's own is the lane.
    """

    def __init__(self) -> None:
        self.count = torch.get_num_threads()
        self.threads = ThreadPoolExecutor(self.count, thread_name_prefix="reportgen-lane") if self.count > 1 else None
        if self.threads is not None:
            all_there = Barrier(self.count)
            list(self.threads.map(lambda _: _run_on_one_core(all_there), range(self.count)))
            torch.set_num_threads(self.count)  # of this thread, and of those that are made later

    def work(self, items: Sequence[Item], do: Callable[[int, Item], Done], take: Callable[[Done], None]) -> None:
        """`do(lane, item)` for every item, the lanes side by side; `take` of what it gives for one item after the other, in their order, by one lane at a time.

        Raises what the first of them raises; the lanes have ended then.
        """
        queue = _Queue(items, do, take)
        if self.threads is None:
            queue.work_off(0)
            return
        lanes = [self.threads.submit(queue.work_off, lane) for lane in range(self.count)]
        try:
            for lane in lanes:
                lane.result()
        finally:
            queue.stop()
            for lane in lanes:
                lane.exception()  # waits, also when the wait above is interrupted


class _Queue:
    """The items, whose turn it is to be taken, and whether to go on."""

    def __init__(self, items: Sequence[Item], do: Callable[[int, Item], Done], take: Callable[[Done], None]) -> None:
        self.items, self.do, self.take = items, do, take
        self.next, self.turn, self.going, self.changed = itertools.count(), 0, True, Condition()

    def work_off(self, lane: int) -> None:
        try:
            with torch.no_grad():
                while self.going and (index := next(self.next)) < len(self.items):
                    self._hand_over(index, self.do(lane, self.items[index]))
        except BaseException:
            self.stop()
            raise

    def _hand_over(self, index: int, done: Done) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.turn == index or not self.going)
        if self.going:  # it is this lane's turn, so no other lane is here
            self.take(done)
            with self.changed:
                self.turn += 1
                self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.going = False
            self.changed.notify_all()


def _run_on_one_core(all_there: Barrier) -> None:
    """In this lane, for good; the barrier sees to it that no lane is set up twice and another not at all."""
    torch.get_num_threads()  # the first question sets a thread up as the caller is, whatever was set before
    torch.set_num_threads(1)
    all_there.wait()
