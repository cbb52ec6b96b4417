"""The objects of one kind as they are, and each change, over every failure of the connection."""

import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from trialmill.api.tree import JsonObject, get_string
from trialmill.engine.ports import Clock
from trialmill.kube.api import EventType, ExpiredError, KubeApi, KubeError, ResourceType, UnreachableError
from trialmill.runtime.kubernetes.failures import FORBIDDEN, NOT_FOUND

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_Name: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Put:
    """An object is new, or has changed."""

    object: JsonObject


@dataclass(frozen=True, slots=True)
class Removed:
    """An object is gone; `object` is the last that was seen of it."""

    object: JsonObject


@dataclass(frozen=True, slots=True)
class Listed:
    """All that is there has been told."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server says no to this user or this kind; it is asked again all the same."""

    error: KubeError


Step: TypeAlias = Put | Removed | Listed | Refused


async def follow(
    api: KubeApi, type: ResourceType, namespace: str, labels: str, clock: Clock
) -> AsyncGenerator[Step, None]:
    """Never ends and never raises what an API server may answer: it is asked again, with growing pauses.

    What vanished while nobody watched is told as removed after the next list; an object that took another's name is
    told as the end of one and the beginning of the other.
    """
    known: dict[_Name, JsonObject] = {}
    pause = _FIRST_PAUSE
    version = ""
    while True:
        try:
            if not version:
                found, version = await _list(api, type, namespace, labels)
                for step in _differences(known, found):
                    yield step
                known = found
                yield Listed()
            async for event in api.watch(type, namespace, labels=labels, resource_version=version):
                pause = _FIRST_PAUSE
                version = get_string(event.object, "metadata", "resourceVersion") or version
                if event.type is EventType.DELETED:
                    known.pop(_name(event.object), None)
                    yield Removed(event.object)
                elif event.type is not EventType.BOOKMARK:
                    for step in _put(known, event.object):
                        yield step
            wait = _FIRST_PAUSE  # a stream that the server closes in good order is opened anew
        except ExpiredError:
            version, wait = "", 0.0
        except (KubeError, UnreachableError) as error:
            asked = error.retry_after if isinstance(error, KubeError) else None
            wait = asked.total_seconds() if asked else pause
            if isinstance(error, KubeError) and error.status in (FORBIDDEN, NOT_FOUND):
                yield Refused(error)
            pause = min(pause * 2, _LONGEST_PAUSE)
        if wait:
            await clock.sleep_until(clock.now() + timedelta(seconds=wait * random.uniform(0.8, 1.2)))


async def _list(api: KubeApi, type: ResourceType, namespace: str, labels: str) -> tuple[dict[_Name, JsonObject], str]:
    found: dict[_Name, JsonObject] = {}
    after = ""
    while True:
        page = await api.list_page(type, namespace, labels=labels, after=after)
        found.update((_name(item), item) for item in page.items)
        after = page.next
        if not after:
            return found, page.resource_version


def _differences(known: dict[_Name, JsonObject], found: dict[_Name, JsonObject]) -> list[Step]:
    steps: list[Step] = [Removed(o) for name, o in known.items() if _uid(found.get(name)) != _uid(o)]
    same = {name for name, o in known.items() if _version(found.get(name)) == _version(o)}
    return steps + [Put(o) for name, o in found.items() if name not in same]


def _put(known: dict[_Name, JsonObject], object: JsonObject) -> list[Step]:
    before = known.get(_name(object))
    known[_name(object)] = object
    replaced = before is not None and _uid(before) != _uid(object)
    return [Removed(before), Put(object)] if before is not None and replaced else [Put(object)]


def _name(object: JsonObject) -> _Name:
    return get_string(object, "metadata", "namespace"), get_string(object, "metadata", "name")


def _uid(object: JsonObject | None) -> str:
    return get_string(object, "metadata", "uid")


def _version(object: JsonObject | None) -> str:
    return get_string(object, "metadata", "resourceVersion")
