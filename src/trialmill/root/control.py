"""What a user wants of a stored experiment: doors write it down, whoever drives the experiment follows it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from trialmill.engine.ports import ConflictError, HeldByError, Stores
from trialmill.engine.records import ExperimentRecord, ExperimentRef, Intent, RunState
from trialmill.root.creating import cluster_of
from trialmill.root.errors import InputError, RefusedError
from trialmill.root.lookup import experiment_of

_TRIES: Final = 20
"""A driver saves its experiment a few times a minute; each conflict means that one of these has just happened."""
_DELETING: Final = timedelta(minutes=5)
_EXTENSIBLE: Final = ("ExperimentMaxTrialsReached", "")
"""Reasons of an end that more trials undo."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a request has led to. `changed` is False where it was wanted so already; `holder` drives it, if anybody."""

    record: ExperimentRecord
    changed: bool
    holder: str | None


async def pause(stores: Stores, ref: ExperimentRef) -> Changed:
    """Ask for no new trials. One that is to stop is not held back by it. Raises NotFoundError."""

    def paused(record: ExperimentRecord) -> Intent:
        moot = record.phase.is_over or record.intent.state is RunState.STOP
        return record.intent if moot else replace(record.intent, state=RunState.PAUSE)

    return await _change(stores, ref, paused)


async def unpause(stores: Stores, ref: ExperimentRef) -> Changed:
    """Ask for new trials again where none were wanted. Raises NotFoundError."""

    def running(record: ExperimentRecord) -> Intent:
        paused = record.intent.state is RunState.PAUSE and not record.phase.is_over
        return replace(record.intent, state=RunState.RUN) if paused else record.intent

    return await _change(stores, ref, running)


async def stop(stores: Stores, ref: ExperimentRef) -> Changed:
    """Ask for the end of running trials, so that they can be resumed. Raises NotFoundError."""

    def stopped(record: ExperimentRecord) -> Intent:
        return record.intent if record.phase.is_over else replace(record.intent, state=RunState.STOP)

    return await _change(stores, ref, stopped)


async def extend(stores: Stores, ref: ExperimentRef, max_trials: int) -> Changed:
    """Allow more trials. Raises InputError for fewer than were allowed, RefusedError where more would not help."""

    def extended(record: ExperimentRecord) -> Intent:
        limit = record.intent.max_trials
        if limit is not None and max_trials < limit:
            raise InputError(f"{max_trials} is less than the {limit} trials that {record.name} may have already")
        if max_trials != limit and record.phase.is_over and record.ending and record.ending.reason not in _EXTENSIBLE:
            raise RefusedError(f"{record.name} ended for another reason: {record.ending.message}")
        return replace(record.intent, max_trials=max_trials)

    return await _change(stores, ref, extended)


async def delete(stores: Stores, record: ExperimentRecord, runs: Path) -> None:
    """Forget an experiment, with its trials, metrics and files, and with what is left of it on a cluster. Raises
    RefusedError while it is driven and where its cluster does not answer, OSError.

    Files go first: what a crash leaves behind can then still be named, and deleted again.
    """
    try:
        lease = await stores.trials.acquire(record.ref, "a process that deletes it", _DELETING)
    except HeldByError as error:
        remedy = f"stop it first: trialmill stop {record.name}"
        raise RefusedError(f"{record.name} is being run by {error.holder}", remedy) from error
    try:
        await _delete_elsewhere(record)
        _delete_files(runs / record.uid)
        await stores.trials.delete(record.uid)
    finally:
        await lease.release()


async def _delete_elsewhere(record: ExperimentRecord) -> None:
    if cluster_of(record) is not None:
        from trialmill.root.clusters import remove_from_cluster

        await remove_from_cluster(record, experiment_of(record))


def _delete_files(folder: Path) -> None:
    """The folder with everything in it, and what still runs there."""
    from trialmill.runtime.local.layout import attempt_directory, attempts_on_disk, runs_on_disk
    from trialmill.runtime.local.leftovers import end_leftovers

    for key in attempts_on_disk(str(folder.parent), folder.name):
        for run in runs_on_disk(attempt_directory(str(folder.parent), key)):
            end_leftovers(run.stem)
    if folder.exists():
        shutil.rmtree(folder)


async def _change(stores: Stores, ref: ExperimentRef, wanted: Callable[[ExperimentRecord], Intent]) -> Changed:
    """Compare and swap, again and again while the driver is faster."""
    for attempt in range(_TRIES):
        record = await stores.trials.experiment(ref)
        intent = wanted(record)
        if intent == record.intent:
            return Changed(record, False, await stores.trials.holder(ref))
        try:
            await stores.trials.save([replace(record, intent=intent)])
        except ConflictError:
            if attempt == _TRIES - 1:
                raise
            continue
        return Changed(replace(record, intent=intent), True, await stores.trials.holder(ref))
    raise AssertionError("the last try returns or raises")
