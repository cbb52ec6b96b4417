"""`watch`: one line for each change of an experiment, until its end."""

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Final

from trialmill.cli.failures import OK, complain
from trialmill.cli.output import plain, short_value, write_line
from trialmill.cli.reading import resume_hint, with_store
from trialmill.engine.ports import Stores
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, TrialPhase, TrialRecord
from trialmill.root.errors import InputError
from trialmill.root.lookup import Subject, find_subject, value_of

_LOOK_AGAIN: Final = 1.0
"""Seconds after which it is asked again whether anybody still drives the experiment."""
_AT_REST: Final = (ExperimentPhase.SUCCEEDED, ExperimentPhase.FAILED, ExperimentPhase.STOPPED)


def watch_command(args: argparse.Namespace) -> int:
    return with_store(args, lambda stores: _watch(stores, args))


async def _watch(stores: Stores, args: argparse.Namespace) -> int:
    subject = await find_subject(stores, args.name, args.namespace)
    record, shown = subject.record, dict[str, str]()
    async with aclosing(_moments(stores, record.uid, subject.cursor)) as moments:
        async for _ in moments:
            # In this order: what was saved before nobody drove it any more is not missed.
            driven = await stores.trials.holder(record.ref) is not None
            try:
                subject = await find_subject(stores, record.name, record.namespace)
            except InputError:
                write_line(f"{_clock()}  {record.name}  deleted")
                break
            _show(subject, shown)
            if subject.record.phase in _AT_REST:
                break
            if not driven:
                complain(f"nobody runs {record.name} now; go on with: {resume_hint(args)}")
                break
    return OK


async def _moments(stores: Stores, uid: str, cursor: str) -> AsyncGenerator[None, None]:
    """Now, then whenever the experiment was saved, and once in a while even when it was not."""
    yield
    changes = stores.trials.watch(cursor)
    following = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait([following], timeout=_LOOK_AGAIN)
            if not done:
                yield
                continue
            change = following.result()
            following = asyncio.ensure_future(anext(changes))
            if change.experiment_uid == uid:
                yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def _show(subject: Subject, shown: dict[str, str]) -> None:
    """Print what is not as it was."""
    for name, state in _states(subject).items():
        if shown.get(name) != state:
            shown[name] = state
            write_line(f"{_clock()}  {name}  {plain(state)}")
    sys.stdout.flush()


def _states(subject: Subject) -> dict[str, str]:
    """The trials by index, then the experiment."""
    experiment = subject.experiment
    states = {}
    for trial in subject.trials:
        value = value_of(trial, experiment) if trial.phase.is_over else None
        metric = "" if value is None else f"{experiment.spec.objective.metric}={short_value(value)}"
        attempt = f"(attempt {trial.attempt.number})" if trial.attempt.number > 1 else ""
        states[trial.name] = " ".join(filter(None, (trial.phase.value, attempt, metric, *_why(trial))))
    return states | {subject.record.name: _experiment_state(subject.record)}


def _why(trial: TrialRecord) -> tuple[str, ...]:
    """Nothing more of a success."""
    if trial.phase is TrialPhase.SUCCEEDED:
        return ()
    return ("" if trial.phase.value in trial.reason else trial.reason, trial.message)


def _experiment_state(record: ExperimentRecord) -> str:
    if record.phase.is_over and record.ending is not None:
        return f"{record.phase} {record.ending.reason}: {record.ending.message}"
    return record.phase.value


def _clock() -> str:
    return datetime.now(UTC).strftime("%H:%M:%SZ")
