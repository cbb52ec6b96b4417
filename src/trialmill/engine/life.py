"""The life of the experiment as a whole: when it starts, pauses, stops, goes on and ends. `settle` runs after each
event.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from trialmill.api.history import Promotion, Suggestion
from trialmill.engine import transitions
from trialmill.engine.conditions import clear_condition, find_condition, set_condition
from trialmill.engine.events import RuntimeTroubled, SuggestionsArrived
from trialmill.engine.records import (
    Cause,
    ConditionType,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    Outcome,
    RunState,
    StopCause,
    TrialPhase,
)
from trialmill.engine.state import State

ALGORITHM_FAILED: Final = "ExperimentAlgorithmFailed"
"""Why an experiment ends whose algorithm broke down. More trials or failures allowed do not undo this end."""
GOAL_REACHED: Final = "ExperimentGoalReached"
MAX_TRIALS_REACHED: Final = "ExperimentMaxTrialsReached"
TOO_MANY_FAILED: Final = "ExperimentFailed"
TIMED_OUT: Final = "ExperimentTimedOut"
"""Why experiments end; the first three are Katib's reasons."""


def open_experiment(state: State, at: datetime) -> None:
    """A driver takes the experiment up. Of ends this undoes a timeout, which starts anew with each driver; others are
    undone by new limits.
    """
    if not state.experiment.conditions:
        conditions = set_condition((), ConditionType.CREATED, True, "ExperimentCreated", "the experiment is stored", at)
        state.put(replace(state.experiment, conditions=conditions))
    ending = state.experiment.ending
    if state.experiment.phase.is_over and ending is not None and ending.reason == TIMED_OUT:
        _restart(state, "its timeout starts anew", at)
    else:
        _restart_if_extended(state, at)


def change_intent(state: State, intent: Intent, at: datetime) -> None:
    """Follow the user. An intent that came while the end was being saved is known already, and may undo that end."""
    if intent != state.experiment.intent:
        state.put(replace(state.experiment, intent=intent))
    _restart_if_extended(state, at)


def take_suggestions(state: State, event: SuggestionsArrived) -> None:
    """Make trials of the algorithm's answer. An answer to a question of the past is dropped: the question is asked
    again.
    """
    if event.first != state.next_suggestion or not may_create(state):
        return
    wanted = wanted_suggestions(state)
    if not wanted:
        return
    before = state.next_suggestion
    for item in event.items[:wanted]:
        mistake = _mistake(state, item)
        if mistake:
            end_with(state, Outcome(False, ALGORITHM_FAILED, f"the algorithm failed: {mistake}"), event.at)
            return
        if isinstance(item, Promotion):
            transitions.promote_trial(state, item, event.at)
        elif _fits_budget(state):
            transitions.create_trial(state, item, event.at)
    # An end that came after the question may be the one that the algorithm waits for.
    knew_all = event.ends is None or event.ends == state.ends
    state.awaiting_end = knew_all and state.next_suggestion == before


def _mistake(state: State, item: Suggestion) -> str:
    """What is impossible about a suggestion; empty where nothing is. An algorithm may be anybody's."""
    made = range(len(state.trials))
    if isinstance(item, Promotion):
        if item.trial not in made:
            return f"it promotes trial {item.trial}, which does not exist"
        trial = state.trials[item.trial]
        is_paused = trial.phase is TrialPhase.PAUSED
        return "" if is_paused else f"it promotes trial {trial.name}, which is {trial.phase} and not Paused"
    if item.parent is not None and item.parent not in made:
        return f"it suggests a child of trial {item.parent}, which does not exist"
    return ""


def _fits_budget(state: State) -> bool:
    limit = state.experiment.intent.max_trials
    return limit is None or len(state.trials) < limit


def note_trouble(state: State, event: RuntimeTroubled) -> None:
    """What runs is out of sight, or in sight again: that is told, and waits that only a look can end stand still."""
    was, state.trouble = state.trouble, event.message
    if event.reason:
        state.tell(event.at, state.experiment.name, event.reason, event.message, warning=True)
    elif was:
        state.in_sight_since = event.at
        state.tell(event.at, state.experiment.name, "InSightAgain", "what runs can be followed again")


def exhaust(state: State, reason: str) -> None:
    if not state.experiment.exhausted:
        state.put(replace(state.experiment, exhausted=reason))


def end_with(state: State, outcome: Outcome, at: datetime) -> None:
    """The experiment ends like this, once its last trials are ended. The first outcome stands."""
    if state.experiment.ending is None:
        state.put(replace(state.experiment, ending=outcome))
        state.tell(at, state.experiment.name, outcome.reason, outcome.message, warning=not outcome.succeeded)


def may_create(state: State) -> bool:
    """Whether new trials and promotions are wanted at all."""
    experiment = state.experiment
    return (
        experiment.intent.state is RunState.RUN
        and experiment.ending is None
        and not experiment.phase.is_over
        and not experiment.exhausted
    )


def wanted_suggestions(state: State) -> int:
    """How many suggestions fit into the free places and the budget now."""
    if not may_create(state) or state.awaiting_end or state.interrupted:
        return 0
    free = state.experiment.intent.parallel_trials - len(state.active)
    limit = state.experiment.intent.max_trials
    if limit is not None and not state.paused:
        # With paused trials the algorithm may still promote one when no new trial fits any more.
        free = min(free, limit - len(state.trials))
    return max(free, 0)


def settle(state: State, at: datetime) -> None:
    """Draw the experiment's own conclusions from what has just become true."""
    if state.experiment.phase.is_over:
        return
    if state.experiment.ending is None:
        outcome = _outcome(state, at)
        if outcome is not None:
            end_with(state, outcome, at)
    if state.experiment.ending is not None:
        _end(state, state.experiment.ending, at)
        return
    match state.experiment.intent.state:
        case RunState.STOP:
            _stop(state, at)
        case RunState.PAUSE:
            _enter(state, ExperimentPhase.PAUSED, "ExperimentPaused", "no new trials are started", at)
            _suspend_all(state, at)
        case RunState.RUN:
            _enter(state, ExperimentPhase.RUNNING, "ExperimentRunning", "trials are being run", at)
            _resume_interrupted(state, at)


# --- how it ends


def _outcome(state: State, at: datetime) -> Outcome | None:
    for rule in (_goal_reached, _too_many_failed, _timed_out, _all_done, _nothing_left):
        outcome = rule(state, at)
        if outcome is not None:
            return outcome
    return None


def _goal_reached(state: State, _at: datetime) -> Outcome | None:
    if state.best is None or state.experiment.intent.past_goal:
        return None
    trial = state.trials[state.best]
    value = state.objective_value(trial)
    objective = state.rules.objective
    if value is None or not objective.reaches_goal(value):
        return None
    message = f"trial {trial.name} reached the goal: {objective.metric} is {value:g}"
    return Outcome(True, GOAL_REACHED, message)


def _too_many_failed(state: State, _at: datetime) -> Outcome | None:
    limit = state.experiment.intent.max_failed_trials
    if limit is None or state.failures == 0 or state.failures < limit:
        return None
    return Outcome(False, TOO_MANY_FAILED, f"{state.failures} trials failed, and maxFailedTrialCount is {limit}")


def _timed_out(state: State, at: datetime) -> Outcome | None:
    due = timeout_at(state)
    if due is None or at < due or state.rules.timeout is None:
        return None
    found = state.counts[TrialPhase.SUCCEEDED] > 0
    message = f"the experiment ran for its whole timeout of {state.rules.timeout.total_seconds():g} s"
    return Outcome(found, TIMED_OUT, message)


def _all_done(state: State, _at: datetime) -> Outcome | None:
    limit = state.experiment.intent.max_trials
    if limit is None or state.completed < limit:
        return None
    return _done(state, limit)


def _done(state: State, limit: int) -> Outcome:
    """As in Katib a success, however its trials have ended; that none of them has succeeded is said."""
    message = "the only trial is done" if limit == 1 else f"all {limit} trials are done"
    if state.best is None:
        message += ", and it has not succeeded" if limit == 1 else ", and none of them has succeeded"
    return Outcome(True, MAX_TRIALS_REACHED, message)


def _nothing_left(state: State, _at: datetime) -> Outcome | None:
    experiment = state.experiment
    idle = not state.active and not state.interrupted
    if not idle or experiment.intent.state is not RunState.RUN:
        return None
    if experiment.exhausted:
        return Outcome(True, "ExperimentSuggestionEndReached", experiment.exhausted)
    if state.awaiting_end:
        return Outcome(True, "ExperimentSuggestionEndReached", "the algorithm has nothing more to suggest")
    limit = experiment.intent.max_trials
    if limit is not None and len(state.trials) >= limit and not state.paused:
        return _done(state, limit)
    return None


def timeout_at(state: State) -> datetime | None:
    """When the experiment's timeout is over; it starts anew with each run or resume. None once the end is decided."""
    running = find_condition(state.experiment.conditions, ConditionType.RUNNING)
    ending = state.experiment.ending is not None
    if state.rules.timeout is None or running is None or not running.status or ending:
        return None
    return running.last_transition + state.rules.timeout


def _end(state: State, outcome: Outcome, at: datetime) -> None:
    _stop_all(state, StopCause.EXPERIMENT_ENDED, at)
    for index in sorted(state.interrupted):
        message = "the experiment ended before the trial"
        transitions.end_trial(state, state.trials[index], TrialPhase.KILLED, "ExperimentEnded", message, at)
    for index in sorted(state.paused):
        message = "the experiment ended, and it was not promoted"
        transitions.end_trial(state, state.trials[index], TrialPhase.EARLY_STOPPED, "NotPromoted", message, at)
    if state.active:
        return
    phase = ExperimentPhase.SUCCEEDED if outcome.succeeded else ExperimentPhase.FAILED
    last = ConditionType.SUCCEEDED if outcome.succeeded else ConditionType.FAILED
    conditions = set_condition(
        state.experiment.conditions, ConditionType.RUNNING, False, outcome.reason, outcome.message, at
    )
    conditions = set_condition(conditions, last, True, outcome.reason, outcome.message, at)
    state.put(replace(state.experiment, phase=phase, conditions=conditions, finished=at))


def _stop_all(state: State, cause: StopCause, at: datetime) -> None:
    for index in sorted(state.active):
        transitions.stop_attempt(state, state.trials[index], cause, at)


# --- stop, pause, go on


def _stop(state: State, at: datetime) -> None:
    _stop_all(state, StopCause.EXPERIMENT_STOPPED, at)
    if not state.active:
        _enter(state, ExperimentPhase.STOPPED, "ExperimentStopped", "stopped by the user; it can be resumed", at)


def _enter(state: State, phase: ExperimentPhase, reason: str, message: str, at: datetime) -> None:
    experiment = state.experiment
    if experiment.phase is phase:
        return
    running = phase is ExperimentPhase.RUNNING
    conditions = set_condition(experiment.conditions, ConditionType.RUNNING, running, reason, message, at)
    state.put(replace(experiment, phase=phase, conditions=conditions, started=experiment.started or at))
    state.tell(at, experiment.name, reason, message)


def _suspend_all(state: State, at: datetime) -> None:
    """Recorded before it is done: what a crash in between leaves suspended is known to be, and goes on again."""
    for index in sorted(state.active):
        trial = state.trials[index]
        if trial.key not in state.unsuspendable:
            transitions.suspend_attempt(state, trial, at)


def _resume_interrupted(state: State, at: datetime) -> None:
    free = state.experiment.intent.parallel_trials - len(state.active)
    for index in sorted(state.interrupted)[: max(free, 0)]:
        transitions.add_attempt(state, state.trials[index], Cause.RESUME, at)


def _restart_if_extended(state: State, at: datetime) -> None:
    """An experiment whose end its new limits no longer justify goes on (Katib: condition Restarting)."""
    experiment = state.experiment
    message = undone_by(experiment, experiment.intent, state.completed, state.failures)
    if experiment.phase.is_over and message:
        _restart(state, message, at)


def undone_by(experiment: ExperimentRecord, intent: Intent, completed: int, failures: int) -> str:
    """What in an intent undoes the end of an experiment with so many trials that are over, and that failed; empty where
    nothing does.
    """
    limit, failed = intent.max_trials, intent.max_failed_trials
    has_room = limit is None or limit > completed
    reason = experiment.ending.reason if experiment.ending else ""
    if reason == MAX_TRIALS_REACHED and has_room:
        return f"maxTrialCount is now {'unlimited' if limit is None else limit}"
    if reason == TOO_MANY_FAILED and (failed is None or failed > failures):
        return f"maxFailedTrialCount is now {'unlimited' if failed is None else failed}"
    if reason == GOAL_REACHED and intent.past_goal and has_room:
        return "the goal does not end it any more"
    return ""


def _restart(state: State, message: str, at: datetime) -> None:
    experiment = state.experiment
    conditions = clear_condition(experiment.conditions, ConditionType.SUCCEEDED)
    conditions = clear_condition(conditions, ConditionType.FAILED)
    conditions = set_condition(conditions, ConditionType.RESTARTING, True, "ExperimentRestarting", message, at)
    state.put(
        replace(
            experiment,
            phase=ExperimentPhase.CREATED,
            ending=None,
            exhausted="",
            finished=None,
            conditions=conditions,
        )
    )
    state.tell(at, experiment.name, "ExperimentRestarting", message)
