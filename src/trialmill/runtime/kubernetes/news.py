"""What is still to be told of one experiment: of each attempt the newest, and every end."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from trialmill.engine.ports import Gone, Snapshot, Trouble
from trialmill.engine.records import AttemptKey

_Told: TypeAlias = tuple[Snapshot | Gone, ...]


class News:
    """Nothing of attempts is told until all was listed. `newest` is what there is of an attempt's resource now; None
    where it has none.
    """

    def __init__(self, newest: Callable[[AttemptKey], Snapshot | None]) -> None:
        self._newest = newest
        self._untold: dict[AttemptKey, _Told] = {}
        """What is told before the newest, which is told in any case."""
        self._held: dict[AttemptKey, _Told] = {}
        self._troubles: deque[Trouble] = deque()
        self._failure: BaseException | None = None
        self._unlisted = {"resources", "pods"}
        self._wake = asyncio.Event()

    @property
    def has_listed_pods(self) -> bool:
        return "pods" not in self._unlisted

    @property
    def has_listed_all(self) -> bool:
        return not self._unlisted

    @property
    def all_is_told(self) -> bool:
        return not (self._unlisted or self._untold or self._held)

    def tell(self, key: AttemptKey, *told: Snapshot | Gone) -> None:
        """There is something new of the attempt: these, or just its newest."""
        # An end that has not been told yet is told, whatever else comes meanwhile.
        waiting = self._held if key in self._held else self._untold
        waiting[key] = told or waiting.get(key, ())
        self._wake.set()

    def hold(self, key: AttemptKey) -> None:
        """Tell nothing of the attempt until it is released."""
        self._held[key] = self._untold.pop(key, ())

    def release(self, key: AttemptKey) -> None:
        self.tell(key, *self._held.pop(key))

    def tell_trouble(self, trouble: Trouble) -> None:
        self._troubles.append(trouble)
        self._wake.set()

    def note_end(self, task: "asyncio.Task[Any]") -> None:
        """A task is over. If it has failed, so has all that is told."""
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
        self._wake.set()

    def note_list(self, what: str) -> None:
        """All resources or all pods have been seen, or will not be."""
        self._unlisted.discard(what)
        self._wake.set()

    async def come(self) -> None:
        """Wait until there is something to tell. Raises what a task has failed with."""
        # What came in while the last event was looked at has set the event that is cleared here.
        if not (self._failure or self._troubles or (self._untold and not self._unlisted)):
            self._wake.clear()
            await self._wake.wait()
        if self._failure is not None:
            raise self._failure

    def some(self) -> Iterator[Snapshot | Gone | Trouble]:
        """All that is wrong, then what is new of one attempt: more may come while that is looked at."""
        while self._troubles:
            yield self._troubles.popleft()
        if not self._untold or self._unlisted:
            return
        key = next(iter(self._untold))
        yield from self._untold.pop(key)
        newest = self._newest(key)
        if newest is not None:
            yield newest
