"""One run that is under way: a child of this process, or one that was adopted after a crash."""

import asyncio
import os
import signal
from dataclasses import dataclass
from functools import partial
from typing import Final

from trialmill.kinds.plan import RunId
from trialmill.runtime.local.children import signal_group
from trialmill.runtime.local.leftovers import kill_processes_of
from trialmill.runtime.local.recovery import lock_is_held
from trialmill.runtime.local.wrapper import has_begun, read_group

_BETWEEN_KILLS: Final = 0.25
"""Seconds. One that does not die at once is killed again: its wrapper may not have recorded its group yet."""
_YOUNG: Final = 0.5
"""Seconds. In a run that has only begun, a signal may reach the wrapper's shell in the moment before it has become the
command, and is lost there: it is sent again until it has, or once more where nobody can tell.
"""


@dataclass(slots=True, eq=False)
class Run:
    """`log` is a descriptor of a child's output; an adopted run is no child, and has none. Times: the host's clock.

    `group` is None in the moment before the wrapper of an adopted run has recorded it.
    """

    id: RunId
    stem: str
    started: float
    group: int | None
    log: int | None = None
    is_stopping: bool = False
    _deadline: float = 0.0
    _killing: asyncio.TimerHandle | None = None
    _repeating: asyncio.TimerHandle | None = None

    def signal(self, number: int) -> None:
        """Signal the process group: a child's own until it is reaped, an adopted one's only while its lock is held."""
        if self.log is None and not lock_is_held(self.stem):
            return
        group = self.group or read_group(self.stem)
        if group is not None:
            signal_group(group, number)

    def stop(self, loop: asyncio.AbstractEventLoop, grace: float, now: float) -> None:
        """SIGTERM now, SIGKILL after `grace` seconds. Safe to repeat, also with less grace. `now`: the host's clock."""
        deadline = loop.time() + grace
        if self.is_stopping and self._deadline <= deadline:
            return
        if not self.is_stopping:
            self._terminate(loop, is_young=now - self.started < _YOUNG)
        self.is_stopping = True
        self._deadline = deadline
        self._cancel_kill()
        self._killing = loop.call_at(deadline, self._kill, loop)

    def recorded_group(self, group: int | None) -> None:
        """An adopted run's wrapper has recorded its group; what was asked for before reaches it now."""
        if self.group is None and group is not None and self.is_stopping:
            signal_group(group, signal.SIGTERM)
        self.group = group

    def close(self) -> int | None:
        """Let go of the run without touching it. Returns the log's descriptor, still open, if its file was deleted."""
        self._cancel_kill()
        if self._repeating:
            self._repeating.cancel()
        if self.log is None:
            return None
        if os.fstat(self.log).st_nlink == 0:
            return self.log
        os.close(self.log)
        return None

    def _terminate(self, loop: asyncio.AbstractEventLoop, *, is_young: bool) -> None:
        group = self.group or read_group(self.stem)
        begun = False if group is None else has_begun(group)
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)  # a suspended process sees the first signal only when it goes on
        if begun is False or (begun is None and is_young):
            self._repeating = loop.call_later(_YOUNG, partial(self._terminate, loop, is_young=False))

    def _kill(self, loop: asyncio.AbstractEventLoop) -> None:
        self.signal(signal.SIGKILL)
        if self.log is None and lock_is_held(self.stem):
            kill_processes_of(self.stem)
        self._killing = loop.call_later(_BETWEEN_KILLS, self._kill, loop)

    def _cancel_kill(self) -> None:
        if self._killing:
            self._killing.cancel()
