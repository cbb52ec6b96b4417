"""What keeps an attempt from going on: noted with its trial, so that nothing waits without a reason."""

from dataclasses import replace

from trialmill.engine.events import ResourceChanged, ResourceDelayed
from trialmill.engine.records import AttemptPhase, TrialRecord
from trialmill.engine.state import State, Unmatched, Waiting


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
        _put(state, newest, "", "")
    else:
        state.waiting[event.key] = Waiting(before.since if before else event.at, stuck)
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
