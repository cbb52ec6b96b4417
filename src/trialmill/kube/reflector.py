"""Keeps an `ObjectStore` equal to what the server has, and tells every change: list, watch, and list anew when the
history is gone.

The rules, each with a test of its own in `tests/kube`:

- A list is taken over as a whole, and only when its last page is there. What it lacks is told as DELETED. Lists are
  read from the newest state; should a server that lags break that promise, objects end and begin again in what is told,
  and the watch puts everything right.
- A watch begins where the list or the last event ended. Bookmarks move that place and nothing else.
- A stream that the server ends is opened again from the same place, at most about once a second. So is one that is
  silent: it may be dead, or there was no news at a server without bookmarks, to which this costs one request.
- A version that has expired, in the stream or as HTTP 410, leads to a new list, never to the same watch.
- Refusals and broken connections are tried again for ever, with growing pauses; Retry-After is honoured.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from trialmill.api.tree import JsonObject, get_string
from trialmill.kube.api import (
    LIST_LIMIT,
    EventType,
    ExpiredError,
    KubeApi,
    KubeError,
    ResourceType,
    SilentError,
    UnreachableError,
)
from trialmill.kube.clock import CHANCE, Chance, Clock, LoopClock
from trialmill.kube.object_store import Change, ChangeType, ObjectStore
from trialmill.kube.pacing import must_list_anew, wait_after_failure, wait_between_watches

WATCH_SECONDS: Final = (300.0, 600.0)
"""How long a watch is asked for: spread, so that many clients do not come back at once."""
RESYNC_SECONDS: Final = 36000.0
_OPENING: Final = 15.0
"""Seconds within which a stream that cannot be opened has failed."""
_PAGED_TRIES: Final = 2
"""Lists in pages whose tokens expired before all is asked for in one page, which cannot expire."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is reflected: a kind, in one namespace or in all (empty), by a label selector."""

    type: ResourceType
    namespace: str = ""
    labels: str = ""


@dataclass(slots=True)
class Reflector:
    """The objects of one scope. One consumer takes `changes` (or `run` with a callback); anybody reads `store`.

    `trouble` is why the server cannot be followed at the moment, None while it can.
    """

    api: KubeApi
    scope: Scope
    store: ObjectStore = field(default_factory=ObjectStore)
    clock: Clock = field(default_factory=LoopClock)
    chance: Chance = CHANCE
    page_size: int = LIST_LIMIT
    watch_seconds: tuple[float, float] = WATCH_SECONDS
    trouble: Exception | None = field(default=None, init=False)
    synced: bool = field(default=False, init=False)
    """Whether a whole list was taken over, ever."""
    _version: str = field(default="", init=False)
    _told: str = field(default="", init=False)
    """The trouble that was told last; a list that works is not yet its end, since the watch may be what is refused."""
    _opened: float | None = field(default=None, init=False)
    """When the stream that is open, or being opened, was asked for."""
    _failures: int = field(default=0, init=False)
    _failed_by: type[Exception] | None = field(default=None, init=False)
    _resync_due: float = field(default=0.0, init=False)

    @property
    def is_followed(self) -> bool:
        """Whether changes would be told: there is no trouble, or a stream has been open since for long enough to know,
        though nothing was said in it.
        """
        return self.trouble is None or (self._opened is not None and self.clock.now() - self._opened > _OPENING)

    async def run(self, tell: Callable[[Change], None]) -> None:
        """Tell every change, for ever."""
        async with aclosing(self.changes()) as changes:
            async for change in changes:
                tell(change)

    async def changes(self) -> AsyncGenerator[Change, None]:
        """Every change, for ever, in the server's order. The store is never behind what was told.

        The next event is read when the next change is asked for, so a slow consumer slows the stream and fills no
        memory.
        """
        self._plan_resync()
        while True:
            try:
                if not self._version:
                    for change in await self._list():
                        yield change
                async with aclosing(self._watch()) as changes:
                    async for change in changes:
                        yield change
            except (KubeError, UnreachableError) as error:
                if must_list_anew(error):
                    self._version = ""
                if told := self._note(error):
                    yield told
                await self._pause(error)
            for change in self._resync():
                yield change

    async def _list(self) -> list[Change]:
        """Take over a whole list. Pages that were read are dropped when the token of the next one has expired."""
        for attempt in range(_PAGED_TRIES + 1):
            limit = self.page_size if attempt < _PAGED_TRIES else 0
            try:
                objects, version = await self._pages(limit)
                break
            except ExpiredError:
                if attempt == _PAGED_TRIES:
                    raise
                await self.clock.sleep(wait_between_watches(0, self.chance()))
        self._version = version
        changes = self.store.replace(objects)
        self.synced = True
        self.trouble = None
        return [*changes, Change(ChangeType.SYNCED, {})]

    async def _pages(self, limit: int) -> tuple[list[JsonObject], str]:
        scope, objects, after = self.scope, list[JsonObject](), ""
        while True:
            page = await self.api.list_page(scope.type, scope.namespace, labels=scope.labels, limit=limit, after=after)
            objects += map(self.store.trimmed, page.items)
            if not page.next:
                return objects, page.resource_version
            after = page.next

    async def _watch(self) -> AsyncGenerator[Change, None]:
        """One stream, until its end, and the pause that is due after it."""
        started = self.clock.now()
        shortest, longest = self.watch_seconds
        seconds = timedelta(seconds=shortest + (longest - shortest) * self.chance())
        scope = self.scope
        stream = self.api.watch(
            scope.type, scope.namespace, labels=scope.labels, resource_version=self._version, timeout=seconds
        )
        self._opened = started
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    self._all_is_well()
                    self._version = get_string(event.object, "metadata", "resourceVersion") or self._version
                    if event.type is not EventType.BOOKMARK:
                        for change in self.store.apply(event):
                            yield change
            self._all_is_well()
        except SilentError:
            pass  # whether the server is there shows when the next stream is opened
        finally:
            self._opened = None
            if self.clock.now() - started > _OPENING:
                self._told, self._failures = "", 0  # it was open: what comes now is news, and the first of its row
        await self.clock.sleep(wait_between_watches(self.clock.now() - started, self.chance()))

    def _note(self, error: Exception) -> Change | None:
        """Remember what is wrong; to be told when it is news. An expired version is none: it is ordinary."""
        # Another kind of failure begins a row of its own: a server that was away for long and then says that the
        # version has expired is back, and shall not be left alone for as long as one that is away.
        self._failures = self._failures + 1 if type(error) is self._failed_by else 1
        self._failed_by = type(error)
        if isinstance(error, ExpiredError):
            self.trouble, self._told = None, ""
            return None
        is_news = self._told != str(error)
        self.trouble, self._told = error, str(error)
        return Change(ChangeType.TROUBLE, {}, error=error) if is_news else None

    def _all_is_well(self) -> None:
        self.trouble, self._told, self._failures = None, "", 0

    async def _pause(self, error: Exception) -> None:
        await self.clock.sleep(wait_after_failure(error, self._failures, self.chance()))

    def _plan_resync(self) -> None:
        self._resync_due = self.clock.now() + RESYNC_SECONDS * (0.9 + self.chance() / 5)

    def _resync(self) -> list[Change]:
        """Every object once more, when it is time: without a request, against mistakes of those who listen."""
        if self.clock.now() < self._resync_due:
            return []
        self._plan_resync()
        return [Change(ChangeType.RESYNC, object) for object in self.store.objects()]
