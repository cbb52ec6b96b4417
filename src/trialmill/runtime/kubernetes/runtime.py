"""The Kubernetes runtime: resources run on a cluster that is driven from outside."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing, nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self

from trialmill.api.problem import Problem
from trialmill.api.tree import JsonObject, get, get_string
from trialmill.engine.ports import (
    Chunk,
    Clock,
    Created,
    Cursor,
    Exists,
    File,
    Gone,
    Log,
    PodRef,
    Rejected,
    RetryAfter,
    Snapshot,
    Source,
    Synced,
    Trouble,
)
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeApi, UnknownKindError
from trialmill.runtime.kubernetes.cancelling import cancelled
from trialmill.runtime.kubernetes.evidence import is_over
from trialmill.runtime.kubernetes.failures import (
    FAILURES,
    answer_to,
    is_out_of_reach,
    is_passing,
    needs_login,
    pause_after,
    refusal,
)
from trialmill.runtime.kubernetes.file_printer import complaint_of, printer_name, printing
from trialmill.runtime.kubernetes.kept_logs import KeptLog
from trialmill.runtime.kubernetes.live import Live
from trialmill.runtime.kubernetes.log_reader import PodLog, follow_log
from trialmill.runtime.kubernetes.objects import Objects
from trialmill.runtime.kubernetes.owners import Owners, find_pod, list_pods
from trialmill.runtime.kubernetes.pods import pod_refs, real_container
from trialmill.runtime.kubernetes.rehearsal import Rehearsal
from trialmill.runtime.kubernetes.target import Target

_PERSISTENCE: Final = timedelta(minutes=2)
"""How long a deletion is tried while the server does not answer; what is left then is deleted the next time."""
_COPY_LAG: Final = 5.0
"""Seconds that a copy of output may take longer than the file beside it."""


class KubernetesRuntime:
    """Implements `engine.ports.Runtime` for one experiment on one cluster. An async context manager; leaving it lets
    the resources run on. The caller closes `api`. What is read of an attempt's output is copied to files in the folder
    that `keep` names.
    """

    def __init__(
        self, api: KubeApi, target: Target, clock: Clock, *, keep: Callable[[AttemptKey], str] | None = None
    ) -> None:
        self._api = api
        self._keep = keep
        self._target = target
        self._clock = clock
        self._objects = Objects(api, target)
        self._rehearsal = Rehearsal(api, target, self._objects)
        self._owners = Owners(api)
        self._lives: dict[str, list[Live]] = {}
        self._let_go: set[AttemptKey] = set()
        self._paused: set[AttemptKey] = set()
        self._readers: dict[AttemptKey, set[asyncio.Event]] = {}
        self._refused_since: dict[AttemptKey, datetime] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def check(self, resource: JsonObject, parts: Sequence[JsonObject] = ()) -> list[Problem]:
        return await self._rehearsal.problems(resource, parts)

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        try:
            if key.attempt > 1:
                await self._objects.end_earlier(key)
            answer = await self._objects.ensure(key, printing(resource, self._target), parts)
        except (*FAILURES, UnknownKindError) as error:
            return self._later(key, error)
        self._refused_since.pop(key, None)
        self._note(key, "what is to be made", None)
        return answer

    async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
        give_up = self._clock.now() + _PERSISTENCE
        self._refused_since.pop(key, None)
        self._paused.discard(key)
        if not uid:
            self._let_go.discard(key)
        for live in self._lives.get(key.experiment_uid, ()):
            live.asked_to_go(key)
        while True:
            try:
                found = [o for o in await self._find(key) if uid in ("", get_string(o, "metadata", "uid"))]
                if not await self._objects.delete(key, found, grace):
                    self._tell_gone(Gone(key, uid, ""))
                if not grace:
                    self._let_go_of(key, for_ever=bool(uid))
                return
            except UnknownKindError:
                self._tell_gone(Gone(key, uid, "the cluster does not know its kind any more"))
                return
            except FAILURES as error:
                # Of what has a uid the engine says when it is given up; what is tidied up has none.
                if not is_passing(error) or (not uid and self._clock.now() >= give_up):
                    return
                await self._pause(error)

    async def suspend(self, key: AttemptKey, uid: str, on: bool) -> bool:
        profile = self._target.profile
        if profile is None or profile.suspend_path is None:
            return False
        (self._paused.add if on else self._paused.discard)(key)
        while True:
            try:
                found = [o for o in await self._find(key) if uid in ("", get_string(o, "metadata", "uid"))]
                for object in found:
                    if get(object, *profile.suspend_path) is not on:
                        await self._objects.patch_field(object, profile.suspend_path, on)
                return bool(found)
            except UnknownKindError:
                return False
            except FAILURES as error:
                if not is_passing(error):
                    return False
                await self._pause(error)

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        # All that is labelled is told, whatever the keys: the labels find it in one request.
        live = Live(
            self._api, self._target, experiment_uid, self._objects, self._owners, self._clock, paused=self._paused
        )
        self._lives.setdefault(experiment_uid, []).append(live)
        try:
            async with aclosing(live.changes(keys)) as events:
                async for event in events:
                    if isinstance(event, Gone) and live.goes_on_alone(event.key):
                        self._let_go_of(event.key, for_ever=True)
                    yield event
        finally:
            self._lives[experiment_uid].remove(live)

    async def pods(self, key: AttemptKey) -> list[PodRef]:
        live = self._live_of(key)
        if live is not None:
            seen = pod_refs(live.pods_of(key), self._target)
            # The stream of pods may be late, and there is no second chance to read the output of what is over.
            if any(pod.primary and pod.over for pod in seen) or not live.is_over(key):
                return seen
        while True:
            try:
                asked = list_pods(self._api, self._target, self._owners, key)
                return pod_refs(await (live.learn(key, asked) if live is not None else asked), self._target)
            except FAILURES as error:
                if not is_passing(error):
                    return []
                await self._pause(error)

    async def read(self, source: Source, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
        pod = await self._wait_for_pod(source)
        if pod is None:
            return
        if isinstance(source, File):
            paths = self._target.collector_paths
            container = printer_name(paths.index(source.path) if source.path in paths else 0)
        else:
            container = real_container(pod, source.container, self._target)
        log = PodLog(
            api=self._api,
            namespace=get_string(pod, "metadata", "namespace"),
            pod=source.pod,
            container=container,
            state=lambda: self._pod(source),
            wait=lambda longest: self._wait(source.key, longest),
            clock=self._clock,
            note=partial(self._note, source.key, "what is to be read"),
        )
        end = after or Cursor()
        beside = asyncio.create_task(self._copy_output(source)) if isinstance(source, File) and self._keep else None
        try:
            with KeptLog(self._keep(source.key), source) if self._keep else nullcontext() as kept:
                async with aclosing(self._until_let_go(source.key, follow_log(log, after))) as chunks:
                    async for chunk in chunks:
                        if kept is not None:
                            kept.keep(chunk)
                        end = Cursor(chunk.at.offset + len(chunk.data), chunk.at.token)
                        yield chunk
            if isinstance(source, File) and (complaint := await self._complaint(source, container)):
                yield Chunk(b"", end, complaint)
            if beside is not None:
                await asyncio.wait([beside], timeout=_COPY_LAG)
        finally:
            await cancelled(beside)

    def _let_go_of(self, key: AttemptKey, *, for_ever: bool) -> None:
        """Nobody waits for the end of its pods any more, which may take its time: their output is not read on."""
        if for_ever:  # what is tidied up has been read, and is not read again
            self._let_go.add(key)
        for reader in self._readers.get(key, ()):
            reader.set()

    async def _until_let_go(self, key: AttemptKey, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        event = asyncio.Event()
        if key in self._let_go:
            event.set()
        self._readers.setdefault(key, set()).add(event)
        let_go = asyncio.ensure_future(event.wait())
        coming: asyncio.Future[Chunk | None] | None = None
        try:
            while True:
                coming = asyncio.ensure_future(anext(chunks, None))
                await asyncio.wait((coming, let_go), return_when=asyncio.FIRST_COMPLETED)
                chunk = coming.result() if coming.done() else None
                if chunk is None:
                    return
                yield chunk
        finally:
            # In this order: what is being read cannot be closed.
            await cancelled(coming, let_go)
            await chunks.aclose()
            self._readers[key].discard(event)
            if not self._readers[key]:
                del self._readers[key]

    async def _complaint(self, file: File, printer: str) -> str:
        """Why the file could not be read, where that is known."""
        try:
            pod = await self._pod(file)
        except FAILURES:
            return ""
        return complaint_of(pod, printer, file.path) if pod is not None else ""

    async def _copy_output(self, file: File) -> None:
        """Where metrics are read from a file, the output of its container is kept all the same."""
        async with aclosing(self.read(Log(file.key, file.pod, file.container), None)) as chunks:
            async for _ in chunks:
                pass

    # Objects

    def _later(self, key: AttemptKey, error: Exception) -> Rejected | RetryAfter:
        """What may pass is waited for, but not for ever, unless the server was not even asked: then `Sight` decides."""
        answer = answer_to(error)
        self._note(key, "what is to be made", error)
        if is_out_of_reach(error):
            self._refused_since.pop(key, None)
            return answer
        now = self._clock.now()
        since = self._refused_since.setdefault(key, now)
        if isinstance(answer, RetryAfter) and now - since < self._target.patience.scheduling:
            return answer
        del self._refused_since[key]
        return refusal(error)

    def _note(self, key: AttemptKey, what: str, error: Exception | None) -> None:
        """Open streams go on without a login, so that who looks on has to be told of the lack of one."""
        for live in self._lives.get(key.experiment_uid, ()):
            if error is None:
                live.sight.answered(what)
            elif needs_login(error):
                live.sight.refused(what, error)

    async def _find(self, key: AttemptKey) -> list[JsonObject]:
        """The attempt's resource, as it was seen last or as the server has it."""
        for live in self._lives.get(key.experiment_uid, ()):
            seen = live.resource_of(key)
            if seen is not None:
                return [seen]
        return await self._objects.find(key, self._target.kind)

    def _tell_gone(self, gone: Gone) -> None:
        for live in self._lives.get(gone.key.experiment_uid, ()):
            live.tell_gone(gone)

    async def _pause(self, error: Exception) -> None:
        await self._clock.sleep_until(self._clock.now() + pause_after(error))

    # Pods

    def _live_of(self, key: AttemptKey) -> Live | None:
        return next((live for live in self._lives.get(key.experiment_uid, ()) if live.has_listed_pods), None)

    async def _wait_for_pod(self, source: Source) -> JsonObject | None:
        while True:
            try:
                return await self._pod(source)
            except FAILURES as error:
                if not is_passing(error):
                    return None
                await self._pause(error)

    async def _pod(self, source: Source) -> JsonObject | None:
        """The pod as it is; None where it is gone. Raises KubeError, UnreachableError."""
        live = self._live_of(source.key)
        seen = live.pod(source.key, source.pod) if live else None
        # Where the resource is over and its pod is not, the stream of pods is late.
        if seen is not None and (is_over(seen) or live is None or not live.is_over(source.key)):
            return seen
        asked = self._ask_for_pod(source.pod)
        found = await (live.learn(source.key, asked) if live is not None else asked)
        return found[0] if found else None

    async def _ask_for_pod(self, name: str) -> list[JsonObject]:
        found = await find_pod(self._api, self._target.namespace, name)
        return [found] if found is not None else []

    async def _wait(self, key: AttemptKey, longest: timedelta) -> None:
        """Until something happens to the attempt's pods, where that is seen; else, and at most, for this long."""
        sleep = asyncio.ensure_future(self._clock.sleep_until(self._clock.now() + longest))
        live = self._live_of(key)
        waits: list[asyncio.Future[None]] = [sleep]
        if live is not None:
            waits.append(asyncio.ensure_future(live.pods_changed(key)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(*waits)
