"""The stream of pods may be later than that of resources: no metrics are missed for it, and it costs one request."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.engine.ports import Log, Snapshot
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import Page, Propagation, ResourceType, WatchEvent
from trialmill.runtime.kubernetes.stamping import TRIAL_INDEX
from trialmill.testing.kube_cluster import JOB, POD
from trialmill.testing.kube_fake import FakeKubeApi
from trialmill.testing.virtual_time import run_virtually

KEY = AttemptKey("0f0f0f0f-0000-0000-0000-000000000000", 1, 1)


class LatePods(FakeKubeApi):
    """Tells nothing of pods, and notes how it was asked to delete."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()
        self.deletions: list[Propagation] = []

    async def delete(self, *args: Any, propagation: Propagation = Propagation.BACKGROUND, **options: Any) -> None:
        self.deletions.append(propagation)
        await super().delete(*args, propagation=propagation, **options)

    async def watch(self, type: ResourceType, *args: Any, **options: Any) -> AsyncGenerator[WatchEvent, None]:
        if type == POD:
            await self.told.wait()
        async for event in super().watch(type, *args, **options):
            yield event


async def over(world: KubernetesWorld) -> tuple[list[bytes], int]:
    """What is read of a Job as soon as it is told to be over, and how often its pods were listed for that."""
    async with world.running(), runtime_on(world) as runtime:
        changes = aiter(runtime.changes(KEY.experiment_uid, [KEY]))
        await anext(changes)  # Synced
        await runtime.ensure(KEY, job("loss=1", seconds=1))
        async for change in changes:
            if isinstance(change, Snapshot) and "Complete" in str(change.resource.get("status")):
                break
        before = len(world.api.calls)
        (pod,) = await runtime.pods(KEY)
        assert pod.primary
        assert pod.over
        data = [chunk.data async for chunk in runtime.read(Log(KEY, pod.name, "main"), None)]
        await runtime.remove(KEY, "", timedelta(seconds=30))
        calls = world.api.calls[before:]
        assert [call.verb for call in calls if call.plural == "pods/log"] == ["get"]
        return data, sum(call.verb == "list" for call in calls)


def late() -> tuple[KubernetesWorld, LatePods]:
    world, api = KubernetesWorld(), LatePods()
    world.api, world.cluster = api, api.cluster
    return world, api


def test_the_pods_of_a_job_that_is_over_are_listed_where_their_stream_is_late() -> None:
    world, _ = late()
    assert run_virtually(over(world)) == ([b"loss=1\n"], 1)


def test_pods_that_were_told_are_not_listed_again() -> None:
    assert run_virtually(over(KubernetesWorld())) == ([b"loss=1\n"], 0)


def test_a_job_that_is_over_is_deleted_without_waiting_for_its_pods() -> None:
    world, api = late()
    run_virtually(over(world))
    assert api.deletions == [Propagation.BACKGROUND]


async def cut_short(world: KubernetesWorld) -> None:
    async with world.running(), runtime_on(world) as runtime:
        changes = aiter(runtime.changes(KEY.experiment_uid, [KEY]))
        await anext(changes)  # Synced
        await runtime.ensure(KEY, job("loss=1", seconds=1000))
        await anext(changes)
        await runtime.remove(KEY, "", timedelta(seconds=30))


def test_a_job_that_runs_is_deleted_after_its_pods() -> None:
    world, api = late()
    run_virtually(cut_short(world))
    assert api.deletions == [Propagation.FOREGROUND]


class SlowAnswer(FakeKubeApi):
    """Lists the pods of an attempt as they are when it is asked, and answers late."""

    async def list_page(self, type: ResourceType, *args: Any, labels: str = "", **options: Any) -> Page:
        page = await super().list_page(type, *args, labels=labels, **options)
        if type == POD and TRIAL_INDEX in labels:
            await asyncio.sleep(20)
        return page


async def deleted_meanwhile(world: KubernetesWorld) -> tuple[int, int]:
    """How many pods there are of a Job that is over, of which one went while all were listed; and what is kept."""
    async with world.running(), runtime_on(world) as runtime:
        changes = aiter(runtime.changes(KEY.experiment_uid, [KEY]))
        await anext(changes)  # Synced
        await runtime.ensure(KEY, job("loss=1", seconds=1000, name="trial"))
        await anext(changes)
        await asyncio.sleep(1)
        world.cluster.set_status(JOB, "trial", {"conditions": [{"type": "Complete", "status": "True"}]})
        await asyncio.sleep(1)
        asking = asyncio.ensure_future(runtime.pods(KEY))
        await asyncio.sleep(5)
        world.cluster.vanish(POD, "trial-abcde")
        found = await asking
        (live,) = vars(runtime)["_lives"][KEY.experiment_uid]
        return len(found), len(live.pods_of(KEY)) + len(vars(live)["_asking"])


def test_a_pod_that_goes_while_it_is_listed_does_not_come_back() -> None:
    world = KubernetesWorld()
    world.api = SlowAnswer(world.cluster)
    assert run_virtually(deleted_meanwhile(world)) == (0, 0)
