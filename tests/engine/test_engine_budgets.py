"""Algorithms that go on with trials: successive halving promotes them, a population inherits from them."""

import asyncio
import copy
from functools import cache
from typing import Final

import pytest
from rehearsal import JOB, Outcome, Rehearsal

from trialmill.api.history import (
    Budget,
    Exhausted,
    History,
    NewTrial,
    Promotion,
    Settings,
    Suggestion,
    Suggestions,
    TrialStatus,
    TrialView,
)
from trialmill.api.space import Space
from trialmill.api.tree import JsonObject, get_list
from trialmill.engine.ports import Searcher, Stores
from trialmill.engine.records import AttemptKey, AttemptPhase, RunState, TrialPhase
from trialmill.runtime.simulated.runtime import Script

RUNGS: Final = (1, 3, 9)
TRIALS: Final = 9


class Halving:
    """ASHA (Li et al., 2020) with a reduction factor of three: the best third of each rung is promoted."""

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        items: list[Suggestion] = []
        items += _promotions(history)[:count]
        for index in range(len(history.trials), min(len(history.trials) + count - len(items), TRIALS)):
            items.append(NewTrial({"lr": (index * 7 % TRIALS) / TRIALS, "epochs": 0}, _budget(0)))
        return Suggestions(tuple(items))


def _promotions(history: History) -> list[Promotion]:
    found = []
    for rung in reversed(range(len(RUNGS) - 1)):
        values = {t.index: _values(t)[rung] for t in history.trials if len(_values(t)) > rung}
        best = sorted(values, key=lambda index: (values[index], index))[: len(values) // 3]
        for trial in history.trials:
            is_waiting = trial.status is TrialStatus.PAUSED and len(_values(trial)) == rung + 1
            if is_waiting and trial.index in best:
                found.append(Promotion(trial.index, _budget(rung + 1), {"values": [*_values(trial)]}))
    return found


def _values(trial: TrialView) -> list[float]:
    """The values that the trial had at each rung it has done."""
    state = trial.search_state
    past = [float(str(value)) for value in get_list(state, "values")] if isinstance(state, dict) else []
    return [*past, trial.value] if trial.status is TrialStatus.PAUSED and trial.value is not None else past


def _budget(rung: int) -> Budget:
    return Budget("epochs", RUNGS[rung], final=rung == len(RUNGS) - 1)


def with_epochs() -> JsonObject:
    manifest = copy.deepcopy(JOB)
    _command(manifest).append("--epochs=${trialParameters.epochs}")
    return manifest


def _command(manifest: JsonObject) -> list[object]:
    (container,) = get_list(manifest, "spec", "template", "spec", "containers")
    assert isinstance(container, dict)
    command = container["command"]
    assert isinstance(command, list)
    return command  # type: ignore[return-value]


def trains(key: AttemptKey, resource: JsonObject) -> Script:
    """A second for each epoch; the loss is the learning rate's, and falls."""
    options = dict(str(word).removeprefix("--").split("=") for word in _command(resource)[1:])
    epochs, lr = int(options["epochs"]), float(options["lr"])
    lines = tuple(f"loss={lr + 0.01 / epoch}\n" for epoch in range(1, epochs + 1))
    return Script(lines, float(epochs))


def halving(parallel: int) -> Rehearsal:
    return Rehearsal(trains, searcher=Halving(), parallel=parallel, max_trials=TRIALS, manifest=with_epochs())


def told(outcome: Outcome) -> list[object]:
    """What became of each trial, but for its times."""
    return [
        (trial.assignments, trial.phase, [(a.cause, a.budget) for a in trial.attempts], trial.completion)
        for trial in outcome.trials
    ]


def check_halving(rehearsal: Rehearsal, outcome: Outcome, parallel: int) -> None:
    assert outcome.reason == "ExperimentSuggestionEndReached"
    assert len(outcome.trials) == TRIALS
    assert set(rehearsal.runtime.made.values()) == {1}
    assert rehearsal.runtime.most_at_once <= parallel
    for trial in outcome.trials:
        budgets = [a.budget.amount for a in trial.attempts if a.budget and a.verdict and a.stop is None]
        assert budgets == list(RUNGS[: len(budgets)])
        assert all(attempt.phase is AttemptPhase.ENDED for attempt in trial.attempts)
        reached_the_top = len(budgets) == len(RUNGS)
        assert trial.phase is (TrialPhase.SUCCEEDED if reached_the_top else TrialPhase.EARLY_STOPPED)
        assert trial.reason == ("TrialSucceeded" if reached_the_top else "NotPromoted")
    assert outcome.phases.count(TrialPhase.SUCCEEDED) >= 1
    best = min(outcome.trials, key=lambda t: float(str(t.assignments["lr"])))
    assert best.phase is TrialPhase.SUCCEEDED


@cache
def undisturbed(parallel: int) -> list[object]:
    return told(halving(parallel).run())


@pytest.mark.parametrize("parallel", [1, 2, 3, 9])
def test_halving_promotes_the_best_through_new_attempts_with_larger_budgets(parallel: int) -> None:
    rehearsal = halving(parallel)
    outcome = rehearsal.run()
    check_halving(rehearsal, outcome, parallel)
    assert told(outcome) == undisturbed(parallel)


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("seconds", [0.5, 1.05, 3.3, 6.0, 9.7, 14.2, 20.1])
def test_halving_goes_on_after_a_crash_as_if_nothing_had_been(seconds: float, parallel: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, seconds)
        await rehearsal.crash_after(stores, 0.3)
        await rehearsal.drive(stores)

    rehearsal = halving(parallel)
    outcome = rehearsal.run(story)
    check_halving(rehearsal, outcome, parallel)
    if parallel == 1:
        assert told(outcome) == undisturbed(1)


@pytest.mark.parametrize("seconds", [0.5, 4.5, 9.7, 14.2])
def test_halving_can_be_stopped_and_resumed_with_the_budgets_of_before(seconds: float) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(seconds)
            await rehearsal.want(stores, state=RunState.STOP)
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    rehearsal = halving(3)
    check_halving(rehearsal, rehearsal.run(story), 3)


SIZE: Final = 4
GENERATIONS: Final = 3


class Population:
    """Each generation starts from the best trial of the one before it (Jaderberg et al., 2017, by generations)."""

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        if first >= SIZE * GENERATIONS:
            return Exhausted("the last generation is there")
        items = [item for n in range(first, first + count) if (item := _child(history, n)) is not None]
        return Suggestions(tuple(items))


def _child(history: History, number: int) -> NewTrial | None:
    """None while the generation before is not done, and after the last."""
    generation, place = divmod(number, SIZE)
    if generation >= GENERATIONS:
        return None
    labels = {"trialmill.dev/generation": str(generation)}
    if generation == 0:
        return NewTrial({"lr": 0.9 - place / 10}, labels=labels)
    before = history.trials[(generation - 1) * SIZE : generation * SIZE]
    if len(before) < SIZE or not all(trial.status.is_over for trial in before):
        return None
    best = min(before, key=lambda trial: trial.value if trial.value is not None else 1.0)
    return NewTrial({"lr": float(str(best.assignments["lr"])) * (0.8 + place / 10)}, parent=best.index, labels=labels)


def measures(key: AttemptKey, resource: JsonObject) -> Script:
    lr = str(_command(resource)[1]).removeprefix("--lr=")
    return Script((f"loss={lr}\n",), 1.0 + key.trial_index % 3)


def population(parallel: int) -> Rehearsal:
    searcher: Searcher = Population()
    return Rehearsal(measures, searcher=searcher, parallel=parallel, max_trials=None)


@pytest.mark.parametrize("parallel", [1, 3, 4, 7])
@pytest.mark.parametrize("crashes", [(), (2.5,), (4.1, 0.2, 3.0)], ids=["undisturbed", "one crash", "three crashes"])
def test_a_population_inherits_from_its_best_whatever_happens(crashes: tuple[float, ...], parallel: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        for seconds in crashes:
            await rehearsal.crash_after(stores, seconds)
        await rehearsal.drive(stores)

    rehearsal = population(parallel)
    outcome = rehearsal.run(story)
    assert outcome.reason == "ExperimentSuggestionEndReached"
    assert outcome.phases == [TrialPhase.SUCCEEDED] * SIZE * GENERATIONS
    # The best of four is the last of the first generation and the first of each later one.
    assert [trial.parent for trial in outcome.trials] == [None] * 4 + [3] * 4 + [4] * 4
    assert [t.attempt.restore_from for t in outcome.trials] == [None] * 4 + [(3, 1)] * 4 + [(4, 1)] * 4
    assert outcome.trials[8].assignments["lr"] == pytest.approx(0.6 * 0.8 * 0.8)
    assert set(rehearsal.runtime.made.values()) == {1}
    assert rehearsal.runtime.most_at_once <= min(parallel, SIZE)
