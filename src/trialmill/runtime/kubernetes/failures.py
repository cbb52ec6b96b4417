"""What an error of the API server means for an attempt: never, later, or as it should be."""

from datetime import timedelta
from typing import Final

from trialmill.engine.ports import Rejected, RetryAfter
from trialmill.kube.api import KubeError, UnknownKindError, UnreachableError
from trialmill.kube.pacing import LONGEST_ASKED

FAILURES: Final = (KubeError, UnreachableError)
"""What any request may come back with; credentials that cannot be had (KubeConfigError) count as a KubeError, 401."""
CONFLICT: Final = 409
NOT_FOUND: Final = 404
FORBIDDEN: Final = 403
UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_SERVER: Final = 500
_SOON: Final = timedelta(seconds=2)
_LATER: Final = timedelta(seconds=10)
_QUOTA: Final = "exceeded quota"


def is_missing(error: Exception) -> bool:
    return isinstance(error, KubeError) and error.status == NOT_FOUND


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed later, though nobody changes it."""
    if isinstance(error, UnreachableError):
        return True
    # UNAUTHORIZED: somebody may log in meanwhile, or a token that cannot be had now be had then.
    return isinstance(error, KubeError) and (
        error.status in (UNAUTHORIZED, _TOO_MANY)
        or error.status >= _SERVER
        or (error.status == CONFLICT and error.reason != "AlreadyExists")
        or is_quota(error)
    )


def may_be_done(error: Exception) -> bool:
    """Whether only the answer may be lost, and the request was carried out."""
    return isinstance(error, UnreachableError) or (isinstance(error, KubeError) and error.status >= _SERVER)


def is_quota(error: Exception) -> bool:
    """Whether a ResourceQuota is used up: other trials that end make room."""
    return isinstance(error, KubeError) and error.status == FORBIDDEN and _QUOTA in error.message


def needs_login(error: Exception) -> bool:
    """Whether the server does not know who is asking, or there is no way to tell it."""
    return isinstance(error, KubeError) and error.status == UNAUTHORIZED


def is_out_of_reach(error: Exception) -> bool:
    """Whether nothing was said about the request itself: it is no reason to give up what was to be made."""
    return isinstance(error, UnreachableError) or needs_login(error)


def pause_after(error: Exception) -> timedelta:
    """How long to wait before the request is made again."""
    if isinstance(error, KubeError) and error.retry_after is not None:
        return min(error.retry_after, timedelta(seconds=LONGEST_ASKED))
    return _LATER if needs_login(error) or is_quota(error) else _SOON


def refusal(error: Exception) -> Rejected:
    """An error that will not pass, in the server's own words."""
    if isinstance(error, UnknownKindError):
        near = f"; it has {', '.join(error.near)}" if error.near else ""
        return Rejected("UnknownKind", f"{error}{near}")
    if isinstance(error, KubeError):
        if is_quota(error):
            return Rejected("QuotaExceeded", error.message)
        return Rejected(error.reason or f"HTTP{error.status}", error.message or f"HTTP {error.status}")
    return Rejected("Unreachable", str(error))


def answer_to(error: Exception) -> Rejected | RetryAfter:
    """What `ensure` says to an error."""
    refused = refusal(error)
    return RetryAfter(pause_after(error), str(error), refused.reason) if is_passing(error) else refused
