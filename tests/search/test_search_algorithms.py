"""What every algorithm promises: determinism, independence of grouping, no repeats, an end to finite spaces."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from trialmill.api.history import Exhausted, History, NewTrial, Settings, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Assignments, Categorical, Discrete, Distribution, Double, Integer, Space, Value
from trialmill.search.catalogue import ALGORITHMS, Searcher

MIXED = Space(
    (
        Double("rate", 1e-5, 1e-1, distribution=Distribution.LOG_UNIFORM),
        Integer("layers", 1, 8),
        Discrete("batch", ("64", "16", "32"), (64.0, 16.0, 32.0)),
        Categorical("optimizer", ("sgd", "adam")),
        Double("decay", 0.05, 0.95, step=0.2),
        Double("mix", -1.0, 1.0, distribution=Distribution.NORMAL),
        Integer("units", 8, 1024, distribution=Distribution.LOG_UNIFORM),
        Integer("fixed", 3, 3),
    )
)
SMALL = Space((Integer("a", 1, 3), Categorical("b", ("x", "y")), Double("c", 0.1, 0.3, step=0.1)))
SMALL_SIZE = 18

NAMES = ("random", "sobol", "tpe", "multivariate-tpe")
FINITE_NAMES = ("random", "grid", "sobol", "tpe", "multivariate-tpe")


def loss(assignments: Assignments) -> float:
    return sum(float(len(v)) if isinstance(v, str) else abs(float(v) - 0.3) for v in assignments.values())


def done(index: int, assignments: Assignments) -> TrialView:
    return TrialView(index, assignments, TrialStatus.SUCCEEDED, loss(assignments), completion=index)


def assignments_of(answer: Suggestions | Exhausted) -> list[Mapping[str, Value]]:
    assert isinstance(answer, Suggestions)
    found = []
    for item in answer.items:
        assert isinstance(item, NewTrial)
        found.append(item.assignments)
    return found


def run(searcher: Searcher, space: Space, trials: int, seed: int = 7, settings: Settings | None = None) -> History:
    """A sequential experiment."""
    history = History()
    for index in range(trials):
        (found,) = assignments_of(searcher.ask(space, settings or {}, seed, history, index, 1))
        history = replace(history, trials=(*history.trials, done(index, found)))
    return history


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_and_history_give_the_same_suggestion_after_a_restart(name: str) -> None:
    history = run(ALGORITHMS[name].load(), MIXED, 16)
    used, fresh = ALGORITHMS[name].load(), ALGORITHMS[name].load()
    used.ask(MIXED, {}, 1, run(ALGORITHMS["random"].load(), MIXED, 12, seed=3), 12, 1)
    answers = [searcher.ask(MIXED, {}, 7, history, 16, 1) for searcher in (used, fresh)]
    assert answers[0] == answers[1]
    assert fresh.ask(MIXED, {}, 8, history, 16, 1) != answers[0]


@pytest.mark.parametrize(
    ("name", "space"),
    [pytest.param(name, MIXED, id=f"{name}, mixed") for name in NAMES]
    + [pytest.param(name, SMALL, id=f"{name}, finite") for name in FINITE_NAMES],
)
def test_four_suggestions_at_once_are_those_asked_for_one_by_one(name: str, space: Space) -> None:
    past = run(ALGORITHMS["random"].load(), space, 12)
    at_once = assignments_of(ALGORITHMS[name].load().ask(space, {}, 7, past, 12, 4))
    searcher, history = ALGORITHMS[name].load(), past
    for index in range(12, 16):
        (found,) = assignments_of(searcher.ask(space, {}, 7, history, index, 1))
        assert found == at_once[index - 12]
        history = replace(history, trials=(*history.trials, TrialView(index, found, TrialStatus.ACTIVE)))
    assert len(at_once) == 4


@pytest.mark.parametrize("name", NAMES)
def test_suggestions_have_the_types_of_their_parameters_in_the_order_of_the_file(name: str) -> None:
    history = run(ALGORITHMS[name].load(), MIXED, 14)
    for trial in history.trials:
        assert tuple(trial.assignments) == MIXED.names
        kinds = [type(value) for value in trial.assignments.values()]
        assert kinds == [float, int, str, str, float, float, int, int]


@pytest.mark.parametrize("name", FINITE_NAMES)
def test_a_finite_space_is_tried_to_the_end_without_repeats_and_then_used_up(name: str) -> None:
    searcher = ALGORITHMS[name].load()
    history = run(searcher, SMALL, SMALL_SIZE)
    assert len({tuple(trial.assignments.values()) for trial in history.trials}) == SMALL_SIZE
    answer = searcher.ask(SMALL, {}, 7, history, SMALL_SIZE, 2)
    assert isinstance(answer, Exhausted)
    assert "every assignment" in answer.reason


@pytest.mark.parametrize("name", FINITE_NAMES)
def test_the_last_assignments_of_a_finite_space_are_handed_out_even_if_more_were_asked_for(name: str) -> None:
    searcher = ALGORITHMS[name].load()
    history = run(searcher, SMALL, SMALL_SIZE - 2)
    assert len(assignments_of(searcher.ask(SMALL, {}, 7, history, SMALL_SIZE - 2, 5))) == 2


@pytest.mark.parametrize("name", FINITE_NAMES)
@pytest.mark.parametrize("status", [s for s in TrialStatus if s is not TrialStatus.SUCCEEDED], ids=str)
def test_a_trial_counts_as_tried_whatever_became_of_it(name: str, status: TrialStatus) -> None:
    space = Space((Categorical("x", ("a", "b")),))
    history = History((TrialView(0, {"x": "a"}, status),))
    answer = ALGORITHMS[name].load().ask(space, {}, 7, history, 1, 1)
    assert assignments_of(answer) == [{"x": "b"}]


@pytest.mark.parametrize("name", FINITE_NAMES)
def test_trials_from_before_an_edit_of_the_space_do_no_harm(name: str) -> None:
    foreign: Iterable[Assignments] = ({"a": 99, "b": "x", "c": 0.1}, {"b": "x"}, {"other": 1.0}, {"a": "1", "b": 2})
    history = History(tuple(done(i, a) for i, a in enumerate(foreign)))
    past = run(ALGORITHMS["random"].load(), SMALL, 12)
    shifted = tuple(replace(t, index=t.index + 4) for t in past.trials)
    answer = ALGORITHMS[name].load().ask(SMALL, {}, 7, History((*history.trials, *shifted)), 16, 6)
    assert len({tuple(a.values()) for a in assignments_of(answer)}) == 6


def test_a_random_suggestion_depends_on_nothing_but_seed_and_number_in_an_infinite_space() -> None:
    searcher = ALGORITHMS["random"].load()
    late = assignments_of(searcher.ask(MIXED, {}, 7, History(), 500, 1))
    assert assignments_of(searcher.ask(MIXED, {}, 7, run(searcher, MIXED, 3), 500, 1)) == late


def test_random_numbers_are_the_same_on_every_machine() -> None:
    space = Space((Double("x", 0.0, 1.0), Integer("n", 0, 9)))
    first = assignments_of(ALGORITHMS["random"].load().ask(space, {}, 1, History(), 0, 2))
    assert first == [{"x": 0.5780427376290457, "n": 4}, {"x": 0.918424994205215, "n": 5}]
