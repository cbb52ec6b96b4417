"""What the Kubernetes runtime makes, asks for and takes away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final

import pytest
from kubernetes_world import KubernetesWorld, job, pod_of, runtime_on

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, get, get_list, get_object, string_map
from trialmill.engine.ports import (
    Chunk,
    Created,
    Exists,
    Gone,
    Log,
    Rejected,
    RetryAfter,
    Snapshot,
    Synced,
    Trouble,
)
from trialmill.engine.records import AttemptKey
from trialmill.kinds.profile import profile_of
from trialmill.kube.api import Cause, KubeError, ResourceType, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.stamping import key_of, stamped
from trialmill.runtime.kubernetes.target import KindRef
from trialmill.testing.kube_cluster import CONFIG_MAP, EVENT, JOB, POD
from trialmill.testing.kube_fake import UNREACHABLE, Call
from trialmill.testing.virtual_time import run_virtually

KEY: Final = AttemptKey("e", 3, 1)
CONFIG: Final[JsonObject] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "part"}, "data": {"a": "b"}}
BUSY: Final = KubeError(429, "TooManyRequests", "slow down", retry_after=timedelta(seconds=7))
UNAUTHORIZED: Final = KubeError(401, "Unauthorized", "Unauthorized")
QUOTA: Final = KubeError(
    403,
    "Forbidden",
    'jobs.batch "x" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=2, '
    "limited: count/jobs.batch=2",
)


def played(story: Callable[[KubernetesWorld], Awaitable[None]]) -> KubernetesWorld:
    world = KubernetesWorld()

    async def whole() -> None:
        await story(world)

    run_virtually(whole())
    return world


def test_a_resource_gets_labels_and_nothing_else() -> None:
    before = job("hello", name="trial")
    after = stamped(before, KEY, "default", profile_of("batch/v1", "Job"))
    assert key_of(after) == KEY
    labels = string_map(get(after, "spec", "template", "metadata", "labels"))
    assert labels.keys() == {"trialmill.dev/experiment-uid", "trialmill.dev/trial-index", "trialmill.dev/attempt"}
    assert get(after, "spec", "template", "spec") == get(before, "spec", "template", "spec")
    assert before == job("hello", name="trial")


def test_every_replica_of_a_training_job_is_labelled() -> None:
    template: JsonObject = {"spec": {"containers": [{"name": "pytorch"}]}}
    replicas: JsonObject = {"Master": {"template": template}, "Worker": {"template": template}}
    resource: JsonObject = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": "t", "labels": {"katib.kubeflow.org/trial": "t", "team": "mine"}},
        "spec": {"pytorchReplicaSpecs": replicas},
    }
    whole = stamped(resource, KEY, "default", profile_of("kubeflow.org/v1", "PyTorchJob"))
    for role in replicas:
        labels = string_map(get(whole, "spec", "pytorchReplicaSpecs", role, "template", "metadata", "labels"))
        assert labels["katib.kubeflow.org/trial"] == "t"
        assert "team" not in labels


def test_somebody_elses_object_of_the_name_is_a_clear_refusal() -> None:
    async def story(world: KubernetesWorld) -> None:
        world.cluster.create(JOB, {"metadata": {"name": "trial"}, "spec": {}}, "default")
        answer = await runtime_on(world).ensure(KEY, job(name="trial"), [CONFIG])
        assert isinstance(answer, Rejected)
        assert answer.reason == "NameTaken"
        assert "trial" in answer.message

    assert played(story).cluster.objects(CONFIG_MAP) == []


def test_an_answer_that_was_lost_makes_no_second_resource() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        world.api.fail("create", UNREACHABLE, plural="jobs", after=True)
        assert isinstance(await runtime.ensure(KEY, job(name="trial")), RetryAfter)
        assert isinstance(await runtime.ensure(KEY, job(name="trial")), Exists)

    assert len(played(story).cluster.objects(JOB)) == 1


def test_parts_are_made_first_owned_by_the_resource_and_removed_with_it() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world, parts=(KindRef("v1", "ConfigMap"),))
        answer = await runtime.ensure(KEY, job(name="trial"), [CONFIG])
        assert isinstance(answer, Created)
        made = [call.plural for call in world.api.calls if call.verb == "create"]
        assert made == ["configmaps", "jobs"]
        (part,) = world.cluster.objects(CONFIG_MAP)
        assert [get(owner, "uid") for owner in get_list(part, "metadata", "ownerReferences")] == [answer.uid]
        await runtime.remove(KEY, answer.uid, timedelta(0))

    world = played(story)
    assert world.cluster.objects(JOB) == world.cluster.objects(CONFIG_MAP) == []


def test_parts_do_not_outlive_a_refusal_also_where_an_earlier_try_made_them() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world, parts=(KindRef("v1", "ConfigMap"),))
        world.api.fail("create", UNREACHABLE, plural="jobs")
        assert isinstance(await runtime.ensure(KEY, job(name="trial"), [CONFIG]), RetryAfter)
        assert len(world.cluster.objects(CONFIG_MAP)) == 1
        world.api.fail("create", KubeError(422, "Invalid", "spec.x: no"), plural="jobs")
        answer = await runtime.ensure(KEY, job(name="trial"), [CONFIG])
        assert answer == Rejected("Invalid", "spec.x: no")

    assert played(story).cluster.objects(CONFIG_MAP) == []


@pytest.mark.parametrize("error", [UNREACHABLE, KubeError(504, "Timeout", "")], ids=["no answer", "a timeout"])
def test_parts_of_a_resource_that_may_have_been_made_stay(error: Exception) -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world, parts=(KindRef("v1", "ConfigMap"),))
        world.api.fail("create", error, plural="jobs", after=True)
        assert isinstance(await runtime.ensure(KEY, job(name="trial"), [CONFIG]), RetryAfter)

    world = played(story)
    assert len(world.cluster.objects(JOB)) == len(world.cluster.objects(CONFIG_MAP)) == 1


def test_what_cannot_be_taken_back_does_not_hide_the_refusal() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world, parts=(KindRef("v1", "ConfigMap"),))
        world.api.fail("create", KubeError(422, "Invalid", "spec.x: no"), plural="jobs")
        world.api.fail("delete", UNREACHABLE, plural="configmaps")
        assert await runtime.ensure(KEY, job(name="trial"), [CONFIG]) == Rejected("Invalid", "spec.x: no")

    played(story)


def test_another_uid_is_not_removed() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        await runtime.remove(KEY, "another", timedelta(0))

    assert len(played(story).cluster.objects(JOB)) == 1


@pytest.mark.parametrize("error", [UNREACHABLE, UNAUTHORIZED, KubeConfigError("the exec plugin 'aws' failed")])
def test_a_server_that_was_not_asked_refuses_nothing_however_long_it_takes(error: Exception) -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        world.api.fail("create", error, plural="jobs", times=3)
        for _ in range(3):
            assert isinstance(await runtime.ensure(KEY, job(name="trial")), RetryAfter)
            await asyncio.sleep(7200)
        assert isinstance(await runtime.ensure(KEY, job(name="trial")), Created)

    played(story)


@pytest.mark.parametrize("error", [BUSY, QUOTA, KubeError(500, "InternalError", "webhook is down")])
def test_what_may_pass_is_tried_again_but_not_for_ever(error: Exception) -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        world.api.fail("create", error, plural="jobs", times=10_000)
        waited = timedelta(0)
        while isinstance(answer := await runtime.ensure(KEY, job(name="trial")), RetryAfter):
            waited += answer.delay
            await asyncio.sleep(answer.delay.total_seconds())
        assert timedelta(minutes=59) < waited < timedelta(minutes=62)
        assert isinstance(answer, Rejected)
        assert answer.message

    played(story)


def test_the_servers_own_pause_is_kept() -> None:
    async def story(world: KubernetesWorld) -> None:
        world.api.fail("create", BUSY, plural="jobs")
        assert await runtime_on(world).ensure(KEY, job(name="trial")) == RetryAfter(
            timedelta(seconds=7), "slow down", "TooManyRequests"
        )

    played(story)


def test_an_absurd_pause_is_cut() -> None:
    async def story(world: KubernetesWorld) -> None:
        century = KubeError(503, "ServiceUnavailable", "later", retry_after=timedelta(days=36500))
        world.api.fail("create", century, plural="jobs")
        answer = await runtime_on(world).ensure(KEY, job(name="trial"))
        assert answer == RetryAfter(timedelta(minutes=5), "later", "ServiceUnavailable")

    played(story)


def test_a_server_that_is_away_when_something_is_removed_is_waited_for() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        world.api.fail("delete", UNREACHABLE, times=20)
        await runtime.remove(KEY, "", timedelta(0))

    assert played(story).cluster.objects(JOB) == []


@pytest.mark.parametrize(
    ("grace", "expected"), [(timedelta(seconds=10), None), (timedelta(0), timedelta(seconds=1))], ids=["gently", "now"]
)
def test_a_pod_has_the_grace_of_its_own_unless_it_is_to_end_now(grace: timedelta, expected: timedelta | None) -> None:
    given: list[timedelta | None] = []

    async def story(world: KubernetesWorld) -> None:
        delete = world.cluster.delete

        def watched(*words: Any, grace: timedelta | None = None, **options: Any) -> None:
            given.append(grace)
            delete(*words, grace=grace, **options)

        world.cluster.delete = watched  # type: ignore[method-assign]
        runtime = runtime_on(world, kind=KindRef("v1", "Pod"))
        await runtime.ensure(KEY, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}})
        await runtime.remove(KEY, "", grace)

    played(story)
    assert given == [expected]


def test_what_is_removed_at_once_is_not_read_to_its_end() -> None:
    """Its pod may take as long as it has; whoever was told to leave does not wait for it."""

    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        world.cluster.create(POD, pod_of(world.cluster.get(JOB, "trial", "default"), "pod"), "default")
        running: JsonObject = {"name": "main", "state": {"running": {}}, "containerID": "c://1"}
        world.cluster.set_status(POD, "pod", {"phase": "Running", "containerStatuses": [running]})
        world.cluster.pods_linger = True
        world.api.write_log("pod", b"one\n")
        seen = [chunk.data async for chunk in _removed_meanwhile(runtime)]
        assert seen == [b"one\n"]
        assert len(world.cluster.objects(POD)) == 1

    played(story)


async def _removed_meanwhile(runtime: KubernetesRuntime) -> AsyncIterator[Chunk]:
    async for chunk in runtime.read(Log(KEY, "pod", "main"), None):
        yield chunk
        await runtime.remove(KEY, "", timedelta(0))


def test_what_is_to_stop_is_deleted_however_long_the_server_is_away() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        made = await runtime.ensure(KEY, job(name="trial"))
        assert isinstance(made, Created)
        world.api.fail("list", UNREACHABLE, times=1000)
        await runtime.remove(KEY, made.uid, timedelta(0))

    assert played(story).cluster.objects(JOB) == []


def test_an_earlier_attempt_that_still_runs_ends_before_the_next_and_one_that_is_over_stays() -> None:
    """A stop while the server was away, of which it never heard, would leave a trial running twice."""

    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        for attempt, name in ((1, "over"), (2, "running")):
            await runtime.ensure(KEY._replace(attempt=attempt), job(name=name))
            if attempt == 1:
                over: JsonObject = {"conditions": [{"type": "Failed", "status": "True"}]}
                world.cluster.set_status(JOB, "over", over, "default")
        await runtime.ensure(KEY._replace(trial_index=9), job(name="other"))
        await runtime.ensure(KEY._replace(attempt=3), job(name="next"))

    left = {get(made, "metadata", "name") for made in played(story).cluster.objects(JOB)}
    assert left == {"over", "other", "next"}


def test_suspending_patches_the_field_and_going_on_patches_it_back() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        assert await runtime.suspend(KEY, "", True)
        assert get(world.cluster.get(JOB, "trial", "default"), "spec", "suspend") is True
        assert await runtime.suspend(KEY, "", False)
        assert get(world.cluster.get(JOB, "trial", "default"), "spec", "suspend") is False

    played(story)


def test_a_kind_installed_a_minute_ago_is_created_and_its_pods_are_found_through_their_owners() -> None:
    widget = ResourceType("example.dev", "v1", "Widget", "widgets", True, frozenset({"status"}))

    async def story(world: KubernetesWorld) -> None:
        world.cluster.install(widget)
        runtime = runtime_on(world, kind=KindRef("example.dev/v1", "Widget"))
        answer = await runtime.ensure(
            KEY, {"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": "w"}}
        )
        assert isinstance(answer, Created)
        middle = _owned("middle", "example.dev/v1", "Widget", "w", answer.uid)
        uid = str(get(world.cluster.create(JOB, middle, "default")[0], "metadata", "uid"))
        world.cluster.create(POD, _owned("pod", "batch/v1", "Job", "middle", uid), "default")
        world.cluster.create(POD, {"metadata": {"name": "stranger"}}, "default")
        for name in ("pod", "stranger"):
            world.cluster.set_status(POD, name, {"phase": "Succeeded"})
        assert [pod.name for pod in await runtime.pods(KEY)] == ["pod"]
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Synced):
                    break
            assert [pod.name for pod in await runtime.pods(KEY)] == ["pod"]

    played(story)


def _owned(name: str, api_version: str, kind: str, owner: str, uid: str) -> JsonObject:
    reference: JsonObject = {"apiVersion": api_version, "kind": kind, "name": owner, "uid": uid, "controller": True}
    return {"metadata": {"name": name, "ownerReferences": [reference]}}


def test_how_it_ended_is_told_before_it_is_gone() -> None:
    """A Job whose TTL is nothing is deleted as soon as it is over."""

    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        told: list[str] = []
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Synced):
                    world.cluster.set_status(JOB, "trial", {"conditions": [{"type": "Complete", "status": "True"}]})
                    world.cluster.delete(JOB, "trial", "default")
                elif isinstance(event, Snapshot):
                    told.append(str(get(event.resource, "status", "conditions", 0, "type")))
                else:
                    break
        assert isinstance(event, Gone)
        assert told[-1] == "Complete"

    played(story)


def test_a_job_that_was_deleted_while_the_watch_was_down_is_told_as_gone() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Synced):
                    world.api.fail("watch", UNREACHABLE, times=3)
                    world.api.cut_watches(UNREACHABLE)
                    world.cluster.delete(JOB, "trial", "default")
                    world.cluster.compact()
                if isinstance(event, Gone):
                    break
        assert isinstance(event, Gone)
        assert event.key == KEY

    played(story)


async def _told_until_synced(world: KubernetesWorld) -> list[AttemptKey]:
    told: list[AttemptKey] = []
    async with aclosing(runtime_on(world).changes("e", ())) as events:
        async for event in events:
            if isinstance(event, Synced):
                return told
            if not isinstance(event, Trouble):
                told.append(event.key)
    raise AssertionError("changes ended")


def test_resources_are_told_when_their_pods_are_known_too() -> None:
    async def story(world: KubernetesWorld) -> None:
        await runtime_on(world).ensure(KEY, job(name="trial"))
        world.api.fail("list", UNREACHABLE, plural="pods", times=3)
        began = asyncio.get_running_loop().time()
        assert await asyncio.wait_for(_told_until_synced(world), 60) == [KEY]
        assert asyncio.get_running_loop().time() > began

    played(story)


@pytest.mark.parametrize("said", [True, False], ids=["which is told why", "which is not told why"])
def test_a_job_that_gets_no_pods_waits_in_vain_until_it_gets_one(said: bool) -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        uid = get(world.cluster.objects(JOB)[0], "metadata", "uid")
        for number, (of, type) in enumerate([(uid, "Warning"), (uid, "Warning"), (uid, "Normal"), ("x", "Warning")]):
            line: JsonObject = {"type": type, "involvedObject": {"uid": of}, "message": f"exceeded quota {number}"}
            line |= {"metadata": {"name": f"e{number}"}, "lastTimestamp": f"2026-01-01T00:00:0{number}Z"}
            world.cluster.create(EVENT, line, "default")
        if not said:
            world.api.denied.add(("list", "events"))
        reasons: list[str] = []
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Snapshot):
                    reasons.append(event.stuck.reason if event.stuck else "")
                    if reasons == ["", "NoPods"]:
                        assert event.stuck is not None
                        words = "exceeded quota 1" if said else "a quota, or what admits pods"
                        assert f"no pod has been made for it: {words}" in event.stuck.message
                        made = world.cluster.objects(JOB)[0]
                        world.cluster.create(POD, pod_of(made, "trial-abcde"), "default")
                    if len(reasons) == 3:
                        break
        assert reasons == ["", "NoPods", ""]

    played(story)


@pytest.mark.parametrize(
    "change",
    [{"status": {"conditions": [{"type": "Complete", "status": "True"}]}}, {"spec": {"suspend": True}}],
    ids=["is over", "is suspended"],
)
def test_nobody_is_asked_about_a_job_that_rightly_has_no_pods(change: JsonObject) -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        if "status" in change:
            world.cluster.set_status(JOB, "trial", get_object(change, "status"))
        else:
            world.cluster.patch(JOB, "trial", "default", change)
        async with aclosing(runtime.changes("e", ())) as events:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(120):
                    async for _ in events:
                        pass
        assert not [call for call in world.api.calls if call.plural == "events"]

    played(story)


FAILED: Final[JsonObject] = {
    "phase": "Failed",
    "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 128, "reason": "StartError"}}}],
}


def test_a_job_whose_pod_has_failed_says_so_until_it_makes_another() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        made = world.cluster.objects(JOB)[0]
        world.cluster.create(POD, pod_of(made, "trial-abcde"), "default")
        world.cluster.set_status(POD, "trial-abcde", FAILED)
        waits: list[str] = []
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if not isinstance(event, Snapshot):
                    continue
                said = f"{event.stuck.reason}: {event.stuck.message}" if event.stuck else ""
                if said != (waits[-1] if waits else None):
                    waits.append(said)
                if len(waits) == 2 and said:
                    assert event.stuck is not None
                    assert event.stuck.patience is None
                    world.cluster.create(POD, pod_of(made, "trial-fghij"), "default")
                if len(waits) == 3:
                    break
        failure = "PodFailed: pod trial-abcde: container main exited with code 128 (StartError)"
        assert waits == ["", failure, ""]

    played(story)


def test_a_job_that_ends_with_its_pod_waits_for_nothing() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        world.cluster.create(POD, pod_of(world.cluster.objects(JOB)[0], "trial-abcde"), "default")
        world.cluster.set_status(POD, "trial-abcde", FAILED)
        waits: list[object] = []
        async with aclosing(runtime.changes("e", ())) as events:
            async for event in events:
                if isinstance(event, Snapshot):
                    waits.append(event.stuck)
                    if get(event.resource, "status", "conditions") is not None:
                        break
                else:
                    world.cluster.set_status(JOB, "trial", {"conditions": [{"type": "Failed", "status": "True"}]})
        assert not any(waits)

    played(story)


def test_without_the_right_to_see_pods_resources_are_told_all_the_same() -> None:
    async def story(world: KubernetesWorld) -> None:
        await runtime_on(world).ensure(KEY, job(name="trial"))
        world.api.denied.add(("list", "pods"))
        assert await asyncio.wait_for(_told_until_synced(world), 60) == [KEY]

    played(story)


def test_a_kind_whose_definition_was_deleted_is_what_a_refused_trial_names(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = ResourceType("example.dev", "v1", "Widget", "widgets", True, frozenset({"status"}))

    async def story(world: KubernetesWorld) -> None:
        world.cluster.install(widget)
        runtime = runtime_on(world, kind=KindRef("example.dev/v1", "Widget"))
        made: JsonObject = {"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": "w"}}
        world.api.fail("create", KubeError(404, "NotFound", "404 page not found"), plural="widgets")
        discover = world.api.discover

        async def remembered(api_version: str, kind: str, *, fresh: bool = False) -> ResourceType:
            if fresh:
                world.cluster.uninstall(widget)
            return await discover(api_version, kind, fresh=fresh)

        monkeypatch.setattr(world.api, "discover", remembered)
        answer = await runtime.ensure(KEY, made)
        assert isinstance(answer, Rejected)
        assert "the cluster has no kind Widget in example.dev/v1" in answer.message

    played(story)


# Checking


def checked(change: Callable[[KubernetesWorld], None], **target: object) -> list[Problem]:
    problems: list[Problem] = []

    async def story(world: KubernetesWorld) -> None:
        change(world)
        problems.extend(await runtime_on(world, **target).check(job(name="trial")))

    assert played(story).cluster.objects(JOB) == []
    return problems


def _refuse(error: KubeError) -> Callable[[KubernetesWorld], None]:
    def change(world: KubernetesWorld) -> None:
        world.api.fail("create", error, plural="jobs")

    return change


def test_missing_rights_are_listed_together() -> None:
    def change(world: KubernetesWorld) -> None:
        world.api.denied |= {("create", "jobs"), ("delete", "jobs"), ("get", "pods/log")}

    problems = checked(change)
    assert [problem.code for problem in problems] == ["forbidden", "forbidden"]
    assert "create and delete jobs.batch" in problems[0].message
    assert "get pods/log" in problems[1].message
    assert all("the Role that `trialmill check-cluster --role` prints" in problem.remedy for problem in problems)


@pytest.mark.parametrize(
    ("namespaced", "role", "where"),
    [(True, "Role", " in the namespace default"), (False, "ClusterRole", "")],
    ids=["in a namespace", "without one"],
)
def test_the_role_for_another_kind_is_printed_for_its_file(namespaced: bool, role: str, where: str) -> None:
    widget = ResourceType("example.dev", "v1", "Widget", "widgets", namespaced, frozenset({"status"}))

    async def story(world: KubernetesWorld) -> None:
        world.cluster.install(widget)
        world.api.denied.add(("watch", "widgets"))
        runtime = runtime_on(world, kind=KindRef("example.dev/v1", "Widget"))
        (problem,) = await runtime.check({"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": "w"}})
        assert problem.message == f"you may not watch widgets.example.dev{where}"
        assert f"the {role} that `trialmill check-cluster FILE --role` prints, and a {role}Binding" in problem.remedy

    played(story)


def test_a_pause_that_cannot_suspend_is_warned_of() -> None:
    (problem,) = checked(lambda world: world.api.denied.add(("patch", "jobs")))
    assert (problem.code, problem.severity) == ("cannot-suspend", Severity.WARNING)


def test_what_the_server_warns_of_is_told() -> None:
    def change(world: KubernetesWorld) -> None:
        world.api.warnings["jobs"] = ("spec.ttlSecondsAfterFinished is short",)

    (problem,) = checked(change)
    assert (problem.code, problem.severity) == ("cluster-warning", Severity.WARNING)
    assert problem.message == "spec.ttlSecondsAfterFinished is short"


def test_a_file_in_the_root_of_its_container_cannot_be_read() -> None:
    (problem,) = checked(lambda _: None, collector_paths=("/metrics.log",))
    assert (problem.code, problem.severity) == ("cannot-read-file", Severity.ERROR)
    assert "/metrics.log" in problem.message


def test_a_file_needs_a_cluster_that_has_sidecars() -> None:
    def change(world: KubernetesWorld) -> None:
        world.api.version = "v1.28.15"

    (problem,) = checked(change, collector_paths=("/out/metrics.log",))
    assert (problem.code, problem.severity) == ("cluster-too-old", Severity.ERROR)
    assert "v1.28.15" in problem.message
    assert checked(change) == []


def test_an_unknown_field_is_named_with_its_path() -> None:
    def change(world: KubernetesWorld) -> None:
        world.cluster.unknown_fields = lambda type, _: (
            ["spec.template.spec.containers[0].imagee"] if type == JOB else []
        )

    (problem,) = checked(change)
    assert (problem.code, problem.path) == ("unknown-field", "spec.template.spec.containers[0].imagee")


def test_each_cause_of_a_refusal_is_a_problem_at_its_field() -> None:
    causes = [Cause("spec.backoffLimit", "FieldValueInvalid", "Invalid value: -1"), Cause("metadata.name", "x", "y")]
    problems = checked(_refuse(KubeError(422, "Invalid", "no", causes=causes)))
    assert [(p.path, p.severity) for p in problems] == [
        ("spec.backoffLimit", Severity.ERROR),
        ("metadata.name", Severity.ERROR),
    ]
    assert "Invalid value: -1" in problems[0].message


def test_an_admission_that_denies_is_quoted() -> None:
    text = 'admission webhook "policy.example.dev" denied the request: no latest tags'
    (problem,) = checked(_refuse(KubeError(400, "BadRequest", text)))
    assert problem.code == "refused-by-cluster"
    assert text in problem.message


def test_a_quota_that_is_used_up_is_waited_for_and_one_that_is_too_small_is_an_error() -> None:
    (used_up,) = checked(_refuse(QUOTA))
    assert (used_up.code, used_up.severity) == ("quota-used-up", Severity.WARNING)
    small = QUOTA.message.replace("limited: count/jobs.batch=2", "limited: count/jobs.batch=0")
    (too_small,) = checked(_refuse(KubeError(403, "Forbidden", small)))
    assert (too_small.code, too_small.severity) == ("quota-too-small", Severity.ERROR)


def test_a_namespace_that_is_not_there_comes_with_the_command_that_makes_it() -> None:
    (problem,) = checked(lambda _: None, namespace="nowhere")
    assert problem.code == "no-namespace"
    assert "kubectl create namespace nowhere" in problem.remedy


def test_a_cluster_out_of_reach_is_one_problem() -> None:
    (problem,) = checked(lambda world: world.api.fail("discover", UNREACHABLE, times=9))
    assert problem.code == "cluster-unreachable"


def test_who_is_not_known_has_to_log_in_again() -> None:
    expired = KubeError(401, "Unauthorized", "the token has expired")
    (problem,) = checked(lambda world: world.api.fail("discover", expired, times=9))
    assert problem.code == "not-logged-in"
    assert "the token has expired" in problem.message


def test_a_way_that_is_not_usable_is_not_taken_for_a_login_that_is_over() -> None:
    gone = KubeConfigError("the exec plugin 'aws' is not there", "brew install it")
    (problem,) = checked(lambda world: world.api.fail("discover", gone, times=9))
    assert (problem.code, problem.remedy) == ("kubeconfig-unusable", "brew install it")
    assert "the exec plugin 'aws' is not there" in problem.message


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (UnreachableError("Connection refused", "see that it runs"), "see that it runs"),
        (UnreachableError("reset"), "see whether kubectl reaches it"),
        (KubeError(400, "BadRequest", "Client sent an HTTP request to an HTTPS server."), "begins with https://"),
        (KubeError(404, "NotFound", "404 page not found"), "see whether the server in the kubeconfig is right"),
        (KubeError(500, "InternalError", "no"), "see whether kubectl reaches it"),
    ],
)
def test_each_cause_of_no_answer_has_its_own_remedy(error: Exception, remedy: str) -> None:
    (problem,) = checked(lambda world: world.api.fail("discover", error, times=9))
    assert problem.code == "cluster-unreachable"
    assert remedy in problem.remedy


def test_a_pod_that_would_be_refused_is_found_though_its_job_is_not() -> None:
    def change(world: KubernetesWorld) -> None:
        world.api.fail("create", KubeError(403, "Forbidden", 'violates PodSecurity "restricted"'), plural="pods")

    (problem,) = checked(change)
    assert (problem.path, problem.severity) == ("spec.template", Severity.ERROR)
    assert "PodSecurity" in problem.message


def test_checking_creates_nothing_and_asks_for_rights_once() -> None:
    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        for _ in range(3):
            assert await runtime.check(job(name="trial")) == []
        asked = [call for call in world.api.calls if call.plural == "selfsubjectaccessreviews"]
        assert len(asked) < 15
        assert Call("create", "jobs", "default", "trial") in world.api.calls

    assert played(story).cluster.objects(JOB) == []


def _suspended(by_us: bool) -> list[str]:
    """What a Job waits for that is suspended, and after a minute let go."""
    reasons: list[str] = []

    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))

        async def one_minute() -> None:
            if by_us:
                await runtime.suspend(KEY, "", True)
            else:
                world.cluster.patch(JOB, "trial", "default", {"spec": {"suspend": True}})
            await asyncio.sleep(60)
            await runtime.suspend(KEY, "", False)
            await asyncio.sleep(60)
            world.cluster.delete(JOB, "trial", "default")

        async with aclosing(runtime.changes("e", ())) as events, asyncio.TaskGroup() as tasks:
            async for event in events:
                if isinstance(event, Synced):
                    tasks.create_task(one_minute())
                elif isinstance(event, Snapshot):
                    reason = event.stuck.reason if event.stuck else ""
                    if reasons[-1:] != [reason]:
                        reasons.append(reason)
                elif isinstance(event, Gone):
                    break

    played(story)
    return reasons


def test_a_job_that_somebody_else_keeps_suspended_waits_for_them() -> None:
    assert _suspended(by_us=False) == ["", "Suspended", "", "NoPods", ""]


def test_a_job_that_we_have_suspended_waits_for_nobody() -> None:
    assert _suspended(by_us=True) == ["", "NoPods", ""]


def test_what_a_job_waits_for_is_counted_anew_after_a_pause() -> None:
    told: list[tuple[float, str]] = []

    async def story(world: KubernetesWorld) -> None:
        runtime = runtime_on(world)
        await runtime.ensure(KEY, job(name="trial"))
        began = asyncio.get_running_loop().time()

        async def pause() -> None:
            await asyncio.sleep(5)
            await runtime.suspend(KEY, "", True)
            await asyncio.sleep(24)
            await runtime.suspend(KEY, "", False)

        async with aclosing(runtime.changes("e", ())) as events, asyncio.TaskGroup() as tasks:
            async for event in events:
                if isinstance(event, Synced):
                    tasks.create_task(pause())
                elif isinstance(event, Snapshot) and event.stuck:
                    told.append((asyncio.get_running_loop().time() - began, event.stuck.reason))
                    break

    played(story)
    assert [(round(when), why) for when, why in told] == [(59, "NoPods")]
