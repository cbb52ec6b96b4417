"""Following one container's output to its end: over broken and silent streams, rotated logs and restarts."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from trialmill.api.tree import Json, JsonObject, get, get_list, get_string
from trialmill.engine.ports import Chunk, Clock, Cursor
from trialmill.kube.api import KubeApi, KubeError, SilentError
from trialmill.runtime.kubernetes.cancelling import cancelled
from trialmill.runtime.kubernetes.evidence import is_over, statuses_of
from trialmill.runtime.kubernetes.failures import FAILURES, is_passing, pause_after
from trialmill.runtime.kubernetes.log_lines import LogLines, Piece, comparable
from trialmill.runtime.kubernetes.log_place import Place, place_of

SEGMENT: Final = 64 * 1024
"""Bytes after which a cursor gets a new token: so much is read again, at most, when reading goes on later."""
_RUN_LENGTH: Final = 12
_WAIT: Final = timedelta(seconds=5)
_SHORT: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(seconds=15)
"""Between two tries: short beside the time that the output of what is over is waited for."""
_MOST_REFUSALS: Final = 3
_QUIET: Final = 5.0
"""Seconds without a byte after which a stream is left whose container is over: it should have ended by itself."""
_SILENT: Final = 600.0
"""The same for a container that runs: it may have nothing to say, or the connection is dead. Asking costs little."""
_LOOK: Final = timedelta(seconds=10)
"""Between two looks at a pod whose output is followed."""
_VANISHED: Final = "the pod was deleted while it was read: what it printed last may be lost"

PodState: TypeAlias = Callable[[], Awaitable[JsonObject | None]]
"""The pod as it is now; None once it is gone. May raise what `KubeApi` raises."""
Wait: TypeAlias = Callable[[timedelta], Awaitable[None]]
"""Until something happens to the pod, but no longer than this."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the container that can be read. `previous`: another one has begun since."""

    id: str
    is_over: bool
    previous: bool = False


@dataclass(frozen=True, slots=True)
class PodLog:
    """The container whose output is read, and how the pod is looked at."""

    api: KubeApi
    namespace: str
    pod: str
    container: str
    state: PodState
    wait: Wait
    clock: Clock
    note: Callable[[Exception | None], None] = lambda _: None
    """Told of each request that failed, and of each answer (None)."""


async def follow_log(log: PodLog, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
    """The output from `after` on; ends when the container will print nothing more and all of it was read."""
    reader = _Reader(log, after)
    async with aclosing(reader.chunks()) as chunks:
        async for chunk in chunks:
            yield chunk


class _Reader:
    def __init__(self, log: PodLog, after: Cursor | None) -> None:
        self._log = log
        place = place_of(after.token) if after else Place()
        self._lines = LogLines(place, after.offset if after else 0)
        self._token = place
        self._offset = self._lines.within
        self._done: set[str] = set()
        self._broke = False
        self._is_doubtful = False
        self._refusals = 0
        self._failures = 0

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        while True:
            try:
                pod = await self._log.state()
            except FAILURES as error:
                self._log.note(error)
                await self._pause(error)
                continue
            if pod is None:
                if self._broke:
                    yield self._gap(_VANISHED)
                return
            run, gap = self._next_run(pod)
            if gap:
                yield self._gap(gap)
            if run is None:
                if _is_settled(pod, self._log.container):
                    return
                await self._log.wait(_WAIT)
                continue
            if self._is_doubtful and not run.is_over:
                self._is_doubtful = False
                await self._log.wait(_SHORT)
                continue
            async with aclosing(self._read(run)) as chunks:
                async for chunk in chunks:
                    yield chunk

    def _next_run(self, pod: JsonObject) -> tuple[_Run | None, str]:
        """The run to read now, and what was lost on the way to it."""
        runs = [run for run in _runs(pod, self._log.container) if run.id not in self._done]
        if not runs:
            return None, ""
        run = next((r for r in runs if r.id == self._lines.place.run), runs[0])
        if run.id == self._lines.place.run:
            return run, ""
        lost = ""
        if self._lines.place.run and self._lines.place.run not in self._done:
            lost = f"container {self._log.container} was restarted before the rest of its output was read"
        elif not self._done and run.previous and _restarts(pod, self._log.container) > 1:
            lost = f"the output of earlier runs of container {self._log.container} is not kept by the cluster"
        self._begin(run.id)
        return run, lost

    def _finish(self, run: _Run) -> None:
        self._done.add(run.id)
        self._refusals = 0

    def _begin(self, run: str) -> None:
        total = self._lines.place.total + self._lines.within
        self._lines = LogLines(Place(run=run, total=total))
        self._token, self._offset = self._lines.place, 0

    async def _read(self, run: _Run) -> AsyncGenerator[Chunk, None]:
        """One stream. The run is done when it was over before the stream was opened, and that came to its end."""
        log = self._log
        self._lines.reopened()
        stream = log.api.logs(
            log.pod,
            log.namespace,
            log.container,
            follow=not run.is_over,
            since=_since(self._lines.place),
            timestamps=True,
            previous=run.previous,
        )
        try:
            async with aclosing(stream), aclosing(stream if run.is_over else self._heard(stream, run)) as pieces:
                async for data in pieces:
                    self._broke, self._failures = False, 0
                    log.note(None)
                    for chunk in self._chunks_of(self._lines.feed(data)):
                        yield chunk
        except FAILURES as error:
            log.note(error)
            self._broke = not isinstance(error, KubeError)
            self._refusals += not is_passing(error)
            if self._refusals < _MOST_REFUSALS or not run.is_over:
                await self._pause(error)
            else:
                yield self._gap(f"the output of container {log.container} cannot be read: {error}")
                self._finish(run)
            return
        self._broke = False
        log.note(None)
        if self._lines.lost:
            yield self._gap(f"the log is gone: {self._lines.lost}")
            self._lines.lost = ""
        if run.is_over:
            self._finish(run)
        else:
            # Either the container has ended, which the pod's status will say in a moment, or the stream has.
            self._is_doubtful = True

    async def _heard(self, stream: AsyncGenerator[bytes, None], run: _Run) -> AsyncGenerator[bytes, None]:
        """What the stream brings, until it ends. Raises SilentError when it was silent for so long that another one has
        to be opened: proxies and balancers may keep a connection open that leads nowhere any more.
        """
        over = asyncio.ensure_future(self._until_over(run))
        coming: asyncio.Future[bytes | None] | None = None
        try:
            while True:
                coming = asyncio.ensure_future(anext(stream, None))
                await asyncio.wait((coming, over), timeout=_SILENT, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() and over.done():
                    await asyncio.wait((coming,), timeout=_QUIET)
                if not coming.done():
                    raise SilentError(f"the output of container {self._log.container} does not come")
                data = coming.result()
                if data is None:
                    return
                yield data
        finally:
            await cancelled(over, coming)

    async def _until_over(self, run: _Run) -> None:
        """Until the cluster says that this run of the container has ended."""
        while True:
            # Not at each change of a pod: hundreds of streams would look at thousands of changes.
            await self._log.clock.sleep_until(self._log.clock.now() + _LOOK)
            try:
                pod = await self._log.state()
            except FAILURES:
                continue
            runs = _runs(pod, self._log.container) if pod is not None else []
            if not any(each.id == run.id and not each.is_over for each in runs):
                return

    def _chunks_of(self, pieces: list[Piece]) -> list[Chunk]:
        """Pieces joined as far as they follow on."""
        chunks: list[Chunk] = []
        held = bytearray()
        for piece in pieces:
            held += piece.data
            is_long = self._offset + len(held) >= SEGMENT
            if piece.place is not None and (is_long or piece.gap):
                chunks += self._chunk(held)
                self._token, self._offset = piece.place, 0
            if piece.gap:
                chunks.append(self._gap(piece.gap))
        return chunks + self._chunk(held)

    def _chunk(self, held: bytearray) -> list[Chunk]:
        if not held:
            return []
        chunk = Chunk(bytes(held), Cursor(self._offset, self._token.token))
        self._offset += len(held)
        held.clear()
        return [chunk]

    def _gap(self, what: str) -> Chunk:
        return Chunk(b"", Cursor(self._offset, self._token.token), what)

    async def _pause(self, error: Exception) -> None:
        """Longer after each failure in a row: a node that is lost makes the output of all its pods fail, for long."""
        pause = pause_after(error)
        grown = min(pause * 2.0 ** min(self._failures, 8), _LONGEST)
        self._failures += 1
        await self._log.clock.sleep_until(self._log.clock.now() + max(pause, grown))


def _since(place: Place) -> datetime | None:
    return comparable(place.stamp)[0] if place.stamp else None


def _status_of(pod: JsonObject, container: str) -> Json:
    return next((status for status in statuses_of(pod) if get(status, "name") == container), None)


def _runs(pod: JsonObject, container: str) -> list[_Run]:
    """The runs that the cluster still has the output of, the older one first."""
    status = _status_of(pod, container)
    last, ended = get(status, "lastState", "terminated"), get(status, "state", "terminated")
    is_running = get(status, "state", "running") is not None
    runs = []
    if last is not None:
        runs.append(_Run(_short(get_string(last, "containerID")), True, previous=is_running or ended is not None))
    if ended is not None:
        runs.append(_Run(_short(get_string(ended, "containerID") or get_string(status, "containerID")), True))
    elif is_running:
        runs.append(_Run(_short(get_string(status, "containerID")), False))
    return runs


def _restarts(pod: JsonObject, container: str) -> int:
    count = get(_status_of(pod, container), "restartCount")
    return count if isinstance(count, int) else 0


def _short(container_id: str) -> str:
    """Enough of `containerd://9f86d081...` to tell runs apart."""
    return container_id.rpartition("/")[2][:_RUN_LENGTH] or "run"


def _is_settled(pod: JsonObject, container: str) -> bool:
    """Whether the container will not run again."""
    if is_over(pod):
        return True
    ended = get(_status_of(pod, container), "state", "terminated")
    if ended is None:
        return False
    if get_string(pod, "metadata", "deletionTimestamp"):
        return True
    of_init = [c for c in get_list(pod, "spec", "initContainers") if get(c, "name") == container]
    own = get_string(of_init[0], "restartPolicy") if of_init else ""
    policy = own or get_string(pod, "spec", "restartPolicy") or "Always"
    return policy == "Never" or (policy == "OnFailure" and get(ended, "exitCode") == 0)
