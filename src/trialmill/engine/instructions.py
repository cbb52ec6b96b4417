"""What should be the case in the world. Instructions are keyed and idempotent: to follow one twice changes nothing.

The driver compares what is desired now with what it is already doing: what is new it starts, what is no longer
desired it drops.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from trialmill.engine.records import AttemptKey


@dataclass(frozen=True, slots=True)
class Ask:
    """Suggestions number `first` to `first + count - 1` are wanted."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Ensure:
    """The attempt's resource exists."""

    key: AttemptKey


@dataclass(frozen=True, slots=True)
class Remove:
    """The attempt's resource does not exist."""

    key: AttemptKey
    uid: str


@dataclass(frozen=True, slots=True)
class Suspend:
    """The attempt's resource is suspended (`on`), or is not."""

    key: AttemptKey
    on: bool


@dataclass(frozen=True, slots=True)
class Collect:
    """The attempt's metrics are read; `final` once it is over, so that the reading can come to an end."""

    key: AttemptKey
    final: bool


@dataclass(frozen=True, slots=True)
class SetTimer:
    """`TimerFired` is wanted at this time."""

    at: datetime


Instruction: TypeAlias = Ask | Ensure | Remove | Suspend | Collect | SetTimer
