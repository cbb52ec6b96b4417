"""What became of an experiment, as plain objects: for a notebook, a data frame, or the next program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from trialmill.api.experiment import Experiment
from trialmill.api.space import Value
from trialmill.api.tree import JsonObject
from trialmill.engine.records import ExperimentRecord, TrialPhase, TrialRecord
from trialmill.root.export import export_columns
from trialmill.root.lookup import best_trial, value_of
from trialmill.root.manifests import stored_manifest
from trialmill.root.overview import metric_of, parameters_of
from trialmill.runtime.local.layout import attempt_directory

Cell: TypeAlias = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial. `value` is its objective; `metrics` has that and the additional ones, None where none was seen.

    Numbers are numbers, also those of `discrete`. `status` is one of Katib's: Succeeded, Failed, EarlyStopped, Killed,
    MetricsUnavailable; `reason` and `message` say why. `directory` has its logs and volumes.
    """

    name: str
    index: int
    status: str
    assignment: Mapping[str, Value]
    metrics: Mapping[str, float | str | None]
    value: float | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    reason: str
    message: str
    directory: Path

    @property
    def succeeded(self) -> bool:
        return self.status == TrialPhase.SUCCEEDED.value

    @property
    def seconds(self) -> float | None:
        """From its start to its end; None for a trial that has not both."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started).total_seconds()


@dataclass(frozen=True, slots=True)
class Result:
    """How an experiment ended, or how far it is.

    `trials` are in the order in which they were made; `best` is the one with the best objective, None without any.
    """

    name: str
    namespace: str
    status: str
    message: str
    trials: tuple[TrialResult, ...] = field(repr=False)
    best: TrialResult | None
    _record: ExperimentRecord = field(repr=False)
    _experiment: Experiment = field(repr=False)
    _records: Sequence[TrialRecord] = field(repr=False)
    _runs: Path = field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether it reached its goal or used up its trials."""
        return self.status == "Succeeded"

    @property
    def assignment(self) -> Mapping[str, Value] | None:
        """The best trial's parameters, by name."""
        return None if self.best is None else self.best.assignment

    def to_rows(self) -> list[dict[str, Cell]]:
        """One row a trial, for `pandas.DataFrame(result.to_rows())`; columns as in `trialmill export`.

        Parameters and metrics stand under their own names; those that another column has too as `parameter.NAME` and
        `metric.NAME`.
        """
        columns = export_columns(self._experiment)
        parameters = [parameter.name for parameter in self._experiment.spec.parameters]
        metrics = self._experiment.spec.objective.metric_names
        return [dict(zip(columns, _cells(trial, parameters, metrics), strict=True)) for trial in self.trials]

    def manifest(self, trial: TrialResult | None = None) -> JsonObject:
        """What was created for a trial, the best one where none is given. Raises ValueError where there is none."""
        chosen = trial or self.best
        if chosen is None:
            raise ValueError(f"experiment {self.name} has no best trial: name the one whose manifest is wanted")
        return stored_manifest(self._records[chosen.index], self._record, self._experiment, self._runs)


def result_of(record: ExperimentRecord, trials: Sequence[TrialRecord], experiment: Experiment, runs: Path) -> Result:
    """`runs` is where the runtime keeps what trials leave behind."""
    records = sorted(trials, key=lambda trial: trial.index)
    results = tuple(trial_result(trial, experiment, runs) for trial in records)
    best = best_trial(records, experiment)
    return Result(
        name=record.name,
        namespace=record.namespace,
        status=record.phase.value,
        message=record.ending.message if record.ending else "",
        trials=results,
        best=None if best is None else results[best.index],
        _record=record,
        _experiment=experiment,
        _records=records,
        _runs=runs,
    )


def trial_result(trial: TrialRecord, experiment: Experiment, runs: Path) -> TrialResult:
    assignment = parameters_of(trial, experiment)
    return TrialResult(
        name=trial.name,
        index=trial.index,
        status=trial.phase.value,
        assignment={name: value for name, value in assignment.items() if isinstance(value, int | float | str)},
        metrics={name: metric_of(trial, name, experiment) for name in experiment.spec.objective.metric_names},
        value=value_of(trial, experiment),
        created=trial.created,
        started=trial.started,
        finished=trial.finished,
        reason=trial.reason,
        message=trial.message,
        directory=Path(attempt_directory(str(runs), trial.key)),
    )


def _cells(trial: TrialResult, parameters: Sequence[str], metrics: Sequence[str]) -> list[Cell]:
    return [
        trial.name,
        trial.status,
        *(trial.assignment.get(name) for name in parameters),
        *(trial.metrics[name] for name in metrics),
        trial.created,
        trial.started,
        trial.finished,
        trial.seconds,
        trial.reason,
        trial.message,
    ]
