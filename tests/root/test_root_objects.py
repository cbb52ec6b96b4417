"""Records as Katib's objects, against objects written by hand."""

from dataclasses import replace

import pytest

from trialmill.api.history import Budget
from trialmill.api.metric import MetricSummary, Observation
from trialmill.api.tree import Json, JsonObject, get, get_object
from trialmill.engine.records import (
    AttemptRecord,
    Cause,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    TrialPhase,
    TrialRecord,
)
from trialmill.root.objects import experiment_object, in_reading_order, list_object, trial_object
from trialmill.template.encode import compiled_from_json
from trialmill.testing.samples import minute
from trialmill.testing.stored import UID, checked, running_experiment, some_trials, trial_of

FILE = checked()
RECORD = running_experiment()
CREATED: JsonObject = {
    "type": "Created",
    "status": "True",
    "reason": "TrialCreated",
    "message": "Trial is created",
    "lastUpdateTime": "2026-03-01T12:10:00Z",
    "lastTransitionTime": "2026-03-01T12:10:00Z",
}
RUNNING: JsonObject = {
    "type": "Running",
    "status": "True",
    "reason": "TrialRunning",
    "message": "Trial is running",
    "lastUpdateTime": "2026-03-01T12:10:00Z",
    "lastTransitionTime": "2026-03-01T12:10:00Z",
}
RUNNING_OVER: JsonObject = {
    **RUNNING,
    "status": "False",
    "lastUpdateTime": "2026-03-01T12:15:00Z",
    "lastTransitionTime": "2026-03-01T12:15:00Z",
}


def ended(type_: str, reason: str, message: str = "") -> JsonObject:
    time = "2026-03-01T12:15:00Z"
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": time,
        "lastTransitionTime": time,
    }


def shown(trial: TrialRecord, record: ExperimentRecord = RECORD) -> JsonObject:
    return trial_object(trial, record, FILE.experiment, compiled_from_json(record.compiled))


def conditions(trial: TrialRecord) -> Json:
    return get(shown(trial), "status", "conditions")


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (TrialPhase.PENDING, [CREATED]),
        (TrialPhase.RUNNING, [CREATED, RUNNING]),
        (TrialPhase.COLLECTING, [CREATED, RUNNING]),
        (TrialPhase.STOPPING, [CREATED, RUNNING]),
        (TrialPhase.SUCCEEDED, [CREATED, RUNNING_OVER, ended("Succeeded", "TrialSucceeded")]),
        (
            TrialPhase.FAILED,
            [CREATED, RUNNING_OVER, ended("Failed", "TrialFailed", "BackoffLimitExceeded: exit code 1")],
        ),
        (TrialPhase.KILLED, [CREATED, RUNNING_OVER, ended("Killed", "TrialKilled", "ExperimentEnded")]),
        (TrialPhase.EARLY_STOPPED, [CREATED, RUNNING_OVER, ended("EarlyStopped", "TrialEarlyStopped")]),
        (
            TrialPhase.METRICS_UNAVAILABLE,
            [CREATED, RUNNING_OVER, ended("MetricsUnavailable", "MetricsUnavailable")],
        ),
    ],
    ids=lambda value: value.value if isinstance(value, TrialPhase) else "",
)
def test_a_trial_has_the_conditions_that_katib_would_have_recorded(
    phase: TrialPhase, expected: list[JsonObject]
) -> None:
    assert conditions(trial_of(RECORD, 1, phase)) == expected


def test_a_paused_trial_runs_no_more_since_its_attempt_has_ended() -> None:
    trial = trial_of(RECORD, 1, TrialPhase.PAUSED)
    paused = replace(trial, attempts=(replace(trial.attempt, finished=minute(15)),))
    assert conditions(paused) == [CREATED, RUNNING_OVER]


def test_a_trial_that_never_ran_has_no_running_condition() -> None:
    trial = replace(trial_of(RECORD, 1, TrialPhase.FAILED), started=None, reason="Invalid", message="no such field")
    assert conditions(trial) == [CREATED, ended("Failed", "TrialFailed", "Invalid: no such field")]


def test_a_trial_that_waits_for_its_retry_does_not_run() -> None:
    trial = trial_of(RECORD, 1, TrialPhase.RUNNING)
    again = AttemptRecord(2, Cause.RETRY, f"{trial.name}-2", minute(15))
    assert conditions(replace(trial, phase=TrialPhase.PENDING, attempts=(*trial.attempts, again))) == [
        CREATED,
        RUNNING_OVER,
    ]


def test_a_trial_is_shown_whole() -> None:
    trial = trial_of(RECORD, 1, TrialPhase.SUCCEEDED, 0.9)
    labels = {"team": "vision", "katib.kubeflow.org/experiment": "sample", "katib.kubeflow.org/trial": trial.name}
    assert shown(trial) == {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Trial",
        "metadata": {
            "name": trial.name,
            "namespace": "default",
            "uid": trial.uid,
            "creationTimestamp": "2026-03-01T12:10:00Z",
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": "kubeflow.org/v1beta1",
                    "kind": "Experiment",
                    "name": "sample",
                    "uid": UID,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "objective": {
                "type": "maximize",
                "goal": 0.99,
                "objectiveMetricName": "accuracy",
                "additionalMetricNames": ["loss"],
                "metricStrategies": [{"name": "accuracy", "value": "max"}, {"name": "loss", "value": "max"}],
            },
            "parameterAssignments": [
                {"name": "lr", "value": "0.05"},
                {"name": "layers", "value": "3"},
                {"name": "batch", "value": "64.5"},
                {"name": "optimizer", "value": "1e-3"},
            ],
            "metricsCollector": {"collector": {"kind": "StdOut"}},
            "retainRun": False,
            "primaryContainerName": "main",
            "successCondition": 'status.conditions.#(type=="Complete")#|#(status=="True")#',
            "failureCondition": 'status.conditions.#(type=="Failed")#|#(status=="True")#',
            "runSpec": {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": trial.name, "namespace": "default", "labels": labels},
                "spec": {
                    "parallelism": 3,
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [
                                {
                                    "name": "main",
                                    "image": "alpine",
                                    "command": ["sh", "-c", "echo accuracy=$0", "0.05"],
                                    "env": [
                                        {"name": "BATCH", "value": "64.5"},
                                        {"name": "OPTIMIZER", "value": "1e-3"},
                                    ],
                                }
                            ],
                        }
                    },
                },
            },
        },
        "status": {
            "startTime": "2026-03-01T12:10:00Z",
            "completionTime": "2026-03-01T12:15:00Z",
            "conditions": [CREATED, RUNNING_OVER, ended("Succeeded", "TrialSucceeded")],
            "observation": {
                "metrics": [
                    {"name": "accuracy", "min": "0.45", "max": "0.9", "latest": "0.9"},
                    {"name": "loss", "min": "unavailable", "max": "unavailable", "latest": "nan"},
                ]
            },
        },
    }


def test_the_manifest_is_that_of_the_latest_attempt_with_its_budget() -> None:
    trial = trial_of(RECORD, 1, TrialPhase.RUNNING)
    again = AttemptRecord(2, Cause.PROMOTION, f"{trial.name}-2", minute(15), budget=Budget("layers", 9.0))
    manifest = get_object(shown(replace(trial, attempts=(*trial.attempts, again))), "spec", "runSpec")
    assert get(manifest, "metadata", "name") == f"{trial.name}-2"
    assert get(manifest, "spec", "parallelism") == 9


def test_a_trial_whose_values_do_not_fit_the_template_has_no_manifest() -> None:
    trial = replace(trial_of(RECORD, 1, TrialPhase.FAILED), assignments={"lr": 0.5})
    assert "runSpec" not in get_object(shown(trial), "spec")


def test_labels_that_the_algorithm_gave_are_in_spec_and_metadata() -> None:
    trial = replace(trial_of(RECORD, 1, TrialPhase.RUNNING), labels={"generation": "3"})
    assert get(shown(trial), "spec", "labels") == {"generation": "3"}
    assert get_object(shown(trial), "metadata", "labels")["generation"] == "3"


def test_the_status_of_an_experiment_counts_and_names_its_trials() -> None:
    trials = some_trials(RECORD)
    names = [trial.name for trial in trials]
    assert experiment_object(RECORD, trials, FILE.experiment)["status"] == {
        "startTime": "2026-03-01T12:01:00Z",
        "conditions": [
            {
                "type": "Created",
                "status": "True",
                "reason": "ExperimentCreated",
                "message": "the experiment is stored",
                "lastUpdateTime": "2026-03-01T12:00:00Z",
                "lastTransitionTime": "2026-03-01T12:00:00Z",
            },
            {
                "type": "Running",
                "status": "True",
                "reason": "ExperimentRunning",
                "message": "trials are being run",
                "lastUpdateTime": "2026-03-01T12:01:00Z",
                "lastTransitionTime": "2026-03-01T12:01:00Z",
            },
        ],
        "currentOptimalTrial": {
            "bestTrialName": names[1],
            "parameterAssignments": [
                {"name": "lr", "value": "0.05"},
                {"name": "layers", "value": "3"},
                {"name": "batch", "value": "64.5"},
                {"name": "optimizer", "value": "1e-3"},
            ],
            "observation": {
                "metrics": [
                    {"name": "accuracy", "min": "0.45", "max": "0.9", "latest": "0.9"},
                    {"name": "loss", "min": "unavailable", "max": "unavailable", "latest": "nan"},
                ]
            },
        },
        "succeededTrialList": names[:2],
        "failedTrialList": names[2:3],
        "runningTrialList": names[3:4],
        "pendingTrialList": names[4:],
        "trials": 5,
        "trialsSucceeded": 2,
        "trialsFailed": 1,
        "trialsRunning": 1,
        "trialsPending": 1,
        "trialsKilled": 0,
        "trialsEarlyStopped": 0,
        "trialMetricsUnavailable": 0,
    }


@pytest.mark.parametrize(
    ("phase", "list_name", "count_name"),
    [
        (TrialPhase.PENDING, "pendingTrialList", "trialsPending"),
        (TrialPhase.PAUSED, "pendingTrialList", "trialsPending"),
        (TrialPhase.RUNNING, "runningTrialList", "trialsRunning"),
        (TrialPhase.COLLECTING, "runningTrialList", "trialsRunning"),
        (TrialPhase.STOPPING, "runningTrialList", "trialsRunning"),
        (TrialPhase.SUCCEEDED, "succeededTrialList", "trialsSucceeded"),
        (TrialPhase.FAILED, "failedTrialList", "trialsFailed"),
        (TrialPhase.KILLED, "killedTrialList", "trialsKilled"),
        (TrialPhase.EARLY_STOPPED, "earlyStoppedTrialList", "trialsEarlyStopped"),
        (TrialPhase.METRICS_UNAVAILABLE, "metricsUnavailableTrialList", "trialMetricsUnavailable"),
    ],
)
def test_each_phase_is_counted_under_the_name_that_katib_uses(
    phase: TrialPhase, list_name: str, count_name: str
) -> None:
    trial = trial_of(RECORD, 0, phase)
    status = get_object(experiment_object(RECORD, [trial], FILE.experiment), "status")
    assert status[list_name] == [trial.name]
    assert {name: count for name, count in status.items() if count == 1} == {"trials": 1, count_name: 1}


def test_the_counts_in_the_spec_are_those_that_are_wanted_now() -> None:
    record = replace(RECORD, intent=Intent(parallel_trials=9, max_trials=None, max_failed_trials=0))
    spec = get_object(experiment_object(record, [], FILE.experiment), "spec")
    assert (spec["parallelTrialCount"], spec["maxFailedTrialCount"]) == (9, 0)
    assert "maxTrialCount" not in spec
    assert spec["algorithm"] == {"algorithmName": "random"}


def test_metadata_is_the_files_with_what_a_server_adds() -> None:
    assert experiment_object(RECORD, [], FILE.experiment)["metadata"] == {
        "name": "sample",
        "namespace": "default",
        "labels": {"team": "vision"},
        "uid": UID,
        "creationTimestamp": "2026-03-01T12:00:00Z",
        "generation": 1,
    }


def test_an_experiment_that_is_over_says_when_and_one_without_values_has_no_best() -> None:
    record = replace(RECORD, phase=ExperimentPhase.SUCCEEDED, finished=minute(90))
    status = get_object(experiment_object(record, [trial_of(RECORD, 0, TrialPhase.FAILED)], FILE.experiment), "status")
    assert status["completionTime"] == "2026-03-01T13:30:00Z"
    assert "currentOptimalTrial" not in status


def test_a_running_trial_is_never_the_best_and_the_first_of_equals_is() -> None:
    trials = [
        trial_of(RECORD, 0, TrialPhase.RUNNING, 0.99),
        trial_of(RECORD, 1, TrialPhase.EARLY_STOPPED, 0.7),
        trial_of(RECORD, 2, TrialPhase.SUCCEEDED, 0.7),
    ]
    status = get_object(experiment_object(RECORD, trials, FILE.experiment), "status")
    assert get(status, "currentOptimalTrial", "bestTrialName") == trials[1].name


def test_values_of_metrics_are_written_as_katib_writes_them() -> None:
    metrics = (MetricSummary("accuracy", 1e-7, 1.0, 0.5), MetricSummary("cell", text="conv,pool"))
    trial = replace(trial_of(RECORD, 0, TrialPhase.SUCCEEDED), observation=Observation(metrics))
    assert get(shown(trial), "status", "observation", "metrics") == [
        {"name": "accuracy", "min": "1e-07", "max": "1", "latest": "0.5"},
        {"name": "cell", "min": "unavailable", "max": "unavailable", "latest": "conv,pool"},
    ]


def test_a_list_names_the_kind_of_its_items() -> None:
    assert list_object("Trial", []) == {"apiVersion": "kubeflow.org/v1beta1", "kind": "TrialList", "items": []}


def test_reading_order_changes_the_order_alone() -> None:
    resource: JsonObject = {"spec": {}, "metadata": {"name": "x"}, "kind": "Job"}
    assert list(in_reading_order(resource)) == ["kind", "metadata", "spec"]
    assert in_reading_order(resource) == resource
