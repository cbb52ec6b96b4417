"""What a trial that is not over waits for, in words: nothing waits without a reason that can be told."""

from datetime import datetime
from typing import Final

from trialmill.engine.records import WAITING, AttemptPhase, AttemptRecord, StopCause, TrialPhase, TrialRecord

_STOPS: Final = {
    StopCause.EARLY_STOPPED: "early stopping ended it",
    StopCause.PAUSED: "it is to be paused",
    StopCause.DEADLINE: "it ran too long",
    StopCause.EXPERIMENT_ENDED: "the experiment is over",
    StopCause.EXPERIMENT_STOPPED: "the experiment is to stop",
}


def waits_for(trial: TrialRecord, *, driven: bool, now: datetime) -> str:
    """One sentence; `driven`: somebody drives the experiment."""
    if trial.phase is TrialPhase.PAUSED:
        return "the algorithm, which may promote it"
    if not driven:
        return "somebody to drive the experiment again"
    if trial.reason == WAITING and trial.attempt.phase in (AttemptPhase.PENDING, AttemptPhase.RUNNING):
        return trial.message
    return _attempt_waits_for(trial.attempt, now)


def _attempt_waits_for(attempt: AttemptRecord, now: datetime) -> str:
    resource = attempt.resource_name
    match attempt.phase:
        case AttemptPhase.PENDING if attempt.not_before is not None and attempt.not_before > now:
            return f"its next attempt, in {(attempt.not_before - now).total_seconds():.0f} s"
        case AttemptPhase.PENDING if not attempt.resource_uid:
            return "a place to run: free CPUs, memory or GPUs"
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
