"""An experiment whose file is real, with trials in every phase, for tests of what shows and changes what is stored."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from trialmill.api.document import Document
from trialmill.api.load import load_documents
from trialmill.api.metric import MetricSummary, Observation, Point
from trialmill.api.problem import Problem
from trialmill.check.documents import Checked, check_documents
from trialmill.engine.names import trial_name, trial_uid
from trialmill.engine.ports import Cursor
from trialmill.engine.records import (
    AttemptKey,
    AttemptPhase,
    AttemptRecord,
    Cause,
    Condition,
    ConditionType,
    EventRecord,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    Record,
    TrialPhase,
    TrialRecord,
)
from trialmill.store.sql.open import open_store
from trialmill.template.encode import compiled_to_json
from trialmill.testing.samples import NOON, minute

SOURCE: Final = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: sample
  labels:
    team: vision
spec:
  objective:
    type: maximize
    goal: 0.99
    objectiveMetricName: accuracy
    additionalMetricNames: [loss]
  algorithm:
    algorithmName: random
  parallelTrialCount: 2
  maxTrialCount: 12
  maxFailedTrialCount: 3
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: "0.01", max: "0.1"}
    - name: layers
      parameterType: int
      feasibleSpace: {min: "1", max: "5"}
    - name: batch
      parameterType: discrete
      feasibleSpace: {list: ["32", "64.5"]}
    - name: optimizer
      parameterType: categorical
      feasibleSpace: {list: ["sgd", "1e-3"]}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {name: rate, reference: lr}
      - {name: layers, reference: layers}
      - {name: batch, reference: batch}
      - {name: optimizer, reference: optimizer}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        parallelism: ${trialParameters.layers}
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: alpine
                command: [sh, -c, "echo accuracy=$0", "${trialParameters.rate}"]
                env:
                  - {name: BATCH, value: "${trialParameters.batch}"}
                  - {name: OPTIMIZER, value: "${trialParameters.optimizer}"}
"""
_END_REASONS: Final = {
    TrialPhase.SUCCEEDED: "TrialSucceeded",
    TrialPhase.FAILED: "BackoffLimitExceeded",
    TrialPhase.KILLED: "ExperimentEnded",
    TrialPhase.EARLY_STOPPED: "TrialEarlyStopped",
    TrialPhase.METRICS_UNAVAILABLE: "MetricsUnavailable",
}
UID: Final = "11111111-2222-3333-4444-555555555555"


def checked(text: str = SOURCE) -> Checked:
    """The file, checked; it has no errors."""
    problems: list[Problem] = []
    documents: list[Document] = load_documents(text.encode(), "sample.yaml", problems)
    found = check_documents(documents, problems)
    assert found is not None, problems
    return found


def running_experiment(name: str = "sample", namespace: str = "default", uid: str = UID) -> ExperimentRecord:
    """An experiment that has begun."""
    file = checked(SOURCE.replace("name: sample", f"name: {name}"))
    return ExperimentRecord(
        uid=uid,
        namespace=namespace,
        name=name,
        source=file.experiment.source,
        compiled=compiled_to_json(file.template),
        seed=7,
        created=NOON,
        intent=Intent(parallel_trials=2, max_trials=12, max_failed_trials=3),
        phase=ExperimentPhase.RUNNING,
        conditions=(
            Condition(ConditionType.CREATED, True, "ExperimentCreated", "the experiment is stored", NOON, NOON),
            Condition(ConditionType.RUNNING, True, "ExperimentRunning", "trials are being run", minute(1), minute(1)),
        ),
        started=minute(1),
    )


def trial_of(experiment: ExperimentRecord, index: int, phase: TrialPhase, accuracy: float | None = None) -> TrialRecord:
    """A trial that came this far: started in minute 10 * index, over five minutes later."""
    name = trial_name(experiment.name, experiment.uid, index)
    started = None if phase is TrialPhase.PENDING else minute(10 * index)
    finished = minute(10 * index + 5) if phase.is_over else None
    observation = None
    if accuracy is not None:
        metrics = (MetricSummary("accuracy", accuracy / 2, accuracy, accuracy), MetricSummary("loss", text="nan"))
        observation = Observation(metrics)
    attempt = AttemptRecord(
        1,
        Cause.FIRST,
        name,
        minute(10 * index),
        phase=AttemptPhase.ENDED if phase.is_over else AttemptPhase.RUNNING,
        started=started,
        finished=finished,
    )
    return TrialRecord(
        experiment_uid=experiment.uid,
        index=index,
        uid=trial_uid(experiment.uid, index),
        name=name,
        assignments={"lr": 0.05, "layers": 3, "batch": "64.5", "optimizer": "1e-3"},
        created=minute(10 * index),
        phase=phase,
        reason=_END_REASONS.get(phase, ""),
        message="exit code 1" if phase is TrialPhase.FAILED else "",
        started=started,
        finished=finished,
        completion=index if phase.is_over else None,
        observation=observation,
        attempts=(attempt,),
    )


def some_trials(experiment: ExperimentRecord) -> list[TrialRecord]:
    """Two that succeeded (the second is the best), one that failed, one that runs, one that is pending."""
    return [
        trial_of(experiment, 0, TrialPhase.SUCCEEDED, 0.8),
        trial_of(experiment, 1, TrialPhase.SUCCEEDED, 0.9),
        trial_of(experiment, 2, TrialPhase.FAILED),
        trial_of(experiment, 3, TrialPhase.RUNNING),
        trial_of(experiment, 4, TrialPhase.PENDING),
    ]


def seed(path: Path, *records: Record, points: Sequence[Point] = (), events: Sequence[EventRecord] = ()) -> None:
    """Save records in a store; points go to the first attempt of the first trial."""

    async def main() -> None:
        async with open_store(path) as stores:
            await stores.trials.save([replace(record, version="") for record in records])
            await stores.trials.log(events)
            if points:
                await stores.metrics.append(AttemptKey(UID, 0, 1), "log", points, Cursor(100))

    asyncio.run(main())
