"""Pausing, stopping, and going on; what a door writes while the driver saves."""

import asyncio
from datetime import timedelta

import pytest
from rehearsal import Rehearsal, by_trial, lasts, prints

from trialmill.engine.conditions import find_condition
from trialmill.engine.ports import Stores
from trialmill.engine.records import (
    AttemptKey,
    ConditionType,
    ExperimentPhase,
    ExperimentRecord,
    RunState,
    TrialPhase,
)
from trialmill.testing.virtual_time import START


async def pause_and_resume(rehearsal: Rehearsal, stores: Stores, at: float, rest: float) -> ExperimentRecord:
    """Pauses after `at` seconds; returns the record as it was at the end of `rest` seconds."""
    async with rehearsal.driving(stores):
        await asyncio.sleep(at)
        await rehearsal.want(stores, state=RunState.PAUSE)
        await asyncio.sleep(rest)
        paused = await stores.trials.experiment(rehearsal.record.ref)
        await rehearsal.want(stores, state=RunState.RUN)
    return paused


def test_a_pause_suspends_what_runs_and_starts_nothing() -> None:
    seen: list[ExperimentRecord] = []

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        seen.append(await pause_and_resume(rehearsal, stores, at=4, rest=100))
        assert len(rehearsal.runtime.made) == 4

    outcome = Rehearsal(lasts(10), max_trials=4, active_deadline=15).run(story)
    (paused,) = seen
    assert paused.phase is ExperimentPhase.PAUSED
    assert (paused.conditions[-1].status, paused.conditions[-1].reason) == (False, "ExperimentPaused")
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert outcome.causes(0) == ["First"]
    assert outcome.record.finished is not None
    assert timedelta(seconds=119) < outcome.record.finished - START < timedelta(seconds=122)
    suspended = outcome.trials[0].attempt.suspended_for
    assert timedelta(seconds=99) < suspended < timedelta(seconds=101)


def test_a_pause_does_not_start_what_is_pending() -> None:
    # The resource of trial 0 is asked for again after three seconds: the pause comes before.
    play = by_trial({0: prints(1.0, retry_after=(3.0,))}, prints(1.0, seconds=50))

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(1)
            await rehearsal.want(stores, state=RunState.PAUSE)
            await asyncio.sleep(100)
            assert AttemptKey("e1", 0, 1) not in rehearsal.runtime.made
            await rehearsal.want(stores, state=RunState.RUN)

    assert Rehearsal(play).run(story).phases == [TrialPhase.SUCCEEDED] * 4


def test_the_timeout_does_not_run_during_a_pause() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await pause_and_resume(rehearsal, stores, at=4, rest=1000)

    outcome = Rehearsal(lasts(10), timeout=60).run(story)
    assert outcome.reason == "ExperimentMaxTrialsReached"


def test_what_a_crash_left_suspended_goes_on_when_it_is_resumed() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        task = asyncio.create_task(rehearsal.crash_after(stores, 4.5))
        await asyncio.sleep(4)
        await rehearsal.want(stores, state=RunState.PAUSE)
        await task
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    outcome = Rehearsal(lasts(10)).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert all(trial.attempt.number == 1 for trial in outcome.trials)


def test_a_pause_lets_what_cannot_be_suspended_go_on() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async def refuse(key: AttemptKey, uid: str, on: bool) -> bool:
            asked.append(on)
            return False

        rehearsal.runtime.suspend = refuse  # type: ignore[method-assign]
        await pause_and_resume(rehearsal, stores, at=4, rest=100)

    asked: list[bool] = []
    outcome = Rehearsal(lasts(10), max_trials=2, active_deadline=15).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 2
    assert asked == [True, True]
    assert all(trial.attempt.suspended_for == timedelta(0) for trial in outcome.trials)


def test_a_stopped_experiment_rests_and_goes_on_with_new_attempts() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(4)
            await rehearsal.want(stores, state=RunState.STOP)
        stopped = await stores.trials.experiment(rehearsal.record.ref)
        seen.append(stopped)
        counts = await stores.trials.counts("e1")
        assert not any(counts[phase] for phase in TrialPhase if phase.is_over)
        await rehearsal.drive(stores)
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    seen: list[ExperimentRecord] = []
    outcome = Rehearsal(lasts(10), max_failed=1).run(story)
    (stopped,) = seen
    assert stopped.phase is ExperimentPhase.STOPPED
    running = find_condition(stopped.conditions, ConditionType.RUNNING)
    assert running is not None
    assert (running.status, running.reason) == (False, "ExperimentStopped")
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert [outcome.causes(index) for index in range(4)] == [["First", "Resume"]] * 2 + [["First"]] * 2


def test_a_stopped_experiment_can_be_extended() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(4)
            await rehearsal.want(stores, state=RunState.STOP)
        await rehearsal.want(stores, max_trials=6)
        assert (await rehearsal.drive(stores)).phase is ExperimentPhase.STOPPED
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    assert Rehearsal(lasts(10)).run(story).phases == [TrialPhase.SUCCEEDED] * 6


def test_a_stop_that_is_taken_back_ends_nothing_for_good() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(4)
            await rehearsal.want(stores, state=RunState.STOP)
            await asyncio.sleep(1)
            await rehearsal.want(stores, state=RunState.RUN)

    slow = prints(1.0, seconds=10, stops_after=5.0)
    outcome = Rehearsal(by_trial({}, slow)).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert outcome.causes(0) == ["First", "Resume"]


@pytest.mark.parametrize(
    ("grace", "seconds"), [pytest.param(None, 7, id="gently"), pytest.param(timedelta(0), 4, id="at once")]
)
def test_a_stop_from_inside_ends_within_its_grace(grace: timedelta | None, seconds: float) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores) as driver:
            await asyncio.sleep(4)
            driver.request_stop(grace=grace)
        assert seconds <= (rehearsal.clock.now() - START).total_seconds() < seconds + 0.5

    outcome = Rehearsal(by_trial({}, prints(1.0, seconds=10, stops_after=3.0))).run(story)
    assert outcome.record.phase is ExperimentPhase.STOPPED
    assert outcome.record.intent.state is RunState.STOP


def test_a_second_request_shortens_the_grace_of_a_stop_under_way() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores) as driver:
            await asyncio.sleep(4)
            driver.request_stop()
            await asyncio.sleep(1)
            driver.request_stop(grace=timedelta(0))
        assert (rehearsal.clock.now() - START).total_seconds() < 5.5

    assert Rehearsal(by_trial({}, prints(1.0, seconds=10, stops_after=9.0))).run(story).trials


def test_a_stop_stands_when_a_door_writes_at_the_same_moment() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores) as driver:
            await asyncio.sleep(4)
            driver.request_stop(grace=timedelta(0))
            await rehearsal.want(stores, max_trials=9)

    outcome = Rehearsal(lasts(10)).run(story)
    assert outcome.record.phase is ExperimentPhase.STOPPED
    assert (outcome.record.intent.state, outcome.record.intent.max_trials) == (RunState.STOP, 9)


@pytest.mark.parametrize("at", [0.0, 0.05, 0.25, 0.999, 1.0, 1.001, 1.05, 1.1, 2.0])
def test_an_intent_is_never_lost_whenever_it_is_written(at: float) -> None:
    """A door writes at every kind of moment: while the driver rests, and just as it saves."""

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(at)
            await rehearsal.want(stores, max_trials=6)
            await rehearsal.want(stores, parallel_trials=1)
            assert (await stores.trials.experiment(rehearsal.record.ref)).intent.max_trials == 6

    outcome = Rehearsal(lasts(1)).run(story)
    assert outcome.record.intent.max_trials == 6
    assert outcome.record.intent.parallel_trials == 1
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 6


def test_a_paused_experiment_can_be_stopped() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(4)
            await rehearsal.want(stores, state=RunState.PAUSE)
            await asyncio.sleep(4)
            await rehearsal.want(stores, state=RunState.STOP)
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    outcome = Rehearsal(lasts(10)).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert outcome.causes(0) == ["First", "Resume"]
