"""A runtime in which nothing runs: scripts say what each attempt prints, how long it takes and how it ends.

On a `VirtualLoop` (`trialmill.testing.virtual_time`) an experiment of hours takes milliseconds. The runtime outlives
its drivers, as a cluster does, so tests can let a driver crash and start another.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from trialmill.api.problem import Problem
from trialmill.api.tree import Json, JsonObject, get_object, get_string
from trialmill.engine.ports import (
    Chunk,
    Clock,
    Created,
    Cursor,
    Exists,
    Gone,
    Log,
    PodRef,
    Rejected,
    RetryAfter,
    Snapshot,
    Source,
    Synced,
)
from trialmill.engine.records import AttemptKey


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to one attempt.

    `lines` are printed at equal distances over `seconds`, the last one at the end. `code` 0 is success. `stops_after`
    is how long it takes to end once it is removed; None: it never goes away. `vanishes`: at the end the resource is
    simply gone.
    """

    lines: tuple[str, ...] = ()
    seconds: float = 1.0
    code: int = 0
    stops_after: float | None = 0.0
    vanishes: bool = False
    rejected: str = ""
    retry_after: tuple[float, ...] = ()
    """How often, and for how long each time, `ensure` asks to come back."""


Play: TypeAlias = Callable[[AttemptKey, JsonObject], Script]
_POD: Final = "pod"
_CONTAINER: Final = "main"


@dataclass(slots=True)
class _Attempt:
    key: AttemptKey
    resource: JsonObject
    script: Script
    output: bytearray = field(default_factory=bytearray)
    code: int | None = None
    ended: datetime | None = None
    is_gone: bool = False
    suspended: bool = False
    task: asyncio.Task[None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        return self.code is not None or self.is_gone

    def tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class SimulatedRuntime:
    """Implements `engine.ports.Runtime`. `made` counts how often each attempt's resource was really made."""

    def __init__(self, play: Play, clock: Clock) -> None:
        self._play = play
        self._clock = clock
        self._attempts: dict[AttemptKey, _Attempt] = {}
        self._refusals: dict[AttemptKey, int] = {}
        self._listeners: list[asyncio.Queue[AttemptKey]] = []
        self.made: dict[AttemptKey, int] = {}
        self.most_at_once = 0

    async def check(self, resource: JsonObject, parts: Sequence[JsonObject] = ()) -> list[Problem]:
        del resource, parts
        return []

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        del parts
        if key in self._attempts:
            if self._attempts[key].is_gone:
                self._changed(key)
            return Exists(_uid(key))
        script = self._play(key, resource)
        if script.rejected:
            return Rejected("Refused", script.rejected)
        refusals = self._refusals.get(key, 0)
        if refusals < len(script.retry_after):
            self._refusals[key] = refusals + 1
            return RetryAfter(timedelta(seconds=script.retry_after[refusals]))
        metadata: JsonObject = {**get_object(resource, "metadata"), "uid": _uid(key)}
        attempt = _Attempt(key, {**resource, "metadata": metadata}, script)
        self._attempts[key] = attempt
        self.made[key] = self.made.get(key, 0) + 1
        running = sum(not a.is_over for a in self._attempts.values() if a.key.experiment_uid == key.experiment_uid)
        self.most_at_once = max(self.most_at_once, running)
        attempt.task = asyncio.create_task(self._run(attempt))
        self._changed(key)
        return Created(_uid(key))

    async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
        attempt = self._attempts.get(key)
        if attempt is None:
            self._attempts[key] = _Attempt(key, {"metadata": {"uid": _uid(key)}}, Script(), is_gone=True)
            self._changed(key)
            return
        if uid not in ("", _uid(key)):
            return
        if attempt.is_gone:
            self._changed(key)
        elif attempt.task is not None and attempt.code is None:
            attempt.task.cancel()
            attempt.task = asyncio.create_task(self._stop(attempt, grace))
        else:
            self._end(attempt, gone=True)

    async def suspend(self, key: AttemptKey, uid: str, on: bool) -> bool:
        attempt = self._attempts.get(key)
        if attempt is None or attempt.is_over or uid not in ("", _uid(key)):
            return False
        attempt.suspended = on
        attempt.tell()
        return True

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced, None]:
        del keys  # nothing here is expensive to tell
        queue: asyncio.Queue[AttemptKey] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            for attempt in list(self._attempts.values()):
                if attempt.key.experiment_uid == experiment_uid and not attempt.is_gone:
                    yield self._snapshot(attempt)
            yield Synced()
            while True:
                key = await queue.get()
                attempt = self._attempts[key]
                if key.experiment_uid == experiment_uid:
                    yield Gone(key, _uid(key)) if attempt.is_gone else self._snapshot(attempt)
        finally:
            self._listeners.remove(queue)

    async def pods(self, key: AttemptKey) -> list[PodRef]:
        attempt = self._attempts.get(key)
        return [PodRef(_POD, (_CONTAINER,), primary=True, over=attempt.is_over)] if attempt else []

    async def read(self, source: Source, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
        attempt = self._attempts.get(source.key)
        offset = after.offset if after else 0
        while attempt is not None and isinstance(source, Log):
            news = attempt.news
            data = bytes(attempt.output[offset:])
            if data:
                yield Chunk(data, Cursor(offset, "log"))
                offset += len(data)
            elif attempt.is_over:
                return
            else:
                await news.wait()

    # What happens to attempts

    async def _run(self, attempt: _Attempt) -> None:
        lines = attempt.script.lines
        pause = attempt.script.seconds / max(len(lines), 1)
        for line in lines or ("",):
            await _pass(attempt, pause)
            attempt.output += line.encode()
            attempt.tell()
        attempt.code = attempt.script.code
        attempt.ended = self._clock.now()
        self._end(attempt, gone=attempt.script.vanishes)

    async def _stop(self, attempt: _Attempt, grace: timedelta) -> None:
        if attempt.script.stops_after is None:
            return
        await asyncio.sleep(min(attempt.script.stops_after, grace.total_seconds()))
        self._end(attempt, gone=True)

    def _end(self, attempt: _Attempt, *, gone: bool) -> None:
        attempt.is_gone = gone
        attempt.tell()
        self._changed(attempt.key)

    def _changed(self, key: AttemptKey) -> None:
        for queue in self._listeners:
            queue.put_nowait(key)

    def _snapshot(self, attempt: _Attempt) -> Snapshot:
        now = self._clock.now().astimezone(UTC)
        status = _status(attempt, now)
        evidence = f"container {_CONTAINER} exited with code {attempt.code}" if attempt.code else ""
        return Snapshot(
            attempt.key, _uid(attempt.key), {**attempt.resource, "status": status}, evidence, ended=attempt.ended
        )


async def _pass(attempt: _Attempt, seconds: float) -> None:
    """Let the attempt run for so long; while it is suspended, its time stands still."""
    loop = asyncio.get_running_loop()
    while True:
        while attempt.suspended:
            await attempt.news.wait()
        begun = loop.time()
        try:
            async with asyncio.timeout(seconds):
                await attempt.news.wait()
        except TimeoutError:
            return
        seconds -= loop.time() - begun


def _status(attempt: _Attempt, now: datetime) -> JsonObject:
    """As a Job's controller writes it, whatever the kind."""
    if attempt.code is None:
        return {"active": 1, "ready": 1}
    kind = "Failed" if attempt.code else "Complete"
    name = get_string(attempt.resource, "metadata", "name")
    condition: dict[str, Json] = {
        "type": kind,
        "status": "True",
        "reason": "BackoffLimitExceeded" if attempt.code else "CompletionsReached",
        "message": f"{name} ended with {attempt.code}",
        "lastTransitionTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {"conditions": [condition]}


def _uid(key: AttemptKey) -> str:
    return f"{key.experiment_uid}-{key.trial_index}-{key.attempt}"
