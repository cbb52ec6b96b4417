"""What an algorithm sees: the trials so far, and what it answers with.

A history is a value: the same history, space, settings and seed give the same suggestions, on any machine and after
any restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from trialmill.api.space import Value
from trialmill.api.tree import Json

Settings: TypeAlias = Mapping[str, str]
"""An algorithm's settings as the file has them: names and text."""


class TrialStatus(StrEnum):
    """What an algorithm needs to know of a trial's phase."""

    ACTIVE = "active"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    EARLY_STOPPED = "earlyStopped"
    FAILED = "failed"
    KILLED = "killed"
    METRICS_UNAVAILABLE = "metricsUnavailable"

    @property
    def is_over(self) -> bool:
        return self not in (TrialStatus.ACTIVE, TrialStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much an attempt may spend (epochs, samples), put into the parameter `parameter` of that attempt.

    A trial whose budget is not `final` is paused when its attempt succeeds, so that it can be promoted.
    """

    parameter: str
    amount: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class TrialView:
    """One past or running trial. `value` is the objective's value, None while there is none.

    `curve` holds the objective's finite values in the order of their steps, as far as the experiment's early stopping
    needs them. `completion` numbers the finished trials in the order in which they ended, from 0; None before.
    """

    index: int
    assignments: Mapping[str, Value]
    status: TrialStatus
    value: float | None = None
    curve: tuple[float, ...] = ()
    completion: int | None = None
    parent: int | None = None
    budget: Budget | None = None
    search_state: Json = None


@dataclass(frozen=True, slots=True)
class History:
    """All trials by index. `maximize` says which values are better."""

    trials: tuple[TrialView, ...] = ()
    maximize: bool = False
    max_trials: int | None = None

    @property
    def sign(self) -> float:
        """Multiply values by this to make smaller better."""
        return -1.0 if self.maximize else 1.0


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A suggestion to start a trial. `search_state` is whatever the algorithm must remember of it; it is saved with
    the trial.
    """

    assignments: Mapping[str, Value]
    budget: Budget | None = None
    parent: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    search_state: Json = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A suggestion to go on with a paused trial, with a larger budget."""

    trial: int
    budget: Budget
    search_state: Json = None


Suggestion: TypeAlias = NewTrial | Promotion


@dataclass(frozen=True, slots=True)
class Suggestions:
    """An algorithm's answer: as many suggestions as were asked for, or fewer when it must first see running trials
    end.
    """

    items: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """An algorithm's answer when nothing is left to try, now or later."""

    reason: str


class Decision(StrEnum):
    """What early stopping says of a running trial."""

    GO = "go"
    STOP = "stop"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class AttemptView:
    """The running attempt that early stopping judges: its trial and the objective's values so far, in order of step."""

    trial: int
    attempt: int
    curve: tuple[float, ...]
    budget: Budget | None = None
