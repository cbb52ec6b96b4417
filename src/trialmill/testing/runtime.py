"""What every runtime promises, as tests. Subclass `RuntimeSuite`, say how to open yours, and pytest runs them all.

class TestMyRuntime(RuntimeSuite):
    def open(self, folder):
        return MyRuntime(folder)

    def resource(self, *, output="", code=0, seconds=0.0):
        return {"apiVersion": "batch/v1", "kind": "Job", ...}
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from trialmill.api.tree import JsonObject, get, get_list
from trialmill.engine.ports import (
    Created,
    Cursor,
    Exists,
    Gone,
    Log,
    PodRef,
    Rejected,
    Runtime,
    Snapshot,
    Synced,
    Trouble,
)
from trialmill.engine.records import AttemptKey

T = TypeVar("T")
Story: TypeAlias = Callable[[Runtime], Awaitable[None]]
EXPERIMENT: Final = "0d1c2b3a-experiment"
KEY: Final = AttemptKey(EXPERIMENT, 0, 1)
OTHER: Final = AttemptKey(EXPERIMENT, 1, 1)
_NO_GRACE: Final = timedelta(0)
_LONG: Final = 600.0
"""Seconds of a run that must be ended, not awaited."""
_PATIENCE: Final = 120.0


class RuntimeSuite(ABC):
    """The contract of `engine.ports.Runtime`."""

    @abstractmethod
    def open(self, folder: Path) -> AbstractAsyncContextManager[Runtime]:
        """The runtime; called again with the same folder it finds what is there."""

    @abstractmethod
    def resource(self, *, output: str = "", code: int = 0, seconds: float = 0.0) -> JsonObject:
        """A Job of one container that prints `output` and a line break, takes `seconds`, and exits with `code`.

        It is not tried again when it fails.
        """

    def play(self, folder: Path, story: Story) -> None:
        """Run a story on the runtime; override for a runtime that has its own time."""

        async def whole() -> None:
            async with self.open(folder) as runtime:
                await asyncio.wait_for(_awaited(story(runtime)), _PATIENCE)

        asyncio.run(whole())

    def test_an_empty_runtime_is_synced_at_once(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            assert await _told_until_synced(runtime) == []

        self.play(tmp_path, story)

    def test_a_resource_that_can_run_has_no_problems(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            assert await runtime.check(self.resource()) == []

        self.play(tmp_path, story)

    def test_a_run_that_succeeds_completes_its_resource(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource())
            snapshot = await ended(runtime, KEY)
            assert true_conditions(snapshot) >= {"Complete"}
            assert get(snapshot.resource, "metadata", "uid") == snapshot.uid

        self.play(tmp_path, story)

    def test_a_run_that_fails_fails_its_resource_and_leaves_evidence(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource(code=3))
            snapshot = await ended(runtime, KEY)
            assert true_conditions(snapshot) >= {"Failed"}
            assert "3" in snapshot.evidence

        self.play(tmp_path, story)

    def test_ensuring_twice_makes_one_resource(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            first = await runtime.ensure(KEY, self.resource(output="once"))
            again = await runtime.ensure(KEY, self.resource(output="once"))
            assert isinstance(first, Created)
            assert isinstance(again, Exists)
            assert again.uid == first.uid
            await ended(runtime, KEY)
            assert await log_of(runtime, KEY) == b"once\n"

        self.play(tmp_path, story)

    def test_a_resource_that_is_no_resource_is_rejected(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            answer = await runtime.ensure(KEY, {"apiVersion": "example.dev/v9", "kind": "Nonsense"})
            assert isinstance(answer, Rejected)
            assert answer.reason
            assert answer.message
            assert await _told_until_synced(runtime) == []

        self.play(tmp_path, story)

    def test_what_exists_is_told_before_synced(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource(seconds=_LONG))
            await runtime.ensure(OTHER, self.resource(seconds=_LONG))
            assert sorted(snapshot.key for snapshot in await _told_until_synced(runtime)) == [KEY, OTHER]
            await remove(runtime, KEY)
            await remove(runtime, OTHER)

        self.play(tmp_path, story)

    def test_other_experiments_are_not_told(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(AttemptKey("another", 0, 1), self.resource())
            assert await _told_until_synced(runtime) == []

        self.play(tmp_path, story)

    def test_removing_ends_a_run_and_tells_that_it_is_gone(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource(seconds=_LONG))
            gone = await remove(runtime, KEY)
            assert gone.key == KEY
            assert await _told_until_synced(runtime) == []

        self.play(tmp_path, story)

    def test_removing_what_is_not_there_is_told_as_gone(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            assert (await remove(runtime, KEY)).key == KEY

        self.play(tmp_path, story)

    def test_removing_twice_does_no_harm(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource())
            await ended(runtime, KEY)
            assert (await remove(runtime, KEY)).key == KEY
            assert (await remove(runtime, KEY)).key == KEY

        self.play(tmp_path, story)

    def test_the_log_is_followed_to_its_end(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource(output="loss=1", seconds=0.1))
            await started(runtime, KEY)
            assert await log_of(runtime, KEY) == b"loss=1\n"

        self.play(tmp_path, story)

    def test_a_cursor_goes_on_where_reading_stopped(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource(output="0123456789"))
            await ended(runtime, KEY)
            (pod,) = await runtime.pods(KEY)
            source = Log(KEY, pod.name, pod.containers[0])
            async with _closing(runtime.read(source, None)) as chunks:
                first = await anext(chunks)
            assert first.data.startswith(b"01")
            after = Cursor(first.at.offset + 4, first.at.token)
            assert b"".join([chunk.data async for chunk in runtime.read(source, after)]) == b"456789\n"
            end = Cursor(first.at.offset + 11, first.at.token)
            assert [chunk async for chunk in runtime.read(source, end)] == []

        self.play(tmp_path, story)

    def test_a_resource_has_one_primary_pod_that_is_over_in_the_end(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            assert await runtime.pods(KEY) == []
            await runtime.ensure(KEY, self.resource())
            await ended(runtime, KEY)
            (pod,) = await runtime.pods(KEY)
            assert pod == PodRef(pod.name, pod.containers, primary=True, over=True)

        self.play(tmp_path, story)

    def test_what_is_not_there_cannot_be_suspended(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            assert not await runtime.suspend(KEY, "", True)

        self.play(tmp_path, story)


async def told(
    runtime: Runtime, wanted: Callable[[Snapshot | Gone | Synced | Trouble], bool], experiment_uid: str = EXPERIMENT
) -> Snapshot | Gone | Synced | Trouble:
    """The first event of `changes` that is wanted."""
    async with _closing(runtime.changes(experiment_uid, (KEY, OTHER))) as events:
        async for event in events:
            if wanted(event):
                return event
    raise AssertionError("changes ended")


async def started(runtime: Runtime, key: AttemptKey) -> None:
    """Wait for the attempt's first pod: a snapshot tells that it is there."""
    async with _closing(runtime.changes(key.experiment_uid, (key,))) as events:
        async for event in events:
            if isinstance(event, Snapshot) and event.key == key and await runtime.pods(key):
                return
    raise AssertionError("changes ended")


async def ended(runtime: Runtime, key: AttemptKey) -> Snapshot:
    """The snapshot of a Job that is complete or has failed."""
    event = await told(
        runtime,
        lambda e: isinstance(e, Snapshot) and e.key == key and bool(true_conditions(e) & {"Complete", "Failed"}),
        key.experiment_uid,
    )
    assert isinstance(event, Snapshot)
    return event


async def remove(runtime: Runtime, key: AttemptKey, grace: timedelta = _NO_GRACE) -> Gone:
    """Remove, and wait until it is told."""
    async with _closing(runtime.changes(key.experiment_uid, (key,))) as events:
        async for event in events:
            if isinstance(event, Synced):
                await runtime.remove(key, "", grace)
            if isinstance(event, Gone) and event.key == key:
                return event
    raise AssertionError("changes ended")


async def log_of(runtime: Runtime, key: AttemptKey) -> bytes:
    """All output of the first container of the primary pod."""
    pod = next(pod for pod in await runtime.pods(key) if pod.primary)
    return b"".join([chunk.data async for chunk in runtime.read(Log(key, pod.name, pod.containers[0]), None)])


def true_conditions(snapshot: Snapshot) -> set[str]:
    """The types of the conditions that are true."""
    conditions = get_list(snapshot.resource, "status", "conditions")
    return {str(get(condition, "type")) for condition in conditions if get(condition, "status") == "True"}


async def _told_until_synced(runtime: Runtime) -> list[Snapshot]:
    snapshots: list[Snapshot] = []

    def is_synced(event: Snapshot | Gone | Synced | Trouble) -> bool:
        if isinstance(event, Snapshot):
            snapshots.append(event)
        return isinstance(event, Synced)

    await told(runtime, is_synced)
    return snapshots


@asynccontextmanager
async def _closing(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Closes what can be closed: most iterators are generators, and must not be left to the garbage collector."""
    try:
        yield items
    finally:
        close = getattr(items, "aclose", None)
        if close:
            await close()


async def _awaited(story: Awaitable[None]) -> None:
    await story
