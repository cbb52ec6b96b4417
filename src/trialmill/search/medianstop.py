"""`medianstop`: stop a trial that does worse than the median of those before it (Golovin et al., Vizier, 2017)."""

from collections.abc import Sequence
from statistics import fmean, median
from typing import Final

from trialmill.api.history import AttemptView, Decision, History, Settings, TrialStatus, TrialView
from trialmill.search.settings import read_whole

DEFAULT_MIN_TRIALS: Final = 3
DEFAULT_START_STEP: Final = 4


class MedianStop:
    """Stops an attempt when its best value so far is worse than the median, and it has reported `start_step` values.

    The median is over the succeeded trials, each with the mean of its first `start_step` values of the objective (or
    of as many as it has). Nothing is stopped before `min_trials_required` trials have succeeded with at least one
    value. Failed, early-stopped and metrics-unavailable trials are not counted: a rule that learned from the trials it
    stopped would grow ever stricter or laxer.

    As in Katib, except that Katib takes the mean of the means where its name says median, and freezes the rule when
    the trial starts; here each value is judged by the trials that have succeeded until then.
    """

    def __init__(self) -> None:
        self._judged: tuple[tuple[TrialView, ...], int, int] | None = None
        self._threshold: float | None = None

    def decide(self, settings: Settings, history: History, attempt: AttemptView) -> Decision:
        min_trials = read_whole(settings, "min_trials_required", DEFAULT_MIN_TRIALS)
        start_step = read_whole(settings, "start_step", DEFAULT_START_STEP)
        if len(attempt.curve) < start_step:
            return Decision.GO
        threshold = self._cached_threshold(history.trials, min_trials, start_step)
        if threshold is None:
            return Decision.GO
        best = max(attempt.curve) if history.maximize else min(attempt.curve)
        is_worse = best < threshold if history.maximize else best > threshold
        return Decision.STOP if is_worse else Decision.GO

    def _cached_threshold(self, trials: tuple[TrialView, ...], min_trials: int, start_step: int) -> float | None:
        """The threshold of the last history is kept: many values come in between two ends of trials."""
        judged = self._judged
        if judged is None or judged[0] is not trials or judged[1:] != (min_trials, start_step):
            self._judged = (trials, min_trials, start_step)
            self._threshold = median_threshold(trials, min_trials, start_step)
        return self._threshold


def median_threshold(trials: Sequence[TrialView], min_trials: int, start_step: int) -> float | None:
    """The median of the succeeded trials' means of their first `start_step` values; None with too few of them."""
    means = [
        fmean(trial.curve[:start_step]) for trial in trials if trial.status is TrialStatus.SUCCEEDED and trial.curve
    ]
    return median(means) if len(means) >= max(min_trials, 1) else None
