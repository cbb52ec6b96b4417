"""What an experiment's file says about the course of its life, and the engine's own deadlines."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from trialmill.api.experiment import ExperimentSpec, Objective, Retry

COLLECTION_DEADLINE: Final = timedelta(seconds=60)
"""How long nothing may arrive of the output of a trial that is over. Katib waits for ever (its issue 1795)."""
COLLECTION_LIMIT: Final = timedelta(hours=1)
"""How long reading the output of a trial that is over may take in all."""
STOP_GRACE: Final = timedelta(seconds=10)
"""Between the gentle and the hard end of an attempt that is stopped."""
STOP_DEADLINE: Final = timedelta(seconds=60)
"""After the grace period: when an attempt that does not go away is given up."""
UNMATCHED_DEADLINE: Final = timedelta(seconds=30)
"""How long a resource may look over without a condition matching."""
UNDECIDED_DEADLINE: Final = timedelta(minutes=5)
"""After what time the user is told that no condition has matched, where nothing else is known of a kind."""
LOST_LIMIT: Final = 5
"""How many attempts of one trial may be lost before the trial fails."""

_NO_RETRY: Final = Retry()


@dataclass(frozen=True, slots=True)
class Rules:
    """`retry` and `active_deadline` are the template's; `timeout` is the experiment's; None means no limit.
    `metric_files` are the files in which metrics are looked for, none where that is not in files.
    """

    objective: Objective
    retry: Retry = _NO_RETRY
    active_deadline: timedelta | None = None
    timeout: timedelta | None = None
    metric_files: tuple[str, ...] = ()
    collection_deadline: timedelta = COLLECTION_DEADLINE
    collection_limit: timedelta = COLLECTION_LIMIT
    stop_grace: timedelta = STOP_GRACE
    stop_deadline: timedelta = STOP_DEADLINE
    unmatched_deadline: timedelta = UNMATCHED_DEADLINE
    undecided_deadline: timedelta = UNDECIDED_DEADLINE
    lost_limit: int = LOST_LIMIT


def rules_of(spec: ExperimentSpec) -> Rules:
    return Rules(
        objective=spec.objective,
        retry=spec.template.retry,
        active_deadline=spec.template.active_deadline,
        timeout=spec.timeout,
        metric_files=spec.collector.paths,
    )
