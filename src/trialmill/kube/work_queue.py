"""A queue of keys for those who reconcile: each key at most once in it, and never with two workers at a time.

Source: client-go, `util/workqueue`. A key that is added while it is worked on waits until that is done, so that what
happened in between is seen; one that is added twice is worked on once.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from trialmill.kube.clock import Clock, LoopClock
from trialmill.kube.rate_limits import Backoff, TokenBucket

_Key = TypeVar("_Key", bound=Hashable)


class QueueClosedError(Exception):
    """The queue was closed, and all that was in it is done or being done."""


class WorkQueue(Generic[_Key]):
    """Add keys, `get` one, and say `done`; `retry` it after a failure and `forget` it after a success.

    For one event loop. `close` ends it; whoever made it must close it.
    """

    def __init__(
        self, clock: Clock | None = None, backoff: Backoff[_Key] | None = None, bucket: TokenBucket | None = None
    ) -> None:
        self._clock = clock or LoopClock()
        self._backoff = backoff or Backoff()
        self._bucket = bucket or TokenBucket()
        self._ready: deque[_Key] = deque()
        self._dirty: set[_Key] = set()
        self._processing: set[_Key] = set()
        self._takers: deque[asyncio.Future[None]] = deque()
        self._later: list[tuple[float, int, _Key]] = []
        self._due: dict[_Key, float] = {}
        self._order = 0
        self._timer: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        """Keys that wait for a worker; not those that wait for their time."""
        return len(self._ready)

    def add(self, key: _Key) -> None:
        """The key needs work. No matter how often it is added, it is worked on once; again after the work that is
        being done on it.
        """
        if self._closed or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._ready.append(key)
            self._wake_one()

    async def get(self) -> _Key:
        """The next key, for this worker alone until `done`. Raises QueueClosedError."""
        while not self._ready:
            if self._closed:
                raise QueueClosedError
            taker = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            try:
                await taker
            except asyncio.CancelledError:
                if taker.done() and not taker.cancelled():
                    # It was woken for a key and is not there to take it: another one must.
                    self._wake_one()
                raise
            finally:
                if taker in self._takers:
                    self._takers.remove(taker)
        key = self._ready.popleft()
        self._processing.add(key)
        self._dirty.discard(key)
        return key

    def done(self, key: _Key) -> None:
        """The work on a key has ended, well or not. If it was added meanwhile, it is next in line again."""
        self._processing.discard(key)
        if key in self._dirty:
            self._ready.append(key)
            self._wake_one()

    def add_after(self, key: _Key, seconds: float) -> None:
        """Add the key later. Where it waits already, the earlier time counts."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        when = self._clock.now() + seconds
        if key in self._due and self._due[key] <= when:
            return
        self._due[key] = when
        self._order += 1
        heapq.heappush(self._later, (when, self._order, key))
        if self._later[0][2] == key:
            self._restart_timer()

    def retry(self, key: _Key) -> None:
        """Add the key after a failure: later each time, and not faster than all keys together may come."""
        self.add_after(key, max(self._backoff.failed(key), self._bucket.take(self._clock.now())))

    def failures(self, key: _Key) -> int:
        """How often in a row the key was retried."""
        return self._backoff.failures(key)

    def forget(self, key: _Key) -> None:
        """The key's work has succeeded: its next failure counts as the first."""
        self._backoff.forget(key)

    async def close(self) -> None:
        """Take nothing more in. What waits for a worker is still handed out, what waits for its time is dropped."""
        self._closed = True
        self._later.clear()
        self._due.clear()
        while self._takers:
            self._wake_one()
        if self._timer:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)

    def _wake_one(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return

    def _restart_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().create_task(self._add_when_due(), name="work queue")

    async def _add_when_due(self) -> None:
        while self._later:
            when, _, key = self._later[0]
            if when > self._clock.now():
                await self._clock.sleep(when - self._clock.now())
                continue
            heapq.heappop(self._later)
            # An entry of an earlier time came first and was the one that counted.
            if self._due.get(key) == when:
                del self._due[key]
                self.add(key)
