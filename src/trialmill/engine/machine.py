"""The engine's pure core: `apply` says what an event makes true, `desired` says what should then be the case in the
world.
"""

from datetime import datetime

from trialmill.engine import life
from trialmill.engine.deadlines import attempt_due, enforce_deadlines
from trialmill.engine.events import (
    Event,
    IntentChanged,
    Opened,
    RuntimeTroubled,
    SuggestionsArrived,
    SuggestionsExhausted,
    SuggestionsFailed,
    TimerFired,
)
from trialmill.engine.instructions import Ask, Collect, Ensure, Instruction, Remove, SetTimer, Suspend
from trialmill.engine.records import AttemptPhase, Outcome, RunState, TrialRecord
from trialmill.engine.state import Changes, State
from trialmill.engine.transitions import apply_to_attempt


def apply(state: State, event: Event) -> Changes:
    """Bring the state up to date; what it returns has to be saved before `desired` is acted upon."""
    match event:
        case Opened():
            life.open_experiment(state, event.at)
        case IntentChanged():
            life.change_intent(state, event.intent, event.at)
        case SuggestionsArrived():
            life.take_suggestions(state, event)
        case SuggestionsExhausted():
            life.exhaust(state, event.reason)
        case SuggestionsFailed():
            message = f"the algorithm failed: {event.message}"
            life.end_with(state, Outcome(False, life.ALGORITHM_FAILED, message), event.at)
        case RuntimeTroubled():
            life.note_trouble(state, event)
        case TimerFired():
            enforce_deadlines(state, event.at)
        case _:
            apply_to_attempt(state, event)
    life.settle(state, event.at)
    return state.take_changes()


def desired(state: State, now: datetime) -> list[Instruction]:
    """What should be the case, each time from scratch. Costs as much as there are active trials."""
    if state.experiment.phase.is_over:
        return []
    wanted: list[Instruction] = []
    dues = [life.timeout_at(state)]
    for index in sorted(state.active):
        trial = state.trials[index]
        wanted.extend(_for_attempt(state, trial, now))
        dues += [attempt_due(state, trial), _start_due(trial, now)]
    count = life.wanted_suggestions(state)
    if count:
        wanted.append(Ask(state.next_suggestion, count))
    timer = min((due for due in dues if due is not None), default=None)
    if timer is not None:
        wanted.append(SetTimer(timer))
    return wanted


def _start_due(trial: TrialRecord, now: datetime) -> datetime | None:
    """When a retry that waits may start."""
    attempt = trial.attempt
    waits = attempt.phase is AttemptPhase.PENDING and attempt.not_before is not None and now < attempt.not_before
    return attempt.not_before if waits else None


def _for_attempt(state: State, trial: TrialRecord, now: datetime) -> list[Instruction]:
    key, attempt = trial.key, trial.attempt
    pausing = state.experiment.intent.state is RunState.PAUSE and state.experiment.ending is None
    match attempt.phase:
        case AttemptPhase.PENDING if not attempt.resource_uid:
            waits = pausing or (attempt.not_before is not None and now < attempt.not_before)
            return [] if waits else [Ensure(key)]
        case AttemptPhase.PENDING | AttemptPhase.RUNNING:
            suspend = [Suspend(key, pausing)] if attempt.suspended_since else []
            return [*suspend, Collect(key, final=False)]
        case AttemptPhase.STOPPING:
            return [Remove(key, attempt.resource_uid), Collect(key, final=False)]
        case AttemptPhase.COLLECTING:
            return [Collect(key, final=True)]
        case AttemptPhase.ENDED:
            return []
