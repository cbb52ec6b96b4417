"""Times as Kubernetes writes them, and how long to wait before something failed is tried again."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_DELAYS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
"""Seconds, doubling. Kubernetes goes from 10 seconds to 6 minutes, to spare a cluster; one machine needs no such
patience.
"""


def retry_delay(failures: int) -> float:
    """Seconds to wait after so many failures in a row (1 or more)."""
    return _DELAYS[min(failures, len(_DELAYS)) - 1]


def rfc3339(time: float) -> str:
    """Seconds since the epoch as UTC text in whole seconds, as in `2026-01-31T12:00:00Z`."""
    return _rfc3339(int(time // 1))


@lru_cache(maxsize=256)
def _rfc3339(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def earliest(first: float | None, second: float | None) -> float | None:
    """The earlier of two times, either of which may not exist."""
    if first is None:
        return second
    return first if second is None or first <= second else second
