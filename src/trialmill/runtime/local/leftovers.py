"""What a run leaves behind outside its process group: children that made a session of their own.

They are found by the mark that every process of a run has in its environment. Only Linux shows it; elsewhere such
children stay. A child that also cleans its environment and closes every descriptor cannot be found at all.
"""

import os
import signal
from collections.abc import Iterator

from trialmill.runtime.local.recovery import lock_is_held

MARK = "TRIALMILL_RUN"
"""The environment variable that holds the run's stem."""


def end_leftovers(stem: str) -> None:
    """Kill what still belongs to a run that is over. Looks only where the run's lock is still held: that is cheap."""
    if lock_is_held(stem):
        kill_processes_of(stem)


def kill_processes_of(stem: str) -> None:
    """Kill every process that carries the mark of this run."""
    for pid in processes_of(stem):
        _kill(pid)


def processes_of(stem: str) -> Iterator[int]:
    """The processes whose environment carries the mark of this run."""
    mark = f"{MARK}={stem}".encode()
    try:
        names = os.listdir("/proc")
    except FileNotFoundError:
        return
    for name in names:
        if name.isdigit() and mark in _environment(name):
            yield int(name)


def _environment(pid: str) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:  # ended meanwhile, or another user's
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
