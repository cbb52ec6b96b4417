"""The API server double behaves as clients expect of the real one."""

import asyncio
from datetime import timedelta

import pytest

from trialmill.api.tree import Json, JsonObject, get, get_string
from trialmill.kube.api import (
    EventType,
    ExpiredError,
    KubeApi,
    KubeError,
    PatchKind,
    ResourceType,
    UnknownKindError,
    UnreachableError,
    WatchEvent,
)
from trialmill.testing.kube_cluster import CONFIG_MAP, JOB, NAMESPACE, POD, FakeCluster
from trialmill.testing.kube_fake import UNREACHABLE, FakeKubeApi
from trialmill.testing.kube_patches import selects
from trialmill.testing.virtual_time import run_virtually


def job(name: str = "a", **labels: str) -> JsonObject:
    return {"metadata": {"name": name, "labels": dict(labels)}, "spec": {"parallelism": 1}}


def owned(name: str, uid: str) -> JsonObject:
    return {"metadata": {"name": name, "ownerReferences": [{"kind": "Job", "name": "a", "uid": uid}]}}


def uid_of(object: JsonObject) -> str:
    return get_string(object, "metadata", "uid")


def version_of(object: JsonObject) -> str:
    return get_string(object, "metadata", "resourceVersion")


def test_it_is_a_kube_api() -> None:
    api: KubeApi = FakeKubeApi()
    assert api.namespace == "default"


def test_a_name_that_is_taken_is_refused() -> None:
    cluster = FakeCluster()
    cluster.create(JOB, job(), "default")
    with pytest.raises(KubeError) as refused:
        cluster.create(JOB, job(), "default")
    assert (refused.value.status, refused.value.reason) == (409, "AlreadyExists")


def test_a_namespace_must_exist() -> None:
    with pytest.raises(KubeError, match='namespaces "elsewhere" not found'):
        FakeCluster().create(JOB, job(), "elsewhere")


def test_a_dry_run_leaves_nothing_behind() -> None:
    cluster = FakeCluster()
    cluster.create(JOB, job(), "default", dry_run=True)
    assert cluster.objects(JOB) == []


def test_unknown_fields_are_warnings_or_errors() -> None:
    cluster = FakeCluster()
    cluster.unknown_fields = lambda *_: ["spec.paralelism"]
    _, warnings = cluster.create(JOB, job(), "default")
    assert warnings == ('unknown field "spec.paralelism"',)
    with pytest.raises(KubeError, match=r'strict decoding error: unknown field "spec\.paralelism"'):
        cluster.create(JOB, job("b"), "default", strict=True)


def test_a_patch_of_an_old_version_is_a_conflict() -> None:
    cluster = FakeCluster()
    old, _ = cluster.create(JOB, job(), "default")
    cluster.patch(JOB, "a", "default", {"spec": {"suspend": True}})
    with pytest.raises(KubeError) as refused:
        cluster.patch(JOB, "a", "default", {"metadata": {"resourceVersion": version_of(old)}, "spec": {"x": 1}})
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")


def test_a_patch_that_changes_nothing_makes_no_event() -> None:
    cluster = FakeCluster()
    cluster.create(JOB, job(), "default")
    before = cluster.revision
    cluster.patch(JOB, "a", "default", {"spec": {"parallelism": 1}})
    assert cluster.revision == before


def test_status_and_specification_are_written_apart() -> None:
    cluster = FakeCluster()
    cluster.create(JOB, {**job(), "status": {"active": 9}}, "default")
    cluster.patch(JOB, "a", "default", {"spec": {"parallelism": 2}, "status": {"active": 1}})
    assert "status" not in cluster.get(JOB, "a", "default")
    done = cluster.patch(
        JOB, "a", "default", {"spec": {"parallelism": 3}, "status": {"active": 1}}, subresource="status"
    )
    assert (get(done, "spec", "parallelism"), get(done, "status", "active")) == (2, 1)
    assert get(done, "metadata", "generation") == 2


def test_a_json_patch_tests_before_it_changes() -> None:
    cluster = FakeCluster()
    cluster.create(JOB, job(), "default")
    wrong: list[Json] = [
        {"op": "test", "path": "/spec/parallelism", "value": 5},
        {"op": "remove", "path": "/spec/parallelism"},
    ]
    with pytest.raises(KubeError, match="testing value /spec/parallelism failed"):
        cluster.patch(JOB, "a", "default", wrong, kind=PatchKind.JSON)
    assert get(cluster.get(JOB, "a", "default"), "spec", "parallelism") == 1


def test_apply_keeps_what_others_own_and_drops_what_is_left_out() -> None:
    cluster = FakeCluster()

    def apply(manager: str, data: JsonObject, *, force: bool = False) -> JsonObject:
        tree: JsonObject = {"metadata": {"name": "c"}, "data": data}
        return cluster.apply(CONFIG_MAP, tree, "default", manager=manager, force=force)

    apply("one", {"a": "1", "b": "1"})
    apply("two", {"c": "2"})
    assert apply("one", {"a": "1"})["data"] == {"a": "1", "c": "2"}
    with pytest.raises(KubeError, match=r'conflict with "two": \.data\.c'):
        apply("one", {"c": "1"})
    assert apply("one", {"c": "1"}, force=True)["data"] == {"c": "1"}


def test_a_delete_of_another_uid_is_a_conflict() -> None:
    cluster = FakeCluster()
    created, _ = cluster.create(JOB, job(), "default")
    with pytest.raises(KubeError) as refused:
        cluster.delete(JOB, "a", "default", uid="another")
    assert refused.value.status == 409
    cluster.delete(JOB, "a", "default", uid=uid_of(created))
    assert cluster.objects(JOB) == []


def test_what_is_owned_goes_with_its_owner() -> None:
    cluster = FakeCluster()
    created, _ = cluster.create(JOB, job(), "default")
    cluster.create(POD, owned("p", uid_of(created)), "default")
    cluster.delete(JOB, "a", "default")
    assert cluster.objects(POD) == []


def test_finalizers_hold_an_object_back() -> None:
    cluster = FakeCluster()
    cluster.create(JOB, {"metadata": {"name": "a", "finalizers": ["x/y"]}}, "default")
    cluster.delete(JOB, "a", "default")
    assert get_string(cluster.get(JOB, "a", "default"), "metadata", "deletionTimestamp")
    cluster.patch(JOB, "a", "default", {"metadata": {"finalizers": None}})
    assert cluster.objects(JOB) == []


def test_a_namespace_takes_what_is_in_it_along() -> None:
    cluster = FakeCluster(namespaces=["team"])
    cluster.create(JOB, job(), "team")
    cluster.delete(NAMESPACE, "team")
    assert cluster.objects(JOB) == []


@pytest.mark.parametrize(
    ("selector", "picks"),
    [
        ("", True),
        ("a=1", True),
        ("a==1,b!=1", True),
        ("a!=1", False),
        ("a in (1, 2)", True),
        ("a notin (1,2)", False),
        ("b notin (1)", True),
        ("a", True),
        ("!a", False),
        ("!b,a in (3)", False),
    ],
)
def test_selectors_pick_by_labels(selector: str, picks: bool) -> None:
    assert selects(selector, {"a": "1"}) is picks


async def collect(api: FakeKubeApi, type: ResourceType, **options: object) -> list[WatchEvent]:
    return [event async for event in api.watch(type, timeout=timedelta(seconds=5), **options)]  # type: ignore[arg-type]


def test_a_watch_tells_what_came_after_its_version_and_ends_with_a_bookmark() -> None:
    async def story() -> list[WatchEvent]:
        api = FakeKubeApi()
        api.cluster.create(JOB, job("old"), "default")
        task = asyncio.create_task(collect(api, JOB, resource_version=str(api.cluster.revision)))
        await asyncio.sleep(1)
        api.cluster.create(JOB, job("new"), "default")
        api.cluster.delete(JOB, "new", "default")
        return await task

    assert [e.type for e in run_virtually(story())] == [EventType.ADDED, EventType.DELETED, EventType.BOOKMARK]


def test_an_object_that_leaves_the_selector_is_deleted_to_the_watch() -> None:
    async def story() -> list[WatchEvent]:
        api = FakeKubeApi()
        start = str(api.cluster.revision)
        api.cluster.create(JOB, job(team="x"), "default")
        api.cluster.patch(JOB, "a", "default", {"metadata": {"labels": {"team": "y"}}})
        return await collect(api, JOB, resource_version=start, labels="team=x")

    events = run_virtually(story())
    assert [e.type for e in events] == [EventType.ADDED, EventType.DELETED, EventType.BOOKMARK]
    assert get(events[1].object, "metadata", "labels", "team") == "y"


def test_versions_and_tokens_expire() -> None:
    async def story() -> None:
        api = FakeKubeApi()
        start = str(api.cluster.revision)
        for name in "abc":
            api.cluster.create(JOB, job(name), "default")
        page = await api.list_page(JOB, limit=2)
        assert len((await api.list_page(JOB, limit=2, after=page.next)).items) == 1
        api.expire_pages()
        with pytest.raises(ExpiredError):
            await api.list_page(JOB, limit=2, after=page.next)
        api.cluster.compact()
        with pytest.raises(ExpiredError):
            await collect(api, JOB, resource_version=start)

    run_virtually(story())


def test_a_lost_answer_leaves_the_object_there() -> None:
    async def story() -> None:
        api = FakeKubeApi()
        api.fail("create", UNREACHABLE, after=True)
        with pytest.raises(UnreachableError):
            await api.create(JOB, job(), "default")
        assert len(api.cluster.objects(JOB)) == 1
        assert [call.verb for call in api.calls] == ["create"]

    run_virtually(story())


def test_a_kind_is_there_once_it_is_installed() -> None:
    async def story() -> None:
        api = FakeKubeApi()
        kind = ResourceType("example.com", "v1", "Job", "jobs")
        with pytest.raises(UnknownKindError) as missing:
            await api.discover("example.com/v1", "Job")
        assert missing.value.near == ("batch/v1",)
        api.cluster.install(kind)
        assert await api.discover("example.com/v1", "Job") == kind

    run_virtually(story())


def test_logs_are_followed_until_the_container_ends() -> None:
    async def story() -> bytes:
        api = FakeKubeApi()
        api.cluster.create(POD, job("p"), "default")
        api.write_log("p", b"one\n")

        async def write() -> None:
            await asyncio.sleep(1)
            api.write_log("p", b"two\n")
            api.pod_logs.end(("default", "p", "main"))

        writer = asyncio.create_task(write())
        chunks = [chunk async for chunk in api.logs("p", "default", "main", follow=True, timestamps=True)]
        await writer
        return b"".join(chunks)

    stamp = b"2026-01-01T00:00:00.000000000Z "
    assert run_virtually(story()) == stamp + b"one\n" + stamp + b"two\n"
