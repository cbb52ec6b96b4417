"""What keeps an attempt from going on: noted with its trial, so that nothing waits without a reason."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from trialmill.engine.events import ResourceChanged, ResourceDelayed
from trialmill.engine.records import WAITING, AttemptKey, AttemptPhase, TrialRecord
from trialmill.engine.state import Doubt, State, Unmatched, Waiting

_BY_STATUS: Final = ("condition", "heuristic")
"""Sources of verdicts on resources that no profile is known of."""


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
    told = doubt.undecided.looks_over or not _has_seen_an_end(state)
    state.doubts[trial.key] = replace(doubt, due=None, told=told)
    if told:
        if is_news:
            state.tell(at, trial.name, "ConditionsUnmatched", doubt.undecided.message, warning=True)
        if trial.key not in state.waiting:
            _note(state, trial.key, doubt.undecided.message)


def _has_seen_an_end(state: State) -> bool:
    verdicts = (attempt.verdict for trial in state.trials for attempt in trial.attempts)
    return any(verdict is not None and verdict.source in _BY_STATUS for verdict in verdicts)


def note_stuck(state: State, trial: TrialRecord, event: ResourceChanged) -> None:
    """What it waits for may change its words (a pull fails, then backs off): it is one wait as long as there is one."""
    before = state.waiting.get(event.key)
    doubt = state.doubts.get(event.key)
    undecided = doubt.undecided.message if doubt and doubt.told else ""
    _note(state, event.key, event.stuck.message if event.stuck else undecided)
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
