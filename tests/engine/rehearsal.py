"""Experiments rehearsed on the simulated runtime, in virtual time, with a real store in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from trialmill.api.experiment import (
    Algorithm,
    Experiment,
    ExperimentSpec,
    FeasibleSpace,
    MetricsCollector,
    Objective,
    ObjectiveType,
    Parameter,
    ParameterType,
    Retry,
    TrialParameter,
    TrialTemplate,
)
from trialmill.api.history import Exhausted, History, NewTrial, Settings, Suggestions
from trialmill.api.problem import Problems
from trialmill.api.space import Double, Space
from trialmill.api.tree import JsonObject
from trialmill.engine.driver import Driver
from trialmill.engine.ports import Runtime, Searcher, Stopper, Stores
from trialmill.engine.records import ExperimentRecord, Intent, RunState, TrialPhase, TrialRecord
from trialmill.engine.rules import Rules, rules_of
from trialmill.engine.state import State
from trialmill.engine.world import Plan, World
from trialmill.kinds.profile import profile_of
from trialmill.kinds.schema import BUILT_IN
from trialmill.kinds.verdict import Policy
from trialmill.runtime.simulated.runtime import Play, Script, SimulatedRuntime
from trialmill.store.sql.open import open_store
from trialmill.template.compile import compile_template
from trialmill.template.encode import compiled_to_json
from trialmill.testing.virtual_time import START, VirtualClock, run_virtually

LR = Double("lr", 0.0, 1.0)
JOB: JsonObject = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "i", "command": ["train", "--lr=${trialParameters.lr}"]}],
            }
        }
    },
}


class Counting:
    """Suggests lr = number / 100, for ever; remembers what it was asked."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.asked: list[tuple[int, int]] = []
        self.histories: list[History] = []

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        self.asked.append((first, count))
        self.histories.append(history)
        if self.limit is not None and first >= self.limit:
            return Exhausted("every number was tried")
        last = first + count if self.limit is None else min(first + count, self.limit)
        return Suggestions(tuple(NewTrial({"lr": number / 100}) for number in range(first, last)))


def prints(value: float, **script: object) -> Script:
    """A trial that prints its loss and succeeds."""
    return replace(Script(lines=(f"loss={value}\n",)), **script)  # type: ignore[arg-type]


def succeeds(key: object, resource: JsonObject) -> Script:
    return prints(1.0)


def by_trial(scripts: Mapping[int, Script], default: Script) -> Play:
    """The script of each trial, by index."""
    return lambda key, _: scripts.get(key.trial_index, default)


def lasts(seconds: float) -> Play:
    return lambda *_: prints(1.0, seconds=seconds)


@dataclass
class Rehearsal:
    """One experiment with everything around it. `drive` runs it to rest; it may be called again to go on."""

    play: Play = succeeds
    searcher: Searcher = field(default_factory=Counting)
    stopper: Stopper | None = None
    parallel: int = 2
    max_trials: int | None = 4
    max_failed: int | None = None
    goal: float | None = None
    retry: Retry = field(default_factory=Retry)
    active_deadline: float | None = None
    timeout: float | None = None
    early_stopping: Algorithm | None = None
    rules: Mapping[str, object] = field(default_factory=dict)
    policy: Policy = field(default_factory=lambda: Policy(profile=profile_of("batch/v1", "Job")))
    around: Callable[[Runtime], Runtime] | None = None
    """Puts a runtime with faults around the simulated one."""
    manifest: JsonObject = field(default_factory=lambda: JOB)
    offload: bool = False
    collector: MetricsCollector = field(default_factory=MetricsCollector)

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.runtime = SimulatedRuntime(self.play, self.clock)
        parameters = ["lr", "epochs"] if "epochs" in json.dumps(self.manifest) else ["lr"]
        spec = ExperimentSpec(
            objective=Objective(ObjectiveType.MINIMIZE, "loss", goal=self.goal),
            algorithm=Algorithm("counting"),
            template=TrialTemplate(
                self.manifest,
                tuple(TrialParameter(name, name) for name in parameters),
                primary_container="main",
                retry=self.retry,
                active_deadline=_seconds(self.active_deadline),
            ),
            parameters=(Parameter("lr", ParameterType.DOUBLE, FeasibleSpace("0", "1")),),
            early_stopping=self.early_stopping,
            timeout=_seconds(self.timeout),
            collector=self.collector,
        )
        problems = Problems()
        template = compile_template(spec.template, parameters, BUILT_IN, problems)
        assert template is not None, list(problems)
        self.plan = Plan(
            Experiment("rehearsal", "default", spec, {}),
            Space((LR,)),
            template,
            self.policy,
        )
        self.record = ExperimentRecord(
            uid="e1",
            namespace="default",
            name="rehearsal",
            source={},
            compiled=compiled_to_json(template),
            seed=7,
            created=START,
            intent=Intent(RunState.RUN, self.parallel, self.max_trials, self.max_failed),
        )

    def run(self, story: "Callable[[Rehearsal, Stores], Awaitable[None]] | None" = None) -> "Outcome":
        """Play a story (by default: drive to the end) and tell how it ended."""

        async def whole() -> Outcome:
            async with open_store(":memory:") as stores:
                await stores.trials.save([self.record])
                if story is None:
                    await self.drive(stores)
                else:
                    await story(self, stores)
                record, trials, _ = await stores.trials.load(self.record.ref)
                return Outcome(record, trials)

        return run_virtually(whole())

    async def drive(self, stores: Stores) -> ExperimentRecord:
        return await (await self.driver(stores)).run()

    async def driver(self, stores: Stores) -> Driver:
        """A new driver, as after a restart: it knows what is in the store."""
        record, trials, cursor = await stores.trials.load(self.record.ref)
        rules = replace(rules_of(self.plan.experiment.spec), **self.rules)  # type: ignore[arg-type]
        state = State(record, trials, rules)
        runtime = self.around(self.runtime) if self.around else self.runtime
        world = World(stores, runtime, self.searcher, self.clock, self.stopper, offload=self.offload)
        return Driver(self.plan, state, world, cursor)

    @asynccontextmanager
    async def driving(self, stores: Stores) -> AsyncIterator[Driver]:
        """Drive beside the block, and to the end after it."""
        driver = await self.driver(stores)
        task = asyncio.create_task(driver.run())
        try:
            yield driver
            await task
        finally:
            task.cancel()

    async def crash_after(self, stores: Stores, seconds: float) -> None:
        """Drive for a while, and be killed: nothing is tidied up but what the store and the runtime hold."""
        driver = await self.driver(stores)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await driver.run()

    async def want(self, stores: Stores, **changes: object) -> None:
        """Change the intent, as a door does."""
        record = await stores.trials.experiment(self.record.ref)
        intent = replace(record.intent, **changes)  # type: ignore[arg-type]
        await stores.trials.save([replace(record, intent=intent)])


@dataclass(frozen=True)
class Outcome:
    record: ExperimentRecord
    trials: Sequence[TrialRecord]

    @property
    def phases(self) -> list[TrialPhase]:
        return [trial.phase for trial in self.trials]

    @property
    def reason(self) -> str:
        return self.record.conditions[-1].reason

    def causes(self, index: int) -> list[str]:
        return [str(attempt.cause) for attempt in self.trials[index].attempts]


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


__all__ = ["Counting", "Outcome", "Rehearsal", "Rules", "by_trial", "lasts", "prints", "succeeds"]
