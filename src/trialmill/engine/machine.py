"""The engine's pure core: `apply` says what an event makes true, `desired` says what should then be the case in the
world.
"""

from datetime import datetime

from trialmill.engine import life
from trialmill.engine.deadlines import enforce_deadlines, first_due, waits_to_start
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
from trialmill.engine.state import Changes, Concluded, State
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
    """What should be the case, each time of all that is active; a timer comes last. What an attempt needs is the same
    object as long as its trial has not changed, so that whoever compares two answers has little to do.
    """
    if state.experiment.phase.is_over:
        return []
    wanted: list[Instruction] = []
    pausing = state.experiment.intent.state is RunState.PAUSE and state.experiment.ending is None
    for index in sorted(state.active):
        wanted += _for_attempt(state, state.trials[index], now, pausing=pausing)
    count = life.wanted_suggestions(state)
    if count:
        wanted.append(Ask(state.next_suggestion, count))
    timer = min((due for due in (life.timeout_at(state), first_due(state, now)) if due is not None), default=None)
    if timer is not None:
        wanted.append(SetTimer(timer))
    return wanted


def _for_attempt(state: State, trial: TrialRecord, now: datetime, *, pausing: bool) -> tuple[Instruction, ...]:
    known = state.concluded.get(trial.index)
    if known is not None and known.trial is trial and known.pausing is pausing:
        return known.wanted
    if not trial.attempt.resource_uid and waits_to_start(trial, now):
        return ()  # which time alone will change
    wanted = _by_phase(trial, pausing=pausing)
    state.concluded[trial.index] = Concluded(trial, pausing, wanted)
    return wanted


def _by_phase(trial: TrialRecord, *, pausing: bool) -> tuple[Instruction, ...]:
    key, attempt = trial.key, trial.attempt
    match attempt.phase:
        case AttemptPhase.PENDING if not attempt.resource_uid:
            return () if pausing else (Ensure(key),)
        case AttemptPhase.PENDING | AttemptPhase.RUNNING:
            suspend = (Suspend(key, pausing),) if attempt.suspended_since else ()
            return (*suspend, Collect(key, final=False))
        case AttemptPhase.STOPPING:
            return (Remove(key, attempt.resource_uid), Collect(key, final=False))
        case AttemptPhase.COLLECTING:
            return (Collect(key, final=True),)
        case AttemptPhase.ENDED:
            return ()
