"""What keeps an attempt from going on: noted with its trial, so that nothing waits without a reason."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from trialmill.engine.events import ResourceChanged, ResourceDelayed
from trialmill.engine.records import AttemptPhase, TrialRecord
from trialmill.engine.state import Doubt, State, Unmatched, Waiting

_NOT_MATCHED: Final = "ConditionsUnmatched"
_CANNOT_BE_EVALUATED: Final = "ConditionError"


def delayed(state: State, trial: TrialRecord, event: ResourceDelayed) -> None:
    """Its resource cannot be made yet. Told once for each reason; the newest words stay with the trial."""
    if trial.attempt.resource_uid or trial.attempt.phase is not AttemptPhase.PENDING:
        return
    if trial.reason != event.reason:
        state.tell(event.at, trial.name, event.reason, event.message, warning=True)
    _put(state, trial, event.reason, event.message)


def note_unmatched(state: State, event: ResourceChanged) -> None:
    """The resource looks over though its conditions do not match, or does so no more."""
    if event.unmatched is None:
        state.unmatched.pop(event.key, None)
    elif event.key not in state.unmatched:
        state.unmatched[event.key] = Unmatched(event.at, event.unmatched)


def note_undecided(state: State, event: ResourceChanged) -> None:
    """No condition has matched, or it does not matter any more. Once it looks over, that is told soon."""
    new, before = event.undecided, state.doubts.get(event.key)
    if new is None:
        state.doubts.pop(event.key, None)
    elif before is not None and before.undecided.looks_over is new.looks_over:
        state.doubts[event.key] = replace(before, undecided=new)
    else:
        patience = state.rules.unmatched_deadline if new.looks_over else state.rules.undecided_deadline
        state.doubts[event.key] = Doubt(new, event.at + patience)


def tell_undecided(state: State, trial: TrialRecord, at: datetime) -> None:
    """Say what is due: into the story once, with each trial as long as it lasts. Nothing of a trial that goes on as
    others did whose end was seen.
    """
    doubt = state.doubts.get(trial.key)
    if doubt is None or doubt.due is None or at < doubt.due:
        return
    is_news = not any(other.told for other in state.doubts.values())
    told = doubt.undecided.looks_over or not state.has_seen_an_end
    state.doubts[trial.key] = replace(doubt, due=None, told=told)
    if told:
        if is_news:
            state.tell(at, trial.name, _NOT_MATCHED, doubt.undecided.message, warning=True)
        if trial.key not in state.waiting:
            _put(state, state.trials[trial.index], _NOT_MATCHED, doubt.undecided.message)


def tell_condition_errors(state: State, trial: TrialRecord, event: ResourceChanged) -> None:
    """Conditions that cannot be evaluated are told with the first trial that shows it, and no more: it is the
    experiment that is to be mended.
    """
    for each in event.errors:
        if each.condition not in state.failed_conditions:
            state.failed_conditions.add(each.condition)
            message = f"{each.condition} cannot be evaluated, and so is not met: {each.error}"
            state.tell(event.at, trial.name, _CANNOT_BE_EVALUATED, message, warning=True)


def note_stuck(state: State, trial: TrialRecord, event: ResourceChanged) -> None:
    """What it waits for may change its words (a pull fails, then backs off): it is one wait as long as its patience is
    the same. Another patience is for something else, which has not been waited for yet.
    """
    before, stuck = state.waiting.get(event.key), event.stuck
    if before is not None and stuck is not None and before.stuck.patience != stuck.patience:
        before = None
    newest = state.trials[trial.index]
    if stuck is None:
        state.waiting.pop(event.key, None)
        doubt = state.doubts.get(event.key)
        is_told = doubt is not None and doubt.told
        _put(state, newest, _NOT_MATCHED if is_told else "", doubt.undecided.message if doubt and is_told else "")
    else:
        state.waiting[event.key] = Waiting(before.since if before else event.at - stuck.waited, stuck)
        _put(state, newest, stuck.reason, stuck.message)
        if before is None:
            state.tell(event.at, trial.name, stuck.reason, stuck.message, warning=True)


def not_waiting(trial: TrialRecord) -> TrialRecord:
    """The trial without what kept it from going on."""
    return replace(trial, reason="", message="")


def _put(state: State, trial: TrialRecord, reason: str, message: str) -> None:
    """What the trial waits for is its reason, so that whoever reads the store can tell; empty for nothing."""
    is_under_way = trial.attempt.phase in (AttemptPhase.PENDING, AttemptPhase.RUNNING)
    if is_under_way and (trial.reason, trial.message) != (reason, message):
        state.put(replace(trial, reason=reason, message=message))
