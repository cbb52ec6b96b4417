"""What keeps an attempt from going on: noted with its trial, so that nothing waits without a reason."""

from dataclasses import replace

from trialmill.engine.events import ResourceChanged, ResourceDelayed
from trialmill.engine.records import WAITING, AttemptKey, AttemptPhase, TrialRecord
from trialmill.engine.state import State, Unmatched, Waiting


def delayed(state: State, trial: TrialRecord, event: ResourceDelayed) -> None:
    """Its resource cannot be made yet. Told once; the newest words stay with the trial."""
    if trial.attempt.resource_uid or trial.attempt.phase is not AttemptPhase.PENDING:
        return
    if trial.reason != WAITING:
        state.tell(event.at, trial.name, "TrialWaits", event.message, warning=True)
    _note(state, event.key, event.message)


def note_unmatched(state: State, event: ResourceChanged) -> None:
    """The resource looks over though its conditions do not match, or does so no more."""
    if event.unmatched is None:
        state.unmatched.pop(event.key, None)
    elif event.key not in state.unmatched:
        state.unmatched[event.key] = Unmatched(event.at, event.unmatched)


def note_stuck(state: State, trial: TrialRecord, event: ResourceChanged) -> None:
    """What it waits for may change its words (a pull fails, then backs off): it is one wait as long as its patience is
    the same. Another patience is for something else, which has not been waited for yet.
    """
    before = state.waiting.get(event.key)
    if before is not None and event.stuck is not None and before.stuck.patience != event.stuck.patience:
        before = None
    _note(state, event.key, event.stuck.message if event.stuck else "")
    if event.stuck is None:
        state.waiting.pop(event.key, None)
    else:
        state.waiting[event.key] = Waiting(before.since if before else event.at, event.stuck)
        if before is None:
            state.tell(event.at, trial.name, event.stuck.reason, event.stuck.message, warning=True)


def waiting_for(trial: TrialRecord, message: str) -> TrialRecord:
    """The trial with what keeps it from going on; an empty message: nothing any more."""
    if message:
        return trial if trial.message == message else replace(trial, reason=WAITING, message=message)
    return replace(trial, reason="", message="") if trial.reason == WAITING else trial


def _note(state: State, key: AttemptKey, message: str) -> None:
    trial = state.attempt_at(key)
    if trial is not None and trial.attempt.phase in (AttemptPhase.PENDING, AttemptPhase.RUNNING):
        changed = waiting_for(trial, message)
        if changed is not trial:
            state.put(changed)
