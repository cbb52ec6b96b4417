"""What rows and sentences say of trials."""

from dataclasses import replace
from datetime import timedelta

import pytest

from trialmill.api.metric import MetricSummary, Observation
from trialmill.engine.records import AttemptPhase, StopCause, TrialPhase
from trialmill.engine.rendering import context_of
from trialmill.root.export import export_columns, export_row
from trialmill.root.overview import metric_of, parameters_of
from trialmill.root.waiting import waits_for
from trialmill.testing.samples import NOON
from trialmill.testing.stored import SOURCE, checked, running_experiment, trial_of

RECORD = running_experiment()
EXPERIMENT = checked().experiment


@pytest.mark.parametrize(
    ("phase", "changes", "expected"),
    [
        (AttemptPhase.PENDING, {}, "a place to run: free CPUs, memory or GPUs"),
        (AttemptPhase.PENDING, {"resource_uid": "u"}, "NAME to start"),
        (AttemptPhase.PENDING, {"not_before": NOON + timedelta(seconds=30)}, "its next attempt, in 30 s"),
        (AttemptPhase.RUNNING, {}, "NAME to end"),
        (AttemptPhase.RUNNING, {"suspended_since": NOON}, "NAME to be unsuspended"),
        (AttemptPhase.STOPPING, {"stop": StopCause.DEADLINE}, "NAME to go away: it ran too long"),
        (AttemptPhase.COLLECTING, {}, "the rest of its metrics"),
        (AttemptPhase.ENDED, {}, "its next attempt"),
    ],
)
def test_every_wait_has_a_reason(phase: AttemptPhase, changes: dict[str, object], expected: str) -> None:
    trial = trial_of(RECORD, 0, TrialPhase.RUNNING)
    attempt = replace(trial.attempt, phase=phase, **changes)  # type: ignore[arg-type]
    waiting = waits_for(replace(trial, attempts=(attempt,)), driven=True, now=NOON)
    assert waiting == expected.replace("NAME", trial.name)


def test_a_trial_that_is_kept_from_going_on_says_by_what() -> None:
    trial = replace(trial_of(RECORD, 0, TrialPhase.RUNNING), reason="QuotaExceeded", message="2 of 2 pods are used")
    assert waits_for(trial, driven=True, now=NOON) == "QuotaExceeded: 2 of 2 pods are used"


@pytest.mark.parametrize("cause", list(StopCause))
def test_every_cause_of_a_stop_is_told(cause: StopCause) -> None:
    trial = trial_of(RECORD, 0, TrialPhase.STOPPING)
    attempt = replace(trial.attempt, phase=AttemptPhase.STOPPING, stop=cause)
    assert "to go away: " in waits_for(replace(trial, attempts=(attempt,)), driven=True, now=NOON)


def test_without_a_driver_nothing_else_is_waited_for_but_a_promotion() -> None:
    assert "drive" in waits_for(trial_of(RECORD, 0, TrialPhase.RUNNING), driven=False, now=NOON)
    assert "promote" in waits_for(trial_of(RECORD, 0, TrialPhase.PAUSED), driven=False, now=NOON)


def test_columns_of_one_name_are_told_apart() -> None:
    text = SOURCE.replace("name: lr", "name: loss").replace("reference: lr", "reference: loss")
    text = text.replace("name: layers\n", "name: status\n").replace("reference: layers", "reference: status")
    experiment = checked(text).experiment
    columns = export_columns(experiment)
    assert columns[:8] == (
        "trial",
        "status",
        "parameter.loss",
        "parameter.status",
        "batch",
        "optimizer",
        "accuracy",
        "metric.loss",
    )
    assert len(columns) == len(set(columns)) == len(export_row(trial_of(RECORD, 0, TrialPhase.PENDING), experiment))


def test_a_metric_is_what_its_strategy_picks_else_its_latest_else_its_text() -> None:
    trial = trial_of(RECORD, 0, TrialPhase.SUCCEEDED)
    whole = replace(trial, observation=Observation((MetricSummary("accuracy", 0.1, 0.9, 0.5),)))
    latest = replace(trial, observation=Observation((MetricSummary("accuracy", latest=0.5),)))
    text = replace(trial, observation=Observation((MetricSummary("accuracy", text="conv"),)))
    assert [metric_of(t, "accuracy", EXPERIMENT) for t in (whole, latest, text, trial)] == [0.9, 0.5, "conv", None]


@pytest.mark.parametrize(("text", "value"), [("64", 64), ("64.5", 64.5), ("1e2", 100.0), ("+3", 3)])
def test_listed_numbers_become_numbers(text: str, value: float) -> None:
    trial = replace(trial_of(RECORD, 0, TrialPhase.RUNNING), assignments={"batch": text, "optimizer": "32"})
    found = parameters_of(trial, EXPERIMENT)
    assert found == {"batch": value, "optimizer": "32"}
    assert type(found["batch"]) is type(value)


def test_the_labels_of_a_resource_are_the_experiments_and_katibs() -> None:
    trial = replace(trial_of(RECORD, 0, TrialPhase.RUNNING), labels={"generation": "3"})
    context = context_of(RECORD, trial, trial.attempt, {"team": "vision", "katib.kubeflow.org/trial": "forged"})
    assert context.labels == {
        "team": "vision",
        "generation": "3",
        "katib.kubeflow.org/experiment": "sample",
        "katib.kubeflow.org/trial": trial.name,
    }
    assert (context.name, context.namespace, context.index) == (trial.name, "default", 0)
