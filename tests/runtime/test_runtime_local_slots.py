import pytest

from trialmill.kinds.plan import Resources
from trialmill.runtime.local.slots import Slots


def test_requests_start_while_they_fit_and_then_in_the_order_they_came() -> None:
    slots = Slots(cpu=2, memory=100)
    assert slots.request("a", Resources(cpu=1))
    assert slots.request("b", Resources(cpu=1))
    assert not slots.request("c", Resources(cpu=2))
    assert not slots.request("d", Resources(cpu=1))
    assert slots.release("a") == []
    assert slots.release("b") == ["c"]
    assert slots.release("c") == ["d"]


def test_a_small_request_does_not_overtake_a_large_one() -> None:
    slots = Slots(cpu=2, memory=100)
    slots.request("a", Resources(cpu=1))
    assert not slots.request("large", Resources(cpu=2))
    assert not slots.request("small", Resources(cpu=1))


def test_a_request_larger_than_the_machine_runs_alone() -> None:
    slots = Slots(cpu=2, memory=100)
    assert slots.request("a", Resources(cpu=1))
    assert not slots.request("huge", Resources(cpu=64))
    assert slots.release("a") == ["huge"]
    assert not slots.request("b", Resources(cpu=0.1))
    assert slots.release("huge") == ["b"]


def test_who_asks_for_nothing_never_waits() -> None:
    slots = Slots(cpu=1, memory=100)
    slots.request("a", Resources(cpu=1))
    slots.request("b", Resources(cpu=1))
    assert slots.request("c", Resources())


@pytest.mark.parametrize(
    ("held", "wanted", "starts"),
    [
        pytest.param(Resources(cpu=2), Resources(memory=50), True, id="another kind of resource is free"),
        pytest.param(Resources(memory=60), Resources(memory=50), False, id="memory is short"),
        pytest.param(Resources(gpus=1), Resources(gpus=1), False, id="the GPU is taken"),
        pytest.param(Resources(cpu=1.9), Resources(cpu=0.1), True, id="fractions add up to the whole"),
    ],
)
def test_each_resource_counts_for_itself(held: Resources, wanted: Resources, starts: bool) -> None:
    slots = Slots(cpu=2, memory=100, gpus=("0",))
    slots.request("a", held)
    assert slots.request("b", wanted) is starts


def test_asking_again_changes_nothing() -> None:
    slots = Slots(cpu=1, memory=100)
    assert slots.request("a", Resources(cpu=1))
    assert slots.request("a", Resources(cpu=1))
    assert not slots.request("b", Resources(cpu=1))
    assert not slots.request("b", Resources(cpu=1))
    assert slots.release("a") == ["b"]
    assert slots.release("a") == []


def test_leaving_the_queue_lets_the_next_one_in() -> None:
    slots = Slots(cpu=2, memory=100)
    slots.request("a", Resources(cpu=1))
    slots.request("large", Resources(cpu=2))
    slots.request("small", Resources(cpu=1))
    assert slots.release("large") == ["small"]


def test_gpus_are_given_to_one_run_each() -> None:
    slots = Slots(cpu=1, memory=0, gpus=("0", "1", "2"))
    assert slots.take_gpus("a", 2) == ("0", "1")
    assert slots.take_gpus("b", 1) == ("2",)
    slots.return_gpus("a")
    slots.keep_gpus("c", ("0",))
    assert slots.take_gpus("d", 1) == ("1",)
