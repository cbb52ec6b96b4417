"""The life of an experiment: how it runs, pauses, stops, goes on and ends."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

import pytest
from rehearsal import Counting, Rehearsal, prints

from trialmill.api.history import Budget, Exhausted, History, NewTrial, Promotion, Settings, Suggestions
from trialmill.api.space import Space
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
from trialmill.runtime.simulated.runtime import Play, Script
from trialmill.testing.virtual_time import START


def by_trial(scripts: Mapping[int, Script], default: Script) -> Play:
    """The script of each trial, by index."""
    return lambda key, _: scripts.get(key.trial_index, default)


def lasts(seconds: float) -> Play:
    return lambda *_: prints(1.0, seconds=seconds)


FAILS = Script(code=1)


# --- ends
# -------------------------------------------------------------------------------------------------------------


def test_an_experiment_ends_when_all_its_trials_are_done() -> None:
    rehearsal = Rehearsal(max_trials=5)
    outcome = rehearsal.run()
    assert outcome.record.phase is ExperimentPhase.SUCCEEDED
    assert outcome.reason == "ExperimentMaxTrialsReached"
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 5
    assert sorted(trial.completion or 0 for trial in outcome.trials) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("parallel", [1, 2, 5, 9])
def test_never_more_trials_run_than_allowed(parallel: int) -> None:
    play: Play = lambda key, _: prints(1.0, seconds=1 + key.trial_index % 3)  # noqa: E731
    rehearsal = Rehearsal(play, parallel=parallel, max_trials=12)
    assert rehearsal.run().phases == [TrialPhase.SUCCEEDED] * 12
    assert rehearsal.runtime.most_at_once == parallel


def test_reaching_the_goal_ends_the_trials_that_still_run() -> None:
    play = by_trial({0: prints(0.5, seconds=60), 1: prints(0.05)}, prints(0.5, seconds=60))
    outcome = Rehearsal(play, goal=0.1, parallel=3, max_trials=9).run()
    assert outcome.reason == "ExperimentGoalReached"
    assert "loss is 0.05" in outcome.record.conditions[-1].message
    assert outcome.phases == [TrialPhase.KILLED, TrialPhase.SUCCEEDED, TrialPhase.KILLED]
    assert {trial.reason for trial in outcome.trials} == {"TrialSucceeded", "ExperimentEnded"}


@pytest.mark.parametrize(("allowed", "trials"), [pytest.param(0, 1, id="0 means the first"), (1, 1), (2, 2), (3, 3)])
def test_an_experiment_fails_at_its_limit_of_failed_trials(allowed: int, trials: int) -> None:
    outcome = Rehearsal(by_trial({}, FAILS), parallel=1, max_trials=9, max_failed=allowed).run()
    assert outcome.record.phase is ExperimentPhase.FAILED
    assert outcome.reason == "ExperimentFailed"
    assert outcome.phases == [TrialPhase.FAILED] * trials


def test_without_a_limit_all_trials_may_fail() -> None:
    outcome = Rehearsal(by_trial({}, FAILS)).run()
    assert outcome.reason == "ExperimentMaxTrialsReached"
    assert outcome.phases == [TrialPhase.FAILED] * 4
    assert "exited with code 1" in outcome.trials[0].message


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(lines=("nothing of interest\n",)), id="no metric"),
        pytest.param(Script(lines=("loss=nan\n", "loss=nan\n")), id="only nan"),
    ],
)
def test_a_trial_without_its_objective_counts_as_failed(script: Script) -> None:
    outcome = Rehearsal(by_trial({1: script}, prints(1.0)), parallel=1, max_failed=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED, TrialPhase.METRICS_UNAVAILABLE]
    assert outcome.reason == "ExperimentFailed"


def test_a_nan_does_not_hide_the_finite_values() -> None:
    outcome = Rehearsal(by_trial({}, Script(lines=("loss=0.5\n", "loss=nan\n"))), max_trials=1).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED]


def test_an_algorithm_with_nothing_left_ends_the_experiment_well() -> None:
    outcome = Rehearsal(searcher=Counting(limit=3), max_trials=9).run()
    assert outcome.record.phase is ExperimentPhase.SUCCEEDED
    assert outcome.reason == "ExperimentSuggestionEndReached"
    assert outcome.record.conditions[-1].message == "every number was tried"
    assert len(outcome.trials) == 3


class Broken:
    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        if first:
            raise ValueError("the matrix is singular")
        return Suggestions((NewTrial({"lr": 0.1}),))


def test_an_algorithm_that_breaks_down_fails_the_experiment_with_its_words() -> None:
    outcome = Rehearsal(lasts(60), searcher=Broken()).run()
    assert outcome.record.phase is ExperimentPhase.FAILED
    assert "ValueError: the matrix is singular" in outcome.record.conditions[-1].message
    assert outcome.phases == [TrialPhase.KILLED]


def test_an_algorithm_that_broke_down_is_not_tried_again_by_reopening() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        again = await rehearsal.drive(stores)
        assert again.phase is ExperimentPhase.FAILED

    assert len(Rehearsal(searcher=Broken()).run(story).trials) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param(Promotion(0, Budget("epochs", 2)), "which is Succeeded and not Paused", id="trial that is over"),
        pytest.param(Promotion(7, Budget("epochs", 2)), "trial 7, which does not exist", id="unknown trial"),
        pytest.param(NewTrial({"lr": 0.1}, parent=7), "child of trial 7", id="unknown parent"),
    ],
)
def test_an_impossible_suggestion_fails_the_experiment(wrong: NewTrial | Promotion, words: str) -> None:
    class Wrong:
        def ask(
            self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
        ) -> Suggestions | Exhausted:
            return Suggestions((wrong,) if first else (NewTrial({"lr": 0.1}),))

    outcome = Rehearsal(searcher=Wrong(), parallel=1).run()
    assert outcome.record.phase is ExperimentPhase.FAILED
    assert words in outcome.record.conditions[-1].message


class Hesitant(Counting):
    """Answers only while nothing runs: one trial at a time, whatever is asked."""

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        super().ask(space, settings, seed, history, first, count)
        running = any(not trial.status.is_over for trial in history.trials)
        return Suggestions(() if running else (NewTrial({"lr": first / 100}),))


def test_an_algorithm_that_waits_is_asked_again_only_after_an_end() -> None:
    searcher = Hesitant()
    rehearsal = Rehearsal(searcher=searcher, parallel=3, max_trials=4)
    assert rehearsal.run().phases == [TrialPhase.SUCCEEDED] * 4
    assert rehearsal.runtime.most_at_once == 1
    assert len(searcher.asked) <= 8


def test_an_algorithm_that_never_answers_ends_the_experiment() -> None:
    class Silent:
        def ask(
            self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
        ) -> Suggestions | Exhausted:
            return Suggestions(())

    outcome = Rehearsal(searcher=Silent()).run()
    assert outcome.reason == "ExperimentSuggestionEndReached"
    assert outcome.trials == []


def test_more_suggestions_than_asked_for_are_left() -> None:
    class Eager(Counting):
        def ask(
            self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
        ) -> Suggestions | Exhausted:
            return super().ask(space, settings, seed, history, first, count + 5)

    rehearsal = Rehearsal(searcher=Eager(), parallel=2, max_trials=5)
    outcome = rehearsal.run()
    assert [trial.assignments["lr"] for trial in outcome.trials] == [0.0, 0.01, 0.02, 0.03, 0.04]
    assert rehearsal.runtime.most_at_once == 2


T = TypeVar("T")


async def computes_for_long(function: Callable[..., T], *arguments: object) -> T:
    """Takes the place of `asyncio.to_thread`: an answer that comes later, in virtual time."""
    await asyncio.sleep(0.7)
    return function(*arguments)


@pytest.mark.parametrize("parallel", [1, 3])
def test_an_algorithm_that_computes_beside_the_trials_gives_the_same_trials(
    parallel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "to_thread", computes_for_long)
    play: Play = lambda key, _: prints(1.0, seconds=0.3 * (1 + key.trial_index % 4))  # noqa: E731
    outcome = Rehearsal(play, offload=True, parallel=parallel, max_trials=8).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 8
    assert [trial.assignments["lr"] for trial in outcome.trials] == [number / 100 for number in range(8)]


@pytest.mark.parametrize("hops", range(12))
def test_an_algorithm_that_waited_is_asked_again_though_a_trial_ended_meanwhile(
    hops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its empty answer and the end that it waits for come in any order, also at the very same moment."""

    async def computes(function: Callable[..., T], *arguments: object) -> T:
        answer = function(*arguments)
        await asyncio.sleep(0.7)
        for _ in range(hops):
            await asyncio.sleep(0)
        return answer

    class OneBehind(Counting):
        def ask(
            self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
        ) -> Suggestions | Exhausted:
            is_done = any(trial.status.is_over for trial in history.trials)
            return super().ask(space, settings, seed, history, first, count if is_done else min(count, 2 - first))

    monkeypatch.setattr(asyncio, "to_thread", computes)
    play = by_trial({0: prints(1.0, seconds=0.7)}, prints(1.0, seconds=500))
    outcome = Rehearsal(play, searcher=OneBehind(), offload=True, parallel=3, max_trials=3).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 3
    started = outcome.trials[2].created - START
    assert started < timedelta(seconds=5)


@pytest.mark.parametrize("rest", [0.0, 0.3, 0.7, 0.8, 5.0])
def test_an_answer_that_comes_during_a_pause_is_asked_for_again(rest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "to_thread", computes_for_long)

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await pause_and_resume(rehearsal, stores, at=0.6, rest=rest)

    assert Rehearsal(offload=True).run(story).phases == [TrialPhase.SUCCEEDED] * 4


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [
        pytest.param(2.0, ExperimentPhase.SUCCEEDED, id="with a result"),
        pytest.param(60.0, ExperimentPhase.FAILED, id="without any"),
    ],
)
def test_an_experiment_ends_at_its_timeout(seconds: float, phase: ExperimentPhase) -> None:
    outcome = Rehearsal(lasts(seconds), parallel=1, max_trials=99, timeout=5.0).run()
    assert outcome.reason == "ExperimentTimedOut"
    assert outcome.record.phase is phase
    assert outcome.trials[-1].phase is TrialPhase.KILLED
    assert outcome.record.finished is not None
    assert timedelta(seconds=5) <= outcome.record.finished - START < timedelta(seconds=6)


# --- conditions
# -------------------------------------------------------------------------------------------------------


def test_conditions_tell_the_life_in_order() -> None:
    outcome = Rehearsal(lasts(3), parallel=1, max_trials=2).run()
    found = [(str(c.type), c.status, c.reason) for c in outcome.record.conditions]
    assert found == [
        ("Created", True, "ExperimentCreated"),
        ("Running", False, "ExperimentMaxTrialsReached"),
        ("Succeeded", True, "ExperimentMaxTrialsReached"),
    ]
    created, running, succeeded = outcome.record.conditions
    assert created.last_transition == START
    assert running.last_transition == succeeded.last_transition == outcome.record.finished
    assert outcome.record.finished is not None
    assert outcome.record.finished - START >= timedelta(seconds=6)


# --- more and fewer
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "trials"), [(6, 6), pytest.param(None, 9, id="unlimited")])
def test_an_extended_experiment_goes_on(limit: int | None, trials: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        await rehearsal.want(stores, max_trials=limit)
        await rehearsal.drive(stores)

    rehearsal = Rehearsal(searcher=Counting(limit=9))
    outcome = rehearsal.run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * trials
    assert find_condition(outcome.record.conditions, ConditionType.RESTARTING) is not None
    assert sorted(trial.completion or 0 for trial in outcome.trials) == list(range(trials))
    assert outcome.record.conditions[-1].type is ConditionType.SUCCEEDED
    assert set(rehearsal.runtime.made.values()) == {1}


def test_an_experiment_that_failed_too_often_goes_on_when_more_may_fail() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        await rehearsal.want(stores, max_failed_trials=5)
        await rehearsal.drive(stores)

    outcome = Rehearsal(by_trial({0: FAILS}, prints(1.0)), parallel=1, max_failed=1).run(story)
    assert outcome.phases == [TrialPhase.FAILED, *[TrialPhase.SUCCEEDED] * 3]
    assert "maxFailedTrialCount is now 5" in [c.message for c in outcome.record.conditions]


def test_an_end_that_more_trials_do_not_change_stands() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        await rehearsal.want(stores, max_trials=50)
        await rehearsal.drive(stores)

    outcome = Rehearsal(goal=2.0, parallel=1).run(story)
    assert outcome.reason == "ExperimentGoalReached"
    assert len(outcome.trials) == 1


def test_more_trials_may_be_allowed_while_it_runs() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(1)
            await rehearsal.want(stores, max_trials=7)

    assert len(Rehearsal(lasts(2)).run(story).trials) == 7


def test_fewer_places_let_running_trials_end_and_start_fewer() -> None:
    running: list[int] = []

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(5)
            await rehearsal.want(stores, parallel_trials=1)
            for _ in range(5):
                counts = await stores.trials.counts("e1")
                running.append(sum(counts[phase] for phase in TrialPhase if phase.is_active))
                await asyncio.sleep(10)

    outcome = Rehearsal(lasts(10), parallel=4, max_trials=9).run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 9
    assert running == [4, 1, 1, 1, 1]


# --- pause, stop, resume
# ----------------------------------------------------------------------------------------------


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
