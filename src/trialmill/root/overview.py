"""What tables say of experiments and trials: counts, values and times, taken from records."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trialmill.api.experiment import Experiment, ParameterType
from trialmill.api.space import Value
from trialmill.api.spaces import read_integer, read_number
from trialmill.api.tree import JsonObject
from trialmill.engine.ports import Stores
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, TrialPhase, TrialRecord
from trialmill.root.errors import InputError
from trialmill.root.lookup import best_trial, experiment_of, value_of

INTERRUPTED: Final = "Interrupted"
"""The status of an experiment that was under way when its process ended."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Trials by what became of them. `failed` has those without metrics too, as Katib's `maxFailedTrialCount` does."""

    succeeded: int
    running: int
    failed: int
    other: int
    """Pending, paused, killed or stopped early."""


@dataclass(frozen=True, slots=True)
class Overview:
    """An experiment with all its trials. `experiment` is None where this release cannot read its file."""

    record: ExperimentRecord
    experiment: Experiment | None
    trials: Sequence[TrialRecord]
    holder: str | None
    """Who drives it, if anybody."""

    @property
    def status(self) -> str:
        phase = self.record.phase
        under_way = phase in (ExperimentPhase.CREATED, ExperimentPhase.RUNNING)
        return INTERRUPTED if under_way and self.holder is None else phase.value

    def counts(self) -> Counts:
        phases = Counter(trial.phase for trial in self.trials)
        running = phases[TrialPhase.RUNNING] + phases[TrialPhase.COLLECTING] + phases[TrialPhase.STOPPING]
        failed = phases[TrialPhase.FAILED] + phases[TrialPhase.METRICS_UNAVAILABLE]
        succeeded = phases[TrialPhase.SUCCEEDED]
        return Counts(succeeded, running, failed, len(self.trials) - succeeded - running - failed)

    def best(self) -> TrialRecord | None:
        return None if self.experiment is None else best_trial(self.trials, self.experiment)

    def best_value(self) -> float | None:
        best = self.best()
        return None if best is None or self.experiment is None else value_of(best, self.experiment)


async def overview(stores: Stores, record: ExperimentRecord) -> Overview:
    """Everything that tables need of one experiment. Raises NotFoundError."""
    record, trials, _ = await stores.trials.load(record.ref)
    try:
        experiment = experiment_of(record)
    except InputError:
        experiment = None
    return Overview(record, experiment, trials, await stores.trials.holder(record.ref))


async def overviews(stores: Stores, namespace: str | None) -> list[Overview]:
    """All experiments of a namespace, or of all; oldest first."""
    return [await overview(stores, record) for record in await stores.trials.find(namespace=namespace)]


def metric_of(trial: TrialRecord, name: str, experiment: Experiment) -> float | str | None:
    """The value that stands for the trial by the metric's strategy, else its latest number, else its latest text."""
    summary = trial.observation.find(name) if trial.observation else None
    if summary is None:
        return None
    for value in (summary.value(experiment.spec.objective.strategy(name)), summary.latest, summary.text):
        if value is not None:
            return value
    return None


def parameters_of(trial: TrialRecord, experiment: Experiment) -> JsonObject:
    """The trial's assignments as programs want them: listed numbers are numbers here, not the author's spelling."""
    discrete = {p.name for p in experiment.spec.parameters if p.type is ParameterType.DISCRETE}
    return {name: _number(value) if name in discrete else value for name, value in trial.assignments.items()}


def time_spent(trial: TrialRecord, now: datetime) -> timedelta | None:
    """From the trial's start to its end, or to now; None before its start."""
    return None if trial.started is None else (trial.finished or now) - trial.started


def reason_of(trial: TrialRecord) -> str:
    """Why the trial is where it is; empty for one that simply succeeded."""
    return "" if trial.phase is TrialPhase.SUCCEEDED else trial.reason


def _number(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    for number in (read_integer(value) if value.lstrip("+-").isdecimal() else None, read_number(value)):
        if number is not None:
            return number
    return value
