"""Ctrl-C and SIGTERM while an experiment is driven; before and after that, see `interrupts`."""

import asyncio
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Final, Protocol, Self

from trialmill.engine.driver import Driver

_STOPPED_AT_ONCE: Final = timedelta(0)


class Stopping(Protocol):
    def __call__(self, *, at_once: bool) -> None: ...


class StopSignals:
    """The first ends trials gently, the second at once. `stopping` is told of each.

    Python handles signals in its main thread only: in any other, they are left to the program around us.
    """

    def __init__(self, driver: Driver, stopping: Stopping) -> None:
        self.count = 0
        self._driver = driver
        self._stopping = stopping
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._handled = (signal.SIGINT, signal.SIGTERM) if in_main_thread else ()
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in self._handled:
            self._before[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self.received)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number, before in self._before.items():
            loop.remove_signal_handler(number)  # it leaves Python's own, whoever was there before
            if before is not None:
                signal.signal(number, before)

    def received(self) -> None:
        self.count += 1
        at_once = self.count > 1
        self._stopping(at_once=at_once)
        self._driver.request_stop(grace=_STOPPED_AT_ONCE if at_once else None)
