"""One row per trial, for spreadsheets and data frames."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.space import format_value
from trialmill.api.tree import JsonObject
from trialmill.engine.records import TrialRecord
from trialmill.metrics.values import format_metric
from trialmill.root.overview import metric_of, parameters_of
from trialmill.root.times import format_time

_BEFORE: Final = ("trial", "status")
_AFTER: Final = ("created", "started", "finished", "seconds", "reason", "message")


def export_columns(experiment: Experiment) -> Sequence[str]:
    """Trial and status, the parameters, the metrics, times and reasons.

    Names are the experiment's own. Those that another column has too are told apart as `parameter.NAME` and
    `metric.NAME`.
    """
    parameters = [parameter.name for parameter in experiment.spec.parameters]
    metrics = experiment.spec.objective.metric_names
    taken = Counter([*_BEFORE, *parameters, *metrics, *_AFTER])
    return (
        *_BEFORE,
        *(name if taken[name] == 1 else f"parameter.{name}" for name in parameters),
        *(name if taken[name] == 1 else f"metric.{name}" for name in metrics),
        *_AFTER,
    )


def export_row(trial: TrialRecord, experiment: Experiment) -> Sequence[str]:
    """The trial's values in the order of `export_columns`, empty where there is none."""
    values = [trial.assignments.get(parameter.name) for parameter in experiment.spec.parameters]
    metrics = [metric_of(trial, name, experiment) for name in experiment.spec.objective.metric_names]
    seconds = _seconds(trial)
    return (
        trial.name,
        trial.phase.value,
        *("" if value is None else format_value(value) for value in values),
        *("" if value is None else format_metric(value) for value in metrics),
        *(_time(time) or "" for time in (trial.created, trial.started, trial.finished)),
        "" if seconds is None else f"{seconds:g}",
        trial.reason,
        trial.message,
    )


def export_object(trial: TrialRecord, experiment: Experiment) -> JsonObject:
    """The same as one JSON object, assignments and metrics in objects of their own; null where there is no value."""
    metrics: JsonObject = {name: metric_of(trial, name, experiment) for name in experiment.spec.objective.metric_names}
    return {
        "trial": trial.name,
        "status": trial.phase.value,
        "assignments": parameters_of(trial, experiment),
        "metrics": metrics,
        "created": _time(trial.created),
        "started": _time(trial.started),
        "finished": _time(trial.finished),
        "seconds": _seconds(trial),
        "reason": trial.reason,
        "message": trial.message,
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def _seconds(trial: TrialRecord) -> float | None:
    """From the start to the end; None for a trial that has not both."""
    if trial.started is None or trial.finished is None:
        return None
    return round((trial.finished - trial.started).total_seconds(), 3)
