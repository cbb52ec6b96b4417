"""When something is due for an attempt, and what happens then. Every wait of an attempt has its end here.

While what runs is out of sight, a wait for what may have happened already stands still, and begins anew afterwards;
not where the user wants to stop, who need not wait for a cluster.
"""

from datetime import datetime

from trialmill.api.verdict import Verdict, VerdictPhase
from trialmill.engine import transitions, waits
from trialmill.engine.records import AttemptPhase, RunState, StopCause, TrialRecord
from trialmill.engine.state import State


def first_due(state: State, now: datetime) -> datetime | None:
    """When the first of the active trials needs a look, though nothing has happened to it. None: never."""
    first = None
    some_wait = bool(state.unmatched or state.waiting or state.doubts)
    for index in state.active:
        trial = state.trials[index]
        # Asked at every turn: of most that run there is nothing that could be due.
        if trial.attempt.phase is AttemptPhase.RUNNING and not some_wait and state.rules.active_deadline is None:
            continue
        start = trial.attempt.not_before if waits_to_start(trial, now) else None
        first = _first(first, attempt_due(state, trial), start)
    return first


def waits_to_start(trial: TrialRecord, now: datetime) -> bool:
    """Whether it is a retry whose time has not come yet."""
    attempt = trial.attempt
    return attempt.phase is AttemptPhase.PENDING and attempt.not_before is not None and now < attempt.not_before


def attempt_due(state: State, trial: TrialRecord) -> datetime | None:
    """When the trial's attempt next needs a look, though nothing has happened to it. None: never."""
    attempt = trial.attempt
    if _stands_still(state):
        return _deadline(state, trial) if attempt.phase is AttemptPhase.RUNNING else None
    match attempt.phase:
        case AttemptPhase.PENDING:
            return _waits_due(state, trial)
        case AttemptPhase.RUNNING:
            return _first(_deadline(state, trial), _waits_due(state, trial))
        case AttemptPhase.STOPPING:
            # `not_before` holds the time of the stop: an attempt that is being stopped is not waiting to start.
            since = attempt.not_before or attempt.created
            return _seen(state, since) + state.rules.stop_grace + state.rules.stop_deadline
        case AttemptPhase.COLLECTING:
            return _collection_due(state, trial)
        case AttemptPhase.ENDED:
            return None


def enforce_deadlines(state: State, at: datetime) -> None:
    """Do what is due."""
    for index in sorted(state.active):
        waits.tell_undecided(state, state.trials[index], at)
        trial = state.trials[index]
        due = attempt_due(state, trial)
        if due is not None and at >= due:
            _enforce(state, trial, at)


def _enforce(state: State, trial: TrialRecord, at: datetime) -> None:
    match trial.attempt.phase:
        case AttemptPhase.COLLECTING:
            state.tell(at, trial.name, "CollectionTimedOut", "its output was not read to the end in time", warning=True)
            live = state.live.get(trial.key)
            observation, curve = (live.observation, live.curve) if live else (transitions.NOTHING, ())
            transitions.finish_attempt(state, trial, at, observation, curve, unread=transitions.UNREAD)
        case AttemptPhase.STOPPING:
            state.tell(at, trial.name, "StopTimedOut", "its resource did not go away in time", warning=True)
            transitions.over(state, trial, trial.attempt, None, at)
        case AttemptPhase.PENDING | AttemptPhase.RUNNING:
            unmatched, stuck, deadline = _unmatched_due(state, trial), _stuck_due(state, trial), _deadline(state, trial)
            if _stands_still(state):
                unmatched = stuck = None
            if unmatched is not None and at >= unmatched:
                transitions.over(state, trial, trial.attempt, state.unmatched[trial.key].verdict, at)
            elif stuck is not None and at >= stuck:
                transitions.over(state, trial, trial.attempt, _given_up(state, trial), at)
            elif deadline is not None and at >= deadline:
                transitions.stop_attempt(state, trial, StopCause.DEADLINE, at)


def _collection_due(state: State, trial: TrialRecord) -> datetime:
    """Reading goes on as long as it gets on, up to a limit: gigabytes take their time."""
    attempt = trial.attempt
    # `not_before` holds the time from which its metrics are read: it may be over for long by then.
    ended = _seen(state, attempt.not_before or attempt.finished or attempt.created)
    live = state.live.get(trial.key)
    last = max(ended, live.at) if live else ended
    return min(last + state.rules.collection_deadline, ended + state.rules.collection_limit)


def _deadline(state: State, trial: TrialRecord) -> datetime | None:
    """The end of the attempt's `activeDeadlineSeconds`; time spent suspended does not count."""
    attempt = trial.attempt
    if state.rules.active_deadline is None or attempt.started is None or attempt.suspended_since is not None:
        return None
    return attempt.started + state.rules.active_deadline + attempt.suspended_for


def _first(*dues: datetime | None) -> datetime | None:
    return min((due for due in dues if due is not None), default=None)


def _waits_due(state: State, trial: TrialRecord) -> datetime | None:
    """The first end of what it waits for: mostly nothing, and this is asked of every trial at every turn."""
    if not (state.unmatched or state.waiting or state.doubts):
        return None
    return _first(_unmatched_due(state, trial), _stuck_due(state, trial), _doubt_due(state, trial))


def _stuck_due(state: State, trial: TrialRecord) -> datetime | None:
    """When an attempt that waits in vain is given up."""
    waiting = state.waiting.get(trial.key)
    if waiting is None or waiting.stuck.patience is None:
        return None
    return _seen(state, waiting.since) + waiting.stuck.patience


def _doubt_due(state: State, trial: TrialRecord) -> datetime | None:
    """When there is something to say of it."""
    doubt = state.doubts.get(trial.key)
    return doubt.due if doubt else None


def _given_up(state: State, trial: TrialRecord) -> Verdict:
    stuck = state.waiting[trial.key].stuck
    return Verdict(VerdictPhase.FAILED, stuck.reason, stuck.message, "runtime")


def _unmatched_due(state: State, trial: TrialRecord) -> datetime | None:
    unmatched = state.unmatched.get(trial.key)
    return _seen(state, unmatched.since) + state.rules.unmatched_deadline if unmatched else None


def _stands_still(state: State) -> bool:
    return bool(state.trouble) and state.experiment.intent.state is not RunState.STOP


def _seen(state: State, since: datetime) -> datetime:
    """Since when a wait counts: not from before what runs could be followed again."""
    return since if state.in_sight_since is None else max(since, state.in_sight_since)
