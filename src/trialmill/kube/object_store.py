"""What a reflector knows: the objects of one kind, by name and by index, and what a list or an event changes in it.

Resource versions are compared for equality alone; a uid says which of two objects of one name is meant.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trialmill.api.tree import JsonObject, get_object, get_string
from trialmill.kube.api import EventType, WatchEvent

Key = tuple[str, str]
"""Namespace and name; the namespace is empty for kinds that have none."""
Trim = Callable[[JsonObject], JsonObject]
Index = Callable[[JsonObject], Iterable[str]]
"""The values under which an object is to be found."""


class ChangeType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    RESYNC = "RESYNC"
    """Nothing is known to have changed; a chance to look again."""
    SYNCED = "SYNCED"
    """A whole list has been taken over: the changes before this one led there. `object` is empty."""
    TROUBLE = "TROUBLE"
    """The server does not let us list or watch; `error` says why. It is tried again for ever."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object, or to the view of all.

    Objects are shared with the store and must not be changed. `inferred`: a DELETED that no event told, concluded
    from an object's absence in a list; its object is the last state that was seen, not the last there was.
    """

    type: ChangeType
    object: JsonObject
    inferred: bool = False
    error: Exception | None = None


def key_of(object: JsonObject) -> Key:
    """Namespace and name."""
    metadata = get_object(object, "metadata")
    return get_string(metadata, "namespace"), get_string(metadata, "name")


def without_managed_fields(object: JsonObject) -> JsonObject:
    """The object without the bookkeeping of who wrote which field, which is often half of it."""
    metadata = get_object(object, "metadata")
    if "managedFields" not in metadata:
        return object
    return {**object, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


class ObjectStore:
    """Objects by namespace and name, and by any number of indices. Objects that come out must not be changed."""

    def __init__(self, indices: Mapping[str, Index] | None = None, trim: Trim = without_managed_fields) -> None:
        self._objects: dict[Key, JsonObject] = {}
        self._indices = dict(indices or {})
        self._found: dict[str, dict[str, dict[Key, None]]] = {name: {} for name in self._indices}
        self._trim = trim

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, name: str, namespace: str = "") -> JsonObject | None:
        return self._objects.get((namespace, name))

    def objects(self) -> list[JsonObject]:
        return list(self._objects.values())

    def find(self, index: str, value: str) -> list[JsonObject]:
        """The objects under a value of an index, in the order of their arrival."""
        return [self._objects[key] for key in self._found[index].get(value, ())]

    def trimmed(self, object: JsonObject) -> JsonObject:
        """The object as it will be kept: what is read in pieces need not be held whole until the last of them."""
        return self._trim(object)

    def apply(self, event: WatchEvent) -> list[Change]:
        """Take over an event; what has changed by it. An event that was told before changes nothing."""
        key, before = key_of(event.object), self._objects.get(key_of(event.object))
        if event.type is EventType.DELETED:
            # Of an object that is not known, or of one that had the name before: its end was told already.
            if before is None or _uid(before) != _uid(event.object):
                return []
            self._put(key, None)
            return [Change(ChangeType.DELETED, self._trim(event.object))]
        return self._take(key, self._trim(event.object))

    def replace(self, objects: Iterable[JsonObject]) -> list[Change]:
        """Take over a whole list at once; what has changed by it, ends first."""
        new = {key_of(object): self._trim(object) for object in objects}
        changes = []
        for key in [key for key in self._objects if key not in new]:
            changes.append(Change(ChangeType.DELETED, self._objects[key], inferred=True))
            self._put(key, None)
        for key, object in new.items():
            changes += self._take(key, object)
        return changes

    def _take(self, key: Key, object: JsonObject) -> list[Change]:
        before = self._objects.get(key)
        if before is None:
            self._put(key, object)
            return [Change(ChangeType.ADDED, object)]
        if _uid(before) != _uid(object):
            self._put(key, object)
            return [Change(ChangeType.DELETED, before, inferred=True), Change(ChangeType.ADDED, object)]
        if _version(before) == _version(object):
            return []
        self._put(key, object)
        return [Change(ChangeType.MODIFIED, object)]

    def _put(self, key: Key, object: JsonObject | None) -> None:
        before = self._objects.get(key)
        for name, index in self._indices.items():
            found = self._found[name]
            for value in set(index(before)) if before is not None else ():
                found[value].pop(key, None)
                if not found[value]:
                    del found[value]
            for value in index(object) if object is not None else ():
                found.setdefault(value, {})[key] = None
        if object is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = object


def _uid(object: JsonObject) -> str:
    return get_string(object, "metadata", "uid")


def _version(object: JsonObject) -> str:
    return get_string(object, "metadata", "resourceVersion")
