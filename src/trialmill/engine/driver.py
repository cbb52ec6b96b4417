"""The thin driver of one experiment: events go in, changes are saved, and what is desired is carried out.

One loop does it all, in this order and never another: take every event that has come in and apply it, save what became
true in one step, then see to it that the world is as desired. Everything that waits (a resource to be made, a log, an
algorithm, a timer) is a task that ends by putting an event into the queue; a task whose instruction is no longer
desired is cancelled.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from trialmill.api.history import AttemptView, Decision, Exhausted, History
from trialmill.engine.collecting import Collected, Collecting
from trialmill.engine.errands import Errands
from trialmill.engine.events import (
    CollectionFinished,
    Event,
    IntentChanged,
    Opened,
    PointsArrived,
    ResourceAccepted,
    ResourceDelayed,
    ResourceGone,
    ResourceRejected,
    ResourceSuspended,
    RuntimeTroubled,
    StopDecided,
    SuggestionsArrived,
    SuggestionsExhausted,
    SuggestionsFailed,
    TimerFired,
)
from trialmill.engine.instructions import Ask, Collect, Ensure, Instruction, Remove, SetTimer, Suspend
from trialmill.engine.judging import Judge
from trialmill.engine.ledger import PATIENCE, Ledger
from trialmill.engine.machine import apply, desired
from trialmill.engine.ports import Created, Gone, Rejected, RetryAfter, Snapshot, Synced, Trouble
from trialmill.engine.records import (
    AttemptKey,
    AttemptPhase,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    RunState,
    TrialRecord,
)
from trialmill.engine.rendering import rendered, rendered_parts
from trialmill.engine.state import State
from trialmill.engine.world import Plan, World
from trialmill.template.render import RenderError

_ASK_AGAIN: Final = timedelta(milliseconds=200)
_NOT_YET: Final = "NotYet"
"""Why a resource is not made where the runtime has no word for it."""


class Driver:
    """Drives one experiment until it is over or stopped. The caller holds the lease."""

    def __init__(self, plan: Plan, state: State, world: World, cursor: str) -> None:
        self._plan = plan
        self._state = state
        self._world = world
        self._cursor = cursor
        self._ledger = Ledger(world.stores, state)
        self._judge = Judge(plan.policy)
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._errands = Errands(lambda instruction: self._spawn(self._carry_out(instruction)))
        self._followed: list[Instruction] | None = None
        self._timer: tuple[datetime, asyncio.Task[None]] | None = None
        self._collecting: dict[AttemptKey, Collecting] = {}
        self._fresh: set[AttemptKey] = set()
        self._intent_is_stale = False
        self._patience: asyncio.TimerHandle | None = None
        self._is_impatient = False
        self._failure: BaseException | None = None
        self._background: list[asyncio.Task[None]] = []
        self._grace: timedelta | None = None
        self._releases: set[asyncio.Task[None]] = set()
        self._stop_requested = False

    async def run(self) -> ExperimentRecord:
        """Returns when the experiment is over or stopped. Raises what the store and the runtime raise."""
        self._put(Opened(self._now()))
        self._background = [self._spawn(self._follow_resources()), self._spawn(self._follow_intent())]
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
        self._stop_requested = True
        self._follow(self._state.experiment.intent)
        if grace is not None:
            self._grace = grace
            self._errands.begin_removals_anew()
            self._followed = None

    # --- the loop

    def _is_done(self) -> bool:
        experiment = self._state.experiment
        stopped = experiment.phase is ExperimentPhase.STOPPED and experiment.intent.state is RunState.STOP
        return (experiment.phase.is_over or stopped) and not self._events and self._ledger.is_empty

    async def _turn(self) -> None:
        self._wake.clear()
        if self._failure is not None:
            raise self._failure
        if self._intent_is_stale:
            await self._refresh_intent()
        wanted = self._decide()
        if self._must_save(wanted):
            await self._save()
        # The same instructions are mostly the same objects, so that it costs little to see that nothing is new.
        if wanted != self._followed:
            self._act(wanted)
            self._followed = wanted
        if wanted and isinstance(timer := wanted[-1], SetTimer):
            self._set_timer(timer.at)
        if self._world.watcher is not None:
            self._world.watcher.changed(self._state)

    def _decide(self) -> list[Instruction]:
        """Apply all events. An algorithm that answers at once is asked in between, so its trials are saved along."""
        while True:
            while self._events:
                event = self._events.popleft()
                self._ledger.add(apply(self._state, event))
                if isinstance(event, PointsArrived):
                    self._consider_stopping(event)
                elif isinstance(event, SuggestionsArrived):
                    self._errands.forget_answered()
                    self._followed = None
            wanted = desired(self._state, self._now())
            ask = None if self._world.offload else next((i for i in wanted if isinstance(i, Ask)), None)
            if ask is None:
                return wanted
            self._events.append(self._answer(ask, self._state.history()))

    def _must_save(self, wanted: list[Instruction]) -> bool:
        if self._ledger.is_empty:
            return False
        if self._ledger.is_urgent or not wanted:
            return True
        if wanted != self._followed and (self._errands.acts(wanted) or self._ended(wanted)):
            return True
        if self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._lose_patience)
        return self._is_impatient

    def _lose_patience(self) -> None:
        self._is_impatient = True
        self._wake.set()

    async def _save(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            self._is_impatient = False
        intent = await self._ledger.save()
        if intent is not None:
            self._follow(intent)

    async def _refresh_intent(self) -> None:
        self._intent_is_stale = False
        stored = await self._world.stores.trials.experiment(self._state.experiment.ref)
        if stored.version != self._state.experiment.version:
            self._state.take_version(stored.version)
            self._follow(stored.intent)

    def _follow(self, intent: Intent) -> None:
        """What the store says is wanted; a stop that was asked for here stands, whatever a door writes meanwhile."""
        wanted = replace(intent, state=RunState.STOP) if self._stop_requested else intent
        self._put(IntentChanged(self._now(), wanted))

    def _put(self, event: Event) -> None:
        self._events.append(event)
        self._wake.set()

    def _now(self) -> datetime:
        return self._world.clock.now()

    # --- carrying out

    def _act(self, wanted: list[Instruction]) -> None:
        self._errands.follow(wanted)
        for instruction in wanted:
            if isinstance(instruction, Collect):
                self._collect(instruction)
        for key in self._ended(wanted):
            self._forget(key)

    def _ended(self, wanted: list[Instruction]) -> list[AttemptKey]:
        """The attempts that were read to their end."""
        read = {instruction.key for instruction in wanted if isinstance(instruction, Collect)}
        return [key for key in self._collecting if key not in read]

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
            case _:
                raise AssertionError(f"{instruction} has its own life")

    def _set_timer(self, at: datetime) -> None:
        """A timer that is set for earlier is left: it fires for nothing, and is set anew then."""
        if self._timer is not None:
            due, task = self._timer
            if due <= at and not task.done():
                return
            task.cancel()
        self._timer = (at, self._spawn(self._sleep(at)))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
            self._wake.set()

    async def _end_tasks(self) -> None:
        await asyncio.gather(*self._releases, return_exceptions=True)
        for collecting in self._collecting.values():
            collecting.cancel()
        tasks = [*self._background, *self._errands.tasks(), *(c.task for c in self._collecting.values() if c.task)]
        if self._timer is not None:
            tasks.append(self._timer[1])
        if self._patience is not None:
            self._patience.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, ask: Ask) -> None:
        ends = self._state.ends
        answer = await asyncio.to_thread(self._answer, ask, self._state.history())
        self._put(replace(answer, ends=ends) if isinstance(answer, SuggestionsArrived) else answer)

    def _answer(self, ask: Ask, history: History) -> Event:
        """The algorithm's answer as an event. It may be anybody's: its failure ends the experiment, with its words."""
        settings, seed = self._plan.experiment.spec.algorithm.settings_map(), self._state.experiment.seed
        try:
            answer = self._world.searcher.ask(self._plan.space, settings, seed, history, ask.first, ask.count)
        except Exception as error:
            return SuggestionsFailed(self._now(), f"{type(error).__name__}: {error}")
        if isinstance(answer, Exhausted):
            return SuggestionsExhausted(self._now(), answer.reason)
        return SuggestionsArrived(self._now(), ask.first, answer.items)

    async def _ensure(self, key: AttemptKey) -> None:
        trial = self._state.trials[key.trial_index]
        try:
            whole = (self._plan.template, self._state.experiment, trial, trial.attempt, self._plan.experiment.labels)
            hydrate = self._world.hydrate
            resource = await asyncio.to_thread(rendered, *whole, hydrate) if hydrate else rendered(*whole)
            parts = rendered_parts(*whole)
        except RenderError as error:
            self._put(ResourceRejected(self._now(), key, "TemplateCannotBeFilled", str(error)))
            return
        while True:
            if self._state.trials[key.trial_index].attempt.resource_uid:
                return  # it was seen: it may be gone by now, and is not made anew
            answer = await self._world.runtime.ensure(key, resource, parts)
            if not isinstance(answer, RetryAfter):
                break
            if answer.reason:
                self._put(ResourceDelayed(self._now(), key, answer.cause or _NOT_YET, answer.reason))
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
        done = await self._world.runtime.suspend(suspend.key, uid, suspend.on)
        self._put(ResourceSuspended(self._now(), suspend.key, suspend.on, refused=suspend.on and not done))

    async def _sleep(self, until: datetime) -> None:
        await self._world.clock.sleep_until(until)
        self._put(TimerFired(self._now()))

    # --- metrics

    def _collect(self, collect: Collect) -> None:
        collecting = self._collecting.get(collect.key)
        if collecting is None:
            collecting = self._collecting[collect.key] = Collecting(
                collect.key,
                self._plan.experiment.spec,
                self._world.runtime,
                self._world.stores.metrics,
                self._collected,
                self._spawn,
                partial(self._judge.resource, collect.key),
                fresh=collect.key in self._fresh,
            )
        if collect.final:
            collecting.finish()

    def _collected(self, collected: Collected) -> None:
        self._ledger.append(collected.appended)
        key, at = collected.key, self._now()
        if collected.is_complete:
            self._put(CollectionFinished(at, key, collected.observation, collected.curve, collected.lost))
        else:
            self._put(PointsArrived(at, key, collected.observation, collected.curve))

    def _forget(self, key: AttemptKey) -> None:
        """The attempt has ended, and that is saved: nobody needs its resource any more, unless it is to be retained."""
        self._collecting.pop(key).cancel()
        self._judge.forget(key)
        self._fresh.discard(key)
        if not self._plan.experiment.spec.template.retain:
            release = self._spawn(self._world.runtime.remove(key, "", self._state.rules.stop_grace))
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)

    def _consider_stopping(self, event: PointsArrived) -> None:
        stopper, stopping = self._world.stopper, self._plan.experiment.spec.early_stopping
        trial = self._state.attempt_at(event.key)
        if stopper is None or stopping is None or trial is None or trial.attempt.phase is not AttemptPhase.RUNNING:
            return
        attempt = AttemptView(trial.index, trial.attempt.number, event.curve, trial.attempt.budget)
        decision = stopper.decide(stopping.settings_map(), self._state.history(), attempt)
        if decision is not Decision.GO:
            self._put(StopDecided(event.at, event.key, decision))

    # --- listening

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
                case Trouble():
                    self._put(RuntimeTroubled(self._now(), change.reason, change.message))
                case Synced():
                    for key in sorted(unseen):
                        self._put(ResourceGone(self._now(), key, "", "its resource was not there any more"))
                case Gone():
                    unseen.discard(change.key)
                    if (subject := self._under_way(change.key)) is not None:
                        self._put(self._judge.gone(change, subject.attempt.resource_uid, self._now()))
                case Snapshot():
                    unseen.discard(change.key)
                    subject = self._under_way(change.key)
                    if subject is not None:
                        self._hear(change, subject)

    def _under_way(self, key: AttemptKey) -> TrialRecord | None:
        """The trial whose attempt this is; None once the attempt has ended: what its resource does then is no news."""
        trial = self._state.attempt_at(key)
        return trial if trial is not None and trial.attempt.phase is not AttemptPhase.ENDED else None

    def _hear(self, snapshot: Snapshot, trial: TrialRecord) -> None:
        collecting = self._collecting.get(snapshot.key)
        if collecting is not None:
            collecting.resource_changed()
        event = self._judge.hear(snapshot, trial.attempt.resource_uid, self._now())
        if event is not None:
            self._put(event)

    async def _follow_intent(self) -> None:
        async for change in self._world.stores.trials.watch(self._cursor):
            if change.experiment_uid == self._state.experiment.uid:
                self._intent_is_stale = True
                self._wake.set()
                await self._world.clock.sleep_until(self._now() + _ASK_AGAIN)
