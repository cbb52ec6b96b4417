"""What a user wants of a stored experiment: doors write it down, whoever drives the experiment follows it."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from trialmill.engine import life
from trialmill.engine.ports import ConflictError, HeldByError, Stores
from trialmill.engine.records import ExperimentRecord, ExperimentRef, Intent, RunState, TrialPhase
from trialmill.root.creating import cluster_of
from trialmill.root.errors import InputError, NextStep, RefusedError
from trialmill.root.leftovers import LeftThere, left_on_cluster
from trialmill.root.lookup import experiment_of

_TRIES: Final = 20
"""A driver saves its experiment a few times a minute; each conflict means that one of these has just happened."""
_DELETING: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a request has led to. `changed` is False where it was wanted so already; `holder` drives it, if anybody.
    `is_final`: it is over, and nothing that is wanted of it undoes that.
    """

    record: ExperimentRecord
    changed: bool
    holder: str | None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Extension:
    """What an experiment may do from now on; None leaves it as it is. `past_goal`: not end at its goal any more."""

    max_trials: int | None = None
    max_failed_trials: int | None = None
    past_goal: bool = False

    def applied_to(self, intent: Intent) -> Intent:
        failed = intent.max_failed_trials if self.max_failed_trials is None else self.max_failed_trials
        return replace(
            intent,
            max_trials=intent.max_trials if self.max_trials is None else self.max_trials,
            max_failed_trials=failed,
            past_goal=intent.past_goal or self.past_goal,
        )


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


async def extend(stores: Stores, ref: ExperimentRef, extension: Extension) -> Changed:
    """Allow more. Raises NotFoundError; InputError for less than was allowed, RefusedError where an experiment that is
    over would not go on by it.
    """
    counts = await stores.trials.counts((await stores.trials.experiment(ref)).uid)

    def extended(record: ExperimentRecord) -> Intent:
        _refuse_less(record, extension, counts)
        intent = extension.applied_to(record.intent)
        if intent != record.intent and stays_over(record, intent, counts):
            raise _of_no_use(record, counts)
        return intent

    result = await _change(stores, ref, extended)
    return replace(result, is_final=stays_over(result.record, result.record.intent, counts))


async def refuse_fewer_trials(stores: Stores, record: ExperimentRecord, intent: Intent) -> None:
    """Raise InputError for a lower `maxTrialCount` than there are trials: they cannot be unmade (so Katib, rule 8)."""
    limit = intent.max_trials
    if limit is None or limit == record.intent.max_trials:
        return
    made = sum((await stores.trials.counts(record.uid)).values())
    if limit < made:
        message = f"{record.name} has {made} trials already, and maxTrialCount is to be {limit}"
        raise InputError(message, f"allow {made} or more")


def stays_over(record: ExperimentRecord, intent: Intent, counts: Mapping[TrialPhase, int]) -> bool:
    """Whether the experiment is over, and would still be with this intent, whoever drives it."""
    if not record.phase.is_over or record.ending is None or record.ending.reason == life.TIMED_OUT:
        return False
    return not life.undone_by(record, intent, completed_of(counts), failures_of(counts))


def completed_of(counts: Mapping[TrialPhase, int]) -> int:
    """How many trials are over."""
    return sum(count for phase, count in counts.items() if phase.is_over)


def failures_of(counts: Mapping[TrialPhase, int]) -> int:
    """What `maxFailedTrialCount` counts."""
    return counts.get(TrialPhase.FAILED, 0) + counts.get(TrialPhase.METRICS_UNAVAILABLE, 0)


def _refuse_less(record: ExperimentRecord, extension: Extension, counts: Mapping[TrialPhase, int]) -> None:
    intent, made = record.intent, sum(counts.values())
    trials, failures = extension.max_trials, extension.max_failed_trials
    if trials is not None and intent.max_trials is not None and trials < intent.max_trials:
        raise InputError(f"{trials} is less than the {intent.max_trials} trials that {record.name} may have already")
    if trials is not None and trials < made:
        raise InputError(f"{record.name} has {made} trials, which is more than {trials}")
    if failures is not None and intent.max_failed_trials is not None and failures < intent.max_failed_trials:
        limit = intent.max_failed_trials
        raise InputError(f"{failures} is less than the {limit} failures that {record.name} may have already")


def _of_no_use(record: ExperimentRecord, counts: Mapping[TrialPhase, int]) -> RefusedError:
    """The experiment is over, and stays so: why, and what would change that."""
    step = way_on(record, counts)
    message = f"{record.name} is over: {record.ending.message if record.ending else record.phase}"
    return RefusedError(message, "" if step else "nothing that it may do undoes this end", [step] if step else [])


def way_on(record: ExperimentRecord, counts: Mapping[TrialPhase, int]) -> NextStep | None:
    """How an experiment that is over can be made to go on; None where it cannot."""
    name = record.name
    match record.ending.reason if record.ending else "":
        case life.MAX_TRIALS_REACHED:
            purpose = f"allow more than {completed_of(counts)} trials with"
            return NextStep(purpose, "extend", f"{name} --max-trials N")
        case life.TOO_MANY_FAILED:
            purpose = f"allow more than {failures_of(counts)} failures with"
            return NextStep(purpose, "extend", f"{name} --max-failed N")
        case life.GOAL_REACHED:
            return NextStep("let it go on past its goal with", "extend", f"{name} --past-goal")
        case life.TIMED_OUT:
            return NextStep("let it go on for its timeout again with", "resume", name)
        case _:
            return None


async def delete(stores: Stores, record: ExperimentRecord, runs: Path, *, orphan: bool = False) -> LeftThere | None:
    """Forget an experiment, with its trials, metrics and files, and with what is left of it on a cluster; with
    `orphan`, that stays, and is returned. Raises RefusedError while it is driven and where its cluster does not
    answer, InputError where there is no way to that, or where there is none and `orphan` is given, OSError.

    Files go first: what a crash leaves behind can then still be named, and deleted again.
    """
    try:
        lease = await stores.trials.acquire(record.ref, "a process that deletes it", _DELETING)
    except HeldByError as error:
        if record.intent.state is RunState.STOP:
            step = NextStep("see when it has ended with", "watch", record.name)
            raise RefusedError(f"{record.name} is being stopped by {error.holder}", steps=[step]) from error
        step = NextStep("stop it first", "stop", record.name)
        raise RefusedError(f"{record.name} is being run by {error.holder}", steps=[step]) from error
    try:
        left = await _delete_elsewhere(record, orphan=orphan)
        _delete_files(runs / record.uid)
        await stores.trials.delete(record.uid)
    finally:
        await lease.release()
    return left


async def _delete_elsewhere(record: ExperimentRecord, *, orphan: bool) -> LeftThere | None:
    if cluster_of(record) is None:
        if orphan:
            raise InputError(f"{record.name} runs on this machine: nothing of it is on a cluster")
        return None
    from trialmill.root.clusters import remove_from_cluster

    if orphan:
        return left_on_cluster(record)
    try:
        await remove_from_cluster(record, experiment_of(record))
    except (InputError, RefusedError) as error:
        purpose = "or forget it here, and leave what is there"
        step = NextStep(purpose, "delete", f"{record.name} --cascade orphan")
        raise type(error)(error.message, error.remedy, [*error.steps, step]) from error
    return None


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
