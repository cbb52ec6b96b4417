"""What an Experiment is made of, apart from its search space and its manifests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from trialmill.api.durations import format_duration
from trialmill.api.experiment import CollectorKind, ObjectiveType
from trialmill.api.tree import Json, JsonObject
from trialmill.sdk.spaces import text_of

Duration: TypeAlias = timedelta | str | float
"""A length of time: a timedelta, a text like `"90s"` or `"1h30m"`, or a number of seconds."""
Strategy: TypeAlias = Literal["min", "max", "latest"]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is better; made by `maximize` and `minimize`."""

    type: ObjectiveType
    metric: str
    goal: float | None = None
    additional: Sequence[str] = ()
    strategies: Mapping[str, Strategy] = field(default_factory=dict)

    def tree(self) -> JsonObject:
        strategies: list[Json] = [{"name": name, "value": value} for name, value in self.strategies.items()]
        return given(
            type=self.type.value,
            objectiveMetricName=self.metric,
            goal=self.goal,
            additionalMetricNames=list(self.additional) or None,
            metricStrategies=strategies or None,
        )


def maximize(
    metric: str,
    *,
    goal: float | None = None,
    additional: Sequence[str] = (),
    strategies: Mapping[str, Strategy] | None = None,
) -> Objective:
    """More of `metric` is better, and `goal` of it is enough; `additional` metrics are recorded beside it.

    `strategies` say which of a metric's values stands for a trial: `"max"` (the default), `"min"` or `"latest"`.

    >>> maximize("accuracy", goal=0.99, additional=["loss"], strategies={"loss": "min"}).tree()["goal"]
    0.99
    """
    return Objective(ObjectiveType.MAXIMIZE, metric, goal, tuple(additional), dict(strategies or {}))


def minimize(
    metric: str,
    *,
    goal: float | None = None,
    additional: Sequence[str] = (),
    strategies: Mapping[str, Strategy] | None = None,
) -> Objective:
    """Less of `metric` is better. The rest is as for `maximize`, with `"min"` for the default strategy."""
    return Objective(ObjectiveType.MINIMIZE, metric, goal, tuple(additional), dict(strategies or {}))


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm, or a way to stop trials early, with settings.

    >>> Algorithm("tpe", {"n_EI_candidates": 8}).tree()["algorithmSettings"]
    [{'name': 'n_EI_candidates', 'value': '8'}]
    """

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)

    def tree(self) -> JsonObject:
        settings: list[Json] = [{"name": name, "value": text_of(value)} for name, value in self.settings.items()]
        return given(algorithmName=self.name, algorithmSettings=settings or None)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Where metrics come from. `filters` are regular expressions of two groups, a metric's name and its value."""

    kind: CollectorKind = CollectorKind.STDOUT
    path: str = ""
    format: Literal["text", "json"] = "text"
    filters: Sequence[str] = ()

    def tree(self) -> JsonObject:
        file = {"path": self.path, "kind": "File", "format": self.format.upper()} if self.path else None
        expressions = {"metricsFormat": list(self.filters)} if self.filters else None
        source = given(fileSystemPath=file, filter=expressions)
        return given(collector={"kind": self.kind.value}, source=source or None)


def metrics_from_stdout(*, filters: Sequence[str] = ()) -> Metrics:
    """Metrics are lines of standard output, such as `accuracy=0.9`. This is the default."""
    return Metrics(filters=tuple(filters))


def metrics_from_file(path: str, *, format: Literal["text", "json"] = "text", filters: Sequence[str] = ()) -> Metrics:
    """Metrics are lines of a file in the trial's container: text, or one JSON object a line."""
    return Metrics(CollectorKind.FILE, path, format, tuple(filters))


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed trial gets another attempt, and how long it waits for it."""

    limit: int
    delay: Duration | None = None

    def tree(self) -> JsonObject:
        return given(limit=self.limit, delay=None if self.delay is None else duration_text(self.delay))


@dataclass(frozen=True, slots=True)
class Template:
    """A manifest, with how its resource is judged and kept. Most need none of this: a manifest alone serves.

    `manifest` is what `template` of an Experiment takes. `primary_container` is the one whose output counts.
    `success_condition` and `failure_condition` are GJSON queries on the resource's status. `deadline` is the longest
    that one trial may take. `retain` keeps resources after their trials.
    """

    manifest: object
    primary_container: str | None = None
    primary_pod_labels: Mapping[str, str] | None = None
    success_condition: str | None = None
    failure_condition: str | None = None
    deadline: timedelta | int | None = None
    retain: bool | None = None

    def tree(self) -> JsonObject:
        """All but the manifest."""
        deadline = self.deadline
        return given(
            primaryContainerName=self.primary_container,
            primaryPodLabels=dict(self.primary_pod_labels) if self.primary_pod_labels else None,
            successCondition=self.success_condition,
            failureCondition=self.failure_condition,
            activeDeadlineSeconds=int(deadline.total_seconds()) if isinstance(deadline, timedelta) else deadline,
            retain=self.retain,
        )


def duration_text(duration: Duration) -> str:
    """A length of time as a file has it."""
    if isinstance(duration, timedelta):
        negative = duration < timedelta(0)
        return f"-{format_duration(-duration)}" if negative else format_duration(duration)
    return duration if isinstance(duration, str) else text_of(duration)


def given(**fields: object) -> JsonObject:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}  # type: ignore[misc]
