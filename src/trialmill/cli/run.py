"""`run`, `try` and `resume`: an experiment is driven to its end, and its result printed."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from trialmill.api.durations import parse_duration
from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problem, Severity
from trialmill.check.documents import Checked
from trialmill.cli.failures import BAD_INPUT, FAILED, INTERRUPTED, OK, complain, refuse
from trialmill.cli.hints import Hints
from trialmill.cli.output import write_json, write_line, write_yaml
from trialmill.cli.progress import Progress, WaitTeller
from trialmill.cli.reading import EXPERIMENT, with_store
from trialmill.cli.results import print_result, print_trial
from trialmill.cli.validate import SHOWN_NOTES, problem_text
from trialmill.engine.ports import HeldByError, Stores
from trialmill.root.control import Changed, unpause
from trialmill.root.creating import ClusterChoice, Options
from trialmill.root.errors import EditedError, NextStep, RefusedError
from trialmill.root.interrupts import run_in_loop
from trialmill.root.lookup import find_experiment
from trialmill.root.objects import experiment_object
from trialmill.root.opening import open_existing, store_path
from trialmill.root.prepare import Prepared, prepare
from trialmill.root.session import Finished, as_before, check_before, parallel_that_fits, resume, run, try_once

_TRY_FOLDER: Final = "try"
_SHOWN: Final = (Severity.ERROR, Severity.UNAVAILABLE, Severity.WARNING)


def run_command(args: argparse.Namespace) -> int:
    store = store_path(args.store, os.environ)
    ready = _ready(args, store)
    if ready is None:
        return BAD_INPUT
    checked, options = ready
    progress = Progress(sys.stderr, Hints.of(args))
    try:
        with progress:
            finished = run_in_loop(run(store, checked, options, progress))
    except EditedError as error:
        _print_differences(error, Hints.of(args))
        return BAD_INPUT
    except HeldByError as error:
        raise _held(checked.experiment.name, error) from error
    return _end(finished, args, store)


def resume_command(args: argparse.Namespace) -> int:
    store = store_path(args.store, os.environ)
    progress = Progress(sys.stderr, Hints.of(args))

    async def whole() -> Finished:
        async with open_existing(store) as stores:
            record = await find_experiment(stores, args.name, args.namespace)
        return await resume(store, record.ref, progress, durable=args.durable, allow_hydrate=args.allow_hydrate)

    try:
        with progress:
            finished = run_in_loop(whole())
    except HeldByError as error:
        return _go_on_there(args, error)
    return _end(finished, args, store)


def _go_on_there(args: argparse.Namespace, error: HeldByError) -> int:
    """A paused experiment that another process drives goes on in that one."""

    async def work(stores: Stores) -> Changed:
        return await unpause(stores, (await find_experiment(stores, args.name, args.namespace)).ref)

    result = with_store(args, work)
    if not result.changed:
        raise _held(args.name, error) from error
    write_line(f"{EXPERIMENT}/{result.record.name} resumed")
    complain(f"it goes on in {error.holder}; look on with: {Hints.of(args).command('watch', args.name)}")
    return OK


def try_command(args: argparse.Namespace) -> int:
    ready = _ready(args)
    if ready is None:
        return BAD_INPUT
    checked, options = ready
    folder = Path(store_path(args.store, os.environ)).absolute().parent / _TRY_FOLDER
    finished = run_in_loop(try_once(folder, checked, options, WaitTeller(sys.stderr)))
    return print_trial(finished, folder, args.output)


# --- before


def _ready(args: argparse.Namespace, store: str = "") -> tuple[Checked, Options] | None:
    """The experiment, and how it is to run; None where something stands against it, which was shown. What the `store`
    has of it counts as said.
    """
    timeout = _duration(args.timeout, "--timeout")
    cluster, namespace = _where(args)
    files = [args.file, *args.companions]
    prepared = prepare(
        files,
        name=args.name,
        namespace=args.namespace,
        cluster_namespace=namespace,
        schema=_schema(cluster),
        allow_hydrate=args.allow_hydrate,
    )
    checked = prepared.checked
    if not _can_run(prepared.problems, prepared) or checked is None:
        return None
    options = _options(args, checked, timeout, cluster)

    async def look() -> tuple[Options, list[Problem]]:
        same, known, is_over = await as_before(store, checked, options) if store else (checked, options, False)
        return known, [] if is_over else await check_before(same, known)

    options, found = run_in_loop(look())
    return (checked, options) if _can_run(found, prepared) else None


def _where(args: argparse.Namespace) -> tuple[ClusterChoice | None, str | None]:
    """The cluster that is meant, and the namespace of its context; None for this machine."""
    if args.runtime == "local":
        for option in ("context", "pending_timeout", "printer_image"):
            if getattr(args, option) is not None:
                refuse(f"--{option.replace('_', '-')} is for clusters: add --runtime kubernetes")
        return None, None
    from trialmill.cli.clusters import cluster_choice

    return cluster_choice(args, _duration)


def _schema(cluster: ClusterChoice | None) -> SchemaSource | None:
    if cluster is None:
        return None
    from trialmill.root.clusters import cluster_schema

    return cluster_schema(cluster)


def _can_run(problems: Sequence[Problem], prepared: Prepared) -> bool:
    """Whether nothing stands against a run. What does, every warning, and that a cluster does not tell its fields, is
    shown on stderr.
    """
    for problem in problems:
        if problem.severity in _SHOWN or problem.code in SHOWN_NOTES:
            print(problem_text(problem, prepared.lines, colour=False), file=sys.stderr)
    against = [p for p in problems if p.severity in (Severity.ERROR, Severity.UNAVAILABLE)]
    if against:
        complain("nothing was started")
    return not against


def _options(
    args: argparse.Namespace, checked: Checked, timeout: timedelta | None, cluster: ClusterChoice | None
) -> Options:
    parallel = getattr(args, "parallel", None)
    if cluster is not None and parallel == "auto":
        refuse("--parallel auto fills this machine: give a number of trials for a cluster")
    return Options(
        base=_base(args.file),
        parallel=_parallel(parallel, checked),
        max_trials=getattr(args, "max_trials", None),
        seed=getattr(args, "seed", None),
        timeout=timeout,
        images=_images(args.images),
        companions=checked.companions,
        durable=getattr(args, "durable", False),
        cluster=cluster,
    )


def _base(file: str) -> str:
    """The folder that commands start in: that of the file, the caller's for stdin."""
    return str(Path.cwd() if file == "-" else Path(file).absolute().parent)


def _parallel(given: str | None, checked: Checked) -> int | None:
    if given is None:
        return None
    if given == "auto":
        return parallel_that_fits(checked)
    if not given.isdecimal() or int(given) == 0:
        refuse(f"--parallel is {given}: give a number of trials, or auto")
    return int(given)


def _images(given: Sequence[str]) -> dict[str, str]:
    images = {}
    for item in given:
        name, separator, folder = item.partition("=")
        if not separator or not name or not folder:
            refuse(f"--image {item}: write NAME=DIR")
        if not Path(folder).is_dir():
            refuse(f"--image {item}: {folder} is not a folder")
        images[name] = str(Path(folder).absolute())
    return images


def _duration(text: str | None, option: str) -> timedelta | None:
    if text is None:
        return None
    try:
        duration = parse_duration(text)
    except ValueError as error:
        refuse(f"{option} {text}: {error}")
    if duration <= timedelta(0):
        refuse(f"{option} {text}: it must be longer than nothing")
    return duration


# --- after


def _end(finished: Finished, args: argparse.Namespace, store: str) -> int:
    if args.output == "text":
        print_result(finished, store, Hints.of(args))
    else:
        tree = experiment_object(finished.record, finished.trials, finished.experiment)
        (write_json if args.output == "json" else write_yaml)(tree)
    return exit_code(finished)


def exit_code(finished: Finished) -> int:
    """0 for a success, 130 when a signal ended it, else 1: failed, or stopped by somebody."""
    if finished.record.phase.is_over:
        return OK if finished.record.phase.value == "Succeeded" else FAILED
    return INTERRUPTED if finished.interrupted else FAILED


def _print_differences(error: EditedError, hints: Hints) -> None:
    complain(error.message)
    for difference in error.differences:
        print(f"  {difference.path}: stored {difference.stored!r}, now {difference.given!r}", file=sys.stderr)
    complain(error.advice(hints.options))


def _held(name: str, error: HeldByError) -> RefusedError:
    steps = [NextStep("look on with", "watch", name), NextStep("end it with", "stop", name)]
    return RefusedError(f"experiment {name} is {error}", steps=steps)
