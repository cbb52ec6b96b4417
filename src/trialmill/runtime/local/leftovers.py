"""What a run leaves behind outside its process group: children that made a session of their own.

They are found by the mark that every process of a run has in its environment. Only Linux shows it; elsewhere such
children stay. A process without any environment is found by the run's lock, which it holds: in the moment in which it
becomes another program, every process looks so. A child that also cleans its environment and closes every descriptor
cannot be found at all.
"""

import os
import signal
from collections.abc import Iterator
from typing import Final

from trialmill.runtime.local.layout import log_of
from trialmill.runtime.local.recovery import lock_is_held
from trialmill.runtime.local.wrapper import LOCK_DESCRIPTOR

MARK = "TRIALMILL_RUN"
"""The environment variable that holds the run's stem."""
_LOOKS: Final = 10


def end_leftovers(stem: str) -> None:
    """Kill what still belongs to a run that is over. Looks only where the run's lock is still held: that is cheap."""
    if lock_is_held(stem):
        kill_processes_of(stem)


def kill_processes_of(stem: str) -> None:
    """Kill every process that belongs to this run, also those that are begun while others are being killed."""
    killed: set[int] = set()
    for _ in range(_LOOKS):
        found = set(processes_of(stem)) - killed
        if not found:
            return
        for pid in found:
            _kill(pid)
        killed |= found


def processes_of(stem: str) -> Iterator[int]:
    """The processes whose environment carries the mark of this run, and those without any that hold its lock."""
    mark = f"{MARK}={stem}".encode()
    try:
        names = os.listdir("/proc")
    except FileNotFoundError:
        return
    for name in names:
        if name.isdigit() and int(name) != os.getpid() and _belongs(name, mark, stem):
            yield int(name)


def _belongs(pid: str, mark: bytes, stem: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
        if environment:
            return mark in environment.split(b"\0")
        return os.path.samestat(os.stat(f"/proc/{pid}/fd/{LOCK_DESCRIPTOR}"), os.stat(log_of(stem)))
    except OSError:  # ended meanwhile, another user's, or without such a descriptor
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
