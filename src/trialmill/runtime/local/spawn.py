"""Starting a run: its log, which is also its lock, and the process."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.runtime.local.layout import log_of
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


def spawn(launch: Launch, stem: str) -> Child:
    """Start a run whose attempt's directory is there, in a session and process group of its own.

    The log is opened here, locked, and left to the process: it stays locked when this process dies, and is free when
    everything that inherited it is gone. Raises AlreadyRunningError, and OSError where the system does not start it.
    """
    log = acquire_lock(stem, create=True)
    if log is None:
        raise AlreadyRunningError(stem)
    reader = -1
    try:
        # Its own open file: a copy of the locked one would hold the lock for as long as somebody here reads.
        reader = os.open(log_of(stem), os.O_RDONLY | os.O_CLOEXEC)
        pid = os.posix_spawn(
            SHELL,
            wrapped(stem, launch.working_directory, launch.command),
            launch.environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
                (os.POSIX_SPAWN_DUP2, log, LOCK_DESCRIPTOR),
            ],
            # Not just a group: when its parent dies, a stopped group of the parent's session gets a deadly SIGHUP.
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
    except BaseException:
        if reader >= 0:
            os.close(reader)
        raise
    finally:
        os.close(log)
    return Child(pid, reader)
