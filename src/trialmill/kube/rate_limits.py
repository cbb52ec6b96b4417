"""How fast a work queue lets keys through: each key by its failures, all keys together by a bucket of tokens.

Pure but for their counts; times are seconds on any clock that only grows. Source: client-go, `util/workqueue`.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
FIRST: Final = 0.005
LONGEST: Final = 1000.0
RATE: Final = 10.0
BURST: Final = 100


class Backoff(Generic[_Key]):
    """A key's wait: `first` seconds, doubled with each failure up to `longest`, until it is forgotten."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._failures: dict[_Key, int] = {}

    def failed(self, key: _Key) -> float:
        """Count a failure; the seconds to wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # The power is bounded before it is taken: a float has an end.
        return min(self._longest, self._first * 2.0 ** min(failures, 64))

    def failures(self, key: _Key) -> int:
        return self._failures.get(key, 0)

    def forget(self, key: _Key) -> None:
        """The key has succeeded, or is no longer of interest."""
        self._failures.pop(key, None)


class TokenBucket:
    """`rate` tokens a second, at most `burst` at once. Tokens are given on credit: who takes one is told how long to
    wait for it.
    """

    def __init__(self, rate: float = RATE, burst: int = BURST) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._since: float | None = None

    def take(self, now: float) -> float:
        """Take a token; the seconds until it is there."""
        elapsed = 0.0 if self._since is None else max(0.0, now - self._since)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate) - 1
        self._since = now
        return max(0.0, -self._tokens / self._rate)
