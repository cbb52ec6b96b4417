"""Records for tests: plain ones, and ones in which every field has a value of its own."""

from datetime import UTC, datetime, timedelta
from typing import Final

from trialmill.api.history import Budget
from trialmill.api.metric import MetricSummary, Observation
from trialmill.api.verdict import Verdict, VerdictPhase
from trialmill.engine.records import (
    AttemptPhase,
    AttemptRecord,
    Cause,
    Condition,
    ConditionType,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    Outcome,
    RunState,
    StopCause,
    TrialPhase,
    TrialRecord,
)

NOON: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    """A time that no other minute equals, down to the microsecond."""
    return NOON + timedelta(minutes=number, microseconds=number)


def experiment(
    name: str = "sample", namespace: str = "default", *, uid: str = "", minutes: int = 0
) -> ExperimentRecord:
    """A new experiment."""
    return ExperimentRecord(
        uid=uid or f"uid-of-{namespace}-{name}",
        namespace=namespace,
        name=name,
        source={"kind": "Experiment", "metadata": {"name": name}},
        compiled={"kind": "Job"},
        seed=7,
        created=minute(minutes),
    )


def full_experiment() -> ExperimentRecord:
    """An experiment none of whose fields has its default."""
    return ExperimentRecord(
        uid="uid-of-full",
        namespace="team-a",
        name="full",
        source={"spec": {"text": 'quotes " and \\ and ünïcode \U0001f600', "list": [1, 2.5, None, True, {"deep": []}]}},
        compiled={"tree": {"replicas": 2}},
        seed=2**70 + 1,
        created=minute(1),
        settings={"images": {"mnist": "/opt/stand-in"}},
        generation=3,
        intent=Intent(RunState.PAUSE, parallel_trials=4, max_trials=12, max_failed_trials=2),
        phase=ExperimentPhase.SUCCEEDED,
        conditions=(
            Condition(ConditionType.CREATED, True, "ExperimentCreated", "Experiment is created", minute(2), minute(3)),
            Condition(ConditionType.SUCCEEDED, False, "Goal", "Not yet", minute(4), minute(5)),
        ),
        ending=Outcome(True, "GoalReached", "accuracy reached 0.99"),
        exhausted="the grid has no more points",
        started=minute(6),
        finished=minute(7),
    )


def trial(experiment_uid: str, index: int = 0, phase: TrialPhase = TrialPhase.PENDING) -> TrialRecord:
    """A new trial with one attempt."""
    name = f"sample-{index:08x}"
    return TrialRecord(
        experiment_uid=experiment_uid,
        index=index,
        uid=f"uid-of-{name}",
        name=name,
        assignments={"lr": 0.1, "layers": 3},
        created=minute(index),
        phase=phase,
        attempts=(AttemptRecord(1, Cause.FIRST, name, minute(index)),),
    )


def full_attempt(number: int = 2) -> AttemptRecord:
    """An attempt none of whose fields has its default."""
    return AttemptRecord(
        number=number,
        cause=Cause.PROMOTION,
        resource_name="sample-00000003-2",
        created=minute(10),
        phase=AttemptPhase.ENDED,
        resource_uid="resource-uid",
        handle={"folder": "trials/3/2", "group": 4711, "list": [1, None]},
        budget=Budget("epochs", 27.0, final=True),
        restore_from=(1, 2),
        started=minute(11),
        finished=minute(12),
        verdict=Verdict(VerdictPhase.FAILED, "BackoffLimitExceeded", "exit code 1", "condition"),
        stop=StopCause.DEADLINE,
        suspended_since=minute(13),
        suspended_for=timedelta(days=400, microseconds=1),
        not_before=minute(14),
    )


def full_trial(experiment_uid: str, index: int = 3) -> TrialRecord:
    """A trial none of whose fields has its default; its message holds what logs may hold."""
    return TrialRecord(
        experiment_uid=experiment_uid,
        index=index,
        uid="uid-of-full-trial",
        name="full-trial",
        assignments={"lr": 1e-300, "layers": 2**62, "optimizer": "adam, ünïcode", "whole": 1.0, "third": 0.1 + 0.2},
        created=minute(20),
        phase=TrialPhase.EARLY_STOPPED,
        reason="TrialEarlyStopped",
        message="stopped\nby 'rule' \u0000 \U0001f600",
        parent=1,
        labels={"trialmill.dev/rung": "2"},
        search_state={"rung": 2, "weights": [0.5, -1.0]},
        started=minute(21),
        finished=minute(22),
        completion=5,
        observation=Observation(
            (MetricSummary("accuracy", 0.1, 0.9, 0.8), MetricSummary("cell", text="conv,pool"), MetricSummary("loss"))
        ),
        attempts=(AttemptRecord(1, Cause.FIRST, "full-trial", minute(20)), full_attempt()),
    )
