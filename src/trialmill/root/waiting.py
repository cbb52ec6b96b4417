"""What a trial that is not over waits for, in words: nothing waits without a reason that can be told."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from trialmill.engine.records import AttemptPhase, AttemptRecord, StopCause, TrialPhase, TrialRecord

_STOPS: Final = {
    StopCause.EARLY_STOPPED: "early stopping ended it",
    StopCause.PAUSED: "it is to be paused",
    StopCause.DEADLINE: "it ran too long",
    StopCause.EXPERIMENT_ENDED: "the experiment is over",
    StopCause.EXPERIMENT_STOPPED: "the experiment is to stop",
}
_PASSING: Final = re.compile(r"\bpod [^\s:]+|=[\d.]+\w*|(?<![\w.:-])\d+(?:/\d+)?(?![\w.-])")
"""Names of pods, amounts (`used: pods=5`) and counts (`0/3 nodes`); not the digits in an image's name."""
_MOST_KEPT: Final = 1 << 14
"""Waits whose kind is known already: those who look on ask at each event, and of all trials that wait."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Something keeps a trial from going on, and may do so for long: the reason in one word, and what is known."""

    reason: str
    message: str


def wait_of(trial: TrialRecord) -> Wait | None:
    """What the trial waits for in vain; None for one that gets on."""
    is_under_way = trial.attempt.phase in (AttemptPhase.PENDING, AttemptPhase.RUNNING)
    return Wait(trial.reason, trial.message) if is_under_way and trial.reason and trial.message else None


def waits_for(trial: TrialRecord, *, driven: bool, now: datetime, on_cluster: bool = False) -> str:
    """One sentence; `driven`: somebody drives the experiment."""
    if trial.phase is TrialPhase.PAUSED:
        return "the algorithm, which may promote it"
    if not driven:
        return "somebody to drive the experiment again"
    wait = wait_of(trial)
    if wait is not None:
        return f"{wait.reason}: {wait.message}"
    return _attempt_waits_for(trial.attempt, now, on_cluster)


def _attempt_waits_for(attempt: AttemptRecord, now: datetime, on_cluster: bool) -> str:
    resource = attempt.resource_name
    match attempt.phase:
        case AttemptPhase.PENDING if attempt.not_before is not None and attempt.not_before > now:
            return f"its next attempt, in {(attempt.not_before - now).total_seconds():.0f} s"
        case AttemptPhase.PENDING if not attempt.resource_uid:
            return "the cluster to accept it" if on_cluster else "a place to run: free CPUs, memory or GPUs"
        case AttemptPhase.PENDING:
            return f"{resource} to start"
        case AttemptPhase.RUNNING if attempt.suspended_since is not None:
            return f"{resource} to be unsuspended"
        case AttemptPhase.RUNNING:
            return f"{resource} to end"
        case AttemptPhase.STOPPING:
            return f"{resource} to go away: {_STOPS[attempt.stop] if attempt.stop else 'it was asked to'}"
        case AttemptPhase.COLLECTING:
            return "the rest of its metrics"
        case AttemptPhase.ENDED:
            return "its next attempt"


# --- several trials


@dataclass(frozen=True, slots=True)
class SharedWait:
    """What several trials wait for, in the words of the first of them."""

    first: str
    count: int
    wait: Wait

    @property
    def text(self) -> str:
        who = f"trial {self.first} waits" if self.count == 1 else f"{self.count} trials wait"
        return f"{who}, {self.wait.reason}: {self.wait.message}"


def shared_waits(trials: Iterable[TrialRecord]) -> list[SharedWait]:
    """What these trials wait for, each thing once, in the order of the first that waits for it."""
    found: dict[str, SharedWait] = {}
    for trial, wait in _waits(trials):
        kind = _kind_of(trial.name, wait.reason, wait.message)
        known = found.get(kind)
        found[kind] = SharedWait(known.first, known.count + 1, known.wait) if known else SharedWait(trial.name, 1, wait)
    return list(found.values())


class WaitNews:
    """Tells what trials begin to wait for: each thing once, until no trial waits for anything any more.

    A pull that fails and backs off in turns is no news each time, nor is the fiftieth trial that fits on no node.
    """

    def __init__(self) -> None:
        self._told: set[str] = set()

    def of(self, trials: Iterable[TrialRecord]) -> list[SharedWait]:
        """What was not told yet."""
        waits = [(_kind_of(trial.name, wait.reason, wait.message), trial, wait) for trial, wait in _waits(trials)]
        if not waits:
            self._told.clear()
            return []
        new = {kind for kind, _, _ in waits} - self._told
        self._told |= new
        return shared_waits(trial for kind, trial, _ in waits if kind in new) if new else []


def _waits(trials: Iterable[TrialRecord]) -> Iterator[tuple[TrialRecord, Wait]]:
    for trial in trials:
        if trial.reason and (wait := wait_of(trial)) is not None:
            yield trial, wait


@lru_cache(maxsize=_MOST_KEPT)
def _kind_of(trial: str, reason: str, message: str) -> str:
    """The same for trials that wait for the same: without names of trials and pods, and without counts."""
    return f"{reason} {_PASSING.sub('', message.replace(trial, ''))}"
