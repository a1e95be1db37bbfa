"""Work on blocks that goes on on all cores at once, each block on one core, while its result is taken in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Condition
from typing import TypeVar

import torch

Item = TypeVar("Item")
Done = TypeVar("Done")


class Lanes:
    """Lanes side by side. In a lane torch runs on one core: no lane waits for another in the middle of a product, as torch's own threads do.

    A single lane is the caller's own thread, with all the threads that torch has there. `slots` is how many results may exist at a time: one more than lanes, so that none waits while a result is taken.
    """

    def __init__(self, count: int) -> None:
        self.count, threads = count, torch.get_num_threads()
        self.slots = slots_of(count)
        self.threads = ThreadPoolExecutor(self.count, thread_name_prefix="reportgen-lane") if self.count > 1 else None
        if self.threads is not None:
            all_there = Barrier(self.count)
            list(self.threads.map(lambda _: _run_on_one_core(all_there), range(self.count)))
            torch.set_num_threads(threads)  # of this thread, and of those that are made later

    def work(self, items: Sequence[Item], do: Callable[[int, Item], Done], take: Callable[[Done], None]) -> None:
        """`do(slot, item)` for every item, the lanes side by side; `take` of what it gives for one item after the other, in their order, by one lane at a time.

        A slot is free again when its result has been taken. Raises what the first failing item raises; the lanes have ended then.
        """
        queue = _Queue(items, do, take, self.slots)
        if self.threads is None:
            queue.work_off()
            return
        lanes = [self.threads.submit(queue.work_off) for _ in range(self.count)]
        try:
            for lane in lanes:
                lane.result()
        finally:
            queue.stop()
            for lane in lanes:
                lane.exception()  # waits, also when the wait above is interrupted


class _Queue:
    """The items, the free slots, the results that wait for their turn, and whether to go on."""

    def __init__(self, items: Sequence[Item], do: Callable[[int, Item], Done], take: Callable[[Done], None], slots: int) -> None:
        self.items, self.do, self.take, self.free = items, do, take, list(range(slots))
        self.next, self.turn, self.waiting, self.taking, self.going = 0, 0, {}, False, True
        self.changed = Condition()

    def work_off(self) -> None:
        """Item after item, as long as there are any."""
        try:
            with torch.no_grad():
                while (given := self._next()) is not None:
                    slot, index = given
                    self._hand_over(index, slot, self.do(slot, self.items[index]))
        except BaseException:
            self.stop()
            raise

    def _next(self) -> tuple[int, int] | None:
        """A free slot and the next item. The lane of the item whose turn it is has its slot, so that one is free again some time."""
        with self.changed:
            self.changed.wait_for(lambda: self.free or self.next == len(self.items) or not self.going)
            if self.next == len(self.items) or not self.going:
                return None
            self.next += 1
            return self.free.pop(), self.next - 1

    def _hand_over(self, index: int, slot: int, done: Done) -> None:
        """The result waits for its turn; the lane takes all whose turn has come, unless another is at it."""
        with self.changed:
            self.waiting[index] = slot, done
            if self.taking:
                return
            self.taking = True
        while (result := self._whose_turn_it_is()) is not None:
            self.take(result[1])
            with self.changed:
                self.turn += 1
                self.free.append(result[0])
                self.changed.notify_all()

    def _whose_turn_it_is(self) -> tuple[int, Done] | None:
        with self.changed:
            result = self.waiting.pop(self.turn, None) if self.going else None
            self.taking = result is not None
            return result

    def stop(self) -> None:
        """No further item is begun, and no further result taken."""
        with self.changed:
            self.going = False
            self.changed.notify_all()


def lanes_on(device: torch.device) -> Lanes:
    """As many lanes as there are on the device."""
    return Lanes(count_on(device))


def count_on(device: torch.device) -> int:
    """A lane for each of torch's threads on the CPU; one on any other device, which works on a whole block at once."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def slots_of(lanes: int) -> int:
    """How many results may exist at a time."""
    return lanes + (lanes > 1)


def _run_on_one_core(all_there: Barrier) -> None:
    """In this lane, for good; the barrier sees to it that no lane is set up twice and another not at all."""
    torch.get_num_threads()  # the first question sets a thread up as the caller is, whatever was set before
    torch.set_num_threads(1)
    all_there.wait()
