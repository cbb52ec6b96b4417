"""How long to wait before the server is asked again. Pure: numbers in, seconds out."""

from datetime import timedelta
from typing import Final

from trialmill.kube.api import ExpiredError, KubeError, UnreachableError

SHORTEST: Final = 1.0
"""Seconds between the starts of two watches, and the first wait after a failure."""
LONGEST_UNREACHABLE: Final = 5.0
"""Short: to find nobody there costs nobody anything, and a server that is back should be found soon."""
LONGEST_REFUSED: Final = 60.0
LONGEST_ASKED: Final = 300.0
"""What a server may ask for with Retry-After; more is taken for a mistake."""
_TOO_LARGE: Final = "ResourceVersionTooLarge"
_KEEPS_VERSION: Final = frozenset({401, 408, 429})


def wait_after_failure(error: Exception, failures: int, chance: float) -> float:
    """Seconds before the next try after so many failures in a row: doubled each time, never the same for two clients,
    and never less than the server asked for.
    """
    longest = LONGEST_UNREACHABLE if isinstance(error, UnreachableError) else LONGEST_REFUSED
    grown = min(longest, SHORTEST * 2.0 ** min(failures - 1, 10))
    asked = error.retry_after if isinstance(error, KubeError) else None
    at_least = min((asked or timedelta(0)).total_seconds(), LONGEST_ASKED)
    # Up to half more above what was asked for, since all clients were asked the same.
    return max(grown * (0.75 + chance / 2), at_least * (1 + chance / 2))


def wait_between_watches(lasted: float, chance: float) -> float:
    """Seconds before a stream that the server ended is opened again. One that lasted long is opened at once."""
    return max(0.0, SHORTEST * (1 + chance / 2) - lasted)


def must_list_anew(error: Exception) -> bool:
    """Whether a watch from the same version cannot succeed: it is too old, or of a future that a restored server does
    not know, or the kind or the right to it went away for a while.
    """
    if isinstance(error, ExpiredError):
        return True
    if not isinstance(error, KubeError):
        return False
    if any(cause.reason == _TOO_LARGE for cause in error.causes) or "Too large resource version" in error.message:
        return True
    return error.status < 500 and error.status not in _KEEPS_VERSION
