"""TPE: it learns, it copes with every kind of trial, and it makes no noise."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest

from trialmill.api.history import History, NewTrial, Settings, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Assignments, Categorical, Discrete, Distribution, Double, Integer, Space, Value
from trialmill.search import tpe
from trialmill.search.catalogue import ALGORITHMS
from trialmill.search.sampling import axis_of
from trialmill.search.tpe import TpeSearch, hyperopt_split, measured_and_bad, window

BOWL = Space((Double("x", -5.0, 5.0), Double("y", 1e-4, 1.0, distribution=Distribution.LOG_UNIFORM)))
NAMES = ("tpe", "multivariate-tpe")


def bowl(assignments: Assignments) -> float:
    x, y = assignments["x"], assignments["y"]
    assert isinstance(x, float)
    assert isinstance(y, float)
    return (x - 2) ** 2 + (math.log10(y) + 2) ** 2


def suggest(searcher: TpeSearch, space: Space, history: History, seed: int, settings: Settings) -> Assignments:
    answer = searcher.ask(space, settings, seed, history, len(history.trials), 1)
    assert isinstance(answer, Suggestions)
    (item,) = answer.items
    assert isinstance(item, NewTrial)
    return item.assignments


def bowl_history(name: str, trials: int, seed: int, *, maximize: bool = False) -> History:
    searcher, history = ALGORITHMS[name].load(), History(maximize=maximize)
    for index in range(trials):
        answer = searcher.ask(BOWL, {}, seed, history, index, 1)
        assert isinstance(answer, Suggestions)
        assert isinstance(answer.items[0], NewTrial)
        found = answer.items[0].assignments
        value = -bowl(found) if maximize else bowl(found)
        trial = TrialView(index, found, TrialStatus.SUCCEEDED, value, completion=index)
        history = replace(history, trials=(*history.trials, trial))
    return history


def late_median(history: History) -> float:
    return sorted(abs(trial.value or 0.0) for trial in history.trials[20:])[10]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("maximize", [False, True], ids=["minimize", "maximize"])
def test_the_model_suggests_better_assignments_than_chance(name: str, maximize: bool) -> None:
    for seed in (1, 2):
        learned = late_median(bowl_history(name, 40, seed, maximize=maximize))
        assert learned < late_median(bowl_history("random", 40, seed)) / 2


def test_the_first_suggestions_are_those_of_random() -> None:
    assert bowl_history("tpe", 10, 3) == bowl_history("random", 10, 3)
    assert bowl_history("tpe", 11, 3) != bowl_history("random", 11, 3)


def test_the_first_suggestions_need_no_heavy_import() -> None:
    script = (
        "import sys, json\n"
        "from trialmill.api.history import History\n"
        "from trialmill.api.space import Double, Space\n"
        "from trialmill.search.catalogue import ALGORITHMS\n"
        "for entry in ALGORITHMS.values():\n"
        "    if entry.available and entry.name != 'grid':\n"
        "        entry.load().ask(Space((Double('x', 0.0, 1.0),)), {}, 1, History(), 0, 3)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"optuna", "numpy", "scipy", "asyncio"} & set(json.loads(result.stdout))


@pytest.mark.parametrize("name", NAMES)
def test_running_trials_move_the_next_suggestion_away(name: str) -> None:
    history = bowl_history(name, 15, 1)
    searcher = ALGORITHMS[name].load()
    alone = searcher.ask(BOWL, {}, 1, history, 16, 1)
    pending = TrialView(15, {"x": 2.0, "y": 0.01}, TrialStatus.ACTIVE)
    beside = searcher.ask(BOWL, {}, 1, History((*history.trials, pending)), 16, 1)
    assert alone != beside


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None], ids=str)
@pytest.mark.parametrize("status", TrialStatus, ids=str)
def test_no_status_and_no_value_breaks_the_model(name: str, status: TrialStatus, value: float | None) -> None:
    history = bowl_history(name, 11, 1)
    odd = TrialView(11, {"x": 0.0, "y": 0.5}, status, value)
    answer = ALGORITHMS[name].load().ask(BOWL, {}, 1, History((*history.trials, odd)), 12, 1)
    assert isinstance(answer, Suggestions)


@pytest.mark.parametrize(
    ("status", "value", "measured", "bad"),
    [
        pytest.param(TrialStatus.SUCCEEDED, 1.0, True, False, id="succeeded"),
        pytest.param(TrialStatus.EARLY_STOPPED, 1.0, True, False, id="early stopped"),
        pytest.param(TrialStatus.SUCCEEDED, math.nan, False, True, id="succeeded without a number"),
        pytest.param(TrialStatus.FAILED, None, False, True, id="failed"),
        pytest.param(TrialStatus.METRICS_UNAVAILABLE, None, False, True, id="metrics unavailable"),
        pytest.param(TrialStatus.ACTIVE, 1.0, False, True, id="running"),
        pytest.param(TrialStatus.KILLED, None, False, False, id="killed"),
    ],
)
def test_trials_count_as_measured_or_bad_or_not_at_all(
    status: TrialStatus, value: float | None, measured: bool, bad: bool
) -> None:
    trial = TrialView(0, {}, status, value)
    assert measured_and_bad([trial]) == ([trial] * measured, [trial] * bad)


def test_the_window_holds_the_best_and_the_newest_in_their_order() -> None:
    trials = [TrialView(i, {}, TrialStatus.SUCCEEDED, float(i)) for i in range(2 * tpe.WINDOW)]
    newest = range(2 * tpe.WINDOW - (tpe.WINDOW - tpe.BEST), 2 * tpe.WINDOW)
    assert [t.index for t in window(trials, 1.0)] == [*range(tpe.BEST), *newest]
    assert [t.index for t in window(trials, -1.0)] == [*range(tpe.WINDOW, 2 * tpe.WINDOW)]
    assert window(trials[: tpe.WINDOW], 1.0) == trials[: tpe.WINDOW]


@pytest.mark.parametrize(
    ("gamma", "count", "expected"), [(0.25, 16, 1), (0.25, 100, 3), (0.9, 100, 9), (0.25, 1_000_000, 25)]
)
def test_gamma_means_what_it_means_in_hyperopt(gamma: float, count: int, expected: int) -> None:
    assert hyperopt_split(gamma, count) == expected


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param("tpe", {"gamma": "0.9"}, id="gamma"),
        pytest.param("tpe", {"prior_weight": "50"}, id="prior_weight"),
        pytest.param("tpe", {"n_EI_candidates": "1"}, id="n_EI_candidates"),
        pytest.param("multivariate-tpe", {"n_ei_candidates": "1"}, id="n_ei_candidates"),
        pytest.param("multivariate-tpe", {"n_startup_trials": "100"}, id="n_startup_trials"),
    ],
)
def test_each_setting_has_an_effect_and_none_makes_noise(
    name: str, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    history = bowl_history(name, 30, 1)
    searcher = ALGORITHMS[name].load()
    plain = searcher.ask(BOWL, {}, 1, history, 30, 5)
    assert searcher.ask(BOWL, settings, 1, history, 30, 5) != plain
    assert capfd.readouterr() == ("", "")


ODD_DIMENSIONS = [
    Integer("x", -(2**62), 2**62),
    Integer("x", 1, 2**62, 1, Distribution.LOG_UNIFORM),
    Integer("x", 1, 20, 1, Distribution.LOG_UNIFORM),
    Integer("x", 1, 100, 7, Distribution.LOG_NORMAL),
    Integer("x", 0, 100, 7, Distribution.NORMAL),
    Double("x", 0.05, 0.95, 0.2),
    Double("x", 1e-6, 1.0, 1e-6, Distribution.LOG_UNIFORM),
    Double("x", -1e300, 1e300),
    Discrete("x", ("1000", "1", "0.1"), (1000.0, 1.0, 0.1)),
    Categorical("x", ("a", "b", "c")),
]


@pytest.mark.parametrize("dimension", ODD_DIMENSIONS, ids=repr)
@pytest.mark.parametrize("multivariate", [False, True], ids=NAMES)
def test_a_model_of_any_parameter_suggests_values_of_its_space(
    dimension: Double | Integer | Discrete | Categorical, multivariate: bool
) -> None:
    space = Space((dimension, Double("free", 0.0, 1.0)))
    axis = axis_of(dimension)
    trials = []
    for index in range(12):
        assignments: dict[str, Value] = {"x": axis.at(index / 11), "free": 0.5}
        trials.append(TrialView(index, assignments, TrialStatus.SUCCEEDED, float(index), completion=index))
    for seed in range(3):
        found = suggest(TpeSearch(multivariate=multivariate), space, History(tuple(trials)), seed, {})
        assert type(found["x"]) is type(axis.at(0.0))
        if isinstance(dimension, Double | Integer):
            assert not isinstance(found["x"], str)
            assert dimension.low <= found["x"] <= dimension.high


def test_neighbours_of_good_listed_numbers_are_found_whatever_their_order_in_the_file() -> None:
    numbers = [(7 * i) % 30 for i in range(30)]
    dimension = Discrete("x", tuple(str(n) for n in numbers), tuple(float(n) for n in numbers))
    space = Space((dimension, Double("free", 0.0, 1.0)))
    trials = []
    for index in range(30):
        value = float(abs(numbers[index] - 20))
        view = TrialView(index, {"x": str(numbers[index]), "free": 0.5}, TrialStatus.SUCCEEDED, value)
        trials.append(replace(view, completion=index))
    found = [float(suggest(TpeSearch(multivariate=False), space, History(tuple(trials)), s, {})["x"]) for s in range(9)]
    assert sorted(found)[4] == pytest.approx(20, abs=4)
