"""Trials as algorithms see them."""

from typing import Final

from trialmill.api.history import TrialStatus, TrialView
from trialmill.engine.records import TrialPhase, TrialRecord

_STATUS: Final = {
    TrialPhase.PENDING: TrialStatus.ACTIVE,
    TrialPhase.RUNNING: TrialStatus.ACTIVE,
    TrialPhase.COLLECTING: TrialStatus.ACTIVE,
    TrialPhase.STOPPING: TrialStatus.ACTIVE,
    TrialPhase.PAUSED: TrialStatus.PAUSED,
    TrialPhase.SUCCEEDED: TrialStatus.SUCCEEDED,
    TrialPhase.FAILED: TrialStatus.FAILED,
    TrialPhase.KILLED: TrialStatus.KILLED,
    TrialPhase.EARLY_STOPPED: TrialStatus.EARLY_STOPPED,
    TrialPhase.METRICS_UNAVAILABLE: TrialStatus.METRICS_UNAVAILABLE,
}


def trial_view(trial: TrialRecord, value: float | None, curve: tuple[float, ...]) -> TrialView:
    """The trial with its objective value; values of failed trials are kept, the algorithm decides what they are
    worth.
    """
    return TrialView(
        index=trial.index,
        assignments=trial.assignments,
        status=_STATUS[trial.phase],
        value=value,
        curve=curve,
        completion=trial.completion,
        parent=trial.parent,
        budget=trial.attempts[-1].budget,
        search_state=trial.search_state,
    )
