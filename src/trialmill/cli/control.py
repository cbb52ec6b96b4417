"""`pause`, `stop`, `extend` and `delete`: what the user wants is written down; the driver follows it."""

import argparse
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from trialmill.cli.failures import OK, complain, refuse
from trialmill.cli.output import write_line
from trialmill.cli.reading import EXPERIMENT, resume_hint, store_of, with_store
from trialmill.engine.ports import HeldByError, Stores
from trialmill.engine.records import ExperimentRecord, ExperimentRef, RunState
from trialmill.root import control
from trialmill.root.control import Changed, Extension
from trialmill.root.interrupts import run_in_loop
from trialmill.root.leftovers import LeftThere
from trialmill.root.lookup import find_experiment
from trialmill.root.opening import runs_directory

_Change: TypeAlias = Callable[[Stores, ExperimentRef], Awaitable[Changed]]


def pause_command(args: argparse.Namespace) -> int:
    result = _change(args, control.pause)
    if result.record.intent.state is RunState.STOP:
        _tell(result.record, "unchanged")
        complain(f"{result.record.name} is to stop altogether; go on with: {resume_hint(args)}")
    elif not _is_over(result.record):
        _tell(result.record, "paused")
        if result.holder is None:
            complain(f"nobody runs {result.record.name} now; it stays paused until: {resume_hint(args)}")
    return OK


def stop_command(args: argparse.Namespace) -> int:
    result = _change(args, control.stop)
    if not _is_over(result.record):
        holder = result.holder or _end_what_is_left(args, result.record)
        _tell(result.record, "stopped")
        if holder is None:
            complain(f"nothing of it runs any more; go on with: {resume_hint(args)}")
        else:
            complain(f"its trials are being ended by {holder}; go on with: {resume_hint(args)}")
    return OK


def _end_what_is_left(args: argparse.Namespace, record: ExperimentRecord) -> str | None:
    """Trials outlive a Trialmill that was killed, and nobody else would end them. Who does, if somebody has begun to
    drive the experiment meanwhile.
    """
    from trialmill.root.session import bring_to_rest  # half of a short command's time

    try:
        run_in_loop(bring_to_rest(store_of(args), record.ref))
    except HeldByError as error:
        return error.holder
    return None


def extend_command(args: argparse.Namespace) -> int:
    extension = Extension(args.max_trials, args.max_failed, args.past_goal)
    if extension == Extension():
        refuse("extend needs what to allow: --max-trials, --max-failed or --past-goal")
    result = _change(args, lambda stores, ref: control.extend(stores, ref, extension))
    if result.is_final and _is_over(result.record):
        return OK
    _tell(result.record, _extended(extension) if result.changed else "unchanged")
    if result.holder is None:
        complain(f"nobody runs {result.record.name} now; start it with: {resume_hint(args)}")
    return OK


def _extended(extension: Extension) -> str:
    allowed = {"trials": extension.max_trials, "failures": extension.max_failed_trials}
    limits = " and ".join(f"{count} {what}" for what, count in allowed.items() if count is not None)
    goal = " past its goal" if extension.past_goal else ""
    return "extended" + (f" to {limits}" if limits else "") + goal


def delete_command(args: argparse.Namespace) -> int:
    runs = runs_directory(store_of(args))

    async def work(stores: Stores) -> tuple[ExperimentRecord, LeftThere | None]:
        record = await find_experiment(stores, args.name, args.namespace)
        return record, await control.delete(stores, record, runs, orphan=args.cascade == "orphan")

    record, left = with_store(args, work)
    _tell(record, "deleted")
    if left is not None:
        complain(f"what is left of it on the cluster stays there; delete it with: kubectl delete {left.options}")
    return OK


def _change(args: argparse.Namespace, change: _Change) -> Changed:
    async def work(stores: Stores) -> Changed:
        return await change(stores, (await find_experiment(stores, args.name, args.namespace)).ref)

    return with_store(args, work)


def _is_over(record: ExperimentRecord) -> bool:
    """Whether there was nothing to change; then the user is told so."""
    if record.phase.is_over:
        _tell(record, "unchanged")
        complain(f"{record.name} is over: {record.ending.message if record.ending else record.phase}")
    return record.phase.is_over


def _tell(record: ExperimentRecord, what: str) -> None:
    write_line(f"{EXPERIMENT}/{record.name} {what}")
