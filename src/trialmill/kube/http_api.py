"""The adapter of `KubeApi`: thin verbs on parsed JSON over one connection.

Nothing is retried here, save the one request that follows renewed credentials. Source: Kubernetes API concepts.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final
from urllib.parse import quote

from trialmill.api.tree import Json, JsonObject, get, get_list, get_object, get_string, is_object
from trialmill.kube.api import (
    LIST_LIMIT,
    Access,
    EventType,
    KubeError,
    Page,
    PatchKind,
    Propagation,
    ResourceType,
    UnreachableError,
    WatchEvent,
    Written,
)
from trialmill.kube.connection import Connection
from trialmill.kube.discovery import Discovery, root_of
from trialmill.kube.json_lines import json_lines
from trialmill.kube.statuses import error_of, with_type

FIELD_MANAGER: Final = "trialmill"
_NOT_FOUND: Final = 404
_APPLY: Final = "application/apply-patch+yaml"
_GRACE: Final = timedelta(seconds=15)
"""How much longer than the server a watch is patient, so that it is the server who ends it."""
_SILENT_WATCH: Final = timedelta(seconds=150)
"""Servers send a bookmark each minute, though they do not promise it: then another watch is the cheaper guess."""
_SILENT_LOG: Final = 20.0
"""Seconds; shorter than the output of what is over is waited for, so that a dead connection is left in time."""


class HttpKubeApi:
    """Implements `KubeApi`. Close it, or use it as an asynchronous context manager."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._discovery = Discovery(connection)

    async def __aenter__(self) -> "HttpKubeApi":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def namespace(self) -> str:
        return self._namespace

    @property
    def server(self) -> str:
        return self._connection.server.url

    async def server_version(self) -> str:
        return get_string((await self._connection.request("GET", "/version")).body, "gitVersion")

    async def discover(self, api_version: str, kind: str, *, fresh: bool = False) -> ResourceType:
        return await self._discovery.find(api_version, kind, fresh=fresh)

    async def openapi(self, api_version: str) -> JsonObject | None:
        root = root_of(api_version)
        if not root:
            return None
        # The index at /openapi/v3 has the same addresses with a hash, for those who keep documents.
        try:
            return _object((await self._connection.request("GET", f"/openapi/v3/{root}")).body)
        except KubeError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def get(self, type: ResourceType, name: str, namespace: str = "") -> JsonObject:
        return _object((await self._connection.request("GET", object_path(type, name, namespace))).body)

    async def list_page(
        self,
        type: ResourceType,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = LIST_LIMIT,
        after: str = "",
        resource_version: str = "",
    ) -> Page:
        query = [("limit", str(limit)), ("continue", after), ("labelSelector", labels), ("fieldSelector", fields)]
        query += [("resourceVersion", "" if after else resource_version)]
        path = collection_path(type, namespace)
        body = (await self._connection.request("GET", path, [pair for pair in query if pair[1]])).body
        items = tuple(with_type(item, type.api_version, type.kind) for item in get_list(body, "items"))
        metadata = get_object(body, "metadata")
        return Page(items, get_string(metadata, "resourceVersion"), get_string(metadata, "continue"))

    async def watch(
        self,
        type: ResourceType,
        namespace: str = "",
        *,
        labels: str = "",
        resource_version: str = "",
        timeout: timedelta = timedelta(minutes=5),  # noqa: ASYNC109 -- the server's
        initial_events: bool = False,
    ) -> AsyncGenerator[WatchEvent, None]:
        query = [("watch", "true"), ("allowWatchBookmarks", "true")]
        query += [("timeoutSeconds", str(max(1, int(timeout.total_seconds()))))]
        query += [("labelSelector", labels)] if labels else []
        query += [("resourceVersion", resource_version)] if resource_version else []
        if initial_events:
            query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]
        silence = min(timeout + _GRACE, _SILENT_WATCH).total_seconds()
        path = collection_path(type, namespace)
        async with (
            self._connection.open("GET", path, query, silence=silence) as response,
            aclosing(self._connection.chunks(response)) as chunks,
            aclosing(json_lines(chunks)) as events,
        ):
            async for event in events:
                yield watch_event(event)

    async def create(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str = "",
        *,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Written:
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict" if strict else "Warn")]
        query += [("dryRun", "All")] if dry_run else []
        return await self._write("POST", collection_path(type, namespace), query, object)

    async def patch(
        self,
        type: ResourceType,
        name: str,
        namespace: str,
        body: Json,
        *,
        kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> Written:
        path = object_path(type, name, namespace, subresource)
        return await self._write("PATCH", path, [("fieldManager", FIELD_MANAGER)], body, content=kind)

    async def apply(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str,
        *,
        manager: str,
        force: bool = False,
        subresource: str = "",
    ) -> Written:
        path = object_path(type, get_string(object, "metadata", "name"), namespace, subresource)
        query = [("fieldManager", manager), *([("force", "true")] if force else [])]
        body: JsonObject = {**object, "apiVersion": type.api_version, "kind": type.kind}
        return await self._write("PATCH", path, query, body, content=_APPLY)

    async def delete(
        self,
        type: ResourceType,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace: timedelta | None = None,
        propagation: Propagation = Propagation.BACKGROUND,
    ) -> None:
        options: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": str(propagation)}
        options |= {"preconditions": {"uid": uid}} if uid else {}
        options |= {"gracePeriodSeconds": int(grace.total_seconds())} if grace is not None else {}
        await self._connection.request("DELETE", object_path(type, name, namespace), body=options)

    async def logs(
        self,
        pod: str,
        namespace: str,
        container: str,
        *,
        follow: bool = False,
        since: datetime | None = None,
        timestamps: bool = False,
        previous: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        flags = [("follow", follow), ("timestamps", timestamps), ("previous", previous)]
        query = [("container", container), *((name, "true") for name, is_set in flags if is_set)]
        query += [("sinceTime", since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))] if since else []
        path = f"/api/v1/namespaces/{_segment(namespace)}/pods/{_segment(pod)}/log"
        # A container that is followed may be silent for hours; who reads it knows when it has ended.
        async with (
            self._connection.open("GET", path, query, silence=None if follow else _SILENT_LOG) as response,
            aclosing(self._connection.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def access(
        self, verb: str, group: str, resource: str, namespace: str = "", *, subresource: str = "", name: str = ""
    ) -> Access:
        asked = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        asked |= {"subresource": subresource, "name": name}
        body: JsonObject = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in asked.items() if v}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = (await self._connection.request("POST", path, body=body)).body
        return Access(get(answer, "status", "allowed") is True, get_string(answer, "status", "reason"))

    async def close(self) -> None:
        await self._connection.close()

    async def _write(
        self, method: str, path: str, query: list[tuple[str, str]], body: Json, content: str = "application/json"
    ) -> Written:
        answer = await self._connection.request(method, path, query, body, {"Content-Type": content})
        return Written(_object(answer.body), answer.warnings)


def collection_path(type: ResourceType, namespace: str) -> str:
    """Where the objects of a kind are; of all namespaces where none is named."""
    root = f"/apis/{type.group}/{type.version}" if type.group else f"/api/{type.version}"
    return (
        f"{root}/namespaces/{_segment(namespace)}/{type.plural}"
        if namespace and type.namespaced
        else f"{root}/{type.plural}"
    )


def object_path(type: ResourceType, name: str, namespace: str, subresource: str = "") -> str:
    """Where one object is, or a part of it."""
    if type.namespaced and not namespace:
        raise ValueError(f"a {type.kind} is in a namespace, and none was named")
    path = f"{collection_path(type, namespace)}/{_segment(name)}"
    return f"{path}/{subresource}" if subresource else path


def _segment(name: str) -> str:
    """A name in an address. Without the check, an empty name would mean all objects, and `..` the folder above."""
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is no name of an object")
    return quote(name, safe="")


def watch_event(value: Json) -> WatchEvent:
    """An event of a watch. Raises KubeError and ExpiredError for ERROR, UnreachableError for what is no event."""
    type, object = get_string(value, "type"), get(value, "object")
    if not is_object(object):
        raise UnreachableError("the stream of events holds something else")
    if type == "ERROR":
        raise error_of(object)
    if type not in EventType.__members__:
        raise KubeError(500, "InternalError", f"the server sent an event of the unknown type {type!r}")
    return WatchEvent(EventType(type), object)


def _object(value: Json) -> JsonObject:
    if not is_object(value):
        raise UnreachableError("the answer is no object")
    return value
