"""What happens to one attempt is taken in its order, however long a step waits for the server; others go on."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from trialmill.engine.records import AttemptKey
from trialmill.runtime.kubernetes.cancelling import cancelled

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Step: TypeAlias = Callable[[], Work | None]
"""Done at once; what it returns is still to be waited for."""


class Lanes:
    """A lane for each attempt that has something to wait for. `ended` is called with each task that is over."""

    def __init__(self, ended: Callable[[asyncio.Task[None]], None]) -> None:
        self._ended = ended
        self._behind: dict[AttemptKey, deque[Step]] = {}
        """Of each attempt that waits, the steps that wait for it."""
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, key: AttemptKey, step: Step) -> None:
        """Take a step now, or behind those that the attempt has still to take."""
        behind = self._behind.get(key)
        if behind is not None:
            behind.append(step)
        elif (work := step()) is not None:
            self._behind[key] = deque()
            task = asyncio.create_task(self._go(key, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        """No step is taken any more."""
        await cancelled(*self._tasks)

    async def _go(self, key: AttemptKey, work: Work | None) -> None:
        behind = self._behind[key]
        while True:
            if work is not None:
                await work()
            if not behind:
                break
            work = behind.popleft()()
        del self._behind[key]
