"""The truth behind the API server double: objects, resource versions, and the history that watches read.

It keeps the promises that clients rely on: one counter of versions for all kinds, optimistic concurrency, generations,
uids, status apart from the rest, owners whose end takes their children along, a history that can be compacted. There
are no controllers and no kubelet: tests play their parts with `set_status` and the like.
"""

import asyncio
import copy
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from trialmill.api.tree import Json, JsonObject, get, get_list, get_object, get_string, is_object, string_map
from trialmill.kube.api import ExpiredError, KubeError, PatchKind, Propagation, ResourceType
from trialmill.testing.kube_openapi import published
from trialmill.testing.kube_patches import Owners, apply_fields, json_patch, merge_patch

_VERBS: Final = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_STATUS: Final = frozenset({"status"})

POD: Final = ResourceType("", "v1", "Pod", "pods", True, frozenset({"status", "log"}), _VERBS)
NAMESPACE: Final = ResourceType("", "v1", "Namespace", "namespaces", False, _STATUS, _VERBS)
CONFIG_MAP: Final = ResourceType("", "v1", "ConfigMap", "configmaps", True, frozenset(), _VERBS)
SECRET: Final = ResourceType("", "v1", "Secret", "secrets", True, frozenset(), _VERBS)
SERVICE: Final = ResourceType("", "v1", "Service", "services", True, _STATUS, _VERBS)
EVENT: Final = ResourceType("", "v1", "Event", "events", True, frozenset(), _VERBS)
JOB: Final = ResourceType("batch", "v1", "Job", "jobs", True, _STATUS, _VERBS)
LEASE: Final = ResourceType("coordination.k8s.io", "v1", "Lease", "leases", True, frozenset(), _VERBS)
BUILT_IN: Final = (POD, NAMESPACE, CONFIG_MAP, SECRET, SERVICE, EVENT, JOB, LEASE)

Key = tuple[str, str]
"""Namespace and name; the namespace is empty for kinds that have none."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the history: what was there before, what is there now. `revision` is the version of either."""

    revision: int
    type: ResourceType
    before: JsonObject | None
    after: JsonObject | None


class FakeCluster:
    """All objects of a cluster, in memory. Methods raise KubeError as the real server would.

    Objects that come out are copies. Public attributes are there to be changed by tests:

    - `now`: the clock that stamps objects and log lines;
    - `admit`: called before each create, update and delete; raises KubeError to deny;
    - `unknown_fields`: the paths in an object that its kind does not have: warnings, or errors where checks are strict;
    - `openapi`: the OpenAPI v3 document of each group and version that publishes one;
    - `pods_linger`: a running pod that is deleted with a grace stays, marked, until `finish_pod`.
    """

    def __init__(
        self,
        types: Iterable[ResourceType] = (),
        namespaces: Iterable[str] = ("default",),
        now: Callable[[], datetime] = lambda: datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        self.now = now
        self.admit: Callable[[str, ResourceType, JsonObject], None] = lambda *_: None
        self.unknown_fields: Callable[[ResourceType, JsonObject], Sequence[str]] = lambda *_: ()
        self.openapi: dict[str, JsonObject] = {JOB.api_version: published(JOB, {"type": "object"})}
        self.pods_linger = False
        self.revision = 100
        self.oldest = 100
        self.history: list[Change] = []
        self.types: list[ResourceType] = [*BUILT_IN, *types]
        self._objects: dict[ResourceType, dict[Key, JsonObject]] = {}
        self._owners: dict[str, Owners] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._names = 0
        for name in namespaces:
            self.create(NAMESPACE, {"metadata": {"name": name}})

    # What is there

    def objects(self, type: ResourceType, namespace: str = "") -> list[JsonObject]:
        """The objects of a kind, by namespace and name; of all namespaces where none is named."""
        found = sorted(self._objects.get(type, {}).items())
        return [copy.deepcopy(o) for (where, _), o in found if not namespace or where == namespace]

    def get(self, type: ResourceType, name: str, namespace: str = "") -> JsonObject:
        return copy.deepcopy(self._live(type, name, namespace))

    def install(self, type: ResourceType) -> None:
        """Serve a kind from now on, as after a CustomResourceDefinition."""
        self.types.append(type)

    def uninstall(self, type: ResourceType) -> None:
        """Serve a kind no longer; its objects go."""
        for namespace, name in list(self._objects.get(type, {})):
            self._remove(type, (namespace, name))
        self.types.remove(type)

    def compact(self) -> None:
        """Forget the history: watches from versions before this one have expired."""
        self.oldest = self.revision
        self.history.clear()

    def changes(self, type: ResourceType, after: int) -> list[Change]:
        """The steps of one kind after a revision. Raises ExpiredError where they are forgotten."""
        if after < self.oldest:
            raise ExpiredError(410, "Expired", f"too old resource version: {after} ({self.oldest})")
        first = len(self.history)
        while first and self.history[first - 1].revision > after:
            first -= 1
        return [change for change in self.history[first:] if change.type == type]

    async def changed(self) -> None:
        """Wait for the next change, of any kind, or for `wake`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def wake(self) -> None:
        """Let those who wait look again."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    # What clients do

    def create(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str = "",
        *,
        dry_run: bool = False,
        strict: bool = False,
    ) -> tuple[JsonObject, tuple[str, ...]]:
        """The new object, and warnings."""
        new = copy.deepcopy(object)
        warnings = self._check_fields(type, new, strict=strict)
        metadata = _metadata_of(new)
        where = self._namespace_of(type, metadata, namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            self._names += 1
            metadata["name"] = f"{metadata['generateName']}{self._names:05d}"
        name = get_string(metadata, "name")
        if not name:
            raise _invalid(type, "", "metadata.name: Required value: name or generateName is required")
        if where and (("", where) not in self._objects.get(NAMESPACE, {})):
            raise KubeError(404, "NotFound", f'namespaces "{where}" not found')
        if (where, name) in self._objects.get(type, {}):
            raise KubeError(409, "AlreadyExists", f'{_resource(type)} "{name}" already exists')
        self.admit("CREATE", type, new)
        new |= {"apiVersion": type.api_version, "kind": type.kind}
        metadata |= {"namespace": where} if where else {}
        metadata |= {
            "uid": str(uuid.UUID(int=self.revision + 1)),
            "creationTimestamp": stamp(self.now()),
            "generation": 1,
        }
        metadata["managedFields"] = [{"manager": "test", "operation": "Update", "fieldsV1": {}}]
        if "status" in type.subresources:
            new.pop("status", None)
        if not dry_run:
            self._save(type, (where, name), None, new)
        return copy.deepcopy(new), warnings

    def patch(
        self,
        type: ResourceType,
        name: str,
        namespace: str,
        body: Json,
        *,
        kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> JsonObject:
        """The patched object. A strategic patch is taken as a merge patch: lists are replaced."""
        live = self._live(type, name, namespace)
        patched = json_patch(live, body) if kind is PatchKind.JSON else merge_patch(live, body)
        return self._update(type, live, patched, subresource)

    def apply(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str,
        *,
        manager: str,
        force: bool = False,
        subresource: str = "",
    ) -> JsonObject:
        """Server-side apply; fields belong to the managers that applied them, other writers own none."""
        name = get_string(object, "metadata", "name")
        where = namespace if type.namespaced else ""
        if (where, name) not in self._objects.get(type, {}):
            if subresource:
                raise _not_found(type, name)
            created, _ = self.create(type, object, namespace)
            apply_fields(
                {}, object, manager, self._owners.setdefault(get_string(created, "metadata", "uid"), {}), force=force
            )
            return created
        live = self._live(type, name, namespace)
        owners = self._owners.setdefault(get_string(live, "metadata", "uid"), {})
        return self._update(type, live, apply_fields(live, object, manager, owners, force=force), subresource)

    def delete(
        self,
        type: ResourceType,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace: timedelta | None = None,
        propagation: Propagation = Propagation.BACKGROUND,
    ) -> None:
        """Objects with finalizers are marked, and go with their last finalizer; all others go at once. A namespace
        takes what is in it along.
        """
        live = self._live(type, name, namespace)
        found = get_string(live, "metadata", "uid")
        if uid and uid != found:
            text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
            raise KubeError(409, "Conflict", text)
        self.admit("DELETE", type, live)
        if propagation is Propagation.ORPHAN:
            self._orphan(found)
        elif propagation is Propagation.FOREGROUND:
            self._collect(found)
        seconds = 30.0 if grace is None else grace.total_seconds()
        lingers = type == POD and self.pods_linger and seconds and get_string(live, "status", "phase") == "Running"
        if get_list(live, "metadata", "finalizers") or lingers:
            marked = copy.deepcopy(live)
            due = stamp(self.now() + timedelta(seconds=seconds))
            _metadata_of(marked).setdefault("deletionTimestamp", due)
            _metadata_of(marked)["deletionGracePeriodSeconds"] = int(seconds)
            self._save(type, _key(live), live, marked)
        else:
            self._remove(type, _key(live))

    # What controllers and nodes do

    def set_status(self, type: ResourceType, name: str, status: JsonObject, namespace: str = "default") -> JsonObject:
        """Replace the status, as a controller does."""
        live = self._live(type, name, namespace)
        return self._update(type, live, {**live, "status": copy.deepcopy(status)}, "status")

    def finish_pod(self, name: str, namespace: str = "default") -> None:
        """Let a pod that lingers go."""
        self._remove(POD, _key(self._live(POD, name, namespace)))

    def vanish(self, type: ResourceType, name: str, namespace: str = "default") -> None:
        """An object goes at once, whatever its finalizers."""
        self._remove(type, _key(self._live(type, name, namespace)))

    # Inside

    def _live(self, type: ResourceType, name: str, namespace: str) -> JsonObject:
        if type not in self.types:
            raise KubeError(404, "NotFound", "the server could not find the requested resource")
        live = self._objects.get(type, {}).get((namespace if type.namespaced else "", name))
        if live is None:
            raise _not_found(type, name)
        return live

    def _namespace_of(self, type: ResourceType, metadata: JsonObject, namespace: str) -> str:
        if type not in self.types:
            raise KubeError(404, "NotFound", "the server could not find the requested resource")
        if not type.namespaced:
            return ""
        if not namespace:
            raise KubeError(400, "BadRequest", "an empty namespace may not be set during creation")
        if metadata.get("namespace", namespace) != namespace:
            raise KubeError(400, "BadRequest", "the namespace of the provided object does not match the request")
        return namespace

    def _check_fields(self, type: ResourceType, object: JsonObject, *, strict: bool) -> tuple[str, ...]:
        unknown = [f'unknown field "{path}"' for path in self.unknown_fields(type, object)]
        if unknown and strict:
            text = (
                f'{type.kind} in version "{type.version}" cannot be handled as a {type.kind}: strict decoding error: '
            )
            raise KubeError(400, "BadRequest", text + ", ".join(unknown))
        return tuple(unknown)

    def _update(self, type: ResourceType, live: JsonObject, wanted: Json, subresource: str) -> JsonObject:
        if not is_object(wanted):
            raise KubeError(400, "BadRequest", "the patched object is no object")
        new = copy.deepcopy(wanted)
        expected = get(new, "metadata", "resourceVersion")
        if expected not in (None, "", get(live, "metadata", "resourceVersion")):
            text = "the object has been modified; please apply your changes to the latest version and try again"
            raise KubeError(
                409, "Conflict", f'Operation cannot be fulfilled on {_resource(type)} "{_key(live)[1]}": {text}'
            )
        if get(new, "metadata", "uid") not in (None, "", get(live, "metadata", "uid")):
            raise KubeError(409, "Conflict", "Precondition failed: UID in precondition does not match")
        if subresource == "status":
            new = {**live, "status": new.get("status")}
        elif "status" in type.subresources:
            new = (
                {**new, "status": live["status"]}
                if "status" in live
                else {k: v for k, v in new.items() if k != "status"}
            )
        new["metadata"] = {**get_object(new, "metadata"), **_kept(live)}
        if new == live:
            return copy.deepcopy(live)
        self.admit("UPDATE", type, new)
        if _specification(new) != _specification(live):
            _metadata_of(new)["generation"] = int(str(get(live, "metadata", "generation") or 1)) + 1
        if get(new, "metadata", "deletionTimestamp") and not get_list(new, "metadata", "finalizers"):
            self._remove(type, _key(live))
        else:
            self._save(type, _key(live), live, new)
        return copy.deepcopy(new)

    def _save(self, type: ResourceType, key: Key, before: JsonObject | None, after: JsonObject) -> None:
        self.revision += 1
        _metadata_of(after)["resourceVersion"] = str(self.revision)
        self._objects.setdefault(type, {})[key] = after
        self.history.append(Change(self.revision, type, before, after))
        self.wake()

    def _remove(self, type: ResourceType, key: Key) -> None:
        before = self._objects[type].pop(key)
        self.revision += 1
        self.history.append(Change(self.revision, type, before, None))
        self._owners.pop(get_string(before, "metadata", "uid"), None)
        self.wake()
        self._collect(get_string(before, "metadata", "uid"))
        if type == NAMESPACE:
            for kind, objects in list(self._objects.items()):
                for inside in [k for k in objects if k[0] == key[1]]:
                    if inside in objects:
                        self._remove(kind, inside)

    def _children(self, uid: str) -> list[tuple[ResourceType, JsonObject]]:
        return [
            (type, object)
            for type, objects in self._objects.items()
            for object in objects.values()
            if any(get(owner, "uid") == uid for owner in get_list(object, "metadata", "ownerReferences"))
        ]

    def _collect(self, uid: str) -> None:
        """The garbage collector: what this object owns goes with it."""
        for type, child in self._children(uid):
            if _key(child) in self._objects[type]:
                self.delete(type, _key(child)[1], _key(child)[0])

    def _orphan(self, uid: str) -> None:
        for type, child in self._children(uid):
            new = copy.deepcopy(child)
            owners = [o for o in get_list(child, "metadata", "ownerReferences") if get(o, "uid") != uid]
            _metadata_of(new)["ownerReferences"] = owners
            self._save(type, _key(child), child, new)


def labels_of(object: JsonObject) -> dict[str, str]:
    return string_map(get(object, "metadata", "labels"))


def stamp(when: datetime) -> str:
    """A time as Kubernetes writes it: UTC, whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _metadata_of(object: JsonObject) -> JsonObject:
    metadata = object.setdefault("metadata", {})
    if not is_object(metadata):
        raise KubeError(400, "BadRequest", f"metadata: expected an object, got {json.dumps(metadata)}")
    return metadata


def _key(object: JsonObject) -> Key:
    return get_string(object, "metadata", "namespace"), get_string(object, "metadata", "name")


def _kept(live: JsonObject) -> JsonObject:
    """Metadata that no client changes."""
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp")
    return {k: v for k, v in get_object(live, "metadata").items() if k in names}


def _specification(object: JsonObject) -> JsonObject:
    return {k: v for k, v in object.items() if k not in ("metadata", "status")}


def _resource(type: ResourceType) -> str:
    return f"{type.plural}.{type.group}" if type.group else type.plural


def _not_found(type: ResourceType, name: str) -> KubeError:
    return KubeError(404, "NotFound", f'{_resource(type)} "{name}" not found')


def _invalid(type: ResourceType, name: str, message: str) -> KubeError:
    return KubeError(422, "Invalid", f'{type.kind} "{name}" is invalid: {message}')
