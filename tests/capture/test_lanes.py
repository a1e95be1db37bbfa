"""Work on all cores at once: every item once, results in order, errors handed on, the caller's threads as before."""

import ast
import threading
import time
from pathlib import Path

import pytest
import torch

from reportgen.capture import reducers
from reportgen.capture.lanes import Lanes


@pytest.fixture(params=[1, 2, 3])
def lanes(request):
    return Lanes(request.param)


def test_results_are_taken_in_the_order_of_the_items_however_long_each_takes(lanes):
    taken = []

    def slowly(slot: int, item: int) -> tuple[int, int]:
        time.sleep(0.003 * (item % 3))
        return slot, item * item

    lanes.work(range(17), slowly, taken.append)
    assert [square for _, square in taken] == [item * item for item in range(17)]
    assert {slot for slot, _ in taken} <= set(range(lanes.slots))


def test_a_slot_is_used_again_only_when_its_result_has_been_taken(lanes):
    held = set()

    def hold(slot: int, item: int) -> int:
        assert slot not in held
        held.add(slot)
        time.sleep(0.002 * (item % 4))
        return slot

    lanes.work(range(41), hold, held.remove)
    assert held == set()


def test_one_result_is_taken_at_a_time(lanes):
    inside = threading.Lock()

    def take(_: int) -> None:
        assert inside.acquire(blocking=False)
        time.sleep(0.001)
        inside.release()

    lanes.work(range(19), lambda _, item: item, take)


@pytest.mark.parametrize("where", ["do", "take"])
def test_an_error_in_a_lane_ends_the_others_and_reaches_the_caller(lanes, where):
    taken = []

    def fail_at_5(item: int) -> int:
        if item == 5:
            raise ValueError("item 5")
        return item

    def take(item: int) -> None:
        taken.append(fail_at_5(item) if where == "take" else item)

    with pytest.raises(ValueError, match="item 5"):
        lanes.work(range(1000), lambda _, item: fail_at_5(item) if where == "do" else item, take)
    assert taken == list(range(5)) or (where == "do" and taken == list(range(len(taken))) and len(taken) < 5)
    lanes.work(range(3), lambda _, item: item, taken.append)
    assert taken[-3:] == [0, 1, 2]


def test_an_interruption_of_the_caller_ends_the_lanes(lanes):
    if lanes.count == 1:
        pytest.skip("the caller is the lane")
    seen = []

    class Interrupted(BaseException):
        pass

    def take(item: int) -> None:
        seen.append(item)
        if item == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        lanes.work(range(10_000), lambda _, item: item, take)
    assert seen == [0, 1, 2, 3]


def test_a_lane_runs_on_one_core_and_without_gradients_and_leaves_the_callers_threads_alone(lanes):
    found, before = [], torch.get_num_threads()
    weights = torch.ones(3, requires_grad=True)
    lanes.work(range(7), lambda _, item: (torch.get_num_threads(), (weights * item).requires_grad), found.append)
    assert {requires for _, requires in found} == {False}
    if lanes.count > 1:
        assert {threads for threads, _ in found} == {1}
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [torch.get_num_threads()] == [before]


def test_reducers_leave_products_of_matrices_to_torch_and_compiled_loops() -> None:
    folder = Path(reducers.__file__).parent
    multiplying = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(getattr(node, "op", None), ast.MatMult) or getattr(node, "attr", "") in {"matmul", "dot", "tensordot"}
    }
    assert not multiplying  # numpy's would wake threads that wait on the other lanes' cores
