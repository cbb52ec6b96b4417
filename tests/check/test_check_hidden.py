"""Problems that no file shows: of Experiments that programs make, and of what the checks themselves let through."""

from dataclasses import replace

import pytest
from check_samples import GOOD, check

from trialmill.api.problem import Problems
from trialmill.api.spaces import SpaceError
from trialmill.check import parameters
from trialmill.check.documents import Checked, check_experiment


def good() -> Checked:
    checked, _ = check(GOOD)
    assert checked is not None
    return checked


def test_a_goal_without_end_is_no_goal() -> None:
    experiment = good().experiment
    objective = replace(experiment.spec.objective, goal=float("inf"))
    report = Problems()

    check_experiment(replace(experiment, spec=replace(experiment.spec, objective=objective)), (), report)

    assert [p.code for p in report] == ["invalid-goal"]


def test_a_space_that_cannot_be_read_after_all_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise SpaceError("lr", "min", "min is odd")

    experiment = good().experiment
    monkeypatch.setattr(parameters, "space_of", fails)
    report = Problems()

    assert parameters.check_parameters(experiment, report) is None
    assert [(p.code, p.path) for p in report] == [("invalid-space", "spec.parameters")]
