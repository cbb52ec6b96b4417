"""Where the server has to be asked about one attempt, only that attempt waits for the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from kubernetes_world import KubernetesWorld, job, pod_of, pod_status, runtime_on

from trialmill.api.tree import JsonObject, get_string
from trialmill.engine.ports import Gone, Snapshot, Synced
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import Page, ResourceType
from trialmill.runtime.kubernetes.lanes import Lanes, Work
from trialmill.runtime.kubernetes.stamping import TRIAL_INDEX
from trialmill.testing.kube_cluster import JOB, POD
from trialmill.testing.kube_fake import FakeKubeApi
from trialmill.testing.virtual_time import run_virtually

FAILED: JsonObject = {"conditions": [{"type": "Failed", "status": "True"}]}
EXITED: JsonObject = {"terminated": {"exitCode": 3}}
Told = list[tuple[float, Snapshot | Gone]]


class SlowFor(FakeKubeApi):
    """Takes its time for what concerns the first trial, `seconds`, and tells nothing of pods by the stream."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.given_up = 0
        self.mistake: Exception | None = None

    async def list_page(self, type: ResourceType, *args: Any, labels: str = "", **options: Any) -> Page:
        page = await super().list_page(type, *args, labels=labels, **options)
        if type == POD and TRIAL_INDEX not in labels:
            return Page((), page.resource_version, "")
        if type == POD and f"{TRIAL_INDEX}=0," in labels:
            await self._dawdle()
        return page

    async def get(self, type: ResourceType, name: str, namespace: str = "") -> JsonObject:
        if name == "trial-0":
            await self._dawdle()
        return await super().get(type, name, namespace)

    async def _dawdle(self) -> None:
        if self.mistake is not None:
            raise self.mistake
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.given_up += 1
            raise


class Trials:
    """Jobs whose pods have failed, which only a list tells."""

    def __init__(self, seconds: float, count: int = 3) -> None:
        self.world = KubernetesWorld()
        self.api = SlowFor(seconds)
        self.world.api, self.world.cluster = self.api, self.api.cluster
        self.count = count

    async def make(self) -> None:
        runtime = runtime_on(self.world)
        for index in range(self.count):
            await runtime.ensure(AttemptKey("e", index, 1), job(name=f"trial-{index}"))
        for made in self.world.cluster.objects(JOB):
            name = get_string(made, "metadata", "name")
            self.world.cluster.create(POD, pod_of(made, name), "default")
            self.world.cluster.set_status(POD, name, pod_status("Failed", EXITED))

    def fail(self, index: int) -> None:
        self.world.cluster.set_status(JOB, f"trial-{index}", FAILED)


def told_while(trials: Trials, story: Callable[[], Awaitable[None]]) -> Told:
    """What is told, and when, from where all is told that is there."""
    told: Told = []

    async def follow(synced: asyncio.Event) -> None:
        async with aclosing(runtime_on(trials.world).changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Synced):
                    synced.set()
                elif isinstance(event, Snapshot | Gone) and synced.is_set():
                    told.append((asyncio.get_running_loop().time(), event))

    async def whole() -> None:
        await trials.make()
        synced = asyncio.Event()
        following = asyncio.create_task(follow(synced))
        await synced.wait()
        await story()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run_virtually(whole())
    return told


def of_trial(told: Told, index: int) -> list[tuple[float, Snapshot | Gone]]:
    return [(at, event) for at, event in told if event.key.trial_index == index]


def test_one_slow_look_at_pods_holds_no_other_failure_back() -> None:
    trials = Trials(60)

    async def story() -> None:
        for index in range(3):
            trials.fail(index)
        await asyncio.sleep(100)

    told = told_while(trials, story)
    ends = {index: of_trial(told, index) for index in range(3)}
    assert [(len(end), end[0][0] < 1) for end in ends.values()] == [(1, False), (1, True), (1, True)]
    assert all("exited with code 3" in event.evidence for _, event in told if isinstance(event, Snapshot))
    assert 60 <= ends[0][0][0] < 61


def test_a_hundred_failures_are_looked_at_together() -> None:
    trials = Trials(1, count=100)

    async def story() -> None:
        for index in range(100):
            trials.fail(index)
        await asyncio.sleep(10)

    told = told_while(trials, story)
    assert len({event.key for _, event in told}) == len(told) == 100
    assert max(at for at, _ in told) < 2


def test_what_comes_while_pods_are_looked_at_does_not_overtake_them() -> None:
    trials = Trials(60)

    async def story() -> None:
        trials.fail(0)
        await asyncio.sleep(20)
        trials.world.cluster.patch(JOB, "trial-0", "default", {"metadata": {"annotations": {"later": "yes"}}})
        trials.world.cluster.set_status(POD, "trial-0", pod_status("Failed", {"terminated": {"exitCode": 4}}))
        await asyncio.sleep(20)
        trials.world.cluster.patch(POD, "trial-0", "default", {"metadata": {"ownerReferences": None}})
        trials.world.cluster.delete(JOB, "trial-0", "default")
        await asyncio.sleep(100)

    told = of_trial(told_while(trials, story), 0)
    assert [type(event) for _, event in told[-2:]] == [Snapshot, Gone]
    assert sum(isinstance(event, Gone) for _, event in told) == 1
    assert all("container main exited" in event.evidence for _, event in told if isinstance(event, Snapshot))
    assert told[0][0] >= 60


def test_one_slow_answer_why_a_job_is_gone_holds_no_other_end_back() -> None:
    trials = Trials(60)

    async def story() -> None:
        for index in range(3):
            trials.world.cluster.vanish(JOB, f"trial-{index}")
        await asyncio.sleep(100)

    ends = [(event.key.trial_index, at < 1) for at, event in told_while(trials, story) if isinstance(event, Gone)]
    assert ends == [(1, True), (2, True), (0, False)]


def test_what_is_there_from_the_beginning_is_told_with_its_evidence_before_synced() -> None:
    async def whole() -> list[object]:
        trials = Trials(20, count=2)
        await trials.make()
        trials.fail(0)
        events = []
        async with aclosing(runtime_on(trials.world).changes("e", ())) as changes:
            async for event in changes:
                events.append(event)
                if isinstance(event, Synced):
                    return [each.key.trial_index if isinstance(each, Snapshot) else each for each in events]
        raise AssertionError

    assert run_virtually(whole()) == [1, 0, Synced()]


def test_who_stops_listening_waits_for_no_answer() -> None:
    async def whole() -> None:
        trials = Trials(60, count=2)
        await trials.make()
        async with aclosing(runtime_on(trials.world).changes("e", ())) as changes:
            while not isinstance(await anext(changes), Synced):
                pass
            trials.fail(0)
            trials.fail(1)
            assert (await anext(changes)).key.trial_index == 1  # type: ignore[union-attr]
        assert trials.api.given_up == 1

    run_virtually(whole())


def test_what_goes_wrong_in_a_look_reaches_who_listens() -> None:
    async def whole() -> None:
        trials = Trials(0, count=1)
        await trials.make()
        trials.fail(0)
        trials.api.mistake = ValueError("a mistake of ours")
        async with aclosing(runtime_on(trials.world).changes("e", ())) as changes:
            await anext(changes)

    with pytest.raises(ValueError, match="a mistake of ours"):
        run_virtually(whole())


def test_steps_of_one_attempt_are_taken_one_after_another() -> None:
    taken: list[str] = []

    def step(name: str, seconds: float) -> Callable[[], Work | None]:
        async def work() -> None:
            await asyncio.sleep(seconds)
            taken.append(f"{name} done")

        def take() -> Work | None:
            taken.append(name)
            return work if seconds else None

        return take

    async def whole() -> None:
        lanes = Lanes(lambda task: task.result())
        first, second = AttemptKey("e", 0, 1), AttemptKey("e", 1, 1)
        lanes.take(first, step("a", 5))
        lanes.take(first, step("b", 0))
        lanes.take(first, step("c", 5))
        lanes.take(second, step("x", 0))
        await asyncio.sleep(20)
        lanes.take(first, step("d", 0))

    run_virtually(whole())
    assert taken == ["a", "x", "a done", "b", "c", "c done", "d"]
