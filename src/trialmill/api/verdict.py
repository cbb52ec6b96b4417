"""What the status of a resource adds up to."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class VerdictPhase(StrEnum):
    PENDING = "Pending"
    SUSPENDED = "Suspended"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    LOST = "Lost"
    UNKNOWN = "Unknown"

    @property
    def is_terminal(self) -> bool:
        return self in (VerdictPhase.SUCCEEDED, VerdictPhase.FAILED, VerdictPhase.LOST)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement of one resource: `source` says which rule spoke (condition, profile, heuristic, identity,
    status), or who (runtime, pod)."""

    phase: VerdictPhase
    reason: str = ""
    message: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class VerdictMemory:
    """What was seen of a resource before: its uid and, once there is one, the verdict that stays."""

    uid: str = ""
    terminal: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nothing says that a resource is over, and nothing but the user's conditions could: what they wait for, and what
    is seen instead. `looks_over`: by the words of its status it is.
    """

    message: str
    looks_over: bool = False


@dataclass(frozen=True, slots=True)
class ConditionError:
    """A user's condition that cannot be evaluated on a resource, and so is not met: which one, as it was written, and
    why, in the words of what evaluates it.
    """

    condition: str
    error: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something keeps an attempt from going on, and may do so for ever: an image that cannot be pulled, no node that
    has room. After `patience` of it the attempt is given up; None where somebody else sees to that, as a Job does to
    the number of its pods that may fail. `waited`: how long it had been so already when it was told first.
    """

    reason: str
    message: str
    patience: timedelta | None
    waited: timedelta = field(default=timedelta(0), compare=False)
