"""Starting a run: its directory, its lock, its log, and the process."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.runtime.local.recovery import acquire_lock
from trialmill.runtime.local.wrapper import LOCK_DESCRIPTOR, SHELL, wrapped

# Python ignores these two, and a process inherits what its parent ignores.
_DEFAULT_SIGNALS: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class AlreadyRunningError(Exception):
    """Something holds the lock of this run."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start: a command whose first word is an absolute path, its whole environment, its start folder."""

    command: Sequence[str]
    environment: Mapping[str, str]
    working_directory: str


@dataclass(frozen=True, slots=True)
class Child:
    """A process that was started: also the id of its group, and a descriptor to read its output with."""

    pid: int
    log: int


def spawn(launch: Launch, directory: str) -> Child:
    """Start a run in its existing directory, in a process group of its own.

    The lock is taken here and left to the process: it stays held when this process dies, and is free when everything
    that inherited it is gone. Raises AlreadyRunningError, and OSError where the system does not start it.
    """
    lock = acquire_lock(directory)
    if lock is None:
        raise AlreadyRunningError(directory)
    log = -1
    try:
        log = os.open(f"{directory}/log", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        pid = os.posix_spawn(
            SHELL,
            wrapped(directory, launch.working_directory, launch.command),
            launch.environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
                (os.POSIX_SPAWN_DUP2, lock, LOCK_DESCRIPTOR),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
    except BaseException:
        if log >= 0:
            os.close(log)
        raise
    finally:
        os.close(lock)
    return Child(pid, log)
