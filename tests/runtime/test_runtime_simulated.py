"""The simulated runtime keeps the contract of all runtimes, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from trialmill.api.tree import JsonObject, get, get_string
from trialmill.engine.ports import Runtime
from trialmill.engine.records import AttemptKey
from trialmill.runtime.simulated.runtime import Script, SimulatedRuntime
from trialmill.testing.runtime import KEY, RuntimeSuite, Story, ended, log_of
from trialmill.testing.virtual_time import VirtualClock, run_virtually

_PREFIX = "test.trialmill.dev"


def _script(key: AttemptKey, resource: JsonObject) -> Script:
    """What `resource` wrote down."""
    if get_string(resource, "kind") != "Job":
        return Script(rejected="no such kind")
    notes = get(resource, "metadata", "annotations")
    assert isinstance(notes, dict)
    seconds, code = float(str(notes[f"{_PREFIX}/seconds"])), int(str(notes[f"{_PREFIX}/code"]))
    return Script((str(notes[f"{_PREFIX}/output"]) + "\n",), seconds, code)


class TestSimulatedRuntime(RuntimeSuite):
    def open(self, folder: Path) -> AbstractAsyncContextManager[Runtime]:
        return _opened()

    def resource(self, *, output: str = "", code: int = 0, seconds: float = 0.0) -> JsonObject:
        notes: JsonObject = {
            f"{_PREFIX}/output": output,
            f"{_PREFIX}/code": str(code),
            f"{_PREFIX}/seconds": str(seconds),
        }
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "annotations": notes}}

    def play(self, folder: Path, story: Story) -> None:
        async def whole() -> None:
            async with self.open(folder) as runtime:
                await story(runtime)

        run_virtually(whole())

    def test_time_stands_still_for_what_is_suspended(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            loop = asyncio.get_running_loop()
            await runtime.ensure(KEY, self.resource(seconds=10, output="end"))
            await asyncio.sleep(4)
            assert await runtime.suspend(KEY, "", True)
            await asyncio.sleep(100)
            assert await log_of_running(runtime) == b""
            assert await runtime.suspend(KEY, "", False)
            await ended(runtime, KEY)
            assert 110.9 < loop.time() < 111.1
            assert await log_of(runtime, KEY) == b"end\n"

        self.play(tmp_path, story)

    def test_what_is_removed_has_its_grace(self, tmp_path: Path) -> None:
        async def story(runtime: Runtime) -> None:
            await runtime.ensure(KEY, self.resource(seconds=100))
            await asyncio.sleep(1)
            await runtime.remove(KEY, "another uid", timedelta(0))
            await asyncio.sleep(1)
            assert not (await runtime.pods(KEY))[0].over
            await runtime.remove(KEY, "", timedelta(0))
            await asyncio.sleep(1)
            assert (await runtime.pods(KEY))[0].over

        self.play(tmp_path, story)


@asynccontextmanager
async def _opened() -> AsyncIterator[Runtime]:
    yield SimulatedRuntime(_script, VirtualClock())


async def log_of_running(runtime: Runtime) -> bytes:
    """What can be read within a second."""
    try:
        async with asyncio.timeout(1):
            return await log_of(runtime, KEY)
    except TimeoutError:
        return b""
