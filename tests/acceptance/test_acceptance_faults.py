"""Trials that do everything wrong: each ends as Katib says, or where Katib would hang ends all the same; others go
on.
"""

from typing import Any

import pytest
from acceptance_place import Place, Tree, ends, experiment, last_condition, shell

pytestmark = pytest.mark.examples

FIRST = 'if mkdir "{lock}" 2>/dev/null; then {bad}; else echo loss=$x; fi'
"""A script in which exactly one trial does something bad, whichever comes first."""


def one_bad_trial(place: Place, bad: str, code: int = 0, **changes: Any) -> tuple[list[Tree], str]:
    """Run four trials of which one is bad. The bad one, the good ones, and what `describe` says."""
    script = FIRST.format(lock=place.folder / "lock", bad=bad)
    place.write("e.yaml", experiment(shell(script), **changes))
    place("run", "e.yaml", code=code)
    place.assert_nothing_runs()
    trials = place.trials()
    described = place("describe", "e").out
    assert len(trials) == 4
    return trials, described


def bad_of(trials: list[Tree], end: str) -> Tree:
    """The only trial that did not succeed; it ended like this."""
    assert sorted(ends(trials)) == sorted([end, "Succeeded", "Succeeded", "Succeeded"])
    return next(trial for trial in trials if last_condition(trial)["type"] == end)


def test_a_trial_that_crashes_has_failed_with_its_exit_code(place: Place) -> None:
    trials, described = one_bad_trial(place, "exit 3")

    bad = bad_of(trials, "Failed")
    assert "container main exited with code 3" in last_condition(bad)["message"]
    assert "container main exited with code 3" in described
    assert bad["metadata"]["name"] in described


def test_a_trial_killed_by_a_signal_has_failed_and_the_signal_is_named(place: Place) -> None:
    trials, described = one_bad_trial(place, "kill -s SEGV $$$$")  # a container's command writes $ twice

    bad_of(trials, "Failed")
    assert "SIGSEGV" in described


def test_a_trial_that_hangs_ends_at_its_deadline_with_all_that_it_started(place: Place) -> None:
    """It is the only one: a deadline that is soon over may be too short for others on a busy machine."""
    hangs = "trap '' TERM; sleep 1000 & sleep 1000"
    job, pod = {"activeDeadlineSeconds": 2}, {"terminationGracePeriodSeconds": 1}
    place.write("e.yaml", experiment(shell(hangs), trials=1, maxFailedTrialCount=1, job=job, pod=pod))

    place("run", "e.yaml", code=1)

    place.assert_nothing_runs()
    (trial,) = place.trials()
    assert last_condition(trial)["type"] == "Failed"
    assert "DeadlineExceeded" in str(trial["status"])
    assert "DeadlineExceeded" in place("describe", "e").out


def test_binary_garbage_around_a_metric_does_not_hide_it(place: Place) -> None:
    trials, _ = one_bad_trial(place, "head -c 300000 /dev/urandom; printf '\\nloss=0.5\\n'; head -c 300000 /dev/zero")

    assert ends(trials) == ["Succeeded"] * 4


def test_200_megabytes_of_output_are_read_and_the_metric_after_them_is_found(place: Place) -> None:
    trials, _ = one_bad_trial(place, "yes 'a line that says nothing at all' | head -c 200000000; echo; echo loss=0.5")

    assert ends(trials) == ["Succeeded"] * 4


def test_one_line_of_50_megabytes_is_no_trouble(place: Place) -> None:
    trials, _ = one_bad_trial(place, "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo loss=0.5")

    assert ends(trials) == ["Succeeded"] * 4


@pytest.mark.parametrize(
    "child",
    ["sleep 1000 &", "setsid sleep 1000 &", "setsid sleep 1000 > /dev/null 2>&1 &", "(sh -c 'sleep 1000' &);"],
    ids=["in the background", "in a session of its own", "in a session and silent", "as an orphan"],
)
def test_children_that_outlive_their_trial_are_ended_and_the_trial_counts_by_its_own_end(
    place: Place, child: str
) -> None:
    trials, _ = one_bad_trial(place, f"{child} echo loss=$x")

    assert ends(trials) == ["Succeeded"] * 4


def test_trials_that_ignore_sigterm_are_killed_when_the_goal_is_reached(place: Place) -> None:
    waits = "trap '' TERM; echo up; while :; do sleep 0.2; done"
    other = f"mkdir {place.folder}/lock || {{ sleep 0.5; echo loss=0.001; exit; }}; {waits}"
    tree = experiment(
        shell(other),
        objective={"type": "minimize", "objectiveMetricName": "loss", "goal": 0.01},
        pod={"terminationGracePeriodSeconds": 1},
    )
    place.write("e.yaml", tree)

    place("run", "e.yaml")

    place.assert_nothing_runs()
    assert last_condition(place.experiment())["reason"] == "ExperimentGoalReached"
    assert sorted(ends(place.trials())) == ["Killed", "Succeeded"]


def test_a_trial_that_deletes_its_own_directory_still_ends_by_its_exit_code(place: Place) -> None:
    trials, _ = one_bad_trial(place, 'echo loss=0.5; rm -rf "${TRIALMILL_RUN%/*}"')

    assert ends(trials) == ["Succeeded"] * 4


def test_a_trial_that_deletes_its_directory_and_fails_has_failed(place: Place) -> None:
    trials, described = one_bad_trial(place, 'rm -rf "${TRIALMILL_RUN%/*}"; exit 4')

    bad_of(trials, "Failed")
    assert "Failed" in described


@pytest.mark.parametrize(
    "output",
    ["true", "echo accuracy=1", "echo loss=nan", "echo loss=inf; echo loss=nan", "echo loss=", "echo los=0.5; exit 0"],
    ids=["no output", "another metric", "only nan", "inf and nan", "an empty value", "a misspelt metric"],
)
def test_a_trial_without_a_finite_objective_has_no_metrics_and_the_others_go_on(place: Place, output: str) -> None:
    trials, described = one_bad_trial(place, output)

    bad = bad_of(trials, "MetricsUnavailable")
    assert last_condition(bad)["status"] == "True"
    assert "MetricsUnavailable" in described


def test_trials_without_metrics_count_as_failures(place: Place) -> None:
    place.write("e.yaml", experiment(shell("true"), parallel=1, maxFailedTrialCount=2))

    outcome = place("run", "e.yaml", code=1)

    assert "2 trials failed" in outcome.out
    assert ends(place.trials()) == ["MetricsUnavailable"] * 2
    status = place.experiment()["status"]
    assert last_condition(place.experiment())["reason"] == "ExperimentFailed"
    assert status["trialMetricsUnavailable"] == 2


def test_a_command_that_does_not_exist_is_said_before_the_start(place: Place) -> None:
    place.write("e.yaml", experiment(["no-such-command", "${trialParameters.x}"]))

    outcome = place("run", "e.yaml", code=2)

    assert "no-such-command" in outcome.err
    assert not place.store.exists()
