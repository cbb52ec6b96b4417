"""What the files of a run say about it when nobody remembers it.

Looked at in this order: a complete `exit` line means done; the lock held means running; `started` alone means lost,
since its end was not seen; neither means that it never began, and it is fenced under the lock: a wrapper that comes
late finds that its line is not the first, and leaves.
"""

import fcntl
import os
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from trialmill.kinds.plan import Exited, Running
from trialmill.runtime.local.layout import log_of
from trialmill.runtime.local.wrapper import fence, read_code, read_group, record_time


@dataclass(frozen=True, slots=True)
class Done:
    """The command has ended. `leftover` is the process group of what it left behind, None for nothing."""

    exited: Exited
    leftover: int | None


@dataclass(frozen=True, slots=True)
class Alive:
    """Something of the run still holds its lock. `group` is None in the moment before the wrapper has recorded it."""

    running: Running
    group: int | None


class Other(Enum):
    LOST = auto()
    FENCED = auto()


RunState: TypeAlias = Done | Alive | Other


def examine(stem: str, now: float) -> RunState:
    """The state of a run. Fences it where it never began; `now` stands in for a time that is not on disk."""
    lock = acquire_lock(stem)
    if lock is None:
        return _done(stem, now, held=True) or Alive(Running(record_time(stem, now)), read_group(stem))
    try:
        return _done(stem, now, held=False) or (Other.FENCED if fence(stem) else Other.LOST)
    finally:
        os.close(lock)


def acquire_lock(stem: str, *, create: bool = False) -> int | None:
    """A descriptor of the run's log that holds its lock for as long as it or a copy of it is open.

    None where another holds the lock. Raises OSError, FileNotFoundError where there is no log and none is to be
    created.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    descriptor = os.open(log_of(stem), flags, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def lock_is_held(stem: str) -> bool:
    """Whether something of the run is alive. A run whose files are gone cannot tell: False."""
    try:
        descriptor = acquire_lock(stem)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _done(stem: str, now: float, *, held: bool) -> Done | None:
    code = read_code(stem)
    if code is None:
        return None
    finished = record_time(stem, now)  # when it started is not kept: nothing hangs on it any more
    return Done(Exited(code, finished, finished), read_group(stem) if held else None)
