"""A runtime that does as another one does, for tests to change one thing about it."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from trialmill.api.problem import Problem
from trialmill.api.tree import JsonObject
from trialmill.engine.ports import (
    Chunk,
    Created,
    Cursor,
    Exists,
    Gone,
    PodRef,
    Rejected,
    RetryAfter,
    Runtime,
    Snapshot,
    Source,
    Synced,
    Trouble,
)
from trialmill.engine.records import AttemptKey


@dataclass
class Around:
    inner: Runtime

    async def check(self, resource: JsonObject, parts: Sequence[JsonObject] = ()) -> list[Problem]:
        return await self.inner.check(resource, parts)

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        return await self.inner.ensure(key, resource, parts)

    async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
        await self.inner.remove(key, uid, grace)

    async def suspend(self, key: AttemptKey, uid: str, on: bool) -> bool:
        return await self.inner.suspend(key, uid, on)

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        async for change in self.inner.changes(experiment_uid, keys):
            yield change

    async def pods(self, key: AttemptKey) -> list[PodRef]:
        return await self.inner.pods(key)

    async def read(self, source: Source, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
        async for chunk in self.inner.read(source, after):
            yield chunk
