"""What a finished run, or a tried trial, has to say."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.space import Assignments, format_value
from trialmill.cli.failures import FAILED, INTERRUPTED, OK
from trialmill.cli.hints import Hints
from trialmill.cli.output import plain, write_json, write_line, write_yaml
from trialmill.engine.conditions import find_condition
from trialmill.engine.life import TIMED_OUT, TOO_MANY_FAILED
from trialmill.engine.records import ConditionType, ExperimentPhase, ExperimentRecord, TrialPhase, TrialRecord
from trialmill.metrics.values import format_metric
from trialmill.root.control import way_on
from trialmill.root.lookup import Subject, value_of
from trialmill.root.manifests import MANIFEST
from trialmill.root.objects import trial_object
from trialmill.root.opening import runs_directory
from trialmill.root.session import Finished
from trialmill.runtime.local.layout import attempt_directory
from trialmill.template.encode import compiled_from_json

_ENDS: Final = {
    ExperimentPhase.SUCCEEDED: "succeeded",
    ExperimentPhase.FAILED: "failed",
    ExperimentPhase.STOPPED: "was stopped",
}


def print_result(finished: Finished, store: str, hints: Hints) -> None:
    """The result of a run on stdout: how it ended, the best trial and where its files are, and what to do next."""
    record = finished.record
    word = _ENDS.get(record.phase, str(record.phase).lower())
    already = " before" if finished.already else ""
    write_line(f"Experiment {record.name} {word}{already}: {plain(_why(record))}")
    best = Subject(record, finished.experiment, finished.trials, "").best()
    if best is not None:
        _print_best(best, finished, runs_directory(store))
    failed = [t for t in finished.trials if t.phase in (TrialPhase.FAILED, TrialPhase.METRICS_UNAVAILABLE)]
    if failed:
        write_line(f"{len(failed)} of {len(finished.trials)} trials failed, the last: {plain(failed[-1].message)}")
    place = (record.name, record.namespace)
    write_line(f"More: {hints.command('describe', *place)}")
    if record.phase is ExperimentPhase.STOPPED:
        write_line(f"Go on: {hints.command('resume', *place)}")
    elif record.phase.is_over:
        _print_way_on(finished, hints)
    if finished.already:
        write_line(f"Start over: {hints.command('delete', *place)}, or give the new one another name with --name")


def _print_way_on(finished: Finished, hints: Hints) -> None:
    """How the end is undone: said of one that its user may not have wanted, and whenever a result is printed again."""
    step = way_on(finished.record, Counter(trial.phase for trial in finished.trials))
    reason = finished.record.ending.reason if finished.record.ending else ""
    if step is not None and (finished.already or reason in (TOO_MANY_FAILED, TIMED_OUT)):
        write_line(f"Go on: {hints.command(step.command, step.name, finished.record.namespace)}")


def assignment_text(assignments: Assignments) -> str:
    return " ".join(f"{name}={format_value(value)}" for name, value in assignments.items())


def _why(record: ExperimentRecord) -> str:
    if record.ending is not None and record.phase.is_over:
        return record.ending.message
    running = find_condition(record.conditions, ConditionType.RUNNING)
    return running.message if running else ""


def _print_best(best: TrialRecord, finished: Finished, runs: Path) -> None:
    experiment = finished.experiment
    value = value_of(best, experiment)
    folder = _shown(attempt_directory(str(runs), best.key))
    write_line(f"Best trial: {best.name}, {experiment.spec.objective.metric} {format_metric(value or 0.0)}")
    write_line(f"  assignment  {plain(assignment_text(best.assignments))}")
    if Path(folder, MANIFEST).exists():
        write_line(f"  manifest    {folder}/{MANIFEST}")
    for log in _logs(folder):
        write_line(f"  log         {log}")


def _logs(folder: str) -> list[str]:
    return [str(path) for path in sorted(Path(folder).glob("*.log"))]


def _shown(path: str) -> str:
    """The path from the working directory, where it lies below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def print_trial(finished: Finished, folder: Path, output: str) -> int:
    """What one tried trial has shown; its exit code: 0 where its end and its objective were seen."""
    if not finished.trials:
        return INTERRUPTED if finished.interrupted else FAILED
    trial = finished.trials[0]
    if output != "text":
        template = compiled_from_json(finished.record.compiled)
        tree = trial_object(trial, finished.record, finished.experiment, template)
        (write_json if output == "json" else write_yaml)(tree)
    else:
        _print_tried(trial, finished, folder)
    if finished.interrupted:
        return INTERRUPTED
    return OK if trial.phase is TrialPhase.SUCCEEDED else FAILED


def _print_tried(trial: TrialRecord, finished: Finished, folder: Path) -> None:
    experiment = finished.experiment
    directory = _shown(attempt_directory(str(folder), trial.key))
    write_line(f"Tried {plain(assignment_text(trial.assignments))}")
    write_line(f"  end         {_end_of(trial, finished.record)}")
    for name in experiment.spec.objective.metric_names:
        write_line(f"  {name:<11} {_seen(trial, name)}")
    for log in _logs(directory):
        write_line(f"  log         {log}")
    if trial.phase is TrialPhase.SUCCEEDED:
        write_line("The job runs, and its metrics and its end are seen: ready for `trialmill run`.")
    elif trial.phase is TrialPhase.METRICS_UNAVAILABLE:
        print(_hint(experiment), file=sys.stderr)


def _end_of(trial: TrialRecord, record: ExperimentRecord) -> str:
    taken = (
        f" after {(trial.finished - trial.started).total_seconds():.1f} s" if trial.finished and trial.started else ""
    )
    why = record.ending.message if trial.phase is TrialPhase.KILLED and record.ending else trial.message
    message = f": {plain(why)}" if why else ""
    return f"{trial.phase}{taken}{message}"


def _seen(trial: TrialRecord, name: str) -> str:
    summary = trial.observation.find(name) if trial.observation else None
    if summary is None:
        return "not seen"
    if summary.latest is None:
        return f"only {summary.text}, never a finite number"
    values = {"latest": summary.latest, "min": summary.min, "max": summary.max}
    return ", ".join(f"{word} {format_metric(value or 0.0)}" for word, value in values.items())


def _hint(experiment: Experiment) -> str:
    name = experiment.spec.objective.metric
    where = experiment.spec.collector.file.path if experiment.spec.collector.file else "standard output"
    return f"trialmill: nothing like `{name}=0.5` was found in {where}; see its log, and metricsCollectorSpec"
