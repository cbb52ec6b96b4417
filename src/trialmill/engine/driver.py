"""The thin driver of one experiment: events go in, changes are saved, and what is desired is carried out.

One loop does it all, in this order and never another: take every event that has come in, apply them, save what became
true in one step, then see to it that the world is as desired. Everything that waits (a resource to be made, a log, an
algorithm, a timer) is a task that ends by putting an event into the queue, and a task whose instruction is no longer
desired is cancelled.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from trialmill.api.experiment import Experiment
from trialmill.api.history import AttemptView, Decision, Exhausted
from trialmill.api.space import Space
from trialmill.api.verdict import Verdict, VerdictMemory, VerdictPhase
from trialmill.engine.collecting import Appended, Collected, Collecting
from trialmill.engine.events import (
    CollectionFinished,
    Event,
    IntentChanged,
    Opened,
    PointsArrived,
    ResourceAccepted,
    ResourceChanged,
    ResourceGone,
    ResourceRejected,
    ResourceSuspended,
    StopDecided,
    SuggestionsArrived,
    SuggestionsExhausted,
    SuggestionsFailed,
    TimerFired,
)
from trialmill.engine.instructions import Ask, Collect, Ensure, Instruction, Remove, SetTimer, Suspend
from trialmill.engine.machine import apply, desired
from trialmill.engine.ports import (
    Clock,
    ConflictError,
    Created,
    Gone,
    Rejected,
    RetryAfter,
    Runtime,
    Searcher,
    Snapshot,
    Stopper,
    Stores,
    Synced,
)
from trialmill.engine.records import (
    AttemptKey,
    AttemptPhase,
    EventRecord,
    ExperimentPhase,
    ExperimentRecord,
    Record,
    RunState,
)
from trialmill.engine.rendering import rendered
from trialmill.engine.state import State
from trialmill.kinds.verdict import Policy, judge, remember, unmatched
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.render import RenderError

_ASK_AGAIN: Final = timedelta(milliseconds=200)


class Watcher(Protocol):
    """Somebody who looks on: told after each save, and must be quick."""

    def changed(self, state: State) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """All that a driver works with. `offload` runs the algorithm beside the loop, for algorithms that compute for
    long.
    """

    stores: Stores
    runtime: Runtime
    searcher: Searcher
    clock: Clock
    stopper: Stopper | None = None
    watcher: Watcher | None = None
    offload: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The experiment as it is driven: its file's contents, typed and compiled."""

    experiment: Experiment
    space: Space
    template: CompiledTemplate
    policy: Policy


@dataclass(slots=True)
class _Judged:
    """What was concluded of an attempt's resource so far."""

    memory: VerdictMemory = field(default_factory=VerdictMemory)
    verdict: Verdict | None = None
    unmatched: Verdict | None = None


class Driver:
    """Drives one experiment until it is over or stopped. The caller holds the lease."""

    def __init__(self, plan: Plan, state: State, world: World, cursor: str) -> None:
        self._plan = plan
        self._state = state
        self._world = world
        self._cursor = cursor
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._tasks: dict[Instruction, asyncio.Task[None]] = {}
        self._collecting: dict[AttemptKey, Collecting] = {}
        self._judged: dict[AttemptKey, _Judged] = {}
        self._fresh: set[AttemptKey] = set()
        self._appended: list[Appended] = []
        self._intent_is_stale = False
        self._failure: BaseException | None = None
        self._background: list[asyncio.Task[None]] = []
        self._grace: timedelta | None = None

    async def run(self) -> ExperimentRecord:
        """Returns when the experiment is over or stopped. Raises what the store raises; nothing is acted on unsaved."""
        self._put(Opened(self._now()))
        self._background = [
            self._spawn(self._follow_resources()),
            self._spawn(self._follow_intent()),
        ]
        try:
            while not self._is_done():
                await self._turn()
                if not self._events and not self._is_done():
                    await self._wake.wait()
            return self._state.experiment
        finally:
            await self._end_tasks()

    def request_stop(self, *, grace: timedelta | None = None) -> None:
        """End the attempts and come to rest; with `grace`, within that time. May be called again with less."""
        intent = replace(self._state.experiment.intent, state=RunState.STOP)
        self._put(IntentChanged(self._now(), intent))
        if grace is not None:
            self._grace = grace
            self._drop(lambda instruction: isinstance(instruction, Remove))

    # --- the loop ----------------------------------------------------------------------------------------------------

    def _is_done(self) -> bool:
        experiment = self._state.experiment
        stopped = experiment.phase is ExperimentPhase.STOPPED and experiment.intent.state is RunState.STOP
        return (experiment.phase.is_over or stopped) and not self._events and not self._appended

    async def _turn(self) -> None:
        self._wake.clear()
        if self._failure is not None:
            raise self._failure
        if self._intent_is_stale:
            await self._refresh_intent()
        records: dict[str, Record] = {}
        story: list[EventRecord] = []
        while self._events:
            event = self._events.popleft()
            changes = apply(self._state, event)
            records.update((record.uid, record) for record in changes.records)
            story += changes.story
            if isinstance(event, PointsArrived):
                self._consider_stopping(event)
        await self._save(records, story)
        self._act()
        if self._world.watcher is not None:
            self._world.watcher.changed(self._state)

    async def _save(self, records: dict[str, Record], story: Sequence[EventRecord]) -> None:
        if not records and not self._appended and not story:
            return
        appended, self._appended = self._appended, []
        try:
            await self._write([*records.values()], appended, story)
        except ConflictError:
            # Only doors write beside the driver, and only the experiment's intent: take theirs over and save again.
            await self._refresh_intent()
            current = self._state.experiment
            again = [current if isinstance(r, ExperimentRecord) else r for r in records.values()]
            await self._write(again, appended, story)

    async def _write(
        self, records: Sequence[Record], appended: Sequence[Appended], story: Sequence[EventRecord]
    ) -> None:
        stores = self._world.stores
        async with stores.together():
            saved = await stores.trials.save(self._in_current_version(records)) if records else []
            for item in appended:
                await stores.metrics.append(item.key, item.source, item.points, item.cursor, item.gap)
            if story:
                await stores.trials.log(story)
        self._state.saved(saved)

    def _in_current_version(self, records: Sequence[Record]) -> list[Record]:
        """Records carry the version they were made from; the state knows the one that was saved since."""
        return [
            replace(r, version=self._state.experiment.version)
            if isinstance(r, ExperimentRecord)
            else replace(r, version=self._state.trials[r.index].version)
            for r in records
        ]

    async def _refresh_intent(self) -> None:
        self._intent_is_stale = False
        stored = await self._world.stores.trials.experiment(self._state.experiment.ref)
        if stored.version != self._state.experiment.version:
            self._state.take_version(stored.version)
            self._put(IntentChanged(self._now(), stored.intent))

    def _put(self, event: Event) -> None:
        self._events.append(event)
        self._wake.set()

    def _now(self) -> datetime:
        return self._world.clock.now()

    # --- carrying out ------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        wanted = dict.fromkeys(desired(self._state, self._now()))
        self._drop(lambda instruction: instruction not in wanted)
        for instruction in wanted:
            if isinstance(instruction, Collect):
                self._collect(instruction)
            elif instruction not in self._tasks:
                self._tasks[instruction] = self._spawn(self._carry_out(instruction))
        for key in [key for key in self._collecting if Collect(key, True) not in wanted]:
            if Collect(key, False) not in wanted:
                self._forget(key)

    def _drop(self, is_obsolete: Callable[[Instruction], bool]) -> None:
        for instruction in [i for i in self._tasks if is_obsolete(i)]:
            self._tasks.pop(instruction).cancel()

    def _carry_out(self, instruction: Instruction) -> Coroutine[None, None, None]:
        match instruction:
            case Ask():
                return self._ask(instruction)
            case Ensure():
                return self._ensure(instruction.key)
            case Remove():
                return self._remove(instruction)
            case Suspend():
                return self._suspend(instruction)
            case SetTimer():
                return self._sleep(instruction.at)
            case Collect():
                raise AssertionError("collecting has its own life")

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
            self._wake.set()

    async def _end_tasks(self) -> None:
        tasks = [*self._background, *self._tasks.values(), *(c.task for c in self._collecting.values() if c.task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, ask: Ask) -> None:
        settings = self._plan.experiment.spec.algorithm.settings_map()
        history, seed = self._state.history(), self._state.experiment.seed
        arguments = (self._plan.space, settings, seed, history, ask.first, ask.count)
        try:
            if self._world.offload:
                answer = await asyncio.to_thread(self._world.searcher.ask, *arguments)
            else:
                answer = self._world.searcher.ask(*arguments)
        except Exception as error:  # an algorithm may be anybody's: its failure ends the experiment
            self._put(SuggestionsFailed(self._now(), f"{type(error).__name__}: {error}"))
            return
        if isinstance(answer, Exhausted):
            self._put(SuggestionsExhausted(self._now(), answer.reason))
        else:
            self._put(SuggestionsArrived(self._now(), ask.first, answer.items))

    async def _ensure(self, key: AttemptKey) -> None:
        trial = self._state.trials[key.trial_index]
        try:
            labels = self._plan.experiment.labels
            resource = rendered(self._plan.template, self._state.experiment, trial, trial.attempt, labels)
        except RenderError as error:
            self._put(ResourceRejected(self._now(), key, "TemplateCannotBeFilled", str(error)))
            return
        while True:
            answer = await self._world.runtime.ensure(key, resource)
            if not isinstance(answer, RetryAfter):
                break
            await self._world.clock.sleep_until(self._now() + answer.delay)
        if isinstance(answer, Rejected):
            self._put(ResourceRejected(self._now(), key, answer.reason, answer.message))
            return
        if isinstance(answer, Created):
            self._fresh.add(key)
        self._put(ResourceAccepted(self._now(), key, answer.uid, answer.handle))

    async def _remove(self, remove: Remove) -> None:
        grace = self._state.rules.stop_grace if self._grace is None else self._grace
        await self._world.runtime.remove(remove.key, remove.uid, grace)

    async def _suspend(self, suspend: Suspend) -> None:
        uid = self._state.trials[suspend.key.trial_index].attempt.resource_uid
        if await self._world.runtime.suspend(suspend.key, uid, suspend.on):
            self._put(ResourceSuspended(self._now(), suspend.key, suspend.on))

    async def _sleep(self, until: datetime) -> None:
        await self._world.clock.sleep_until(until)
        self._put(TimerFired(self._now()))

    # --- metrics -----------------------------------------------------------------------------------------------------

    def _collect(self, collect: Collect) -> None:
        collecting = self._collecting.get(collect.key)
        if collecting is None:
            collecting = self._collecting[collect.key] = Collecting(
                collect.key,
                self._plan.experiment.spec,
                self._world.runtime,
                self._world.stores.metrics,
                self._collected,
                fresh=collect.key in self._fresh,
            )
            if collect.final:
                collecting.finish()
            collecting.task = self._spawn(collecting.run())
        elif collect.final:
            collecting.finish()

    def _collected(self, collected: Collected) -> None:
        self._appended += collected.appended
        key, at = collected.key, self._now()
        if collected.is_complete:
            self._put(CollectionFinished(at, key, collected.observation, collected.curve))
        else:
            self._put(PointsArrived(at, key, collected.observation, collected.curve))

    def _forget(self, key: AttemptKey) -> None:
        collecting = self._collecting.pop(key)
        if collecting.task is not None:
            collecting.task.cancel()
        self._judged.pop(key, None)
        self._fresh.discard(key)

    def _consider_stopping(self, event: PointsArrived) -> None:
        stopper, stopping = self._world.stopper, self._plan.experiment.spec.early_stopping
        trial = self._state.attempt_at(event.key)
        if stopper is None or stopping is None or trial is None or trial.attempt.phase is not AttemptPhase.RUNNING:
            return
        attempt = AttemptView(trial.index, trial.attempt.number, event.curve, trial.attempt.budget)
        decision = stopper.decide(stopping.settings_map(), self._state.history(), attempt)
        if decision is not Decision.GO:
            self._put(StopDecided(event.at, event.key, decision))

    # --- listening ---------------------------------------------------------------------------------------------------

    async def _follow_resources(self) -> None:
        unseen = {
            trial.key
            for index in self._state.active
            if (trial := self._state.trials[index]).attempt.resource_uid
            and trial.attempt.phase is not AttemptPhase.COLLECTING
        }
        keys = [self._state.trials[index].key for index in sorted(self._state.active)]
        async for change in self._world.runtime.changes(self._state.experiment.uid, keys):
            match change:
                case Snapshot():
                    unseen.discard(change.key)
                    self._judge(change)
                case Gone():
                    unseen.discard(change.key)
                    self._put(ResourceGone(self._now(), change.key, change.uid, change.message))
                case Synced():
                    for key in sorted(unseen):
                        self._put(ResourceGone(self._now(), key, "", "its resource was not there any more"))

    def _judge(self, snapshot: Snapshot) -> None:
        """Turn a snapshot into an event, if it says anything new."""
        key = snapshot.key
        if key in self._collecting:
            self._collecting[key].resource_changed()
        judged = self._judged.setdefault(key, _Judged())
        verdict = judge(snapshot.resource, self._plan.policy, judged.memory)
        judged.memory = remember(judged.memory, snapshot.resource, verdict)
        if verdict.phase is VerdictPhase.FAILED and snapshot.evidence:
            verdict = replace(verdict, message=_join(snapshot.evidence, verdict.message))
        mismatch = None if verdict.phase.is_terminal else unmatched(snapshot.resource, self._plan.policy)
        if (verdict, mismatch) != (judged.verdict, judged.unmatched):
            judged.verdict, judged.unmatched = verdict, mismatch
            self._put(ResourceChanged(self._now(), key, snapshot.uid, verdict, mismatch))

    async def _follow_intent(self) -> None:
        async for change in self._world.stores.trials.watch(self._cursor):
            if change.experiment_uid == self._state.experiment.uid:
                self._intent_is_stale = True
                self._wake.set()
                await self._world.clock.sleep_until(self._now() + _ASK_AGAIN)


def _join(evidence: str, message: str) -> str:
    return f"{evidence}: {message}" if message else evidence
