"""`list`, `get`, `trials` and `best`: tables, and Katib's objects."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.cli.failures import FAILED, OK, complain
from trialmill.cli.output import plain, short_duration, short_value, write_json, write_line, write_table
from trialmill.cli.reading import EXPERIMENT, TRIAL, read_subject, store_of, with_store
from trialmill.engine.ports import Stores
from trialmill.engine.records import TrialRecord
from trialmill.root.lookup import Subject, find_experiment
from trialmill.root.overview import (
    Overview,
    metric_of,
    overview,
    overviews,
    parameters_of,
    reason_of,
    time_spent,
)
from trialmill.root.waiting import shared_waits

_LIST_HEADER: Final = ("NAME", "NAMESPACE", "STATUS", "SUCCEEDED", "RUNNING", "FAILED", "MAX", "BEST", "AGE")


def list_command(args: argparse.Namespace) -> int:
    # Where nothing was run yet there is nothing to list; the other commands name something that is not there.
    is_there = Path(store_of(args)).exists()
    found = with_store(args, lambda stores: overviews(stores, args.namespace)) if is_there else []
    match args.output:
        case "name":
            for each in found:
                write_line(f"{EXPERIMENT}/{each.record.name}")
        case "table":
            _write_overviews(found)
        case _:
            from trialmill.cli.katib import write_experiments

            write_experiments(found, args)
    for each in found:
        if each.experiment is None:
            complain(f"experiment {each.record.name} cannot be read by this release")
    return OK


def get_command(args: argparse.Namespace) -> int:
    if args.output == "table":
        each = with_store(args, lambda stores: _one(stores, args))
        _write_overviews([each])
        _tell_waits(each.trials)
        return OK
    subject = read_subject(args)
    if args.output == "name":
        write_line(f"{EXPERIMENT}/{subject.record.name}")
    else:
        from trialmill.cli.katib import write_experiment

        write_experiment(subject, args)
    return OK


def trials_command(args: argparse.Namespace) -> int:
    subject = read_subject(args)
    match args.output:
        case "name":
            for trial in subject.trials:
                write_line(f"{TRIAL}/{trial.name}")
        case "table":
            _write_trials(subject, subject.trials)
            _tell_waits(subject.trials)
        case _:
            from trialmill.cli.katib import write_trials

            write_trials(subject, args)
    return OK


def best_command(args: argparse.Namespace) -> int:
    subject = read_subject(args)
    best = subject.best()
    if best is None:
        metric = subject.experiment.spec.objective.metric
        complain(f"no trial of {subject.record.name} has ended with a value of {metric} yet")
        return FAILED
    match args.output:
        case "name":
            write_line(f"{TRIAL}/{best.name}")
        case "table":
            _write_trials(subject, [best])
        case "params":
            write_json(parameters_of(best, subject.experiment), indent=None)
        case _:
            from trialmill.cli.katib import write_trial

            write_trial(subject, best, args)
    return OK


async def _one(stores: Stores, args: argparse.Namespace) -> Overview:
    return await overview(stores, await find_experiment(stores, args.name, args.namespace))


def _tell_waits(trials: Sequence[TrialRecord]) -> None:
    for wait in shared_waits(trials):
        complain(plain(wait.text))


def _write_overviews(found: Sequence[Overview]) -> None:
    now = datetime.now(UTC)
    if not found:
        complain("no experiments")
        return
    write_table(_LIST_HEADER, [_overview_row(each, now) for each in found])


def _overview_row(each: Overview, now: datetime) -> Sequence[str]:
    record = each.record
    counts = each.counts()
    limit = record.intent.max_trials
    return (
        record.name,
        record.namespace,
        each.status,
        str(counts.succeeded),
        str(counts.running),
        str(counts.failed),
        "" if limit is None else str(limit),
        short_value(each.best_value()),
        short_duration(now - record.created),
    )


def _write_trials(subject: Subject, trials: Sequence[TrialRecord]) -> None:
    experiment = subject.experiment
    parameters = [parameter.name for parameter in experiment.spec.parameters]
    metrics = experiment.spec.objective.metric_names
    now = datetime.now(UTC)
    header = ("NAME", "STATUS", *parameters, *metrics, "DURATION", "REASON")
    rows = [_trial_row(trial, experiment, parameters, metrics, now) for trial in trials]
    if rows:
        write_table(header, rows)
    else:
        complain(f"{subject.record.name} has no trials yet")


def _trial_row(
    trial: TrialRecord, experiment: Experiment, parameters: Sequence[str], metrics: Sequence[str], now: datetime
) -> Sequence[str]:
    spent = time_spent(trial, now)
    return (
        trial.name,
        trial.phase,
        *(short_value(trial.assignments.get(name)) for name in parameters),
        *(short_value(metric_of(trial, name, experiment)) for name in metrics),
        "" if spent is None else short_duration(spent),
        reason_of(trial),
    )
