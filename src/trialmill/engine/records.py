"""What the engine knows of an experiment and its trials: frozen records that stores keep and doors show.

A trial is one assignment; an attempt is one resource made for it. Phases of trials are Katib's, with those in between
that Trialmill needs; a finished attempt never un-finishes, and a trial that goes on does so through a new attempt.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from trialmill.api.history import Budget
from trialmill.api.metric import Observation
from trialmill.api.space import Value
from trialmill.api.tree import Json, JsonObject
from trialmill.api.verdict import Verdict

Version: TypeAlias = str
"""Opaque and given by the store; empty for a record that was never saved."""


class AttemptKey(NamedTuple):
    """Identifies an attempt everywhere. Resource names derive from it, so that creating is idempotent."""

    experiment_uid: str
    trial_index: int
    attempt: int


class ExperimentRef(NamedTuple):
    namespace: str
    name: str


class TrialPhase(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    COLLECTING = "Collecting"
    STOPPING = "Stopping"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    KILLED = "Killed"
    EARLY_STOPPED = "EarlyStopped"
    METRICS_UNAVAILABLE = "MetricsUnavailable"

    @property
    def is_over(self) -> bool:
        return self in _OVER

    @property
    def has_result(self) -> bool:
        """Its objective may be the best one. Katib observes only trials that succeeded or were stopped early."""
        return self in (TrialPhase.SUCCEEDED, TrialPhase.EARLY_STOPPED)

    @property
    def is_active(self) -> bool:
        """Takes one of the `parallelTrialCount` places."""
        return self in _ACTIVE


_OVER: Final = frozenset(
    {
        TrialPhase.SUCCEEDED,
        TrialPhase.FAILED,
        TrialPhase.KILLED,
        TrialPhase.EARLY_STOPPED,
        TrialPhase.METRICS_UNAVAILABLE,
    }
)
_ACTIVE: Final = frozenset({TrialPhase.PENDING, TrialPhase.RUNNING, TrialPhase.COLLECTING, TrialPhase.STOPPING})


class AttemptPhase(StrEnum):
    PENDING = "Pending"
    """Recorded; its resource may or may not exist yet."""
    RUNNING = "Running"
    """The runtime has accepted the resource."""
    STOPPING = "Stopping"
    """It is to be removed, and is not gone yet."""
    COLLECTING = "Collecting"
    """It is over; the rest of its metrics is being read."""
    ENDED = "Ended"


class Cause(StrEnum):
    """Why an attempt was made."""

    FIRST = "First"
    RETRY = "Retry"
    PROMOTION = "Promotion"
    RESUME = "Resume"
    LOST = "Lost"


class StopCause(StrEnum):
    """Why an attempt is being ended before it ends by itself."""

    EARLY_STOPPED = "EarlyStopped"
    PAUSED = "Paused"
    DEADLINE = "DeadlineExceeded"
    EXPERIMENT_ENDED = "ExperimentEnded"
    EXPERIMENT_STOPPED = "ExperimentStopped"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One resource made for a trial. `handle` is the runtime's own note of it; times are UTC.

    `suspended_since` and `suspended_for` keep suspension out of deadlines. `restore_from` names the trial and attempt
    whose checkpoint this one starts from; its points then continue that attempt's.
    """

    number: int
    cause: Cause
    resource_name: str
    created: datetime
    phase: AttemptPhase = AttemptPhase.PENDING
    resource_uid: str = ""
    handle: Json = None
    budget: Budget | None = None
    restore_from: tuple[int, int] | None = None
    started: datetime | None = None
    finished: datetime | None = None
    verdict: Verdict | None = None
    stop: StopCause | None = None
    suspended_since: datetime | None = None
    suspended_for: timedelta = timedelta(0)
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One assignment and what became of it. `completion` numbers finished trials in the order in which they ended."""

    experiment_uid: str
    index: int
    uid: str
    name: str
    assignments: dict[str, Value]
    created: datetime
    phase: TrialPhase = TrialPhase.PENDING
    reason: str = ""
    message: str = ""
    parent: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    search_state: Json = None
    started: datetime | None = None
    finished: datetime | None = None
    completion: int | None = None
    observation: Observation | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    version: Version = ""

    @property
    def attempt(self) -> AttemptRecord:
        """The latest attempt."""
        return self.attempts[-1]

    @property
    def key(self) -> AttemptKey:
        """The latest attempt's key."""
        return AttemptKey(self.experiment_uid, self.index, self.attempts[-1].number)


class RunState(StrEnum):
    """What the user wants of an experiment."""

    RUN = "Run"
    PAUSE = "Pause"
    STOP = "Stop"


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user asked for last; doors write it, the driver of the experiment follows it.

    `past_goal`: the objective's goal does not end the experiment any more.
    """

    state: RunState = RunState.RUN
    parallel_trials: int = 3
    max_trials: int | None = None
    max_failed_trials: int | None = None
    past_goal: bool = False


class ConditionType(StrEnum):
    CREATED = "Created"
    RUNNING = "Running"
    RESTARTING = "Restarting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Condition:
    type: ConditionType
    status: bool
    reason: str
    message: str
    last_update: datetime
    last_transition: datetime


class ExperimentPhase(StrEnum):
    CREATED = "Created"
    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"

    @property
    def is_over(self) -> bool:
        return self in (ExperimentPhase.SUCCEEDED, ExperimentPhase.FAILED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an experiment ends, decided before its last running trials are ended."""

    succeeded: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One experiment. `source` is the Experiment as it was read, with defaults; `compiled` its template.

    `settings` belong to the runtime (image stand-ins, the folder that commands start in). `intent` is the user's; all
    below it is the driver's.
    """

    uid: str
    namespace: str
    name: str
    source: JsonObject
    compiled: JsonObject
    seed: int
    created: datetime
    settings: JsonObject = field(default_factory=dict)
    generation: int = 1
    intent: Intent = Intent()
    phase: ExperimentPhase = ExperimentPhase.CREATED
    conditions: tuple[Condition, ...] = ()
    ending: Outcome | None = None
    exhausted: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    version: Version = ""

    @property
    def ref(self) -> ExperimentRef:
        return ExperimentRef(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One line of an experiment's story, as `describe` shows it. `object` is the experiment's or a trial's name."""

    experiment_uid: str
    object: str
    reason: str
    message: str
    time: datetime
    warning: bool = False


Record: TypeAlias = ExperimentRecord | TrialRecord
