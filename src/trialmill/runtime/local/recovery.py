"""What the directory of a run says about it when nobody remembers it.

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


def examine(directory: str, now: float) -> RunState:
    """The state of a run. Fences it where it never began; `now` stands in for a time that is not on disk."""
    lock = acquire_lock(directory)
    if lock is None:
        done = _done(directory, now, held=True)
        return done or Alive(Running(_modified(f"{directory}/started", now)), read_group(directory))
    try:
        return _done(directory, now, held=False) or (Other.FENCED if _fence(directory) else Other.LOST)
    finally:
        os.close(lock)


def acquire_lock(directory: str) -> int | None:
    """A descriptor that holds the run's lock for as long as it or a copy of it is open; None where another does."""
    descriptor = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def lock_is_held(directory: str) -> bool:
    """Whether something of the run is alive. A run whose directory is gone cannot tell: False."""
    try:
        descriptor = acquire_lock(directory)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _done(directory: str, now: float, *, held: bool) -> Done | None:
    code = read_code(directory)
    if code is None:
        return None
    finished = _modified(f"{directory}/exit", now)
    started = _modified(f"{directory}/started", finished)
    return Done(Exited(code, started, finished), read_group(directory) if held else None)


def _fence(directory: str) -> bool:
    """Take `started`, so that no wrapper can; False where a wrapper has it. Call with the lock held."""
    path = f"{directory}/started"
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
