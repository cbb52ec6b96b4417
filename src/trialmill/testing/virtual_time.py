"""Time that passes by itself: an event loop in which every wait is over at once, in the right order.

`run_virtually` runs a coroutine like `asyncio.run`, but its loop's clock jumps to the next timer whenever nothing is
ready. A test of an hour's deadlines takes milliseconds and depends on no real clock.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

_Result = TypeVar("_Result")
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins."""


class VirtualClock:
    """Implements `engine.ports.Clock` on the running loop's time."""

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep_until(self, when: datetime) -> None:
        await asyncio.sleep(max(0.0, (when - self.now()).total_seconds()))


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time moves only when there is nothing else to do."""

    def __init__(self) -> None:
        self._virtual = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._virtual

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        # Rounded up by a hair: a timer must be due after the jump, or the loop would spin.
        self._virtual += seconds + 1e-9


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self._loop.jump(timeout)
        elif not ready and timeout is None:
            raise RuntimeError("nothing is ready, and nothing ever will be: every task waits for another")
        return ready


def run_virtually(main: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of `main`, run in virtual time. Raises RuntimeError when all tasks wait for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
