"""`describe`: all that is known of one experiment, for people."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trialmill.api.experiment import Experiment, Parameter
from trialmill.cli.failures import OK
from trialmill.cli.hints import Hints
from trialmill.cli.output import plain, short_duration, short_value, write_line, write_table
from trialmill.cli.reading import resume_hint, store_of, with_store
from trialmill.engine.ports import Stores
from trialmill.engine.records import EventRecord, ExperimentRecord, Intent, TrialPhase, TrialRecord
from trialmill.metrics.values import format_metric
from trialmill.root.creating import cluster_of
from trialmill.root.lookup import find_experiment
from trialmill.root.opening import runs_directory
from trialmill.root.overview import INTERRUPTED, Overview, metric_of, overview
from trialmill.root.times import format_time
from trialmill.root.waiting import waits_for

_EVENTS: Final = 20
_FAILURES: Final = 10
_ACTIVE: Final = 10
_LABEL: Final = 14
"""Width of the labels before values."""


def describe_command(args: argparse.Namespace) -> int:
    each, events = with_store(args, lambda stores: _read(stores, args))
    now = datetime.now(UTC)
    _write_head(each, now, resume_hint(args))
    _write_trials(each, now, Hints.of(args).command("trials", args.name))
    _write_conditions(each.record, now)
    _write_files(each, runs_directory(store_of(args)))
    _write_events(events, now)
    return OK


async def _read(stores: Stores, args: argparse.Namespace) -> tuple[Overview, list[EventRecord]]:
    record = await find_experiment(stores, args.name, args.namespace)
    return await overview(stores, record), await stores.trials.events(record.uid, _EVENTS)


def _write_head(each: Overview, now: datetime, hint: str) -> None:
    record = each.record
    _write_field("Name", record.name)
    _write_field("Namespace", record.namespace)
    _write_field("UID", record.uid)
    _write_field("Status", _status(each, hint))
    _write_field("Driven by", each.holder or "nobody")
    if cluster := cluster_of(record):
        _write_field(
            "Cluster",
            f"{cluster.server} (context {cluster.context})" if cluster.server else f"context {cluster.context}",
        )
    for label, time in (("Created", record.created), ("Started", record.started), ("Finished", record.finished)):
        if time is not None:
            _write_field(label, f"{format_time(time)} ({short_duration(now - time)} ago)")
    if each.experiment is not None:
        _write_experiment(each.experiment, record)


def _status(each: Overview, hint: str) -> str:
    if each.status == INTERRUPTED:
        return f"{INTERRUPTED}: it was under way when its process ended; go on with: {hint}"
    outcome = each.record.ending
    return f"{each.status}: {outcome.message}" if outcome else each.status


def _write_experiment(experiment: Experiment, record: ExperimentRecord) -> None:
    spec = experiment.spec
    objective = spec.objective
    goal = "" if objective.goal is None else f", goal {format_metric(objective.goal)}"
    others = f"; also {', '.join(objective.additional_metrics)}" if objective.additional_metrics else ""
    settings = "".join(f", {setting.name} {setting.value}" for setting in spec.algorithm.settings)
    _write_field("Objective", f"{objective.type} {objective.metric}{goal}{others}")
    _write_field("Algorithm", f"{spec.algorithm.name}{settings} (seed {record.seed})")
    if spec.early_stopping:
        _write_field("Early stop", spec.early_stopping.name)
    _write_field("Limits", _limits(record.intent))
    for label, parameter in zip(_once("Parameters"), spec.parameters, strict=False):
        _write_field(label, f"{parameter.name}: {_space(parameter)}")


def _limits(intent: Intent) -> str:
    trials = "trials without limit" if intent.max_trials is None else f"{intent.max_trials} trials"
    failures = "" if intent.max_failed_trials is None else f", {intent.max_failed_trials} failures"
    return f"{trials}, {intent.parallel_trials} at a time{failures}"


def _space(parameter: Parameter) -> str:
    space = parameter.space
    if space.list is not None:
        return f"{parameter.type}, one of {', '.join(space.list)}"
    step = f", step {space.step}" if space.step else ""
    return f"{parameter.type} from {space.min} to {space.max}{step}, {space.distribution}"


def _write_trials(each: Overview, now: datetime, all_trials: str) -> None:
    counts = Counter(trial.phase for trial in each.trials)
    found = ", ".join(f"{counts[phase]} {phase}" for phase in TrialPhase if counts[phase])
    _write_field("Trials", f"{len(each.trials)}" + (f": {found}" if found else ""))
    best = each.best()
    if best is not None and each.experiment is not None:
        _write_best(best, each.experiment)
    active = [trial for trial in each.trials if not trial.phase.is_over]
    if active:
        driven, on_cluster = each.holder is not None, cluster_of(each.record) is not None
        waits = [waits_for(trial, driven=driven, now=now, on_cluster=on_cluster) for trial in active[:_ACTIVE]]
        rows = [(trial.name, trial.phase.value, wait) for trial, wait in zip(active, waits, strict=False)]
        _write_section("Not over", ("TRIAL", "STATUS", "WAITS FOR"), rows, _more(len(active) - len(rows), all_trials))
    failed = [t for t in each.trials if t.phase in (TrialPhase.FAILED, TrialPhase.METRICS_UNAVAILABLE)]
    if failed:
        rows = [(t.name, t.reason, t.message) for t in failed[-_FAILURES:]]
        _write_section(
            "Failures, newest last", ("TRIAL", "REASON", "MESSAGE"), rows, _more(len(failed) - len(rows), all_trials)
        )


def _write_best(best: TrialRecord, experiment: Experiment) -> None:
    values = {name: metric_of(best, name, experiment) for name in experiment.spec.objective.metric_names}
    metrics = ", ".join(f"{name}={short_value(value)}" for name, value in values.items() if value is not None)
    assignments = ", ".join(f"{name}={short_value(value)}" for name, value in best.assignments.items())
    _write_field("Best", f"{best.name}: {metrics}")
    _write_field("", assignments)


def _write_conditions(record: ExperimentRecord, now: datetime) -> None:
    rows = [
        (c.type, str(c.status), short_duration(now - c.last_transition), c.reason, c.message) for c in record.conditions
    ]
    if rows:
        _write_section("Conditions", ("TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"), rows)


def _write_files(each: Overview, runs: Path) -> None:
    write_line()
    log = "POD.CONTAINER.log" if cluster_of(each.record) else "POD.CONTAINER-RUN.log"
    _write_field("Files", f"{runs / each.record.uid}/TRIAL-ATTEMPT/{log}")
    best = each.best()
    if best is not None:
        _write_field("", f"{runs / each.record.uid}/{best.index}-{best.attempt.number}/ is the best trial")


def _write_events(events: Sequence[EventRecord], now: datetime) -> None:
    rows = [
        (short_duration(now - e.time), "Warning" if e.warning else "Normal", e.reason, e.object, e.message)
        for e in events
    ]
    if rows:
        _write_section("Events, newest last", ("AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"), rows)


def _write_field(label: str, value: str) -> None:
    write_line(f"{label + ':' if label else '':{_LABEL}}{plain(value)}")


def _write_section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], more: str = "") -> None:
    write_line()
    write_line(f"{title}:{more}")
    write_table(header, rows)


def _more(count: int, command: str) -> str:
    return f" ({count} more: see `{command}`)" if count else ""


def _once(label: str) -> Iterator[str]:
    """The label for the first of several lines, and none for the others."""
    yield label
    while True:
        yield ""
