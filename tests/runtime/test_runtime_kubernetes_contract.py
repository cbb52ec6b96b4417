"""The Kubernetes runtime keeps the contract of runtimes, on a cluster in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.api.tree import JsonObject
from trialmill.engine.ports import Runtime
from trialmill.testing.runtime import RuntimeSuite, Story
from trialmill.testing.virtual_time import run_virtually


class TestKubernetesRuntime(RuntimeSuite):
    def open(self, folder: Path) -> AbstractAsyncContextManager[Runtime]:
        return _opened(_WORLDS.setdefault(folder, KubernetesWorld()))

    def resource(self, *, output: str = "", code: int = 0, seconds: float = 0.0) -> JsonObject:
        return job(output, code, seconds)

    def play(self, folder: Path, story: Story) -> None:
        async def whole() -> None:
            async with self.open(folder) as runtime:
                await asyncio.wait_for(_awaited(story(runtime)), 60)

        run_virtually(whole())


_WORLDS: dict[Path, KubernetesWorld] = {}


@asynccontextmanager
async def _opened(world: KubernetesWorld) -> AsyncIterator[Runtime]:
    async with world.running(), runtime_on(world) as runtime:
        yield runtime


async def _awaited(story: Awaitable[None]) -> None:
    await story
