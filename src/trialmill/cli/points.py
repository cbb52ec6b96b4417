"""`metrics` and `export`: values for people, and for other programs."""

import argparse
import csv
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from trialmill.api.metric import Point
from trialmill.api.tree import Json, JsonObject
from trialmill.cli.failures import OK, complain
from trialmill.cli.output import write_json, write_table
from trialmill.cli.reading import read_subject, with_store
from trialmill.engine.ports import Stores
from trialmill.engine.records import AttemptKey, TrialRecord
from trialmill.metrics.values import format_metric
from trialmill.root.export import export_columns, export_object, export_row
from trialmill.root.lookup import find_experiment, find_trial


def metrics_command(args: argparse.Namespace) -> int:
    found, gaps = with_store(args, lambda stores: _points(stores, args))
    for gap in gaps:
        complain(gap)
    if args.output == "json":
        for trial, attempt, point in found:
            write_json(point_object(trial, attempt, point), indent=None)
    elif found:
        header = ("TRIAL", "ATTEMPT", "METRIC", "STEP", "VALUE", "TIME")
        write_table(header, [_point_row(*each) for each in found])
    else:
        complain(f"{args.trial or args.name} has reported nothing so far")
    return OK


def export_command(args: argparse.Namespace) -> int:
    subject = read_subject(args)
    if args.format == "json":
        write_json([export_object(trial, subject.experiment) for trial in subject.trials])
        return OK
    columns = export_columns(subject.experiment)
    rows: Iterable[Sequence[str]] = (export_row(trial, subject.experiment) for trial in subject.trials)
    # RFC 4180 ends lines with CR LF; every tool of a shell expects LF, and every reader of CSV takes it.
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return OK


def point_object(trial: str, attempt: int, point: Point) -> JsonObject:
    """One line of `metrics -o json`. A value that JSON has no number for (text, nan, an infinity) is a string."""
    value: Json = point.value if point.is_finite else format_metric(point.value)
    return {
        "trial": trial,
        "attempt": attempt,
        "name": point.name,
        "value": value,
        "step": point.step,
        "time": _time(point.time),
    }


async def _points(stores: Stores, args: argparse.Namespace) -> tuple[list[tuple[str, int, Point]], list[str]]:
    """The points with their trial and attempt, and what is known to be lost."""
    record = await find_experiment(stores, args.name, args.namespace)
    if args.trial:
        trials: Sequence[TrialRecord] = [await find_trial(stores, record, args.trial)]
    else:
        _, trials, _ = await stores.trials.load(record.ref)
    points, gaps = [], []
    for trial in trials:
        for key in _keys(trial):
            points += [(trial.name, key.attempt, point) for point in await stores.metrics.read(key)]
            lost = await stores.metrics.gaps(key)
            gaps += [f"{trial.name}, attempt {key.attempt}: {gap} ({source})" for source, gap in lost.items()]
    return points, gaps


def _keys(trial: TrialRecord) -> Iterator[AttemptKey]:
    for attempt in trial.attempts:
        yield AttemptKey(trial.experiment_uid, trial.index, attempt.number)


def _point_row(trial: str, attempt: int, point: Point) -> Sequence[str]:
    value = format_metric(point.value)
    return (trial, str(attempt), point.name, str(point.step), value, _time(point.time) or "")


def _time(seconds: float | None) -> str | None:
    """RFC 3339 in UTC; None where the source gave no time, or one that no calendar has."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None
