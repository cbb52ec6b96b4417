"""Records as Katib's objects, so that a tool written for Katib reads them.

Shapes and names are those of `kubeflow.org/v1beta1`, with its irregular `trialMetricsUnavailable`; lists of names are
left out where they are empty, counts are always there.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from trialmill.api.experiment import API_VERSION, Experiment
from trialmill.api.metric import MetricSummary, Observation
from trialmill.api.space import Assignments, format_value
from trialmill.api.tree import Json, JsonObject, get_object
from trialmill.engine.records import Condition, ExperimentRecord, Intent, TrialPhase, TrialRecord
from trialmill.engine.rendering import rendered, trial_labels
from trialmill.metrics.values import format_metric
from trialmill.root.lookup import Subject, best_trial
from trialmill.root.times import format_time
from trialmill.root.waiting import wait_of
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.encode import compiled_from_json
from trialmill.template.render import RenderError

UNAVAILABLE: Final = "unavailable"
"""What Katib writes for a metric that has no value."""

_GROUPS: Final = {
    TrialPhase.PENDING: "pending",
    TrialPhase.PAUSED: "pending",
    TrialPhase.RUNNING: "running",
    TrialPhase.COLLECTING: "running",
    TrialPhase.STOPPING: "running",
    TrialPhase.SUCCEEDED: "succeeded",
    TrialPhase.FAILED: "failed",
    TrialPhase.KILLED: "killed",
    TrialPhase.EARLY_STOPPED: "earlyStopped",
    TrialPhase.METRICS_UNAVAILABLE: "metricsUnavailable",
}
"""Katib's group of each phase, as in `runningTrialList`."""
_COUNT_NAMES: Final = {
    "pending": "trialsPending",
    "running": "trialsRunning",
    "succeeded": "trialsSucceeded",
    "failed": "trialsFailed",
    "killed": "trialsKilled",
    "earlyStopped": "trialsEarlyStopped",
    "metricsUnavailable": "trialMetricsUnavailable",
}
_END_REASONS: Final = {
    TrialPhase.SUCCEEDED: "TrialSucceeded",
    TrialPhase.FAILED: "TrialFailed",
    TrialPhase.KILLED: "TrialKilled",
    TrialPhase.EARLY_STOPPED: "TrialEarlyStopped",
    TrialPhase.METRICS_UNAVAILABLE: "MetricsUnavailable",
}
_COPIED_TEMPLATE_FIELDS: Final = (
    "primaryPodLabels",
    "primaryContainerName",
    "successCondition",
    "failureCondition",
    "successWhen",
    "failureWhen",
)


def experiment_object(record: ExperimentRecord, trials: Sequence[TrialRecord], experiment: Experiment) -> JsonObject:
    """The Experiment as Katib would serve it. `spec` has the counts that are wanted now."""
    metadata: JsonObject = {
        **get_object(record.source, "metadata"),
        "name": record.name,
        "namespace": record.namespace,
        "uid": record.uid,
        "creationTimestamp": format_time(record.created),
        "generation": record.generation,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Experiment",
        "metadata": metadata,
        "spec": _spec(get_object(record.source, "spec"), record.intent),
        "status": _experiment_status(record, trials, experiment),
    }


def trial_objects(subject: Subject, trials: Iterable[TrialRecord]) -> list[JsonObject]:
    """Some trials of an experiment as Katib's Trials."""
    template = compiled_from_json(subject.record.compiled)
    return [trial_object(trial, subject.record, subject.experiment, template) for trial in trials]


def trial_object(
    trial: TrialRecord, record: ExperimentRecord, experiment: Experiment, template: CompiledTemplate
) -> JsonObject:
    """The Trial as Katib would serve it. `runSpec` is its latest attempt's resource, absent where it has none."""
    source = get_object(record.source, "spec")
    template_source = get_object(source, "trialTemplate")
    labels: JsonObject = dict(trial_labels(record.name, trial.name, {**experiment.labels, **trial.labels}))
    spec: JsonObject = {
        "objective": source.get("objective"),
        "parameterAssignments": _assignments(trial.assignments),
        "metricsCollector": source.get("metricsCollectorSpec"),
        "retainRun": experiment.spec.template.retain,
        **{name: template_source[name] for name in _COPIED_TEMPLATE_FIELDS if template_source.get(name)},
    }
    if (resource := resource_of(trial, record, experiment, template)) is not None:
        spec["runSpec"] = resource
    if trial.labels:
        spec["labels"] = dict(trial.labels)
    return {
        "apiVersion": API_VERSION,
        "kind": "Trial",
        "metadata": {
            "name": trial.name,
            "namespace": record.namespace,
            "uid": trial.uid,
            "creationTimestamp": format_time(trial.created),
            "labels": labels,
            "ownerReferences": [_owner(record)],
        },
        "spec": spec,
        "status": _trial_status(trial),
    }


def resource_of(
    trial: TrialRecord, record: ExperimentRecord, experiment: Experiment, template: CompiledTemplate
) -> JsonObject | None:
    """The resource of the trial's latest attempt; None where its values cannot be put into the template."""
    try:
        return in_reading_order(rendered(template, record, trial, trial.attempt, experiment.labels))
    except RenderError:
        return None


def in_reading_order(resource: JsonObject) -> JsonObject:
    """The same resource, with what names it before what it is."""
    first = {name: resource[name] for name in ("apiVersion", "kind", "metadata") if name in resource}
    return first | resource


def list_object(kind: str, items: Sequence[JsonObject]) -> JsonObject:
    """`kind` is that of the items."""
    return {"apiVersion": API_VERSION, "kind": f"{kind}List", "items": list(items)}


def _spec(source: JsonObject, intent: Intent) -> JsonObject:
    counts = {
        "parallelTrialCount": intent.parallel_trials,
        "maxTrialCount": intent.max_trials,
        "maxFailedTrialCount": intent.max_failed_trials,
    }
    kept = {name: value for name, value in source.items() if name not in counts}
    return kept | {name: count for name, count in counts.items() if count is not None}


def _owner(record: ExperimentRecord) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "Experiment",
        "name": record.name,
        "uid": record.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


# --- status of an experiment


def _experiment_status(record: ExperimentRecord, trials: Sequence[TrialRecord], experiment: Experiment) -> JsonObject:
    status = _times(record.started, record.finished)
    status["conditions"] = [_condition(condition) for condition in record.conditions]
    best = best_trial(trials, experiment)
    if best is not None:
        status["currentOptimalTrial"] = {
            "bestTrialName": best.name,
            "parameterAssignments": _assignments(best.assignments),
            "observation": _observation(best.observation),
        }
    counts: Counter[str] = Counter()
    for group in _COUNT_NAMES:
        names: list[Json] = [trial.name for trial in trials if _GROUPS[trial.phase] == group]
        counts[group] = len(names)
        if names:
            status[f"{group}TrialList"] = names
    status["trials"] = len(trials)
    return status | {name: counts[group] for group, name in _COUNT_NAMES.items()}


def _condition(condition: Condition) -> Json:
    return {
        "type": condition.type.value,
        "status": str(condition.status),
        "reason": condition.reason,
        "message": condition.message,
        "lastUpdateTime": format_time(condition.last_update),
        "lastTransitionTime": format_time(condition.last_transition),
    }


# --- status of a trial


def _trial_status(trial: TrialRecord) -> JsonObject:
    status = _times(trial.started, trial.finished)
    status["conditions"] = list(_trial_conditions(trial))
    wait = wait_of(trial)
    if wait is not None:
        status["waiting"] = {"reason": wait.reason, "message": wait.message}
    if trial.observation is not None:
        status["observation"] = _observation(trial.observation)
    return status


def _trial_conditions(trial: TrialRecord) -> Iterable[Json]:
    """What Katib would have recorded by now: Created, then Running where it came so far, then how it ended."""
    yield _trial_condition("Created", True, "TrialCreated", "Trial is created", trial.created, trial.created)
    changed = trial.finished or trial.attempt.finished or trial.attempt.created
    if trial.started is not None:
        is_running = _GROUPS[trial.phase] == "running"
        since = trial.started if is_running else changed
        yield _trial_condition("Running", is_running, "TrialRunning", "Trial is running", trial.started, since)
    if trial.phase.is_over:
        reason = _END_REASONS[trial.phase]
        yield _trial_condition(trial.phase.value, True, reason, _end_message(trial, reason), changed, changed)


def _end_message(trial: TrialRecord, reason: str) -> str:
    """Our message, with our own reason before it where that says more than Katib's."""
    if trial.reason in ("", reason):
        return trial.message
    return f"{trial.reason}: {trial.message}" if trial.message else trial.reason


def _trial_condition(type_: str, status: bool, reason: str, message: str, first: datetime, last: datetime) -> Json:
    update, transition = format_time(max(first, last)), format_time(last)
    return {
        "type": type_,
        "status": str(status),
        "reason": reason,
        "message": message,
        "lastUpdateTime": update,
        "lastTransitionTime": transition,
    }


# --- what both have


def _times(started: datetime | None, finished: datetime | None) -> JsonObject:
    times = {"startTime": started, "completionTime": finished}
    return {name: format_time(time) for name, time in times.items() if time is not None}


def _assignments(assignments: Assignments) -> list[Json]:
    return [{"name": name, "value": format_value(value)} for name, value in assignments.items()]


def _observation(observation: Observation | None) -> Json:
    return {"metrics": [_metric(summary) for summary in observation.metrics] if observation else []}


def _metric(summary: MetricSummary) -> Json:
    latest = summary.text if summary.latest is None else summary.latest
    return {
        "name": summary.name,
        "min": _number(summary.min),
        "max": _number(summary.max),
        "latest": _number(latest),
    }


def _number(value: float | str | None) -> str:
    return UNAVAILABLE if value is None else format_metric(value)
