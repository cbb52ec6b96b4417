"""When something is due for an attempt, and what happens then. Every wait of an attempt has its end here."""

from datetime import datetime

from trialmill.engine import transitions
from trialmill.engine.records import AttemptPhase, StopCause, TrialRecord
from trialmill.engine.state import State


def attempt_due(state: State, trial: TrialRecord) -> datetime | None:
    """When the trial's attempt next needs a look, though nothing has happened to it. None: never."""
    attempt = trial.attempt
    match attempt.phase:
        case AttemptPhase.PENDING:
            return _unmatched_due(state, trial)
        case AttemptPhase.RUNNING:
            dues = [due for due in (_deadline(state, trial), _unmatched_due(state, trial)) if due is not None]
            return min(dues, default=None)
        case AttemptPhase.STOPPING:
            # `not_before` holds the time of the stop: an attempt that is being stopped is not waiting to start.
            since = attempt.not_before or attempt.created
            return since + state.rules.stop_grace + state.rules.stop_deadline
        case AttemptPhase.COLLECTING:
            return (attempt.finished or attempt.created) + state.rules.collection_deadline
        case AttemptPhase.ENDED:
            return None


def enforce_deadlines(state: State, at: datetime) -> None:
    """Do what is due."""
    for index in sorted(state.active):
        trial = state.trials[index]
        due = attempt_due(state, trial)
        if due is not None and at >= due:
            _enforce(state, trial, at)


def _enforce(state: State, trial: TrialRecord, at: datetime) -> None:
    match trial.attempt.phase:
        case AttemptPhase.COLLECTING:
            state.tell(at, trial.name, "CollectionTimedOut", "its metrics did not arrive in time", warning=True)
            live = state.live.get(trial.key)
            observation, curve = (live.observation, live.curve) if live else (transitions.NOTHING, ())
            transitions.finish_attempt(state, trial, at, observation, curve)
        case AttemptPhase.STOPPING:
            state.tell(at, trial.name, "StopTimedOut", "its resource did not go away in time", warning=True)
            transitions.over(state, trial, trial.attempt, None, at)
        case AttemptPhase.PENDING | AttemptPhase.RUNNING:
            unmatched = _unmatched_due(state, trial)
            if unmatched is not None and at >= unmatched:
                transitions.over(state, trial, trial.attempt, state.unmatched[trial.key].verdict, at)
            elif trial.attempt.phase is AttemptPhase.RUNNING:
                transitions.stop_attempt(state, trial, StopCause.DEADLINE, at)


def _deadline(state: State, trial: TrialRecord) -> datetime | None:
    """The end of the attempt's `activeDeadlineSeconds`; time spent suspended does not count."""
    attempt = trial.attempt
    if state.rules.active_deadline is None or attempt.started is None or attempt.suspended_since is not None:
        return None
    return attempt.started + state.rules.active_deadline + attempt.suspended_for


def _unmatched_due(state: State, trial: TrialRecord) -> datetime | None:
    unmatched = state.unmatched.get(trial.key)
    return unmatched.since + state.rules.unmatched_deadline if unmatched else None
