"""The life of an experiment: how it runs, pauses, stops, goes on and ends."""

import asyncio
from datetime import timedelta

import pytest
from rehearsal import Counting, Rehearsal, by_trial, lasts, prints

from trialmill.api.history import Budget, Exhausted, History, NewTrial, Promotion, Settings, Suggestions
from trialmill.api.space import Space
from trialmill.engine.conditions import find_condition
from trialmill.engine.ports import Stores
from trialmill.engine.records import (
    ConditionType,
    ExperimentPhase,
    TrialPhase,
)
from trialmill.runtime.simulated.runtime import Play, Script
from trialmill.testing.virtual_time import START

FAILS = Script(code=1)


# --- ends


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


@pytest.mark.parametrize(
    ("trials", "script", "message"),
    [
        pytest.param(4, prints(1.0), "all 4 trials are done", id="some succeeded"),
        pytest.param(4, FAILS, "all 4 trials are done, and none of them has succeeded", id="all failed"),
        pytest.param(1, prints(1.0), "the only trial is done", id="the only one succeeded"),
        pytest.param(1, FAILS, "the only trial is done, and it has not succeeded", id="the only one failed"),
    ],
)
def test_an_end_of_all_trials_tells_when_none_has_succeeded(trials: int, script: Script, message: str) -> None:
    outcome = Rehearsal(lambda *_: script, max_trials=trials).run()
    assert outcome.record.ending is not None
    assert (outcome.record.ending.succeeded, outcome.record.ending.message) == (True, message)


# --- conditions


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


def test_an_experiment_that_reached_its_goal_goes_on_past_it_when_asked_to() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        await rehearsal.want(stores, past_goal=True)
        await rehearsal.drive(stores)

    outcome = Rehearsal(goal=2.0, parallel=1).run(story)
    assert outcome.reason == "ExperimentMaxTrialsReached"
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    assert "the goal does not end it any more" in [c.message for c in outcome.record.conditions]


@pytest.mark.parametrize(
    ("seconds", "found"),
    [pytest.param({0: 4, 1: 8}, True, id="with a result"), pytest.param({0: 8}, False, id="without any")],
)
def test_an_experiment_that_timed_out_has_its_whole_timeout_again_when_it_is_taken_up(
    seconds: dict[int, float], found: bool
) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        first = await rehearsal.drive(stores)
        assert first.ending is not None
        assert (first.ending.reason, first.ending.succeeded) == ("ExperimentTimedOut", found)
        await rehearsal.drive(stores)

    scripts = {index: prints(1.0, seconds=length) for index, length in seconds.items()}
    outcome = Rehearsal(by_trial(scripts, prints(1.0)), parallel=1, max_trials=4, timeout=6).run(story)
    assert outcome.reason == "ExperimentMaxTrialsReached"
    assert "its timeout starts anew" in [c.message for c in outcome.record.conditions]


def test_a_change_of_mind_while_a_timeout_ends_the_experiment_does_not_undo_that_end() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        driver = await rehearsal.driver(stores)
        await asyncio.gather(driver.run(), _asks_for_more(rehearsal, stores))

    async def _asks_for_more(rehearsal: Rehearsal, stores: Stores) -> None:
        await asyncio.sleep(6)
        await rehearsal.want(stores, max_trials=9)

    stubborn = prints(1.0, seconds=100, stops_after=5.0)
    outcome = Rehearsal(lambda *_: stubborn, parallel=1, timeout=5).run(story)
    assert outcome.record.ending is not None
    assert outcome.record.ending.reason == "ExperimentTimedOut"


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
