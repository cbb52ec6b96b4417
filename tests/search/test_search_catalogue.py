"""The catalogue: names, settings and what a space must have."""

import pytest

from trialmill.api.experiment import Setting
from trialmill.api.problem import Severity
from trialmill.api.space import Categorical, Double, Integer, Space
from trialmill.search.catalogue import (
    ALGORITHMS,
    EARLY_STOPPING,
    Algorithm,
    EarlyStopping,
    NotAvailableError,
    check_early_stopping,
    check_settings,
    check_space,
)

KATIB_ALGORITHMS = {
    "random", "grid", "sobol", "tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "hyperband", "pbt", "enas",
    "darts",
}  # fmt: skip


def test_every_algorithm_of_katib_is_known() -> None:
    assert set(ALGORITHMS) >= KATIB_ALGORITHMS


def test_what_is_available_loads_and_what_is_not_says_so() -> None:
    entries: list[Algorithm | EarlyStopping] = [*ALGORITHMS.values(), *EARLY_STOPPING.values()]
    for entry in entries:
        if entry.available:
            assert entry.load() is not entry.load()
        else:
            with pytest.raises(NotAvailableError, match=entry.name):
                entry.load()


@pytest.mark.parametrize(
    ("algorithm", "name", "good", "bad"),
    [
        ("random", "random_state", ["0", "42"], ["-1", "x", "1.5", ""]),
        ("grid", "random_state", ["0"], ["-1"]),
        ("sobol", "random_state", ["0"], ["-1"]),
        ("tpe", "gamma", ["0.25", "1e-3"], ["0", "1", "nan", "-0.1", "a"]),
        ("tpe", "prior_weight", ["1", "0.5"], ["0", "-1", "nan", "inf"]),
        ("tpe", "n_EI_candidates", ["1", "24"], ["0", "2.5"]),
        ("multivariate-tpe", "n_startup_trials", ["0", "5"], ["-1"]),
        ("multivariate-tpe", "n_ei_candidates", ["1"], ["0"]),
    ],
)
def test_settings_follow_their_rules(algorithm: str, name: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert check_settings(algorithm, [Setting(name, value)]) == []
    for value in bad:
        (problem,) = check_settings(algorithm, [Setting(name, value)])
        assert (problem.setting_index, problem.code) == (0, "invalid-setting")
        assert repr(value) in problem.message


def test_settings_of_medianstop_follow_their_rules() -> None:
    assert check_early_stopping("medianstop", [Setting("start_step", "1"), Setting("min_trials_required", "1")]) == []
    wrong = [Setting("start_step", "0"), Setting("min_trials_required", "0")]
    assert [p.code for p in check_early_stopping("medianstop", wrong)] == ["invalid-setting", "invalid-setting"]


def test_all_settings_are_checked_at_once_and_each_problem_names_its_place() -> None:
    problems = check_settings("tpe", [Setting("gamma", "2"), Setting("n_ei_candidates", "5"), Setting("zzz", "1")])
    assert [(p.setting_index, p.code) for p in problems] == [
        (0, "invalid-setting"),
        (1, "unknown-setting"),
        (2, "unknown-setting"),
    ]
    assert problems[1].remedy == "did you mean n_EI_candidates?"
    assert "gamma, prior_weight" in problems[2].remedy


def test_a_repeated_setting_is_a_warning() -> None:
    problems = check_settings("random", [Setting("random_state", "1"), Setting("random_state", "2")])
    assert [(p.setting_index, p.code, p.severity) for p in problems] == [(1, "duplicate-setting", Severity.WARNING)]


def test_grid_search_needs_a_step_for_every_double_that_has_more_than_one_value() -> None:
    space = Space((Double("a", 0, 1), Double("b", 0, 1, 0.5), Double("c", 2, 2), Integer("d", 1, 5)))
    (problem,) = check_space("grid", space, [], 10)
    assert (problem.parameter, problem.code, problem.severity) == ("a", "grid-needs-step", Severity.ERROR)
    assert check_space("random", space, [], 10) == []


@pytest.mark.parametrize("name", ["random", "grid", "sobol", "tpe", "multivariate-tpe"])
def test_a_space_with_fewer_assignments_than_trials_is_noted(name: str) -> None:
    space = Space((Integer("a", 1, 3), Categorical("b", ("x", "y"))))
    (problem,) = check_space(name, space, [], 7)
    assert (problem.code, problem.severity) == ("fewer-assignments-than-trials", Severity.NOTE)
    assert "6 different assignments" in problem.message
    assert check_space(name, space, [], 6) == check_space(name, space, [], None) == []


def test_sobol_says_how_many_parameters_it_can_search() -> None:
    space = Space(tuple(Double(f"p{i}", 0, 1) for i in range(161)))
    (problem,) = check_space("sobol", space, [], 10)
    assert (problem.code, problem.severity) == ("too-many-parameters", Severity.ERROR)
    assert "160" in problem.message
    assert check_space("sobol", Space(space.dimensions[:160]), [], 10) == []
