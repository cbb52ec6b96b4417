"""The Experiment: `kubeflow.org/v1beta1` as Katib has it, every field, with Trialmill's extensions beside them.

Numbers in feasible spaces and settings are text, as in Katib; `space_of` gives them their types. Defaults are Katib's.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from trialmill.api.metric import Strategy
from trialmill.api.space import Distribution
from trialmill.api.tree import Json, JsonObject

API_VERSION: Final = "kubeflow.org/v1beta1"
DEFAULT_NAMESPACE: Final = "default"
DEFAULT_PARALLEL_TRIALS: Final = 3


class ObjectiveType(StrEnum):
    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class ParameterType(StrEnum):
    DOUBLE = "double"
    INT = "int"
    DISCRETE = "discrete"
    CATEGORICAL = "categorical"
    UNKNOWN = "unknown"


class ResumePolicy(StrEnum):
    NEVER = "Never"
    LONG_RUNNING = "LongRunning"
    FROM_VOLUME = "FromVolume"


class CollectorKind(StrEnum):
    STDOUT = "StdOut"
    FILE = "File"
    TENSORFLOW_EVENT = "TensorFlowEvent"
    PROMETHEUS = "PrometheusMetric"
    CUSTOM = "Custom"
    PUSH = "Push"
    OUTPUTS = "Outputs"
    """An extension: what a trial leaves behind, in a file of results or in a file for each metric."""


class FileFormat(StrEnum):
    TEXT = "TEXT"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Algorithm:
    """`algorithm` and `earlyStopping`: a name and its settings."""

    name: str
    settings: tuple[Setting, ...] = ()

    def settings_map(self) -> dict[str, str]:
        return {s.name: s.value for s in self.settings}


@dataclass(frozen=True, slots=True)
class Objective:
    """What is better, and when it is good enough. `strategies` names every metric, defaults filled in."""

    type: ObjectiveType
    metric: str
    goal: float | None = None
    additional_metrics: tuple[str, ...] = ()
    strategies: dict[str, Strategy] = field(default_factory=dict)

    @property
    def maximize(self) -> bool:
        return self.type is ObjectiveType.MAXIMIZE

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Objective first."""
        return (self.metric, *self.additional_metrics)

    def strategy(self, name: str) -> Strategy:
        """The metric's strategy; for one without, Katib's default by the type of the objective."""
        return self.strategies.get(name, Strategy.MAX if self.maximize else Strategy.MIN)

    def reaches_goal(self, value: float) -> bool:
        if self.goal is None:
            return False
        return value >= self.goal if self.maximize else value <= self.goal

    def is_better(self, value: float, than: float) -> bool:
        return value > than if self.maximize else value < than


@dataclass(frozen=True, slots=True)
class FeasibleSpace:
    """The texts of a parameter's feasible space, unread."""

    min: str = ""
    max: str = ""
    step: str = ""
    list: tuple[str, ...] | None = None
    distribution: Distribution = Distribution.UNIFORM


@dataclass(frozen=True, slots=True)
class ActiveWhen:
    """An entry of `activeWhen`: the other parameter, and the texts of its values for which this one counts."""

    parameter: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`active_when` is an extension: the parameter counts while all of it holds."""

    name: str
    type: ParameterType
    space: FeasibleSpace
    active_when: tuple[ActiveWhen, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialParameter:
    """A declared placeholder. `reference` names a parameter, or trial metadata as `${trialSpec.Name}`.

    `cast` is the extension `as`: the type of the placeholder's field where no schema says it. `encode` is another: how
    the value stands in a text of another language. `value` is one more, in the place of a reference: an expression over
    parameters. `type` and `default` are extensions too; a default serves `trialmill try` and `render`, and trials in
    which the parameter is inactive.
    """

    name: str
    reference: str
    description: str = ""
    type: str = ""
    default: Json = None
    cast: str = ""
    encode: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """`trialTemplate.retry`: how often a failed trial gets another attempt, and how long it waits for it."""

    limit: int = 0
    delay: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class When:
    """`successWhen` and `failureWhen`: a condition in one of three ways, each with kubectl's or Kubernetes' meaning.

    `condition` is `Type` or `Type=Status`; `jsonpath` finds one value, which is `value` where that is given; `cel` is
    an expression over `object`.
    """

    condition: str = ""
    jsonpath: str = ""
    value: str | None = None
    cel: str = ""

    def __str__(self) -> str:
        if self.jsonpath:
            return f"jsonpath {self.jsonpath}" + ("" if self.value is None else f" = {self.value}")
        return f"condition {self.condition}" if self.condition else f"cel {self.cel}"


@dataclass(frozen=True, slots=True)
class TrialTemplate:
    """`trial_spec` is the manifest with placeholders; the other fields say how its resource is judged and kept.

    It is None where there is none, or none that this release can read; then a problem says so. `additional` are the
    manifests of resources that are made and removed with it.
    """

    trial_spec: Json
    trial_parameters: tuple[TrialParameter, ...] = ()
    retain: bool = False
    primary_pod_labels: dict[str, str] = field(default_factory=dict)
    primary_container: str = ""
    success_condition: str = ""
    failure_condition: str = ""
    success_when: When | None = None
    failure_when: When | None = None
    active_deadline: timedelta | None = None
    retry: Retry = Retry()
    additional: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class FileSource:
    path: str
    kind: str = "File"
    format: FileFormat = FileFormat.TEXT


@dataclass(frozen=True, slots=True)
class HttpSource:
    """`source.httpGet`: where a metrics endpoint answers. `port` is a number, or the name of a container's port."""

    path: str
    port: int | str
    host: str = ""


@dataclass(frozen=True, slots=True)
class MetricFile:
    """A file whose last line is the value of one metric."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class MetricField:
    """A metric that stands in the trial's resource: `path` is GJSON and leads to its value."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class MetricsCollector:
    """Where points come from and how lines are read; `filters` are Go regular expressions with two groups, name and
    value. `metric_files` and `metric_fields` are those of the collector Outputs; without any it reads `file`.
    """

    kind: CollectorKind = CollectorKind.STDOUT
    file: FileSource | None = None
    filters: tuple[str, ...] = ()
    custom: Json = None
    http: HttpSource | None = None
    metric_files: tuple[MetricFile, ...] = ()
    metric_fields: tuple[MetricField, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that are read, none where that is standard output or the resource."""
        if self.metric_files:
            return tuple(file.path for file in self.metric_files)
        reads_file = self.kind in (CollectorKind.FILE, CollectorKind.OUTPUTS)
        return (self.file.path,) if reads_file and self.file is not None else ()


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    objective: Objective
    algorithm: Algorithm
    template: TrialTemplate
    parameters: tuple[Parameter, ...] = ()
    early_stopping: Algorithm | None = None
    collector: MetricsCollector = MetricsCollector()
    parallel_trials: int = DEFAULT_PARALLEL_TRIALS
    max_trials: int | None = None
    max_failed_trials: int | None = None
    resume_policy: ResumePolicy = ResumePolicy.NEVER
    nas: Json = None
    suspend: bool = False
    timeout: timedelta | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment as read: typed `spec`, and `source`, the file's own tree with Katib's defaults filled in."""

    name: str
    namespace: str
    spec: ExperimentSpec
    source: JsonObject
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
