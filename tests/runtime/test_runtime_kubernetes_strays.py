"""What people do to a running resource by hand: no trial runs twice for it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta

import pytest
from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.api.tree import JsonObject, get, get_string
from trialmill.engine.ports import Created, Gone, Rejected, RetryAfter, Snapshot, Synced
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeError, ResourceType
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.stamping import ATTEMPT, EXPERIMENT_UID
from trialmill.runtime.kubernetes.target import KindRef
from trialmill.testing.kube_cluster import CONFIG_MAP, JOB
from trialmill.testing.kube_fake import UNREACHABLE, FakeKubeApi
from trialmill.testing.virtual_time import run_virtually

KEY = AttemptKey("e", 3, 1)
FORBIDDEN = KubeError(403, "Forbidden", "no")
Told = list[Snapshot | Gone]


def told_while(story: Callable[[KubernetesWorld, KubernetesRuntime], Awaitable[None]]) -> tuple[Told, KubernetesWorld]:
    """What is told of one Job that runs, once the story has been played on it."""
    world, told = KubernetesWorld(), Told()

    async def follow(runtime: KubernetesRuntime, synced: asyncio.Event) -> None:
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Synced):
                    synced.set()
                elif isinstance(event, Snapshot | Gone):
                    told.append(event)

    async def whole() -> None:
        runtime, synced = runtime_on(world), asyncio.Event()
        await runtime.ensure(KEY, job(name="trial"))
        following = asyncio.create_task(follow(runtime, synced))
        await synced.wait()
        await story(world, runtime)
        await asyncio.sleep(60)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run_virtually(whole())
    return told, world


def take_away(world: KubernetesWorld, label: str) -> None:
    world.cluster.patch(JOB, "trial", "default", {"metadata": {"labels": {label: None}}})


def is_over(world: KubernetesWorld) -> None:
    world.cluster.set_status(JOB, "trial", {"conditions": [{"type": "Complete", "status": "True"}]})


@pytest.mark.parametrize("trouble", [None, UNREACHABLE], ids=["", "while the server is away"])
def test_a_label_that_was_taken_away_is_put_back_and_the_job_followed_on(trouble: Exception | None) -> None:
    async def story(world: KubernetesWorld, _: KubernetesRuntime) -> None:
        if trouble is not None:
            world.api.fail("get", trouble, plural="jobs", times=3)
            world.api.fail("patch", trouble, plural="jobs", times=3)
        take_away(world, EXPERIMENT_UID)
        await asyncio.sleep(60)
        is_over(world)

    told, world = told_while(story)
    assert all(isinstance(event, Snapshot) for event in told)
    last = told[-1]
    assert isinstance(last, Snapshot)
    assert get(last.resource, "status", "conditions", 0, "type") == "Complete"
    assert get(world.cluster.objects(JOB)[0], "metadata", "labels", EXPERIMENT_UID) == "e"


def test_a_job_that_lost_another_label_is_known_by_its_uid() -> None:
    async def story(world: KubernetesWorld, _: KubernetesRuntime) -> None:
        take_away(world, ATTEMPT)
        is_over(world)

    told, _ = told_while(story)
    last = told[-1]
    assert isinstance(last, Snapshot)
    assert last.key == KEY
    assert get(last.resource, "status", "conditions", 0, "type") == "Complete"


def test_a_job_whose_labels_may_not_be_put_back_is_said_to_go_on_by_itself() -> None:
    async def story(world: KubernetesWorld, _: KubernetesRuntime) -> None:
        world.api.denied.add(("patch", "jobs"))
        take_away(world, EXPERIMENT_UID)

    (*_, gone), world = told_while(story)
    assert isinstance(gone, Gone)
    assert "its labels were taken away" in gone.message
    assert "goes on by itself" in gone.message
    assert len(world.cluster.objects(JOB)) == 1


def test_a_job_that_somebody_deleted_and_made_anew_is_gone() -> None:
    async def story(world: KubernetesWorld, _: KubernetesRuntime) -> None:
        world.cluster.delete(JOB, "trial", "default")
        world.cluster.create(JOB, {"metadata": {"name": "trial"}, "spec": {}}, "default")

    (*_, gone), world = told_while(story)
    assert isinstance(gone, Gone)
    assert gone.message == "it was deleted"
    assert not get(world.cluster.objects(JOB)[0], "metadata", "labels")


def test_nobody_is_asked_why_a_job_is_gone_that_we_have_deleted() -> None:
    async def story(world: KubernetesWorld, runtime: KubernetesRuntime) -> None:
        await runtime.remove(KEY, "", timedelta(0))
        assert not [call for call in world.api.calls if (call.verb, call.plural) == ("get", "jobs")]

    (*_, gone), world = told_while(story)
    assert isinstance(gone, Gone)
    assert not [call for call in world.api.calls if (call.verb, call.plural) == ("get", "jobs")]


class Fleeting(FakeKubeApi):
    """Whatever has the name already goes away before it can be looked at."""

    async def get(self, type: ResourceType, name: str, namespace: str = "") -> JsonObject:
        self.cluster.delete(type, name, namespace)
        return await super().get(type, name, namespace)


def test_a_name_that_becomes_free_while_it_is_looked_at_is_tried_again() -> None:
    world = KubernetesWorld()
    world.api = Fleeting(world.cluster)

    async def whole() -> None:
        world.cluster.create(JOB, {"metadata": {"name": "trial"}, "spec": {}}, "default")
        runtime = runtime_on(world)
        assert isinstance(await runtime.ensure(KEY, job(name="trial")), RetryAfter)
        assert isinstance(await runtime.ensure(KEY, job(name="trial")), Created)

    run_virtually(whole())


def test_a_trial_whose_part_cannot_be_owned_does_not_run_though_it_is_refused() -> None:
    part: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "part"}}
    world = KubernetesWorld()

    async def whole() -> None:
        world.api.fail("patch", FORBIDDEN, plural="configmaps")
        answer = await runtime_on(world, parts=(KindRef("v1", "ConfigMap"),)).ensure(KEY, job(name="trial"), [part])
        assert isinstance(answer, Rejected)

    run_virtually(whole())
    assert [get_string(left, "metadata", "name") for left in world.cluster.objects(JOB)] == []
    assert world.cluster.objects(CONFIG_MAP) == []
