"""The local runtime: resources run as processes of this machine."""

import asyncio
import errno
import os
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self, TypeAlias, cast

from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.tree import JsonObject, get_object, get_string
from trialmill.engine.ports import (
    Chunk,
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
from trialmill.kinds.lowering import lower as lower_resource
from trialmill.kinds.plan import Workload
from trialmill.kinds.profile import profile_of
from trialmill.runtime.local import layout
from trialmill.runtime.local.attempt import Attempt
from trialmill.runtime.local.children import Children
from trialmill.runtime.local.commands import Commands
from trialmill.runtime.local.host import Host
from trialmill.runtime.local.inspection import inspect
from trialmill.runtime.local.log_reader import follow_file, follow_log
from trialmill.runtime.local.manifests import Manifest, Manifests
from trialmill.runtime.local.slots import Slots, slots_of_this_machine
from trialmill.runtime.local.stand_ins import StandIns

Lower: TypeAlias = Callable[[JsonObject, Sequence[JsonObject], Problems], Workload | None]
_Last: TypeAlias = tuple[Snapshot | Gone, ...]
"""The last that is told of an attempt."""
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalRuntime:
    """Implements `engine.ports.Runtime`. An async context manager; leaving it lets the processes run on.

    `root` holds everything on disk; `base` is the folder that commands start in; `stand_ins` maps image names to
    folders; `companions` are resources that the file brings along (ConfigMaps, Secrets); `collector_paths` are files
    that the metrics collector reads, made private to each pod as Katib's injected volume does.
    """

    def __init__(
        self,
        root: Path,
        *,
        base: Path,
        stand_ins: Mapping[str, str] | None = None,
        companions: Sequence[JsonObject] = (),
        collector_paths: Sequence[str] = (),
        slots: Slots | None = None,
        now: Callable[[], float] = time.time,
        lower: Lower = lower_resource,
    ) -> None:
        """Raises StandInError."""
        self._root = os.path.abspath(root)
        self._lower = lower
        self._companions = tuple(companions)
        self._commands = Commands(os.path.abspath(base), StandIns(stand_ins or {}), collector_paths, dict(os.environ))
        self._slots = slots or slots_of_this_machine()
        self._now = now
        self._attempts: dict[AttemptKey, Attempt] = {}
        self._manifests: dict[str, Manifests] = {}
        self._subscriptions: dict[str, list[_Subscription]] = {}
        self._host: Host | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._host = Host(
            loop=loop,
            children=Children(loop),
            commands=self._commands,
            slots=self._slots,
            now=self._now,
            changed=self._changed,
            gone=self._gone,
            freed=self._freed,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        host, self._host = self._open, None
        host.children.close()
        for attempt in self._attempts.values():
            attempt.close()
        self._attempts.clear()
        for manifests in self._manifests.values():
            manifests.close()

    async def check(self, resource: JsonObject, parts: Sequence[JsonObject] = ()) -> list[Problem]:
        lowering, problems = Problems(), Problems()
        workload = self._lower(resource, (*self._companions, *parts), lowering)
        # What else is to be known of the lowering does not hang on this machine: the check of the file has said it.
        problems.found += [p for p in lowering if p.severity is Severity.ERROR]
        if workload is not None:
            inspect(resource, workload, self._commands, self._slots, self._now(), problems)
        return problems.found

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        known = self._attempts.get(key)
        if known is not None:
            return Exists(_uid(key), known.directory)
        directory = self.attempt_directory(key)
        try:
            if not self._make_directory(key, directory):
                if layout.has_marker(directory, "removed"):
                    self._tell_gone(key, "it was removed before")
                    return Exists(_uid(key), directory)
                if self._find(key) is not None:
                    return Exists(_uid(key), directory)
            return self._create(key, directory, resource, parts)
        except OSError as error:
            reason = f"{error.strerror}: {error.filename or directory}"
            if error.errno in _DISK_FULL:
                return RetryAfter(timedelta(seconds=10), reason, "DiskFull")
            return Rejected("CannotWrite", reason)

    async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
        if uid not in ("", _uid(key)):
            return
        attempt = self._find(key)
        if attempt is None:
            self._tell_gone(key, "")
        elif attempt.is_over:
            # Nothing of it is left but its files, which stay: to forget it is enough.
            last = _snapshot(attempt)
            attempt.close()
            del self._attempts[key]
            self._tell_gone(key, "it is over", last)
        else:
            attempt.end("removed", grace.total_seconds())

    async def suspend(self, key: AttemptKey, uid: str, on: bool) -> bool:
        attempt = self._find(key) if uid in ("", _uid(key)) else None
        if attempt is None or not _can_be_suspended(attempt.resource):
            return False
        return attempt.suspend(on=on)

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced, None]:
        for key in keys:
            self._find(key)
        subscription = _Subscription()
        self._subscriptions.setdefault(experiment_uid, []).append(subscription)
        try:
            for key in [key for key in self._attempts if key.experiment_uid == experiment_uid]:
                if attempt := self._attempts.get(key):
                    subscription.changed.pop(key, None)
                    yield _snapshot(attempt)
            yield Synced()
            while True:
                key, gone = await subscription.next()
                attempt = self._attempts.get(key)
                if gone is not None:
                    for event in gone:
                        yield event
                elif attempt is not None:
                    yield _snapshot(attempt)
        finally:
            self._subscriptions[experiment_uid].remove(subscription)

    async def pods(self, key: AttemptKey) -> list[PodRef]:
        attempt = self._find(key) or self._recall(key)
        return attempt.pods() if attempt else []

    async def read(self, source: Source, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
        attempt = self._find(source.key) or self._recall(source.key)
        if attempt is None:
            return
        chunks = follow_log(attempt, source, after) if isinstance(source, Log) else follow_file(attempt, source, after)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    def attempt_directory(self, key: AttemptKey) -> str:
        """Where the attempt's logs and volumes are."""
        return layout.attempt_directory(self._root, key)

    def delete(self, key: AttemptKey) -> None:
        """Delete what is on disk of an attempt that is gone; its logs go with it. Raises OSError."""
        known = self._attempts.pop(key, None)
        if known is not None:
            known.close()
        shutil.rmtree(self.attempt_directory(key), ignore_errors=False)

    @property
    def _open(self) -> Host:
        if self._host is None:
            raise RuntimeError("the local runtime is used outside its `async with`")
        return self._host

    # Attempts

    def _create(
        self, key: AttemptKey, directory: str, resource: JsonObject, parts: Sequence[JsonObject]
    ) -> Created | Rejected:
        created = self._now()
        manifest = Manifest(_as_created(resource, _uid(key), created), created, tuple(parts))
        attempt = self._build(key, directory, manifest)
        if isinstance(attempt, Problem):
            return Rejected(attempt.code, attempt.message)
        self._manifests_of(key).write(key, manifest)
        self._attempts[key] = attempt
        attempt.advance()
        return Created(_uid(key), directory)

    def _build(self, key: AttemptKey, directory: str, manifest: Manifest) -> Attempt | Problem:
        problems = Problems()
        workload = self._lower(manifest.resource, (*self._companions, *manifest.parts), problems)
        if workload is None:
            refused = (Severity.ERROR, Severity.UNAVAILABLE)
            errors = (problem for problem in problems if problem.severity in refused)
            return next(errors, Problem("cannot-run-here", Severity.ERROR, "this kind does not run on one machine"))
        return Attempt(key, directory, manifest.resource, manifest.created, workload, self._open)

    def _find(self, key: AttemptKey) -> Attempt | None:
        """An attempt that is not gone, from memory or, after a crash, from disk."""
        known = self._attempts.get(key)
        if known is not None:
            return known
        directory = self.attempt_directory(key)
        if layout.has_marker(directory, "removed"):
            return None
        attempt = self._load(key)
        if attempt is not None:
            self._attempts[key] = attempt
            attempt.recover()
        return attempt

    def _recall(self, key: AttemptKey) -> Attempt | None:
        """An attempt that is gone, to read what it left on disk."""
        attempt = self._load(key)
        if attempt is not None:
            attempt.recall()
        return attempt

    def _load(self, key: AttemptKey) -> Attempt | None:
        directory = self.attempt_directory(key)
        stored = self._manifests_of(key).read(key) if os.path.isdir(directory) else None
        if stored is None:
            return None
        attempt = self._build(key, directory, stored)
        return None if isinstance(attempt, Problem) else attempt

    def _manifests_of(self, key: AttemptKey) -> Manifests:
        uid = key.experiment_uid
        manifests = self._manifests.get(uid)
        if manifests is None:
            manifests = self._manifests[uid] = Manifests(self._root, uid)
        return manifests

    def _make_directory(self, key: AttemptKey, directory: str) -> bool:
        """Whether the directory was not there before. Raises OSError."""
        try:
            os.mkdir(directory)
        except FileExistsError:
            return False
        except FileNotFoundError:
            os.makedirs(layout.experiment_directory(self._root, key.experiment_uid), exist_ok=True)
            return self._make_directory(key, directory)
        return True

    # What attempts tell

    def _changed(self, key: AttemptKey) -> None:
        for subscription in self._subscriptions.get(key.experiment_uid, ()):
            subscription.tell(key, None)

    def _gone(self, key: AttemptKey, message: str) -> None:
        del self._attempts[key]
        self._tell_gone(key, message)

    def _tell_gone(self, key: AttemptKey, message: str, last: Snapshot | None = None) -> None:
        """`last` is how it ended by itself: somebody who has not been told yet must hear it before it is gone."""
        gone = Gone(key, _uid(key), message)
        for subscription in self._subscriptions.get(key.experiment_uid, ()):
            subscription.tell(key, (gone,) if last is None else (last, gone))

    def _freed(self, key: AttemptKey) -> None:
        for waiting in self._slots.release(key):
            attempt = self._attempts.get(cast("AttemptKey", waiting))
            if attempt is not None:
                attempt.advance()


class _Subscription:
    """What one reader of `changes` has not been told yet: the newest of each key, in the order of their change."""

    def __init__(self) -> None:
        self.changed: dict[AttemptKey, _Last | None] = {}
        self._event = asyncio.Event()

    def tell(self, key: AttemptKey, gone: "_Last | None") -> None:
        self.changed[key] = gone
        self._event.set()

    async def next(self) -> "tuple[AttemptKey, _Last | None]":
        while not self.changed:
            self._event.clear()
            await self._event.wait()
        key = next(iter(self.changed))
        return key, self.changed.pop(key)


def _can_be_suspended(resource: JsonObject) -> bool:
    """Only what a cluster could suspend too: the same file behaves alike. A Pod cannot."""
    profile = profile_of(get_string(resource, "apiVersion"), get_string(resource, "kind"))
    return profile is not None and profile.suspend_path is not None


def _uid(key: AttemptKey) -> str:
    return f"{key.experiment_uid}-{key.trial_index}-{key.attempt}"


def _as_created(resource: JsonObject, uid: str, created: float) -> JsonObject:
    """The resource with the metadata that an API server adds."""
    stamp = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata: JsonObject = {**get_object(resource, "metadata"), "uid": uid, "creationTimestamp": stamp, "generation": 1}
    return {**resource, "metadata": metadata}


def _snapshot(attempt: Attempt) -> Snapshot:
    resource: JsonObject = {**attempt.resource, "status": attempt.status}
    ended = None if attempt.ended is None else datetime.fromtimestamp(attempt.ended, UTC)
    return Snapshot(attempt.key, _uid(attempt.key), resource, attempt.evidence, ended=ended)
