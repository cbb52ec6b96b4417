"""`KubeApi` in memory, for unit tests: a `FakeCluster` seen through the port, with failures at will."""

import asyncio
import copy
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from trialmill.api.tree import Json, JsonObject, get_string
from trialmill.kube.api import (
    LIST_LIMIT,
    Access,
    EventType,
    ExpiredError,
    KubeError,
    Page,
    PatchKind,
    Propagation,
    ResourceType,
    UnknownKindError,
    UnreachableError,
    WatchEvent,
    Written,
)
from trialmill.kube.discovery import similar_kind
from trialmill.testing.kube_cluster import POD, Change, FakeCluster, labels_of
from trialmill.testing.kube_logs import FakeLogs
from trialmill.testing.kube_patches import has_fields, selects

_Value = TypeVar("_Value")

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was made: the verb as access rules name it, the plural, the namespace and the name."""

    verb: str
    plural: str
    namespace: str = ""
    name: str = ""


@dataclass(slots=True)
class _Fault:
    verb: str
    plural: str
    error: Exception
    times: int
    after: bool


class FakeKubeApi:
    """Implements `KubeApi` over a `FakeCluster`; several may share one cluster.

    `calls` has every request so far. `fail` makes the next requests fail; `denied` holds (verb, plural) pairs that
    this user may not do; `version` is the server's own, `warnings` what it remarks on each creation of a plural;
    `cut_watches` ends all open streams.
    """

    def __init__(self, cluster: FakeCluster | None = None, namespace: str = "default") -> None:
        self.cluster = cluster or FakeCluster()
        self.pod_logs = FakeLogs()
        self.calls: list[Call] = []
        self.denied: set[tuple[str, str]] = set()
        self.version = "v1.34.4"
        self.warnings: dict[str, tuple[str, ...]] = {}
        self.closed = False
        self._namespace = namespace
        self._faults: list[_Fault] = []
        self._pages: dict[str, tuple[list[JsonObject], int]] = {}
        self._cuts: list[Exception | None] = []
        self._bookmarks = 0

    # What tests do

    def fail(self, verb: str, error: Exception, *, plural: str = "", times: int = 1, after: bool = False) -> None:
        """The next `times` requests of this verb raise `error`; with `after` they are carried out all the same, as when
        only the answer was lost.
        """
        self._faults.append(_Fault(verb, plural, error, times, after))

    def cut_watches(self, error: Exception | None = None) -> None:
        """End every open watch: cleanly, or with an error."""
        self._cuts.append(error)
        self.cluster.wake()

    def send_bookmarks(self) -> None:
        """Every open watch that is up to date gets a bookmark."""
        self._bookmarks += 1
        self.cluster.wake()

    def expire_pages(self) -> None:
        """Tokens that were handed out for next pages are too old from now on."""
        self._pages.clear()

    def write_log(self, pod: str, data: bytes, container: str = "main", namespace: str = "default") -> None:
        """Let a container print."""
        self.pod_logs.write((namespace, pod, container), data, self.cluster.now())

    # The port

    @property
    def namespace(self) -> str:
        return self._namespace

    @property
    def server(self) -> str:
        return "https://cluster.test:6443"

    async def server_version(self) -> str:
        self._enter("get", "version")
        return self.version

    async def discover(self, api_version: str, kind: str, *, fresh: bool = False) -> ResourceType:  # noqa: ARG002 -- nothing is kept
        self._enter("discover", kind)
        for type in self.cluster.types:
            if (type.api_version, type.kind) == (api_version, kind):
                return type
        near = [t.api_version for t in self.cluster.types if t.kind == kind]
        kinds = [(t.api_version, t.kind) for t in self.cluster.types]
        raise UnknownKindError(api_version, kind, near, similar_kind(api_version, kind, kinds))

    async def openapi(self, api_version: str) -> JsonObject | None:
        self._enter("get", "openapi", name=api_version)
        return copy.deepcopy(self.cluster.openapi.get(api_version))

    async def get(self, type: ResourceType, name: str, namespace: str = "") -> JsonObject:
        self._enter("get", type.plural, namespace, name)
        return self.cluster.get(type, name, namespace)

    async def list_page(
        self,
        type: ResourceType,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = LIST_LIMIT,
        after: str = "",
        resource_version: str = "",  # noqa: ARG002 -- always the newest
    ) -> Page:
        self._enter("list", type.plural, namespace)
        if type not in self.cluster.types:
            raise KubeError(404, "NotFound", "the server could not find the requested resource")
        if after and after not in self._pages:
            raise ExpiredError(410, "Expired", "The provided continue parameter is too old")
        if after:
            objects, revision = self._pages[after]
        else:
            objects = [o for o in self.cluster.objects(type, namespace) if selects(labels, labels_of(o))]
            objects = [o for o in objects if has_fields(fields, o)]
            revision = self.cluster.revision
        next = ""
        if limit and len(objects) > limit:
            next = f"{revision}-{len(self.calls)}"
            self._pages[next] = objects[limit:], revision
        return Page(tuple(objects[:limit] if limit else objects), str(revision), next)

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
        self._enter("watch", type.plural, namespace)
        if type not in self.cluster.types:
            raise KubeError(404, "NotFound", "the server could not find the requested resource")
        seen = self.cluster.revision
        cuts, bookmarks = len(self._cuts), self._bookmarks
        if initial_events or resource_version in ("", "0"):
            for found in self.cluster.objects(type, namespace):
                if selects(labels, labels_of(found)):
                    yield WatchEvent(EventType.ADDED, found)
            if initial_events:
                yield _bookmark(type, seen, {INITIAL_EVENTS_END: "true"})
        else:
            seen = int(resource_version)
        end = asyncio.get_running_loop().time() + timeout.total_seconds()
        while True:
            # A stream that is cut brings nothing more, not even what has happened already.
            if len(self._cuts) > cuts:
                if error := self._cuts[-1]:
                    raise error
                return
            for change in self.cluster.changes(type, seen):
                seen = change.revision
                if event := event_of(change, namespace, labels):
                    yield event
            if self.cluster.changes(type, seen) or len(self._cuts) > cuts:
                continue
            seen = max(seen, self.cluster.revision)
            if self._bookmarks > bookmarks:
                bookmarks = self._bookmarks
                yield _bookmark(type, seen)
                continue
            try:
                async with asyncio.timeout_at(end):
                    await self.cluster.changed()
            except TimeoutError:
                yield _bookmark(type, seen)
                return

    async def create(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str = "",
        *,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Written:
        fault = self._enter("create", type.plural, namespace, get_string(object, "metadata", "name"))
        created, warnings = self.cluster.create(type, object, namespace, dry_run=dry_run, strict=strict)
        return _answer(Written(created, (*warnings, *self.warnings.get(type.plural, ()))), fault)

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
        fault = self._enter("patch", type.plural, namespace, name)
        patched = self.cluster.patch(type, name, namespace, body, kind=kind, subresource=subresource)
        return _answer(Written(patched), fault)

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
        fault = self._enter("patch", type.plural, namespace, get_string(object, "metadata", "name"))
        applied = self.cluster.apply(type, object, namespace, manager=manager, force=force, subresource=subresource)
        return _answer(Written(applied), fault)

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
        fault = self._enter("delete", type.plural, namespace, name)
        self.cluster.delete(type, name, namespace, uid=uid, grace=grace, propagation=propagation)
        _answer(None, fault)

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
        self._enter("get", "pods/log", namespace, pod)
        self.cluster.get(POD, pod, namespace)
        key = (namespace, pod, container)
        read = self.pod_logs.read(key, follow=follow, since=since, timestamps=timestamps, previous=previous)
        async for chunk in read:
            yield chunk

    async def access(
        self,
        verb: str,
        group: str,  # noqa: ARG002 -- plurals alone are looked at
        resource: str,
        namespace: str = "",
        *,
        subresource: str = "",
        name: str = "",  # noqa: ARG002
    ) -> Access:
        self._enter("create", "selfsubjectaccessreviews", namespace)
        plural = f"{resource}/{subresource}" if subresource else resource
        return Access(False, "no rule allows it") if (verb, plural) in self.denied else Access(True)

    async def close(self) -> None:
        self.closed = True

    def _enter(self, verb: str, plural: str, namespace: str = "", name: str = "") -> Exception | None:
        """Every request comes by here. The error that is to be raised once it is carried out."""
        self.calls.append(Call(verb, plural, namespace, name))
        if (verb, plural) in self.denied:
            text = (
                f'{plural} is forbidden: User "test" cannot {verb} resource "{plural}" in the namespace "{namespace}"'
            )
            raise KubeError(403, "Forbidden", text)
        for fault in self._faults:
            if fault.verb == verb and fault.plural in ("", plural):
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                if fault.after:
                    return fault.error
                raise fault.error
        return None


def event_of(change: Change, namespace: str, labels: str) -> WatchEvent | None:
    """What a change looks like through a selector: an object that leaves it is DELETED, one that enters it ADDED."""
    before = change.before if change.before and _sees(change.before, namespace, labels) else None
    after = change.after if change.after and _sees(change.after, namespace, labels) else None
    if after is not None:
        return WatchEvent(EventType.ADDED if before is None else EventType.MODIFIED, copy.deepcopy(after))
    if before is None:
        return None
    gone = copy.deepcopy(change.after or before)
    metadata = gone["metadata"]
    assert isinstance(metadata, dict)
    metadata["resourceVersion"] = str(change.revision)
    return WatchEvent(EventType.DELETED, gone)


def _sees(object: JsonObject, namespace: str, labels: str) -> bool:
    if namespace and get_string(object, "metadata", "namespace") != namespace:
        return False
    return selects(labels, labels_of(object))


def _bookmark(type: ResourceType, revision: int, annotations: dict[str, str] | None = None) -> WatchEvent:
    metadata: JsonObject = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return WatchEvent(EventType.BOOKMARK, {"apiVersion": type.api_version, "kind": type.kind, "metadata": metadata})


def _answer(value: _Value, fault: Exception | None) -> _Value:
    if fault:
        raise fault
    return value


UNREACHABLE: Final = UnreachableError("cluster.test: connection reset by peer")
"""For `fail` and `cut_watches`."""
