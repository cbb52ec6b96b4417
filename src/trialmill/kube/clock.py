"""Time and chance as arguments, so that tests turn the one by hand and choose the other."""

import asyncio
import random
from collections.abc import Callable
from typing import Final, Protocol

Chance = Callable[[], float]
"""A number from 0 up to, but not, 1."""
CHANCE: Final[Chance] = random.random


class Clock(Protocol):
    """Seconds that only grow. They mean nothing but their differences."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class LoopClock:
    """The running event loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
