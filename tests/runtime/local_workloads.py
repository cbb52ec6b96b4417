"""A workload for the tests of the local runtime: containers that run once, side by side or one after the other."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from trialmill.api.problem import Problems
from trialmill.api.tree import JsonObject
from trialmill.engine.ports import Created, Exists, Log
from trialmill.engine.records import AttemptKey
from trialmill.kinds.plan import (
    Container,
    Exited,
    Facts,
    Pod,
    PodId,
    PodView,
    Resources,
    Role,
    RunId,
    Running,
    Step,
    Volume,
    Workload,
)
from trialmill.runtime.local.runtime import LocalRuntime
from trialmill.testing.runtime import KEY, ended, true_conditions

T = TypeVar("T")
POD = PodId(0, 0)
POD_NAME = "trial-0"
PATIENCE = 120.0
"""Seconds that anything here may take, however busy the machine is; what needs longer hangs."""
POD_SETTINGS = {"volumes", "grace", "resources"}


@dataclass(frozen=True, slots=True)
class OncePod:
    """One pod; each container runs once. Complete when all exit with 0, Failed when one does not."""

    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...] = ()
    grace: timedelta = timedelta(seconds=10)
    resources: Resources = field(default_factory=Resources)

    def pod(self, pod: PodId) -> Pod:
        return Pod(pod, POD_NAME, self.containers, self.volumes, self.grace)

    def step(self, facts: Facts, now: float, created: float, suspended: bool = False) -> Step:
        runs = [RunId(POD, container.name, 0) for container in self.containers]
        start = tuple(run for run in runs if run not in facts and not suspended)
        ends = [facts[run] for run in runs if run in facts and not isinstance(facts[run], Running)]
        over = len(ends) == len(runs)
        failures = [end for end in ends if not (isinstance(end, Exited) and end.code == 0)]
        status: JsonObject = {"active": int(bool(facts) and not over)}
        if over:
            status["conditions"] = [{"type": "Failed" if failures else "Complete", "status": "True"}]
        pods = (PodView(POD, POD_NAME, primary=True, over=over),) if facts else ()
        return Step(status, start, over=over, evidence="; ".join(map(str, failures)), pods=pods)


def container(*command: str, name: str = "main", env: Mapping[str, str] | None = None, **fields: Any) -> Container:
    return Container(name=name, role=Role.MAIN, command=command, env=tuple((env or {}).items()), **fields)


def lowers_to(workload: Workload) -> Callable[[JsonObject, Sequence[JsonObject], Problems], Workload]:
    """A `lower` that makes the same workload of everything."""

    def lower(resource: JsonObject, companions: Sequence[JsonObject], problems: Problems) -> Workload:
        return workload

    return lower


JOB: JsonObject = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "trial"}}


def open_runtime(folder: Path, *containers: Container, **settings: Any) -> LocalRuntime:
    """A local runtime in which every resource becomes one pod of these containers."""
    workload = OncePod(containers, **{name: settings.pop(name) for name in POD_SETTINGS & settings.keys()})
    return LocalRuntime(folder / "runs", base=folder, lower=lowers_to(workload), **settings)


def play(story: Coroutine[Any, Any, T]) -> T:
    """Run a story of real processes."""
    return asyncio.run(asyncio.wait_for(story, PATIENCE))


async def output_of(runtime: LocalRuntime, key: AttemptKey = KEY, container: str = "main") -> str:
    chunks = [chunk.data async for chunk in runtime.read(Log(key, POD_NAME, container), None)]
    return b"".join(chunks).decode()


async def run_to_end(runtime: LocalRuntime, key: AttemptKey = KEY) -> tuple[set[str], str]:
    """Ensure, wait for the end; what conditions are true, and the output."""
    assert isinstance(await runtime.ensure(key, JOB), Created | Exists)
    snapshot = await ended(runtime, key)
    return true_conditions(snapshot), await output_of(runtime, key)


def outcome(folder: Path, *containers: Container, **settings: Any) -> tuple[set[str], str]:
    """Run one attempt of these containers: true conditions, and the output of the first."""

    async def story() -> tuple[set[str], str]:
        async with open_runtime(folder, *containers, **settings) as runtime:
            return await run_to_end(runtime)

    return play(story())
