"""Waiting for child processes without a thread for each: by process descriptors where the system has them."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import TypeAlias

Ended: TypeAlias = Callable[[int | None], None]
"""Called with the exit code as a shell reports it: 128 + n for signal n; None where somebody else took it."""


class Children:
    """Tells when children have ended, and ends what is left of their process groups."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._descriptors: dict[int, int] = {}
        self._closed = False

    def watch(self, pid: int, ended: Ended) -> None:
        """Call `ended` in the event loop when the child, which leads a process group, has ended."""
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):  # macOS; an old kernel; no descriptor left
            threading.Thread(target=self._wait, args=(pid, ended), daemon=True).start()
            return
        self._descriptors[pid] = descriptor
        self._loop.add_reader(descriptor, self._readable, pid, ended)

    def close(self) -> None:
        """Watch no more. The children go on."""
        self._closed = True
        for descriptor in self._descriptors.values():
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        self._descriptors.clear()

    def _readable(self, pid: int, ended: Ended) -> None:
        descriptor = self._descriptors.pop(pid)
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        # The dead leader still holds its number, so the group cannot be somebody else's yet.
        signal_group(pid, signal.SIGKILL)
        ended(_reap(pid))

    def _wait(self, pid: int, ended: Ended) -> None:
        code = _reap(pid)
        signal_group(pid, signal.SIGKILL)
        if not self._closed:
            self._loop.call_soon_threadsafe(ended, code)


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, if there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the second of a group of zombies
        return


def _reap(pid: int) -> int | None:
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:  # the program around us ignores SIGCHLD or reaps every child
        return None
    return code if code >= 0 else 128 - code
