"""What each event does to an attempt and its trial. One small function per transition.

An attempt goes Pending -> Running -> (Stopping ->) Collecting -> Ended and never back. Events may come late, twice or
after a restart: one that no longer fits the attempt's phase changes nothing. What cannot happen even then raises
`InvalidTransition` with the trial's story.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trialmill.api.history import Budget, Decision, NewTrial, Promotion
from trialmill.api.metric import Observation
from trialmill.api.verdict import Verdict, VerdictPhase
from trialmill.engine import names, waits
from trialmill.engine.events import (
    AttemptEvent,
    CollectionFinished,
    PointsArrived,
    ResourceAccepted,
    ResourceChanged,
    ResourceDelayed,
    ResourceGone,
    ResourceRejected,
    ResourceSuspended,
    StopDecided,
)
from trialmill.engine.records import (
    AttemptPhase,
    AttemptRecord,
    Cause,
    RunState,
    StopCause,
    TrialPhase,
    TrialRecord,
)
from trialmill.engine.state import Live, State, objective_value
from trialmill.kinds.orphans import BY_POD

UNREAD = "; its output was not read to the end, so later values are missing"
NOTHING = Observation()
"""What a trial without metrics has been seen to do."""


class InvalidTransitionError(Exception):
    """An event that no order of other events can explain. Tells the story of the trial it was about."""

    def __init__(self, what: str, trial: TrialRecord) -> None:
        attempts = ", ".join(f"{a.number} {a.cause} {a.phase}" for a in trial.attempts)
        super().__init__(f"{what}; trial {trial.name} is {trial.phase}, its attempts: {attempts}")


def apply_to_attempt(state: State, event: AttemptEvent) -> None:
    """Bring the attempt that the event names up to date; events of past attempts change nothing."""
    trial = state.attempt_at(event.key)
    if trial is None or trial.attempt.phase is AttemptPhase.ENDED:
        return
    match event:
        case ResourceAccepted():
            _accepted(state, trial, event)
        case ResourceDelayed():
            waits.delayed(state, trial, event)
        case ResourceRejected():
            _rejected(state, trial, event)
        case ResourceChanged():
            _changed(state, trial, event)
        case ResourceGone():
            _gone(state, trial, event)
        case ResourceSuspended():
            _suspended(state, trial, event)
        case PointsArrived():
            state.live[event.key] = Live(event.observation, event.curve, event.at)
        case StopDecided():
            _stop_decided(state, trial, event)
        case CollectionFinished():
            if trial.attempt.phase is AttemptPhase.COLLECTING:
                unread = f"; {event.lost}" if event.lost else ""
                finish_attempt(state, trial, event.at, event.observation, event.curve, unread=unread)


# --- making trials and attempts


def create_trial(state: State, suggestion: NewTrial, at: datetime) -> None:
    experiment, index = state.experiment, len(state.trials)
    name = names.trial_name(experiment.name, experiment.uid, index)
    restore_from = None
    if suggestion.parent is not None:
        restore_from = (suggestion.parent, state.trials[suggestion.parent].attempt.number)
    first = AttemptRecord(
        number=1, cause=Cause.FIRST, resource_name=name, created=at, budget=suggestion.budget, restore_from=restore_from
    )
    trial = TrialRecord(
        experiment_uid=experiment.uid,
        index=index,
        uid=names.trial_uid(experiment.uid, index),
        name=name,
        assignments=dict(suggestion.assignments),
        created=at,
        parent=suggestion.parent,
        labels=dict(suggestion.labels),
        search_state=suggestion.search_state,
        attempts=(first,),
    )
    state.put(trial)


def promote_trial(state: State, promotion: Promotion, at: datetime) -> None:
    """Go on with a paused trial. Raises InvalidTransitionError for a trial that is not paused."""
    trial = state.trials[promotion.trial]
    if trial.phase is not TrialPhase.PAUSED:
        raise InvalidTransitionError("only a paused trial can be promoted", trial)
    changed = replace(trial, search_state=promotion.search_state)
    add_attempt(state, changed, Cause.PROMOTION, at, budget=promotion.budget)
    state.tell(at, trial.name, "TrialPromoted", f"{promotion.budget.parameter} is now {promotion.budget.amount:g}")


def add_attempt(
    state: State,
    trial: TrialRecord,
    cause: Cause,
    at: datetime,
    *,
    budget: Budget | None = None,
    delay: timedelta | None = None,
) -> None:
    """Give the trial one more attempt; without a budget of its own it has that of the attempt before."""
    number = trial.attempt.number + 1
    attempt = AttemptRecord(
        number=number,
        cause=cause,
        resource_name=names.resource_name(trial.name, number),
        created=at,
        budget=budget or trial.attempt.budget,
        not_before=at + delay if delay else None,
    )
    state.put(replace(trial, phase=TrialPhase.PENDING, attempts=(*trial.attempts, attempt)))


# --- the resource


def _accepted(state: State, trial: TrialRecord, event: ResourceAccepted) -> None:
    attempt = trial.attempt
    handle = attempt.handle if event.handle is None else event.handle
    if not attempt.resource_uid:
        put_attempt(state, waits.not_waiting(trial), replace(attempt, resource_uid=event.uid, handle=handle))
    elif attempt.resource_uid == event.uid and attempt.handle != handle:
        # Its resource was seen before the runtime said that it had made it.
        put_attempt(state, trial, replace(attempt, handle=handle))


def _rejected(state: State, trial: TrialRecord, event: ResourceRejected) -> None:
    if trial.attempt.phase is AttemptPhase.COLLECTING:
        return  # else, where its resource was seen already, the runtime has taken it back
    state.forget(trial.key)
    state.note_end()
    verdict = Verdict(VerdictPhase.FAILED, event.reason, event.message, "runtime")
    attempt = replace(trial.attempt, phase=AttemptPhase.ENDED, verdict=verdict, finished=event.at)
    ended = replace(trial, attempts=(*trial.attempts[:-1], attempt))
    if attempt.stop is not None and attempt.stop is not StopCause.DEADLINE:
        end_stopped(state, ended, event.at)
    else:
        end_trial(state, ended, TrialPhase.FAILED, event.reason, event.message, event.at)


def _changed(state: State, trial: TrialRecord, event: ResourceChanged) -> None:
    attempt = trial.attempt
    if attempt.phase is AttemptPhase.COLLECTING or (attempt.resource_uid and event.uid != attempt.resource_uid):
        return
    if not attempt.resource_uid:
        attempt = replace(attempt, resource_uid=event.uid)
    waits.tell_condition_errors(state, trial, event)
    match event.verdict.phase:
        case VerdictPhase.SUCCEEDED | VerdictPhase.FAILED:
            over(state, trial, attempt, event.verdict, event.at, event.ended)
        case VerdictPhase.LOST:
            over(state, trial, attempt, event.verdict, event.at)
        case VerdictPhase.RUNNING if attempt.phase is AttemptPhase.PENDING:
            state.put(_running(trial, attempt, event.at))
        case _ if attempt is not trial.attempt:
            put_attempt(state, trial, attempt)
    waits.note_unmatched(state, event)
    waits.note_undecided(state, event)
    waits.note_stuck(state, trial, event)


def _running(trial: TrialRecord, attempt: AttemptRecord, at: datetime) -> TrialRecord:
    started = replace(attempt, phase=AttemptPhase.RUNNING, started=at)
    return replace(
        trial, phase=TrialPhase.RUNNING, started=trial.started or at, attempts=(*trial.attempts[:-1], started)
    )


def over(
    state: State,
    trial: TrialRecord,
    attempt: AttemptRecord,
    verdict: Verdict | None,
    at: datetime,
    ended_at: datetime | None = None,
) -> None:
    """The resource is over, or gone; what is left is to read its metrics. `ended_at` is when it was over, where that is
    known to be before now.

    A success that was there before the stop landed is a success; a failure after a stop is the stop's doing.
    """
    # The clock that measured it may be another one: no attempt ends before it began.
    finished = at if ended_at is None else min(max(ended_at, attempt.started or attempt.created), at)
    succeeded = verdict is not None and verdict.phase is VerdictPhase.SUCCEEDED
    ended = replace(
        attempt,
        phase=AttemptPhase.COLLECTING,
        verdict=verdict,
        finished=finished,
        started=attempt.started or (finished if succeeded else None),
        stop=None if succeeded else attempt.stop,
        not_before=at,
    )
    state.put(
        replace(
            waits.not_waiting(trial),
            phase=TrialPhase.COLLECTING,
            started=trial.started or ended.started,
            attempts=(*trial.attempts[:-1], ended),
        )
    )


def _gone(state: State, trial: TrialRecord, event: ResourceGone) -> None:
    attempt = trial.attempt
    if attempt.phase is AttemptPhase.COLLECTING or (
        event.uid and attempt.resource_uid and event.uid != attempt.resource_uid
    ):
        return
    lost = Verdict(VerdictPhase.LOST, "ResourceGone", event.message or "the resource has vanished", "identity")
    over(state, trial, attempt, None if attempt.phase is AttemptPhase.STOPPING else lost, event.at)


def suspend_attempt(state: State, trial: TrialRecord, at: datetime) -> None:
    """The attempt's resource is to be suspended; it counts as suspended from now on."""
    attempt = trial.attempt
    is_under_way = attempt.phase in (AttemptPhase.PENDING, AttemptPhase.RUNNING) and bool(attempt.resource_uid)
    if is_under_way and attempt.suspended_since is None:
        put_attempt(state, trial, replace(attempt, suspended_since=at))


def _suspended(state: State, trial: TrialRecord, event: ResourceSuspended) -> None:
    attempt = trial.attempt
    if event.refused:
        state.unsuspendable.add(event.key)
        put_attempt(state, trial, replace(attempt, suspended_since=None))
    elif not event.on and attempt.suspended_since is not None and not _is_paused(state):
        # Only what was suspended while it ran is kept out of its deadline.
        since = max(attempt.suspended_since, attempt.started or event.at)
        rest = attempt.suspended_for + max(event.at - since, timedelta(0))
        put_attempt(state, trial, replace(attempt, suspended_since=None, suspended_for=rest))


# --- stopping


def _stop_decided(state: State, trial: TrialRecord, event: StopDecided) -> None:
    if trial.attempt.phase is not AttemptPhase.RUNNING or event.decision is Decision.GO:
        return
    cause = StopCause.EARLY_STOPPED if event.decision is Decision.STOP else StopCause.PAUSED
    stop_attempt(state, trial, cause, event.at)


def stop_attempt(state: State, trial: TrialRecord, cause: StopCause, at: datetime) -> None:
    """End the attempt before it ends by itself. One that is over already, or being ended, stays as it is."""
    attempt = trial.attempt
    if attempt.phase is AttemptPhase.STOPPING and attempt.stop is StopCause.EXPERIMENT_STOPPED:
        put_attempt(state, trial, replace(attempt, stop=cause))
    if attempt.phase not in (AttemptPhase.PENDING, AttemptPhase.RUNNING):
        return
    stopping = replace(attempt, phase=AttemptPhase.STOPPING, stop=cause, not_before=at)
    attempts = (*trial.attempts[:-1], stopping)
    state.put(replace(waits.not_waiting(trial), phase=TrialPhase.STOPPING, attempts=attempts))


# --- the end


def finish_attempt(
    state: State,
    trial: TrialRecord,
    at: datetime,
    observation: Observation,
    curve: tuple[float, ...],
    *,
    unread: str = "",
) -> None:
    """The attempt is over and its metrics are in: decide what becomes of its trial. `unread` says why not all are."""
    state.forget(trial.key)
    attempt = replace(trial.attempt, phase=AttemptPhase.ENDED, finished=trial.attempt.finished or at)
    state.curves[trial.index] = curve
    state.note_end()
    seen = replace(
        trial, attempts=(*trial.attempts[:-1], attempt), observation=observation if observation.metrics else None
    )
    if attempt.stop is not None:
        end_stopped(state, seen, at)
        return
    verdict = attempt.verdict
    phase = verdict.phase if verdict else VerdictPhase.LOST
    if phase is VerdictPhase.SUCCEEDED:
        _end_succeeded(state, seen, at, unread=unread)
    elif phase is VerdictPhase.FAILED:
        _end_failed(state, seen, at)
    else:
        _end_lost(state, seen, at)


def _end_succeeded(state: State, trial: TrialRecord, at: datetime, *, unread: str) -> None:
    budget, verdict = trial.attempt.budget, trial.attempt.verdict
    has_value = objective_value(trial.observation, state.rules) is not None
    if not has_value and verdict is not None and verdict.source == BY_POD:
        # The pod was all that was left, and its output is not: whether it ever had the metric is not known.
        words = f"{verdict.message}, but left no value of metric {state.rules.objective.metric}{unread}"
        attempt = replace(trial.attempt, verdict=replace(verdict, phase=VerdictPhase.LOST, message=words))
        _end_lost(state, replace(trial, attempts=(*trial.attempts[:-1], attempt)), at)
    elif not has_value:
        name, files = state.rules.objective.metric, state.rules.metric_files
        summary = trial.observation.find(name) if trial.observation else None
        message = (
            f"metric {name} was never finite (last seen: {summary.text})"
            if summary and summary.text
            else f"metric {name} was not found in {' and '.join(files) if files else 'what the trial reported'}"
        )
        message += unread
        end_trial(state, trial, TrialPhase.METRICS_UNAVAILABLE, "MetricsUnavailable", message, at)
    elif budget is not None and not budget.final:
        state.put(replace(trial, phase=TrialPhase.PAUSED, reason="BudgetSpent", message=""))
    else:
        message = _verdict_message(trial) + unread
        end_trial(state, trial, TrialPhase.SUCCEEDED, "TrialSucceeded", message, at)


def _end_failed(state: State, trial: TrialRecord, at: datetime) -> None:
    retries = sum(a.cause is Cause.RETRY for a in trial.attempts)
    verdict = trial.attempt.verdict
    reason = verdict.reason if verdict and verdict.reason else "TrialFailed"
    if retries < state.rules.retry.limit and state.experiment.ending is None:
        add_attempt(state, trial, Cause.RETRY, at, delay=state.rules.retry.delay)
        state.tell(at, trial.name, "TrialRetried", f"attempt failed: {_verdict_message(trial)}", warning=True)
    else:
        end_trial(state, trial, TrialPhase.FAILED, reason, _verdict_message(trial), at)


def _end_lost(state: State, trial: TrialRecord, at: datetime) -> None:
    lost = sum(a.cause is Cause.LOST for a in trial.attempts)
    message = _verdict_message(trial)
    if lost >= state.rules.lost_limit:
        end_trial(state, trial, TrialPhase.FAILED, "AttemptsLost", f"{lost + 1} attempts were lost: {message}", at)
    elif state.experiment.intent.state is RunState.STOP and state.experiment.ending is None:
        state.put(replace(trial, phase=TrialPhase.PENDING))
    else:
        add_attempt(state, trial, Cause.LOST, at)
        state.tell(at, trial.name, "AttemptLost", message, warning=True)


def end_stopped(state: State, trial: TrialRecord, at: datetime) -> None:
    """The attempt was ended by us: the cause of the stop says what becomes of the trial."""
    match trial.attempt.stop:
        case StopCause.EARLY_STOPPED:
            message = "early stopping saw no promise in it"
            end_trial(state, trial, TrialPhase.EARLY_STOPPED, "TrialEarlyStopped", message, at)
        case StopCause.PAUSED:
            state.put(replace(trial, phase=TrialPhase.PAUSED, reason="Paused", message=""))
        case StopCause.DEADLINE:
            limit = state.rules.active_deadline
            message = f"it ran longer than {limit.total_seconds():g} s" if limit else "it did not end in time"
            end_trial(state, trial, TrialPhase.FAILED, "DeadlineExceeded", message, at)
        case StopCause.EXPERIMENT_STOPPED:
            state.put(replace(trial, phase=TrialPhase.PENDING, reason="ExperimentStopped", message=""))
        case _:
            end_trial(state, trial, TrialPhase.KILLED, "ExperimentEnded", "the experiment ended before the trial", at)


def end_trial(state: State, trial: TrialRecord, phase: TrialPhase, reason: str, message: str, at: datetime) -> None:
    """The trial is over, for good. It finished when its last attempt did."""
    state.note_end()
    finished = trial.attempt.finished or at
    state.put(
        replace(trial, phase=phase, reason=reason, message=message, finished=finished, completion=state.completed)
    )
    warning = phase in (TrialPhase.FAILED, TrialPhase.METRICS_UNAVAILABLE)
    state.tell(at, trial.name, f"Trial{phase}", message, warning=warning)


def put_attempt(state: State, trial: TrialRecord, attempt: AttemptRecord) -> None:
    state.put(replace(trial, attempts=(*trial.attempts[:-1], attempt)))


def _is_paused(state: State) -> bool:
    return state.experiment.ending is None and state.experiment.intent.state is RunState.PAUSE


def _verdict_message(trial: TrialRecord) -> str:
    verdict = trial.attempt.verdict
    return verdict.message if verdict else ""
