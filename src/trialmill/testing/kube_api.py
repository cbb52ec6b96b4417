"""What every adapter of `KubeApi` promises, as tests: the double in memory, the real client, and a real cluster.

class TestMyClient(KubeApiSuite):
    def open(self):
        return my_client_in_an_empty_namespace()
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import timedelta
from typing import Final, TypeAlias

import pytest

from trialmill.api.tree import Json, JsonObject, get, get_list, get_object, get_string
from trialmill.kube.api import EventType, KubeApi, KubeError, PatchKind, ResourceType, UnknownKindError, WatchEvent

Story: TypeAlias = Callable[[KubeApi], Awaitable[None]]
_PATIENCE: Final = 60.0
_MINUTE: Final = timedelta(minutes=1)


def config_map(name: str, **labels: str) -> JsonObject:
    """An object that no controller touches."""
    return {"metadata": {"name": name, "labels": {**labels}}, "data": {"a": "1"}}


def job(name: str) -> JsonObject:
    """A Job that is suspended, so that no pod is made."""
    container: JsonObject = {"name": "main", "image": "nobody/pulls-this:1"}
    pod: JsonObject = {"restartPolicy": "Never", "containers": [container]}
    return {"metadata": {"name": name}, "spec": {"suspend": True, "template": {"spec": pod}}}


class KubeApiSuite(ABC):
    """The contract of `kube.api.KubeApi`."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[KubeApi]:
        """A client whose `namespace` is there and for this test alone."""

    def play(self, story: Story) -> None:
        """Run a story; override for an adapter that has its own time."""

        async def whole() -> None:
            async with self.open() as api, asyncio.timeout(_PATIENCE):
                await story(api)

        asyncio.run(whole())

    def test_kinds_are_discovered(self) -> None:
        async def story(api: KubeApi) -> None:
            found = await api.discover("batch/v1", "Job")
            assert (found.group, found.version, found.plural, found.namespaced) == ("batch", "v1", "jobs", True)
            assert "status" in found.subresources
            assert {"create", "delete", "get", "list", "patch", "watch"} <= found.verbs
            assert not (await api.discover("v1", "Namespace")).namespaced
            with pytest.raises(UnknownKindError) as unknown:
                await api.discover("batch/v0", "Job")
            assert unknown.value.near == ("batch/v1",)
            with pytest.raises(UnknownKindError) as misspelt:
                await api.discover("batch/v1", "Jobb")
            assert (misspelt.value.near, misspelt.value.similar) == ((), "Job")

        self.play(story)

    def test_the_schemas_of_a_group_and_version_are_published_together(self) -> None:
        async def story(api: KubeApi) -> None:
            document = await api.openapi("batch/v1")
            kinds = [
                named
                for schema in get_object(document, "components", "schemas").values()
                for named in get_list(schema, "x-kubernetes-group-version-kind")
            ]
            assert {"group": "batch", "version": "v1", "kind": "Job"} in kinds
            assert await api.openapi("batch/v0") is None
            assert await api.openapi("nobody.example/v1") is None

        self.play(story)

    def test_what_is_created_is_there_whole_until_it_is_deleted(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            created = (await api.create(kind, config_map("x", team="t"), where)).object
            assert (created["apiVersion"], created["kind"], created["data"]) == ("v1", "ConfigMap", {"a": "1"})
            assert get_string(created, "metadata", "namespace") == where
            assert await api.get(kind, "x", where) == created
            await api.delete(kind, "x", where, uid=get_string(created, "metadata", "uid"))
            assert await _status(api.get(kind, "x", where)) == (404, "NotFound")
            assert await _status(api.delete(kind, "x", where)) == (404, "NotFound")

        self.play(story)

    def test_a_name_is_taken_once_and_a_uid_is_never_given_again(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            first = (await api.create(kind, config_map("x"), where)).object
            assert await _status(api.create(kind, config_map("x"), where)) == (409, "AlreadyExists")
            await api.delete(kind, "x", where)
            second = (await api.create(kind, config_map("x"), where)).object
            assert get(first, "metadata", "uid") != get(second, "metadata", "uid")
            assert await _status(api.delete(kind, "x", where, uid=get_string(first, "metadata", "uid"))) == (
                409,
                "Conflict",
            )
            assert await api.get(kind, "x", where) == second

        self.play(story)

    def test_names_are_made_where_they_are_asked_for(self) -> None:
        async def story(api: KubeApi) -> None:
            kind = await _config_maps(api)
            created = await api.create(kind, {"metadata": {"generateName": "x-"}}, api.namespace)
            assert len(get_string(created.object, "metadata", "name")) > len("x-")

        self.play(story)

    def test_a_dry_run_answers_and_leaves_nothing(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            tried = await api.create(kind, config_map("x"), where, dry_run=True)
            assert get_string(tried.object, "metadata", "uid")
            assert await _status(api.get(kind, "x", where)) == (404, "NotFound")

        self.play(story)

    def test_a_namespace_that_is_not_there_is_said(self) -> None:
        async def story(api: KubeApi) -> None:
            kind = await _config_maps(api)
            assert await _status(api.create(kind, config_map("x"), "no-such-namespace")) == (404, "NotFound")

        self.play(story)

    def test_a_merge_patch_adds_changes_and_removes(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            await api.create(kind, config_map("x", team="t"), where)
            patch: JsonObject = {"metadata": {"labels": {"team": None, "new": "n"}}, "data": {"a": "2"}}
            patched = (await api.patch(kind, "x", where, patch)).object
            assert (get(patched, "metadata", "labels"), patched["data"]) == ({"new": "n"}, {"a": "2"})
            assert await _status(api.patch(kind, "y", where, patch)) == (404, "NotFound")

        self.play(story)

    def test_a_patch_that_changes_nothing_makes_no_new_version(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            created = (await api.create(kind, config_map("x"), where)).object
            patched = (await api.patch(kind, "x", where, {"data": {"a": "1"}})).object
            assert get(patched, "metadata", "resourceVersion") == get(created, "metadata", "resourceVersion")

        self.play(story)

    def test_a_patch_of_a_version_that_is_gone_is_a_conflict(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            old = get((await api.create(kind, config_map("x"), where)).object, "metadata", "resourceVersion")
            await api.patch(kind, "x", where, {"data": {"a": "2"}})
            late: JsonObject = {"metadata": {"resourceVersion": old}, "data": {"a": "3"}}
            assert await _status(api.patch(kind, "x", where, late)) == (409, "Conflict")

        self.play(story)

    def test_a_json_patch_tests_before_it_changes(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            await api.create(kind, config_map("x"), where)

            def steps(expected: str) -> list[Json]:
                test: JsonObject = {"op": "test", "path": "/data/a", "value": expected}
                return [test, {"op": "replace", "path": "/data/a", "value": "2"}]

            assert (await _status(api.patch(kind, "x", where, steps("9"), kind=PatchKind.JSON)))[0] == 422
            patched = await api.patch(kind, "x", where, steps("1"), kind=PatchKind.JSON)
            assert patched.object["data"] == {"a": "2"}

        self.play(story)

    def test_status_and_specification_are_written_apart(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await api.discover("batch/v1", "Job"), api.namespace
            created = (await api.create(kind, {**job("x"), "status": {"ready": 7}}, where)).object
            assert get(created, "status", "ready") is None
            patch: JsonObject = {"spec": {"backoffLimit": 3}, "status": {"ready": 0}}
            patched = (await api.patch(kind, "x", where, patch, subresource="status")).object
            assert get(patched, "status", "ready") == 0
            assert get(patched, "spec", "backoffLimit") != 3
            patched = (await api.patch(kind, "x", where, {"spec": {"backoffLimit": 3}})).object
            assert get(patched, "spec", "backoffLimit") == 3
            assert get(patched, "metadata", "generation") == 2

        self.play(story)

    def test_apply_creates_and_owns_and_conflicts(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace

            async def apply(manager: str, data: JsonObject, *, force: bool = False) -> Json:
                tree: JsonObject = {"metadata": {"name": "x"}, "data": data}
                return (await api.apply(kind, tree, where, manager=manager, force=force)).object["data"]

            assert await apply("one", {"a": "1", "b": "1"}) == {"a": "1", "b": "1"}
            assert await apply("two", {"c": "2"}) == {"a": "1", "b": "1", "c": "2"}
            assert await apply("one", {"a": "1"}) == {"a": "1", "c": "2"}
            assert await _status(apply("one", {"c": "1"})) == (409, "Conflict")
            assert await apply("one", {"c": "1"}, force=True) == {"c": "1"}

        self.play(story)

    def test_a_list_comes_in_pages_by_labels(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            for name in "abcde":
                await api.create(kind, config_map(name, team="t" if name != "c" else "u"), where)
            first = await api.list_page(kind, where, labels="team=t", limit=3)
            second = await api.list_page(kind, where, labels="team=t", limit=3, after=first.next)
            items = [*first.items, *second.items]
            assert [get_string(item, "metadata", "name") for item in items] == ["a", "b", "d", "e"]
            assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
            assert (bool(first.next), second.next) == (True, "")

        self.play(story)

    def test_a_list_is_narrowed_by_fields(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            for name in "ab":
                await api.create(kind, config_map(name), where)
            page = await api.list_page(kind, where, fields=f"metadata.name=b,metadata.namespace={where}")
            assert [get_string(item, "metadata", "name") for item in page.items] == ["b"]

        self.play(story)

    def test_a_watch_goes_on_where_a_list_ended(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            await api.create(kind, config_map("old", team="t"), where)
            start = (await api.list_page(kind, where, labels="team=t")).resource_version
            await api.create(kind, config_map("x", team="t"), where)
            await api.patch(kind, "x", where, {"data": {"a": "2"}})
            await api.patch(kind, "old", where, {"metadata": {"labels": {"team": "u"}}})
            await api.delete(kind, "x", where)
            told = await _told(api, kind, 4, labels="team=t", resource_version=start)
            assert [_words(event) for event in told] == ["ADDED x", "MODIFIED x", "DELETED old", "DELETED x"]
            versions = {get_string(event.object, "metadata", "resourceVersion") for event in told}
            assert len(versions) == 4

        self.play(story)

    def test_a_watch_can_begin_with_what_is_there(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            await api.create(kind, config_map("x", team="t"), where)
            stream = api.watch(kind, where, labels="team=t", timeout=_MINUTE, initial_events=True)
            async with aclosing(stream) as events:
                first, end = await anext(events), await anext(events)
            assert _words(first) == "ADDED x"
            assert (end.type, get_object(end.object, "metadata", "annotations")) == (
                EventType.BOOKMARK,
                {"k8s.io/initial-events-end": "true"},
            )

        self.play(story)

    def test_a_watch_ends_at_about_its_time(self) -> None:
        async def story(api: KubeApi) -> None:
            kind = await _config_maps(api)
            start = (await api.list_page(kind, api.namespace)).resource_version
            seconds = timedelta(seconds=1)
            stream = api.watch(kind, api.namespace, labels="team=t", resource_version=start, timeout=seconds)
            assert {event.type async for event in stream} <= {EventType.BOOKMARK}

        self.play(story)

    def test_what_an_object_owns_goes_with_it(self) -> None:
        async def story(api: KubeApi) -> None:
            kind, where = await _config_maps(api), api.namespace
            owner = get_string((await api.create(kind, config_map("owner"), where)).object, "metadata", "uid")
            child = config_map("child", team="t")
            reference: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner}
            child["metadata"] = {**get_object(child, "metadata"), "ownerReferences": [reference]}
            await api.create(kind, child, where)
            start = (await api.list_page(kind, where)).resource_version
            await api.delete(kind, "owner", where)
            (told,) = await _told(api, kind, 1, labels="team=t", resource_version=start)
            assert _words(told) == "DELETED child"

        self.play(story)

    def test_logs_of_a_pod_that_is_not_there_are_refused(self) -> None:
        async def story(api: KubeApi) -> None:
            assert await _status(anext(api.logs("no-such-pod", api.namespace, "main"))) == (404, "NotFound")

        self.play(story)

    def test_rights_are_told(self) -> None:
        async def story(api: KubeApi) -> None:
            assert (await api.access("create", "batch", "jobs", api.namespace)).allowed
            assert (await api.access("get", "", "pods", api.namespace, subresource="log")).allowed

        self.play(story)


async def _config_maps(api: KubeApi) -> ResourceType:
    return await api.discover("v1", "ConfigMap")


async def _status(answer: Awaitable[object]) -> tuple[int, str]:
    """How a request is refused."""
    with pytest.raises(KubeError) as refused:
        await answer
    return refused.value.status, refused.value.reason


async def _told(
    api: KubeApi, kind: ResourceType, count: int, *, labels: str, resource_version: str
) -> list[WatchEvent]:
    """The first events of a watch that are no bookmarks."""
    told: list[WatchEvent] = []
    stream = api.watch(kind, api.namespace, labels=labels, resource_version=resource_version, timeout=_MINUTE)
    async with aclosing(stream) as events:
        async for event in events:
            told += [event] if event.type is not EventType.BOOKMARK else []
            if len(told) == count:
                break
    return told


def _words(event: WatchEvent) -> str:
    return f"{event.type} {get_string(event.object, 'metadata', 'name')}"
