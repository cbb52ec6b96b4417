"""Pods that neither begin nor say why: their events are asked, and every wait has its end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta

import pytest
from kubernetes_world import KubernetesWorld, job, pod_of, pod_status, runtime_on

from trialmill.api.tree import Json, JsonObject, get
from trialmill.api.verdict import Stuck
from trialmill.engine.ports import Gone, Snapshot, Synced
from trialmill.engine.records import AttemptKey
from trialmill.runtime.kubernetes.evidence import Patience
from trialmill.runtime.kubernetes.slow_starts import has_not_begun, why_not_begun
from trialmill.testing.kube_cluster import EVENT, JOB, POD
from trialmill.testing.virtual_time import run_virtually

KEY = AttemptKey("e", 0, 1)
PATIENCE = Patience(timedelta(hours=2), timedelta(minutes=10), timedelta(hours=1))
CREATING: JsonObject = {"waiting": {"reason": "ContainerCreating"}}
INITIALIZING: JsonObject = {"waiting": {"reason": "PodInitializing"}}
RUNNING: JsonObject = {"running": {}}
DONE: JsonObject = {"terminated": {"exitCode": 0}}


def pod(status: JsonObject, *, node: str = "n", init: tuple[tuple[str, JsonObject], ...] = ()) -> JsonObject:
    """`init` are init containers; those whose names begin with `side` are native sidecars."""
    policies: list[Json] = [
        {"name": name, **({"restartPolicy": "Always"} if "side" in name else {})} for name, _ in init
    ]
    statuses: list[Json] = [{"name": name, "state": state} for name, state in init]
    return {
        "metadata": {"name": "p", "uid": "u"},
        "spec": {"nodeName": node, "initContainers": policies},
        "status": {**status, "initContainerStatuses": statuses},
    }


def gated(reason: str) -> JsonObject:
    return {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": reason}]}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(pod(pod_status("Pending", CREATING)), True, id="its container is made"),
        pytest.param(pod({"phase": "Pending"}), True, id="its node has not looked at it"),
        pytest.param(pod({"phase": "Pending"}, node=""), True, id="no scheduler has looked at it"),
        pytest.param(pod(gated("SchedulingGated"), node=""), False, id="it is gated"),
        pytest.param(pod(gated("Unschedulable"), node=""), False, id="a scheduler has said why"),
        pytest.param(
            pod(pod_status("Pending", INITIALIZING), init=(("a", INITIALIZING),)), True, id="its init container is made"
        ),
        pytest.param(
            pod(pod_status("Pending", INITIALIZING), init=(("a", RUNNING),)), False, id="its init container runs"
        ),
        pytest.param(
            pod(pod_status("Pending", INITIALIZING), init=(("a", DONE), ("side", RUNNING))),
            True,
            id="all before the main container is done",
        ),
        pytest.param(pod(pod_status("Pending", {"waiting": {"reason": "ErrImagePull"}})), False, id="it has said why"),
        pytest.param(pod(pod_status("Running", RUNNING)), False, id="it runs"),
    ],
)
def test_which_pods_have_not_begun(found: JsonObject, expected: bool) -> None:
    assert has_not_begun(found) is expected


def event(reason: str, message: str = "words", type: str = "Normal") -> JsonObject:
    return {"type": type, "reason": reason, "message": message}


NO_VOLUME = event("FailedMount", 'secret "nope" not found', "Warning")


@pytest.mark.parametrize(
    ("events", "reason", "words", "patience"),
    [
        ([event("Scheduled"), NO_VOLUME], "FailedMount", 'cannot start: secret "nope" not found', PATIENCE.starting),
        (
            [event("Scheduled"), NO_VOLUME, event("SuccessfulAttachVolume")],
            "FailedMount",
            'secret "nope" not found',
            PATIENCE.starting,
        ),
        ([NO_VOLUME, event("Pulling", 'Pulling image "x"')], "Pulling", 'Pulling image "x"', PATIENCE.creating),
        (
            [event("FailedScheduling", "full", "Warning"), event("Scheduled")],
            "ContainerCreating",
            "do not say why",
            PATIENCE.creating,
        ),
        ([], "ContainerCreating", "do not say why", PATIENCE.creating),
        (None, "ContainerCreating", "may not be listed", PATIENCE.creating),
    ],
)
def test_events_say_what_a_pod_that_has_not_begun_waits_for(
    events: list[JsonObject] | None, reason: str, words: str, patience: timedelta
) -> None:
    stuck = why_not_begun(pod(pod_status("Pending", CREATING)), events, PATIENCE)
    assert (stuck.reason, stuck.patience) == (reason, patience)
    assert words in stuck.message


def test_an_image_on_its_way_is_waited_for_even_by_who_is_impatient() -> None:
    hasty = Patience(*[timedelta(seconds=20)] * 3)
    found = pod(pod_status("Pending", CREATING))
    assert why_not_begun(found, [event("Pulling")], hasty).patience == timedelta(hours=1)
    assert why_not_begun(found, None, hasty).patience == timedelta(seconds=20)


def test_a_pod_that_no_scheduler_looks_at_names_the_scheduler() -> None:
    found = pod({"phase": "Pending"}, node="")
    found["spec"] = {"schedulerName": "volcano"}
    stuck = why_not_begun(found, [], PATIENCE)
    assert (stuck.reason, stuck.patience) == ("NotScheduled", PATIENCE.scheduling)
    assert "volcano" in stuck.message


# What is told


class Pending:
    """A Job whose pod's container is being made, and what is told of it."""

    def __init__(self) -> None:
        self.world = KubernetesWorld()
        self.told: list[tuple[float, Stuck | None]] = []

    async def follow(self) -> None:
        async with aclosing(runtime_on(self.world).changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Snapshot):
                    stuck = event.stuck
                    if not self.told or self.told[-1][1] != stuck:
                        self.told.append((asyncio.get_running_loop().time(), stuck))

    def begin(self) -> None:
        made = self.world.cluster.objects(JOB)[0]
        self.world.cluster.create(POD, {**pod_of(made, "p"), "spec": {"nodeName": "n"}}, "default")
        self.status(pod_status("Pending", CREATING))

    def status(self, status: JsonObject) -> None:
        self.world.cluster.set_status(POD, "p", status)

    def says(self, reason: str, message: str, type: str, second: int) -> None:
        uid = get(self.world.cluster.objects(POD)[0], "metadata", "uid")
        line: JsonObject = {
            **event(reason, message, type),
            "involvedObject": {"uid": uid},
            "metadata": {"name": f"e{second}"},
        }
        self.world.cluster.create(EVENT, {**line, "lastTimestamp": f"2026-01-01T00:00:{second:02d}Z"}, "default")


def told_while(story: Callable[[Pending], Awaitable[None]]) -> Pending:
    pending = Pending()

    async def whole() -> None:
        await runtime_on(pending.world).ensure(KEY, job(name="trial"))
        pending.begin()
        following = asyncio.create_task(pending.follow())
        await story(pending)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run_virtually(whole())
    return pending


def test_a_volume_that_cannot_be_mounted_is_told_until_it_can() -> None:
    async def story(pending: Pending) -> None:
        pending.says("FailedMount", 'secret "nope" not found', "Warning", 1)
        await asyncio.sleep(200)
        pending.status(pod_status("Running", RUNNING))
        await asyncio.sleep(10)

    pending = told_while(story)
    assert [stuck.reason if stuck else "" for _, stuck in pending.told] == ["", "FailedMount", ""]
    assert 30 <= pending.told[1][0] < 35
    assert pending.told[1][1] is not None
    assert pending.told[1][1].waited == timedelta(seconds=30)
    assert len([call for call in pending.world.api.calls if call.plural == "events"]) <= 4


def test_what_a_pod_waits_for_after_something_else_has_only_begun() -> None:
    async def story(pending: Pending) -> None:
        await asyncio.sleep(50)
        pending.says("FailedMount", 'secret "nope" not found', "Warning", 1)
        await asyncio.sleep(100)

    _, first, second = told_while(story).told
    assert [(each.reason, each.waited) for _, each in (first, second) if each] == [
        ("ContainerCreating", timedelta(seconds=30)),
        ("FailedMount", timedelta(0)),
    ]


def test_a_pod_that_begins_in_time_costs_no_request() -> None:
    async def story(pending: Pending) -> None:
        await asyncio.sleep(20)
        pending.status(pod_status("Running", RUNNING))
        await asyncio.sleep(100)

    pending = told_while(story)
    assert [stuck for _, stuck in pending.told] == [None]
    assert not [call for call in pending.world.api.calls if call.plural == "events"]


def test_a_job_whose_pod_went_away_and_that_gets_no_other_says_so() -> None:
    async def story(pending: Pending) -> None:
        pending.status(pod_status("Running", RUNNING))
        await asyncio.sleep(60)
        pending.world.cluster.vanish(POD, "p")
        await asyncio.sleep(60)

    assert [stuck.reason if stuck else "" for _, stuck in told_while(story).told] == ["", "NoPods"]


def test_a_job_that_was_suspended_has_time_to_get_its_pod_back() -> None:
    async def story(pending: Pending) -> None:
        pending.status(pod_status("Running", RUNNING))
        pending.world.cluster.patch(JOB, "trial", "default", {"spec": {"suspend": True}})
        pending.world.cluster.vanish(POD, "p")
        await asyncio.sleep(300)
        pending.world.cluster.patch(JOB, "trial", "default", {"spec": {"suspend": False}})
        await asyncio.sleep(20)

    assert [stuck.reason if stuck else "" for _, stuck in told_while(story).told] == ["", "Suspended", ""]


def test_a_pod_that_goes_away_while_it_is_made_is_waited_for_no_more() -> None:
    async def story(pending: Pending) -> None:
        await asyncio.sleep(50)
        pending.world.cluster.vanish(POD, "p")
        await asyncio.sleep(5)

    assert [stuck.reason if stuck else "" for _, stuck in told_while(story).told] == ["", "ContainerCreating", ""]


def test_a_job_that_is_gone_is_told_so_though_its_pod_has_news_before_anybody_listens() -> None:
    async def whole() -> list[Snapshot | Gone]:
        pending = Pending()
        await runtime_on(pending.world).ensure(KEY, job(name="trial"))
        pending.begin()
        async with aclosing(runtime_on(pending.world).changes("e", ())) as events:
            assert isinstance(await anext(events), Snapshot)
            assert isinstance(await anext(events), Synced)
            listening = asyncio.ensure_future(anext(events))
            await asyncio.sleep(10)
            pending.world.cluster.set_status(JOB, "trial", {"active": 1})
            first = await listening
            # The garbage collector has not come by yet.
            pending.world.cluster.patch(POD, "p", "default", {"metadata": {"ownerReferences": None}})
            pending.world.cluster.vanish(JOB, "trial")
            await asyncio.sleep(60)
            found = [first, await anext(events), await anext(events)]
        return [event for event in found if isinstance(event, Snapshot | Gone)]

    assert [type(event) for event in run_virtually(whole())] == [Snapshot, Snapshot, Gone]
