"""The client says to the server what the port promises, and understands what comes back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kube_api_server import ApiServer
from kube_wire import Exchange, Handler, Request, serve

from trialmill.api.tree import Json, JsonObject, get, get_string
from trialmill.kube.api import (
    Cause,
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
from trialmill.kube.connect import connect
from trialmill.testing.kube_cluster import CONFIG_MAP, JOB, POD
from trialmill.testing.kube_fake import FakeKubeApi

Story = Callable[[KubeApi, FakeKubeApi], Awaitable[None]]


def kubeconfig(folder: Path, url: str, user: str = "{}", cluster: str = "") -> Path:
    file = folder / "config"
    file.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        "contexts: [{name: here, context: {cluster: c, user: u, namespace: team}}]\n"
        f"clusters: [{{name: c, cluster: {{server: '{url}'{cluster}}}}}]\n"
        f"users: [{{name: u, user: {user}}}]\n"
    )
    return file


def job(name: str = "a", **labels: str) -> JsonObject:
    return {"metadata": {"name": name, "labels": dict(labels)}, "spec": {"parallelism": 1}}


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], list[Request]]:
    """Runs a story of a client and the double that it talks to by HTTP; the requests that were made."""

    def run(story: Story) -> list[Request]:
        async def main() -> list[Request]:
            double = FakeKubeApi()
            async with serve(ApiServer(double)) as server:
                async with connect(kubeconfig=kubeconfig(tmp_path, server.url)) as api:
                    await story(api, double)
                return server.requests

        return asyncio.run(main())

    return run


def ask(folder: Path, handler: Handler, story: Callable[[KubeApi], Awaitable[None]], user: str = "{}") -> list[Request]:
    """Runs a story of a client and a server that answers as `handler` says."""

    async def main() -> list[Request]:
        async with serve(handler) as server:
            async with connect(kubeconfig=kubeconfig(folder, server.url, user)) as api:
                await story(api)
            return server.requests

    return asyncio.run(main())


def test_verbs_do_what_they_say(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        assert await api.server_version() == "v1.34.4"
        created = (await api.create(JOB, job(), "default")).object
        assert await api.get(JOB, "a", "default") == created
        patched = await api.patch(JOB, "a", "default", {"spec": {"suspend": True}})
        assert get(patched.object, "spec", "suspend") is True
        status = await api.patch(JOB, "a", "default", {"status": {"active": 1}}, subresource="status")
        assert get(status.object, "status", "active") == 1
        body: list[Json] = [{"op": "replace", "path": "/spec/suspend", "value": False}]
        assert get((await api.patch(JOB, "a", "default", body, kind=PatchKind.JSON)).object, "spec", "suspend") is False
        uid = get_string(created, "metadata", "uid")
        with pytest.raises(KubeError) as refused:
            await api.delete(JOB, "a", "default", uid="another")
        assert (refused.value.status, refused.value.reason) == (409, "Conflict")
        await api.delete(JOB, "a", "default", uid=uid, grace=timedelta(0))
        assert double.cluster.objects(JOB) == []

    tell(story)


def test_a_delete_says_uid_grace_and_propagation(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        created, _ = double.cluster.create(JOB, job(), "default")
        await api.delete(JOB, "a", "default", uid=get_string(created, "metadata", "uid"), grace=timedelta(seconds=5))

    body = json.loads(tell(story)[-1].body)
    assert body["propagationPolicy"] == "Background"
    assert body["gracePeriodSeconds"] == 5
    assert set(body["preconditions"]) == {"uid"}


def test_server_side_apply_creates_and_changes(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        tree: JsonObject = {"metadata": {"name": "c"}, "data": {"a": "1"}}
        await api.apply(CONFIG_MAP, tree, "default", manager="one")
        with pytest.raises(KubeError, match="conflict with"):
            await api.apply(CONFIG_MAP, {**tree, "data": {"a": "2"}}, "default", manager="two")
        await api.apply(CONFIG_MAP, {**tree, "data": {"a": "2"}}, "default", manager="two", force=True)
        assert double.cluster.get(CONFIG_MAP, "c", "default")["data"] == {"a": "2"}

    tell(story)


def test_unknown_fields_come_back_as_warnings_or_errors(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        double.cluster.unknown_fields = lambda *_: ["spec.x"]
        written = await api.create(JOB, job(), "default", dry_run=True)
        assert written.warnings == ('unknown field "spec.x"',)
        with pytest.raises(KubeError, match="strict decoding error"):
            await api.create(JOB, job(), "default", dry_run=True, strict=True)
        assert double.cluster.objects(JOB) == []

    tell(story)


def test_lists_come_in_pages_and_their_items_are_whole(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        for name in "abcde":
            double.cluster.create(JOB, job(name, team="x" if name != "e" else "y"), "default")
        first = await api.list_page(JOB, "default", labels="team=x", limit=3)
        second = await api.list_page(JOB, "default", labels="team=x", limit=3, after=first.next)
        items = [*first.items, *second.items]
        assert [get_string(i, "metadata", "name") for i in items] == ["a", "b", "c", "d"]
        assert {(i["apiVersion"], i["kind"]) for i in items} == {("batch/v1", "Job")}
        assert second.next == ""
        double.expire_pages()
        with pytest.raises(ExpiredError):
            await api.list_page(JOB, "default", limit=3, after=first.next)

    tell(story)


def test_a_watch_brings_changes_and_ends_with_the_server(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        seen: list[WatchEvent] = []
        double.cluster.create(JOB, job("old"), "default")
        async for event in api.watch(JOB, timeout=timedelta(seconds=30), initial_events=True):
            seen.append(event)
            if event.type is EventType.BOOKMARK:
                double.cluster.delete(JOB, "old", "default")
            if event.type is EventType.DELETED:
                double.cut_watches()
        assert [e.type for e in seen] == [EventType.ADDED, EventType.BOOKMARK, EventType.DELETED]
        assert get(seen[1].object, "metadata", "annotations", "k8s.io/initial-events-end") == "true"

    tell(story)


def test_a_version_that_is_too_old_is_told_within_the_stream(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        double.cluster.compact()
        with pytest.raises(ExpiredError, match="too old resource version"):
            async for _ in api.watch(JOB, resource_version="1"):
                pass

    tell(story)


def test_logs_are_followed(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        double.cluster.create(POD, job("p"), "default")
        with pytest.raises(KubeError, match="waiting to start"):
            async for _ in api.logs("p", "default", "main"):
                pass
        double.write_log("p", b"one\n")
        text = b""
        async with aclosing(api.logs("p", "default", "main", follow=True)) as chunks:
            async for chunk in chunks:
                text += chunk
                if text == b"one\n":
                    double.write_log("p", b"two\n")
                    double.pod_logs.end(("default", "p", "main"))
        assert text == b"one\ntwo\n"
        since = datetime(2030, 1, 1, 12, tzinfo=UTC)
        assert [c async for c in api.logs("p", "default", "main", since=since, timestamps=True)] == []

    requests = tell(story)
    assert requests[-1].query == {"container": "main", "timestamps": "true", "sinceTime": "2030-01-01T12:00:00Z"}


def test_any_kind_is_discovered_also_one_that_came_a_moment_ago(tell: Callable[[Story], list[Request]]) -> None:
    kind = ResourceType("example.com", "v1", "Job", "things", False, frozenset({"status"}), frozenset({"get"}))

    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        assert await api.discover("v1", "Pod") == POD
        with pytest.raises(UnknownKindError) as missing:
            await api.discover("example.com/v1", "Job")
        assert missing.value.near == ("batch/v1",)
        double.cluster.install(kind)
        assert await api.discover("example.com/v1", "Job") == kind
        assert await api.discover("example.com/v1", "Job") == kind

    paths = [request.path for request in tell(story)]
    assert paths.count("/apis/example.com/v1") == 2


@pytest.mark.parametrize("wrong", ["", "/", "a/b/c", "../v1", "v1?x", "a/.."])
def test_what_is_no_api_version_is_asked_for_nowhere(wrong: str, tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        with pytest.raises(UnknownKindError):
            await api.discover(wrong, "Job")
        assert await api.openapi(wrong) is None

    assert {request.path for request in tell(story)} == {"/api", "/apis"}


def test_the_schemas_of_a_group_and_version_cost_one_request(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        assert await api.openapi("batch/v1") == double.cluster.openapi["batch/v1"]
        assert await api.openapi("v1") is None
        double.denied.add(("get", "openapi"))
        with pytest.raises(KubeError) as refused:
            await api.openapi("batch/v1")
        assert refused.value.status == 403

    paths = [request.path for request in tell(story)]
    assert paths == ["/openapi/v3/apis/batch/v1", "/openapi/v3/api/v1", "/openapi/v3/apis/batch/v1"]


def test_rights_are_asked_for(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        double.denied.add(("get", "pods/log"))
        assert (await api.access("create", "batch", "jobs", "team")).allowed
        refused = await api.access("get", "", "pods", "team", subresource="log")
        assert (refused.allowed, refused.reason) == (False, "no rule allows it")

    tell(story)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_mean_another_address_is_never_sent(
    name: str, tell: Callable[[Story], list[Request]]
) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        with pytest.raises(ValueError, match="is no name of an object"):
            await api.delete(JOB, name, "default")

    assert tell(story) == []


STATUS: JsonObject = {
    "kind": "Status",
    "reason": "Invalid",
    "message": "Job is invalid",
    "details": {"causes": [{"field": "spec.x", "reason": "FieldValueInvalid", "message": "must be 1"}]},
}


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        pytest.param(422, STATUS, [], (422, "Invalid", "Job is invalid", None), id="a status"),
        pytest.param(429, {}, [("Retry-After", "7")], (429, "TooManyRequests", "{}", 7), id="slow down"),
        pytest.param(
            503,
            {"kind": "Status"},
            [("Retry-After", "Wed, 21 Oct 2026 07:28:30 GMT"), ("Date", "Wed, 21 Oct 2026 07:28:00 GMT")],
            (503, "", "", 30),
            id="until a date by the server's clock",
        ),
        pytest.param(
            429, {}, [("Retry-After", "Wed, 21 Oct 2020 07:28:30 GMT")], (429, "TooManyRequests", "{}", 0), id="past"
        ),
        pytest.param(429, {}, [("Retry-After", "Soon, 99 GMT")], (429, "TooManyRequests", "{}", None), id="no date"),
        pytest.param(429, {}, [("Retry-After", "-3")], (429, "TooManyRequests", "{}", None), id="no number"),
        pytest.param(502, b"<html>bad\ngateway", [], (502, "BadGateway", "<html>bad gateway", None), id="a page"),
        pytest.param(503, b"", [], (503, "ServiceUnavailable", "Service Unavailable", None), id="nothing at all"),
        pytest.param(302, b"", [("Location", "/x")], (302, "Found", "Found", None), id="elsewhere"),
        pytest.param(
            500, {"kind": "Status", "details": {"retryAfterSeconds": 3}}, [], (500, "", "", 3), id="seconds in details"
        ),
    ],
)
def test_refusals_are_in_the_servers_words(
    tmp_path: Path,
    status: int,
    body: JsonObject | bytes,
    headers: list[tuple[str, str]],
    expected: tuple[int, str, str, int | None],
) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(KubeError) as refused:
            await api.get(JOB, "a", "default")
        error, seconds = refused.value, expected[3]
        assert (error.status, error.reason, error.message) == expected[:3]
        assert error.retry_after == (None if seconds is None else timedelta(seconds=seconds))
        if body is STATUS:
            assert error.causes == (Cause("spec.x", "FieldValueInvalid", "must be 1"),)

    ask(tmp_path, lambda exchange: exchange.answer(status, body, headers), story)


def test_an_answer_that_is_no_json_is_nobodys_we_know(tmp_path: Path) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(UnreachableError, match="the answer is no JSON, so it is no API server's"):
            await api.get(JOB, "a", "default")

    ask(tmp_path, lambda exchange: exchange.answer(200, b"<html>log in"), story)


def test_http_410_means_expired(tmp_path: Path) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(ExpiredError):
            async for _ in api.watch(JOB, resource_version="1"):
                pass

    ask(tmp_path, lambda exchange: exchange.answer(410, {"kind": "Status", "reason": "Gone"}), story)


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def half_an_event(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send(b'{"type": "ADDED", "object": {"meta')
    await exchange.end()


async def a_cut_within_the_stream(exchange: Exchange) -> None:
    await exchange.begin()
    exchange.cut()


async def something_else(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send(b'[1, 2]\n"what"\n')
    await exchange.end()


@pytest.mark.parametrize("handler", [reset, half_an_event, a_cut_within_the_stream, something_else])
def test_half_an_answer_is_unreachable(tmp_path: Path, handler: Handler) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(UnreachableError):
            async for _ in api.watch(JOB, resource_version="1"):
                pass

    ask(tmp_path, handler, story)


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    async def main() -> None:
        async with connect(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:1")) as api:
            with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1: "):
                await api.server_version()

    asyncio.run(main())


def test_an_event_split_at_every_byte_is_still_one(tmp_path: Path) -> None:
    line = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "ü"}}}, ensure_ascii=False).encode()

    async def slowly(exchange: Exchange) -> None:
        await exchange.begin()
        for byte in line + b"\n\n" + line:
            await exchange.send(bytes([byte]))
        await exchange.end()

    async def story(api: KubeApi) -> None:
        names = [get(e.object, "metadata", "name") async for e in api.watch(JOB, resource_version="1")]
        assert names == ["ü", "ü"]

    ask(tmp_path, slowly, story)


def test_many_streams_at_once_do_not_wait_for_each_other(tell: Callable[[Story], list[Request]]) -> None:
    async def story(api: KubeApi, double: FakeKubeApi) -> None:
        double.cluster.create(POD, job("p"), "default")
        double.write_log("p", b"one\n")

        everybody = asyncio.Barrier(151)

        async def follow() -> bytes:
            text = b""
            async for chunk in api.logs("p", "default", "main", follow=True):
                text += chunk
                await everybody.wait()
            return text

        tasks = [asyncio.create_task(follow()) for _ in range(150)]
        await everybody.wait()
        assert await api.server_version() == "v1.34.4"
        double.pod_logs.end(("default", "p", "main"))
        assert set(await asyncio.gather(*tasks)) == {b"one\n"}

    tell(story)
