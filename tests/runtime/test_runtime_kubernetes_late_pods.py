"""The stream of pods may be later than that of resources: no metrics are missed for it, and it costs one request."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.engine.ports import Log, Snapshot
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import Propagation, ResourceType, WatchEvent
from trialmill.testing.kube_cluster import POD
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
