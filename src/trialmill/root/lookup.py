"""From the names that users type to records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.nearest import nearest
from trialmill.engine.ports import NotFoundError, Stores
from trialmill.engine.records import ExperimentRecord, TrialRecord
from trialmill.root.errors import InputError, NextStep

_KIND_PREFIXES: Final = ("experiment.kubeflow.org/", "experiments.kubeflow.org/", "experiment/", "experiments/")
"""`list -o name` prints the first; kubectl's users write the others too."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An experiment with all its trials, by index. `experiment` is its file, read again."""

    record: ExperimentRecord
    experiment: Experiment
    trials: tuple[TrialRecord, ...]
    cursor: str

    def best(self) -> TrialRecord | None:
        """The trial with the best objective value, of those that succeeded or were stopped early; the first of
        equals.
        """
        return best_trial(self.trials, self.experiment)


async def find_experiment(stores: Stores, name: str, namespace: str | None) -> ExperimentRecord:
    """The experiment of this name in all namespaces, or in one. Raises InputError for none or several."""
    name = _bare(name)
    found = await stores.trials.find(name, namespace)
    if len(found) == 1:
        return found[0]
    if found:
        namespaces = sorted(record.namespace for record in found)
        remedy = f"choose one with -n: {', '.join(namespaces)}"
        raise InputError(f"{len(found)} experiments are named {name}", remedy)
    raise await _unknown(stores, name, namespace)


async def find_subject(stores: Stores, name: str, namespace: str | None) -> Subject:
    """The experiment with its trials. Raises InputError, also for one whose file this release cannot read."""
    ref = (await find_experiment(stores, name, namespace)).ref
    record, trials, cursor = await stores.trials.load(ref)
    return Subject(record, experiment_of(record), tuple(trials), cursor)


async def find_trial(stores: Stores, record: ExperimentRecord, name: str) -> TrialRecord:
    """A trial of the experiment. Raises InputError."""
    name = name.rpartition("/")[2]
    try:
        return await stores.trials.trial(record.uid, name)
    except NotFoundError:
        _, trials, _ = await stores.trials.load(record.ref)
        remedy = _did_you_mean(name, [trial.name for trial in trials])
        steps = () if remedy else (NextStep("see", "trials", record.name),)
        raise InputError(f"experiment {record.name} has no trial {name}", remedy, steps) from None


def experiment_of(record: ExperimentRecord) -> Experiment:
    """The Experiment that the record was made from. Raises InputError where it cannot be read."""
    from trialmill.api.read_experiment import experiment_from_source

    try:
        return experiment_from_source(record.source)
    except ValueError as error:
        raise InputError(f"experiment {record.name} cannot be read from the store: {error}") from error


def best_trial(trials: Sequence[TrialRecord], experiment: Experiment) -> TrialRecord | None:
    """The trial with the best objective value, of those that succeeded or were stopped early; the first of equals."""
    objective = experiment.spec.objective
    best, best_value = None, 0.0
    for trial in trials:
        value = value_of(trial, experiment) if trial.phase.has_result else None
        if value is not None and (best is None or objective.is_better(value, best_value)):
            best, best_value = trial, value
    return best


def value_of(trial: TrialRecord, experiment: Experiment) -> float | None:
    """The objective's value that stands for the trial."""
    from trialmill.metrics.observe import objective_value

    return None if trial.observation is None else objective_value(trial.observation, experiment.spec.objective)


async def _unknown(stores: Stores, name: str, namespace: str | None) -> InputError:
    everywhere = await stores.trials.find()
    elsewhere = [record.namespace for record in everywhere if record.name == name]
    if elsewhere:
        message = f"there is no experiment {name} in the namespace {namespace}"
        return InputError(message, f"it is in {', '.join(elsewhere)}")
    message = f"there is no experiment {name}" + (f" in the namespace {namespace}" if namespace else "")
    remedy = _did_you_mean(name, [record.name for record in everywhere])
    return InputError(message, remedy, () if remedy else (NextStep("see", "list"),))


def _did_you_mean(name: str, names: list[str]) -> str:
    meant = nearest(name, names)
    return f"did you mean {meant}?" if meant else ""


def _bare(name: str) -> str:
    prefix = next((p for p in _KIND_PREFIXES if name.startswith(p)), "")
    return name.removeprefix(prefix)
