"""Jobs that went away while nobody watched, and whose pods are there still."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from kubernetes_world import KubernetesWorld, job, pod_of, pod_status, runtime_on

from trialmill.api.tree import get, get_string
from trialmill.engine.ports import Gone, Log, Snapshot, Synced, Trouble
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeError, Page, Propagation, ResourceType
from trialmill.runtime.kubernetes.stamping import labels_of_key, selector
from trialmill.testing.kube_cluster import JOB, POD
from trialmill.testing.kube_fake import UNREACHABLE, FakeKubeApi
from trialmill.testing.virtual_time import run_virtually

KEY = AttemptKey("e", 3, 1)
Event = Snapshot | Gone | Synced | Trouble


async def told(world: KubernetesWorld) -> list[Event]:
    """What somebody who comes back is told until all is known."""
    found: list[Event] = []
    async with aclosing(runtime_on(world).changes("e", [KEY])) as events:
        async for event in events:
            found.append(event)
            if isinstance(event, Synced):
                return found
    return found


def after(
    act: Callable[[KubernetesWorld], None], *, code: int = 0, seconds: float = 1.0
) -> tuple[list[Event], KubernetesWorld]:
    """A Job runs for 5 s while nobody watches; then something is done to it, and somebody comes back."""
    world = KubernetesWorld()

    async def whole() -> list[Event]:
        async with world.running():
            await runtime_on(world).ensure(KEY, job("loss=1", code, seconds, name="trial"))
            await asyncio.sleep(5)
        act(world)
        return await told(world)

    return run_virtually(whole()), world


def orphan(world: KubernetesWorld) -> None:
    world.cluster.delete(JOB, "trial", "default", propagation=Propagation.ORPHAN)


def the_gone(events: list[Event]) -> Gone:
    gone, synced = events
    assert isinstance(gone, Gone)
    assert isinstance(synced, Synced)
    assert (gone.key, gone.uid) == (KEY, "")
    return gone


def test_a_pod_that_succeeded_says_so_and_its_log_can_be_read() -> None:
    events, world = after(orphan)
    gone = the_gone(events)
    assert gone.message == "its Job is gone; its pod trial-abcde succeeded"
    assert get_string(gone.pod, "status", "phase") == "Succeeded"

    async def log() -> bytes:
        runtime = runtime_on(world)
        (pod,) = await runtime.pods(KEY)
        assert pod.primary
        assert pod.over
        async with aclosing(runtime.read(Log(KEY, pod.name, "main"), None)) as chunks:
            return b"".join([chunk.data async for chunk in chunks])

    assert run_virtually(log()) == b"loss=1\n"


def test_a_pod_that_failed_says_why() -> None:
    gone = the_gone(after(orphan, code=3)[0])
    assert gone.message == "its Job is gone; its pod trial-abcde failed: container main exited with code 3"
    assert get_string(gone.pod, "status", "phase") == "Failed"


def test_a_pod_that_was_left_to_itself_is_said_to_go_on() -> None:
    gone = the_gone(after(orphan, seconds=100)[0])
    assert gone.message == "its Job is gone; its pod trial-abcde goes on by itself"
    assert gone.pod is None


def test_the_output_of_a_pod_that_was_left_to_itself_is_not_read_to_its_end() -> None:
    world = after(lambda _: None, seconds=100)[1]
    orphan(world)

    async def whole() -> list[bytes]:
        runtime = runtime_on(world)
        async with aclosing(runtime.changes("e", [KEY])) as events:
            while not isinstance(await anext(events), Synced):
                pass
            async with aclosing(runtime.read(Log(KEY, "trial-abcde", "main"), None)) as chunks:
                return [chunk.data async for chunk in chunks]

    assert run_virtually(whole()) == []


def test_a_pod_that_is_about_to_be_deleted_with_its_job_says_nothing_of_going_on() -> None:
    def act(world: KubernetesWorld) -> None:
        owners = get(world.cluster.objects(POD)[0], "metadata", "ownerReferences")
        orphan(world)
        world.cluster.patch(POD, "trial-abcde", "default", {"metadata": {"ownerReferences": owners}})

    gone = the_gone(after(act, seconds=100)[0])
    assert (gone.message, gone.pod) == ("its Job is gone", None)


def test_a_pod_that_is_being_deleted_says_nothing_that_lasts() -> None:
    def act(world: KubernetesWorld) -> None:
        orphan(world)
        world.cluster.patch(POD, "trial-abcde", "default", {"metadata": {"finalizers": ["example.org/wait"]}})
        world.cluster.delete(POD, "trial-abcde", "default")

    gone = the_gone(after(act)[0])
    assert (gone.message, gone.pod) == ("its Job is gone", None)


def test_of_several_pods_the_newest_that_counts_speaks() -> None:
    def act(world: KubernetesWorld) -> None:
        (made,) = world.cluster.objects(JOB)
        world.cluster.create(POD, pod_of(made, "trial-zzzzz"), "default")
        world.cluster.set_status(POD, "trial-zzzzz", pod_status("Succeeded", {"terminated": {"exitCode": 0}}))
        orphan(world)

    gone = the_gone(after(act, code=3)[0])
    assert gone.message == "its Job is gone; its pod trial-zzzzz succeeded"


def test_without_pods_there_is_nothing_to_say_before_all_is_known() -> None:
    def act(world: KubernetesWorld) -> None:
        orphan(world)
        world.cluster.delete(POD, "trial-abcde", "default")

    assert [type(event) for event in after(act)[0]] == [Synced]


class JustMade(FakeKubeApi):
    """Its list of all Jobs is from before the Job was made; who asks for this very one gets it."""

    async def list_page(self, type: ResourceType, namespace: str = "", *, labels: str = "", **more: Any) -> Page:
        page = await super().list_page(type, namespace, labels=labels, **more)
        return page if type == POD or labels == selector(labels_of_key(KEY)) else replace(page, items=())


def test_a_job_that_was_made_after_the_jobs_were_listed_is_not_gone() -> None:
    def act(world: KubernetesWorld) -> None:
        world.api = JustMade(world.cluster)

    assert [type(event) for event in after(act)[0]] == [Synced]


@pytest.mark.parametrize(
    "error", [UNREACHABLE, KubeError(503, "ServiceUnavailable", "")], ids=["no answer", "a server that is busy"]
)
def test_an_answer_that_does_not_come_at_once_loses_no_success(error: Exception) -> None:
    def act(world: KubernetesWorld) -> None:
        orphan(world)
        world.api = Forgetful(world.cluster)
        world.api.errors = [error] * 20

    the_gone(after(act)[0])


def test_where_nobody_can_tell_nothing_is_told() -> None:
    def act(world: KubernetesWorld) -> None:
        orphan(world)
        world.api = Forgetful(world.cluster)
        world.api.errors = [KubeError(500, "InternalError", "try again")] * 1000

    assert [type(event) for event in after(act)[0]] == [Synced]


class Forgetful(FakeKubeApi):
    """Fails to look for one Job as often as there are errors."""

    errors: Sequence[Exception] = ()

    async def list_page(self, type: ResourceType, namespace: str = "", *, labels: str = "", **more: Any) -> Page:
        if type == JOB and labels == selector(labels_of_key(KEY)):
            error, self.errors = next(iter(self.errors), None), self.errors[1:]
            if error is not None:
                raise error
        return await super().list_page(type, namespace, labels=labels, **more)


def test_a_job_that_is_left_by_its_pods_while_somebody_watches_is_told_with_what_they_say() -> None:
    world, found = KubernetesWorld(), list[Event]()

    async def follow(synced: asyncio.Event) -> None:
        async with aclosing(runtime_on(world).changes("e", [KEY])) as events:
            async for event in events:
                found.append(event)
                if isinstance(event, Synced):
                    synced.set()

    async def whole() -> None:
        synced = asyncio.Event()
        await runtime_on(world).ensure(KEY, job(name="trial"))
        (made,) = world.cluster.objects(JOB)
        world.cluster.create(POD, pod_of(made, "trial-abcde"), "default")
        following = asyncio.create_task(follow(synced))
        await synced.wait()
        world.cluster.set_status(POD, "trial-abcde", pod_status("Succeeded", {"terminated": {"exitCode": 0}}))
        await asyncio.sleep(1)
        orphan(world)
        await asyncio.sleep(1)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run_virtually(whole())
    gone = found[-1]
    assert isinstance(gone, Gone)
    assert gone.message == "it was deleted; its pod trial-abcde succeeded"
    assert gone.pod is not None
    assert get(gone.pod, "metadata", "name") == "trial-abcde"
