"""What becomes of a trial's attempts: retries, losses, deadlines, early stopping."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from around import Around
from rehearsal import Counting, Rehearsal, prints

from trialmill.api.experiment import Algorithm, CollectorKind, FileSource, MetricsCollector, Retry, Setting
from trialmill.api.history import AttemptView, Decision, History, Settings
from trialmill.api.tree import JsonObject
from trialmill.api.verdict import Stuck
from trialmill.engine.ports import (
    Chunk,
    Cursor,
    Gone,
    PodRef,
    Runtime,
    RuntimeLostError,
    Snapshot,
    Source,
    Stores,
    Synced,
    Trouble,
)
from trialmill.engine.records import AttemptKey, RunState, TrialPhase
from trialmill.kinds.profile import profile_of
from trialmill.kinds.verdict import Policy
from trialmill.runtime.simulated.runtime import Play, Script
from trialmill.search.medianstop import MedianStop
from trialmill.testing.runtime import true_conditions
from trialmill.testing.virtual_time import START

FAILS = Script(code=1)
VANISHES = Script(vanishes=True)


def once(first: Script) -> Play:
    """The first attempt of each trial plays `first`, all others succeed."""
    return lambda key, _: first if key.attempt == 1 else prints(1.0)


def always(script: Script) -> Play:
    return lambda *_: script


@dataclass
class Faults(Around):
    """A runtime with faults around another one."""

    endless_logs: bool = False
    pods_vanish: bool = False
    replaced_after: float | None = None
    removed: list[timedelta] = field(default_factory=list)

    async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
        self.removed.append(grace)
        await super().remove(key, uid, grace)

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        async for change in super().changes(experiment_uid, keys):
            yield change
            if isinstance(change, Snapshot) and self.replaced_after is not None and change.key.attempt == 1:
                await asyncio.sleep(self.replaced_after)
                impostor: JsonObject = {**change.resource, "metadata": {"uid": "another"}}
                yield Snapshot(change.key, "another", impostor)

    async def pods(self, key: AttemptKey) -> list[PodRef]:
        pods = await super().pods(key)
        return [pod for pod in pods if not (self.pods_vanish and pod.over)]

    async def read(self, source: Source, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
        async for chunk in super().read(source, after):
            yield chunk
        if self.endless_logs:
            await asyncio.Event().wait()


# --- retries


def test_a_failed_trial_is_tried_again_after_a_delay() -> None:
    outcome = Rehearsal(once(FAILS), retry=Retry(2, timedelta(seconds=30)), max_failed=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert outcome.causes(0) == ["First", "Retry"]
    first, second = outcome.trials[0].attempts
    assert first.finished is not None
    assert second.started is not None
    waited = second.started - first.finished
    assert timedelta(seconds=30) <= waited < timedelta(seconds=31)


def test_retries_have_a_limit() -> None:
    outcome = Rehearsal(always(FAILS), retry=Retry(2), max_trials=1).run()
    assert outcome.phases == [TrialPhase.FAILED]
    assert outcome.causes(0) == ["First", "Retry", "Retry"]
    names = [attempt.resource_name for attempt in outcome.trials[0].attempts]
    assert names == [outcome.trials[0].name, f"{outcome.trials[0].name}-2", f"{outcome.trials[0].name}-3"]


def test_a_trial_that_failed_just_before_a_stop_is_tried_again_when_resumed() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(1.05)
            await rehearsal.want(stores, state=RunState.STOP)
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    endless = lambda inner: Faults(inner, endless_logs=True)  # noqa: E731
    outcome = Rehearsal(once(FAILS), around=endless, retry=Retry(1), max_trials=1).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED]


def test_a_resource_that_is_rejected_fails_its_trial_at_once() -> None:
    outcome = Rehearsal(always(Script(rejected="no such queue")), retry=Retry(3), max_trials=1).run()
    assert outcome.phases == [TrialPhase.FAILED]
    assert (outcome.trials[0].reason, outcome.trials[0].message) == ("Refused", "no such queue")
    assert outcome.causes(0) == ["First"]


def test_a_busy_runtime_is_asked_again() -> None:
    rehearsal = Rehearsal(always(prints(1.0, retry_after=(5.0, 20.0))), max_trials=2)
    outcome = rehearsal.run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 2
    assert outcome.trials[0].started is not None
    assert outcome.trials[0].started - START >= timedelta(seconds=25)
    assert set(rehearsal.runtime.made.values()) == {1}


# --- losses


def test_a_trial_whose_resource_vanishes_gets_another_attempt() -> None:
    outcome = Rehearsal(once(VANISHES), max_failed=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert outcome.causes(0) == ["First", "Lost"]


def test_a_trial_that_is_lost_again_and_again_fails() -> None:
    outcome = Rehearsal(always(VANISHES), max_trials=1).run()
    assert outcome.phases == [TrialPhase.FAILED]
    assert outcome.trials[0].reason == "AttemptsLost"
    assert outcome.causes(0) == ["First"] + ["Lost"] * 5


def test_a_resource_that_another_took_the_place_of_is_lost() -> None:
    replaced = lambda inner: Faults(inner, replaced_after=0.5)  # noqa: E731
    play: Play = lambda key, _: prints(1.0, seconds=1e6 if key.attempt == 1 else 1.0)  # noqa: E731
    outcome = Rehearsal(play, around=replaced, max_trials=1).run()
    assert outcome.causes(0) == ["First", "Lost"]
    assert outcome.phases == [TrialPhase.SUCCEEDED]


def test_what_vanished_while_nobody_drove_is_found_lost() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, 5)
        await rehearsal.runtime.remove(AttemptKey("e1", 0, 1), "", timedelta(0))
        await asyncio.sleep(1)
        await rehearsal.drive(stores)

    outcome = Rehearsal(always(prints(1.0, seconds=10))).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert [outcome.causes(index) for index in range(2)] == [["First", "Lost"], ["First"]]


def test_the_end_of_a_stopped_trial_keeps_what_was_stored_when_its_pods_are_gone() -> None:
    """Early stopping has ended the resource, and the driver crashed before it could read on."""

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, 5)
        await rehearsal.drive(stores)

    play = always(Script(lines=("loss=0.5\n",) * 100, seconds=100, stops_after=0.0))
    gone = lambda inner: Faults(inner, pods_vanish=True)  # noqa: E731
    outcome = Rehearsal(play, around=gone, max_trials=1, active_deadline=5.0).run(story)
    (trial,) = outcome.trials
    assert trial.reason == "DeadlineExceeded"
    assert trial.observation is not None


# --- deadlines


def test_an_attempt_that_runs_too_long_is_ended_and_fails() -> None:
    outcome = Rehearsal(always(prints(1.0, seconds=1000)), active_deadline=20, max_trials=1).run()
    (trial,) = outcome.trials
    assert (trial.phase, trial.reason) == (TrialPhase.FAILED, "DeadlineExceeded")
    assert trial.started is not None
    assert trial.finished is not None
    assert timedelta(seconds=20) <= trial.finished - trial.started < timedelta(seconds=21)


def test_a_success_that_arrives_before_the_stop_lands_is_a_success() -> None:
    # Nothing can end it: it goes on, and completes within the time that its stop may take.
    class Deaf(Faults):
        async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
            self.removed.append(grace)

    outcome = Rehearsal(always(prints(1.0, seconds=30)), around=Deaf, active_deadline=20, max_trials=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED]
    assert outcome.trials[0].attempt.stop is None


def test_a_resource_that_never_goes_away_is_given_up() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        assert "StopTimedOut" in {event.reason for event in await stores.trials.events("e1", 99)}

    stubborn = Script(lines=("loss=1\n",) * 1000, seconds=1e6, stops_after=None)
    outcome = Rehearsal(always(stubborn), active_deadline=20, max_trials=1).run(story)
    (trial,) = outcome.trials
    assert (trial.phase, trial.reason) == (TrialPhase.FAILED, "DeadlineExceeded")
    # The deadline, the grace and the patience of a stop, and the time that its log may take.
    assert trial.finished is not None
    assert trial.finished - START < timedelta(seconds=20 + 10 + 60 + 60 + 1)


def test_a_metric_that_is_not_there_names_the_file_in_which_it_was_looked_for() -> None:
    collector = MetricsCollector(CollectorKind.FILE, FileSource("/var/log/loss.txt"))
    (trial,) = Rehearsal(always(prints(0.25)), collector=collector, max_trials=1).run().trials
    assert trial.phase is TrialPhase.METRICS_UNAVAILABLE
    assert trial.message == "metric loss was not found in /var/log/loss.txt"


def test_a_log_that_never_ends_is_not_waited_for() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        assert "CollectionTimedOut" in {event.reason for event in await stores.trials.events("e1", 99)}

    endless = lambda inner: Faults(inner, endless_logs=True)  # noqa: E731
    outcome = Rehearsal(always(prints(0.25)), around=endless, max_trials=1).run(story)
    (trial,) = outcome.trials
    assert trial.phase is TrialPhase.SUCCEEDED
    assert trial.observation is not None
    assert trial.observation.metrics[0].latest == 0.25
    assert outcome.record.finished is not None
    assert timedelta(seconds=61) <= outcome.record.finished - START < timedelta(seconds=62)


def test_metrics_of_a_trial_that_ended_long_ago_have_their_whole_time_to_arrive() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, 1)
        await asyncio.sleep(3600)
        await rehearsal.drive(stores)

    endless = lambda inner: Faults(inner, endless_logs=True)  # noqa: E731
    outcome = Rehearsal(always(prints(0.25, seconds=2.0)), around=endless, max_trials=1).run(story)
    assert outcome.record.finished is not None
    assert timedelta(seconds=3660) <= outcome.record.finished - START < timedelta(seconds=3662)


def test_a_mistyped_condition_fails_the_trial_after_a_while() -> None:
    policy = Policy(
        'status.conditions.#(type=="Completed")#|#(status=="True")#',
        'status.conditions.#(type=="Failed")#|#(status=="True")#',
        profile_of("batch/v1", "Job"),
    )
    outcome = Rehearsal(policy=policy, max_trials=1).run()
    (trial,) = outcome.trials
    assert (trial.phase, trial.reason) == (TrialPhase.FAILED, "PolicyUnmatched")
    assert "Complete" in trial.message
    assert trial.finished is not None
    assert timedelta(seconds=31) <= trial.finished - START < timedelta(seconds=32)


class Stalls(Faults):
    """The resources of first attempts wait for something from 2 s on; `heals` later it has come."""

    heals = 1e9

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        async for change in self.inner.changes(experiment_uid, keys):
            if not isinstance(change, Snapshot) or change.key.attempt != 1 or true_conditions(change):
                yield change
                continue
            yield replace(change, stuck=Stuck("ErrImagePull", "no such image", timedelta(minutes=10)))
            yield replace(change, stuck=Stuck("ImagePullBackOff", "no such image still", timedelta(minutes=10)))
            if self.heals < 1e9:
                await asyncio.sleep(self.heals)
                yield change


@dataclass
class Lost(Faults):
    """After 5 s in which it is out of sight for the last 2, it gives up; the second time all is well."""

    is_lost: bool = True

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        if not self.is_lost:
            async for change in self.inner.changes(experiment_uid, keys):
                yield change
            return
        await asyncio.sleep(3)
        yield Trouble("Unauthorized", "who are you?")
        await asyncio.sleep(2)
        self.is_lost = False
        raise RuntimeLostError("who are you?", "log in again")


def test_a_runtime_that_gives_up_ends_the_driver_and_the_next_one_finds_everything() -> None:
    lost: list[Lost] = []

    def around(inner: Runtime) -> Runtime:
        lost.append(Lost(inner, is_lost=not lost))
        return lost[-1]

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        with pytest.raises(RuntimeLostError, match="who are you\\?; log in again"):
            await rehearsal.drive(stores)
        told = [event.reason for event in await stores.trials.events("e1", 99)]
        assert "Unauthorized" in told
        await rehearsal.drive(stores)

    rehearsal = Rehearsal(always(prints(1.0, seconds=4)), around=around)
    outcome = rehearsal.run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert set(rehearsal.runtime.made.values()) == {1}


class Fails(Stalls):
    """Somebody else sees to how often its pods may fail."""

    async def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        async for change in self.inner.changes(experiment_uid, keys):
            if isinstance(change, Snapshot) and not true_conditions(change):
                yield replace(change, stuck=Stuck("PodFailed", "pod p: words", None))
            else:
                yield change


def test_a_wait_that_others_end_is_never_given_up() -> None:
    outcome = Rehearsal(always(prints(1.0, seconds=1e5)), around=Fails, max_trials=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED]


class Heals(Stalls):
    heals = 300.0


def test_what_waits_in_vain_for_too_long_is_given_up_with_the_reason() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        told = [event.reason for event in await stores.trials.events("e1", 99)]
        assert told.count("ErrImagePull") == 1
        assert "ImagePullBackOff" not in told

    outcome = Rehearsal(always(prints(1.0, seconds=1e6)), around=Stalls, max_trials=1).run(story)
    (trial,) = outcome.trials
    assert (trial.phase, trial.reason, trial.message) == (TrialPhase.FAILED, "ImagePullBackOff", "no such image still")
    assert trial.finished is not None
    # What it has printed so far is read for as long as that may take.
    assert timedelta(minutes=10) <= trial.finished - START <= timedelta(minutes=11)


def test_a_trial_that_was_given_up_is_retried_like_any_that_failed() -> None:
    play: Play = lambda key, _: prints(1.0, seconds=1e6 if key.attempt == 1 else 1.0)  # noqa: E731
    outcome = Rehearsal(play, around=Stalls, retry=Retry(1), max_trials=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED]
    assert outcome.causes(0) == ["First", "Retry"]


def test_what_comes_in_time_is_waited_for() -> None:
    outcome = Rehearsal(always(prints(1.0, seconds=2000)), around=Heals, max_trials=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED]


# --- early stopping


def falls_to(value: float) -> Script:
    """Ten values over ten seconds."""
    return Script(lines=tuple(f"loss={value + 1 / step}\n" for step in range(1, 11)), seconds=10)


def test_a_trial_worse_than_the_median_is_stopped_early() -> None:
    stopping = Algorithm("medianstop", (Setting("min_trials_required", "2"), Setting("start_step", "3")))
    play: Play = lambda key, _: falls_to(5.0 if key.trial_index == 3 else 0.0)  # noqa: E731
    rehearsal = Rehearsal(play, parallel=1, stopper=MedianStop(), early_stopping=stopping)
    outcome = rehearsal.run()
    assert outcome.phases == [*[TrialPhase.SUCCEEDED] * 3, TrialPhase.EARLY_STOPPED]
    stopped = outcome.trials[3]
    assert stopped.observation is not None
    assert stopped.observation.metrics[0].latest is not None
    assert stopped.observation.metrics[0].latest > 5
    assert stopped.started is not None
    assert stopped.finished is not None
    assert stopped.finished - stopped.started < timedelta(seconds=4)


def test_a_stopped_early_trial_keeps_its_place_in_the_history() -> None:
    searcher = Counting()
    stopping = Algorithm("medianstop", (Setting("min_trials_required", "1"), Setting("start_step", "2")))
    play: Play = lambda key, _: falls_to(float(key.trial_index))  # noqa: E731
    Rehearsal(play, searcher=searcher, parallel=1, stopper=MedianStop(), early_stopping=stopping).run()
    last = searcher.histories[-1].trials
    assert [trial.status.value for trial in last] == ["succeeded", "earlyStopped", "earlyStopped"]
    assert all(trial.value is not None for trial in last)


class PausesSecond:
    """Pauses the second trial once it has said two values."""

    def decide(self, settings: Settings, history: History, attempt: AttemptView) -> Decision:
        return Decision.PAUSE if attempt.trial == 1 and len(attempt.curve) >= 2 else Decision.GO


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_a_trial_that_early_stopping_pauses_ends_not_promoted(parallel: int) -> None:
    rehearsal = Rehearsal(
        always(falls_to(0.0)), parallel=parallel, stopper=PausesSecond(), early_stopping=Algorithm("pauses")
    )
    outcome = rehearsal.run()
    assert outcome.phases[1] is TrialPhase.EARLY_STOPPED
    assert outcome.trials[1].reason == "NotPromoted"
    assert outcome.phases.count(TrialPhase.SUCCEEDED) == 3
