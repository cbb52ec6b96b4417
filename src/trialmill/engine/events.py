"""What happens to an experiment. Events carry the time at which they happened; the state machine has no clock of its
own.

What the user wants (run, pause, stop, budgets) arrives as one `IntentChanged` with the whole intent rather than as
one event for each wish: the last intent is what counts, also when a driver was not there to see the earlier ones.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from trialmill.api.history import Decision, Suggestion
from trialmill.api.metric import Observation
from trialmill.api.tree import Json
from trialmill.api.verdict import ConditionError, Stuck, Undecided, Verdict
from trialmill.engine.records import AttemptKey, Intent


@dataclass(frozen=True, slots=True)
class Opened:
    """A driver has taken the experiment up: at first, after a crash, or to resume it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class IntentChanged:
    """The user wants something else."""

    at: datetime
    intent: Intent


@dataclass(frozen=True, slots=True)
class SuggestionsArrived:
    """The algorithm's answer to the question for suggestions from number `first` on.

    `ends` is the state's count of ends at the time of the question; None for an answer without delay.
    """

    at: datetime
    first: int
    items: tuple[Suggestion, ...]
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class SuggestionsExhausted:
    """The algorithm has nothing left to try."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class SuggestionsFailed:
    """The algorithm broke down."""

    at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class ResourceAccepted:
    """The runtime has made the attempt's resource, or had it already."""

    at: datetime
    key: AttemptKey
    uid: str
    handle: Json = None


@dataclass(frozen=True, slots=True)
class RuntimeTroubled:
    """The runtime can see and make nothing for now; with an empty `reason` it can again."""

    at: datetime
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ResourceRejected:
    """The runtime will never make the attempt's resource."""

    at: datetime
    key: AttemptKey
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ResourceDelayed:
    """The runtime does not make the attempt's resource yet, and will be asked again."""

    at: datetime
    key: AttemptKey
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ResourceChanged:
    """The attempt's resource was judged anew. `unmatched`: it looks over though its conditions do not match. `stuck`:
    something keeps it from going on. `ended` is when it was over, where that is known better than by `at`. `undecided`:
    what there is to say of it while no condition matches. `errors`: the user's conditions that failed on it.
    """

    at: datetime
    key: AttemptKey
    uid: str
    verdict: Verdict
    unmatched: Verdict | None = None
    stuck: Stuck | None = None
    ended: datetime | None = None
    undecided: Undecided | None = None
    errors: tuple[ConditionError, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceGone:
    """The attempt's resource is not there any more; `uid` is empty where it never was."""

    at: datetime
    key: AttemptKey
    uid: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ResourceSuspended:
    """The runtime has suspended the attempt's resource, or let it go on. `refused`: this kind cannot be suspended."""

    at: datetime
    key: AttemptKey
    on: bool
    refused: bool = False


@dataclass(frozen=True, slots=True)
class PointsArrived:
    """New points of an attempt that is under way: what they add up to so far, and the objective's finite values in
    order.
    """

    at: datetime
    key: AttemptKey
    observation: Observation
    curve: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StopDecided:
    """Early stopping has judged an attempt that is under way."""

    at: datetime
    key: AttemptKey
    decision: Decision


@dataclass(frozen=True, slots=True)
class CollectionFinished:
    """All points of an attempt that is over are in. `lost`: what of its output could not be read."""

    at: datetime
    key: AttemptKey
    observation: Observation
    curve: tuple[float, ...]
    lost: str = ""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """Something may be due: a deadline, a retry."""

    at: datetime


Event: TypeAlias = (
    Opened
    | IntentChanged
    | SuggestionsArrived
    | SuggestionsExhausted
    | SuggestionsFailed
    | ResourceAccepted
    | ResourceDelayed
    | ResourceRejected
    | ResourceChanged
    | ResourceGone
    | ResourceSuspended
    | RuntimeTroubled
    | PointsArrived
    | StopDecided
    | CollectionFinished
    | TimerFired
)
AttemptEvent: TypeAlias = (
    ResourceAccepted
    | ResourceDelayed
    | ResourceRejected
    | ResourceChanged
    | ResourceGone
    | ResourceSuspended
    | PointsArrived
    | StopDecided
    | CollectionFinished
)
