"""Median stopping: when a running trial is given up."""

import pytest

from trialmill.api.history import AttemptView, Decision, History, Settings, TrialStatus, TrialView
from trialmill.search.medianstop import MedianStop, median_threshold

CURVES = ((1.0, 1.0), (2.0, 2.0), (90.0, 90.0))
TWO_STEPS: Settings = {"start_step": "2"}


def past(*curves: tuple[float, ...], status: TrialStatus = TrialStatus.SUCCEEDED) -> tuple[TrialView, ...]:
    return tuple(TrialView(i, {}, status, curve=curve) for i, curve in enumerate(curves))


def decide(*curve: float, maximize: bool = False, settings: Settings = TWO_STEPS) -> Decision:
    history = History(past(*CURVES), maximize=maximize)
    return MedianStop().decide(settings, history, AttemptView(9, 1, curve))


@pytest.mark.parametrize(
    ("curve", "maximize", "expected"),
    [
        pytest.param((3.0, 3.0), False, Decision.STOP, id="worse than the median, though far better than the mean"),
        pytest.param((3.0,), False, Decision.GO, id="too few values yet"),
        pytest.param((2.0, 3.0), False, Decision.GO, id="as good as the median"),
        pytest.param((1.5, 99.0, 99.0), False, Decision.GO, id="its best value counts, not its last"),
        pytest.param((1.0, 1.9), True, Decision.STOP, id="maximize: too small"),
        pytest.param((1.0, 2.1), True, Decision.GO, id="maximize: large enough"),
    ],
)
def test_an_attempt_is_stopped_when_its_best_value_is_worse_than_the_median(
    curve: tuple[float, ...], maximize: bool, expected: Decision
) -> None:
    assert decide(*curve, maximize=maximize) is expected


def test_nothing_is_stopped_before_enough_trials_have_succeeded() -> None:
    assert decide(1e9, 1e9, settings={"start_step": "2", "min_trials_required": "4"}) is Decision.GO


@pytest.mark.parametrize("status", [s for s in TrialStatus if s is not TrialStatus.SUCCEEDED], ids=str)
def test_only_succeeded_trials_count(status: TrialStatus) -> None:
    assert median_threshold(past(*CURVES, status=status), 1, 2) is None


def test_trials_without_values_do_not_count_and_short_ones_count_with_what_they_have() -> None:
    assert median_threshold(past((), (4.0,), (6.0, 8.0, 100.0)), 2, 2) == 5.5
    assert median_threshold(past((), (4.0,), (6.0, 8.0, 100.0)), 3, 2) is None


def test_by_default_three_trials_and_four_values_are_needed() -> None:
    assert decide(99.0, 99.0, 99.0, settings={}) is Decision.GO
    assert decide(99.0, 99.0, 99.0, 99.0, settings={}) is Decision.STOP


def test_a_stopper_learns_of_new_trials_and_of_a_changed_direction() -> None:
    stopper = MedianStop()
    attempt = AttemptView(9, 1, (3.0, 3.0))
    assert stopper.decide(TWO_STEPS, History(past(*CURVES[:2])), attempt) is Decision.GO
    history = History(past(*CURVES))
    assert stopper.decide(TWO_STEPS, history, attempt) is Decision.STOP
    assert stopper.decide(TWO_STEPS, History(history.trials, maximize=True), attempt) is Decision.GO
