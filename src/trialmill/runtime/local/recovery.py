"""What the files of a run say about it when nobody remembers it.

Looked at in this order: `exit` complete means done; the lock held means running; `started` alone means lost, since its
end was not seen; neither means that it never began, and it is fenced under the lock: a wrapper that comes late finds
`started` taken and leaves.
"""

import fcntl
import os
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from trialmill.kinds.plan import Exited, Running
from trialmill.runtime.local.layout import log_of
from trialmill.runtime.local.wrapper import read_code, read_group

_FENCE: Final = b"fenced\n"


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
        done = _done(stem, now, held=True)
        return done or Alive(Running(_modified(f"{stem}.started", now)), read_group(stem))
    try:
        return _done(stem, now, held=False) or (Other.FENCED if _fence(stem) else Other.LOST)
    finally:
        os.close(lock)


def acquire_lock(stem: str, *, create: bool = False) -> int | None:
    """A descriptor of the run's log that holds its lock for as long as it or a copy of it is open.

    None where another holds the lock. Raises OSError, FileNotFoundError where there is no log and none is to be created.
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
    finished = _modified(f"{stem}.exit", now)
    started = _modified(f"{stem}.started", finished)
    return Done(Exited(code, started, finished), read_group(stem) if held else None)


def _fence(stem: str) -> bool:
    """Take `started`, so that no wrapper can; False where a wrapper has it. Call with the lock held."""
    path = f"{stem}.started"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        with open(path, "rb") as file:
            return file.read() == _FENCE
    try:
        os.write(descriptor, _FENCE)
    finally:
        os.close(descriptor)
    return True


def _modified(path: str, default: float) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return default
