"""What pods say about an attempt: why it failed, and what keeps it from going on. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from trialmill.api.tree import Json, JsonObject, get, get_integer, get_list, get_object, get_string
from trialmill.api.verdict import Stuck

_NEVER_HEALS: Final = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_WAITS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "RegistryUnavailable",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
_CRASHES: Final = "CrashLoopBackOff"
_MOST_CRASHES: Final = 6
"""Restarts after which a container that keeps crashing is given up, as a Job gives up its pods (backoffLimit)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an attempt may wait for what may never come. `scheduling` is longer: a full cluster empties."""

    scheduling: timedelta = timedelta(hours=1)
    starting: timedelta = timedelta(minutes=10)


def evidence_of(pods: Iterable[JsonObject]) -> str:
    """Why the newest pod that failed did so; empty where none did."""
    for pod in sorted(pods, key=_age, reverse=True):
        words = _failure_of(pod)
        if words:
            return f"pod {get_string(pod, 'metadata', 'name')}: {words}"
    return ""


def stuck_of(pods: Iterable[JsonObject], patience: Patience) -> Stuck | None:
    """What keeps one of the pods from going on, the most hopeless first; None where nothing does."""
    found = [stuck for pod in pods if (stuck := _stuck(pod, patience)) is not None]
    return min(found, key=lambda stuck: timedelta.max if stuck.patience is None else stuck.patience, default=None)


def setback_of(pods: Sequence[JsonObject]) -> Stuck | None:
    """All pods are over and the newest has failed: whoever made them makes another, in its own time, or gives up."""
    newest = max(pods, key=_age, default=None)
    words = _failure_of(newest) if newest is not None and all(is_over(pod) for pod in pods) else ""
    return Stuck("PodFailed", f"pod {get_string(newest, 'metadata', 'name')}: {words}", None) if words else None


def has_started(pod: JsonObject) -> bool:
    """Whether a container of the pod runs or ran, so that there is output to read."""
    if get_string(pod, "status", "phase") in ("Succeeded", "Failed"):
        return True
    statuses = get_list(pod, "status", "containerStatuses")
    places = (("state", "running"), ("state", "terminated"), ("lastState", "terminated"))
    return any(get(status, *place) is not None for status in statuses for place in places)


def is_over(pod: JsonObject) -> bool:
    """Whether nothing more comes of the pod."""
    return get_string(pod, "status", "phase") in ("Succeeded", "Failed")


def _age(pod: JsonObject) -> str:
    return get_string(pod, "metadata", "creationTimestamp")


def _statuses(pod: JsonObject) -> list[Json]:
    return [*get_list(pod, "status", "initContainerStatuses"), *get_list(pod, "status", "containerStatuses")]


def _failure_of(pod: JsonObject) -> str:
    if get_string(pod, "status", "reason") == "Evicted":
        return _joined("it was evicted", get_string(pod, "status", "message"))
    ends = [(status, _end_of(status)) for status in _statuses(pod)]
    for status, end in ends:
        if get_integer(end, ("exitCode",), 0) and not _is_asked_to_end(pod, end):
            return _end_words(get_string(status, "name"), end)
    if get_string(pod, "status", "phase") == "Failed":
        reason, message = get_string(pod, "status", "reason"), get_string(pod, "status", "message")
        return _joined(reason or "it failed", message)
    return ""


def _end_of(status: Json) -> JsonObject:
    """How the container ended, this time or the time before."""
    return get_object(status, "state", "terminated") or get_object(status, "lastState", "terminated")


def _is_asked_to_end(pod: JsonObject, end: JsonObject) -> bool:
    """A pod that is deleted ends its containers with SIGTERM or SIGKILL: that is no failure of theirs."""
    return bool(get_string(pod, "metadata", "deletionTimestamp")) and get_integer(end, ("exitCode",), 0) in (137, 143)


def _end_words(container: str, end: JsonObject) -> str:
    reason = get_string(end, "reason")
    because = f" ({reason})" if reason not in ("", "Error") else ""
    # A termination message may be the tail of a log; its last line says most.
    lines = get_string(end, "message").strip().splitlines()
    return _joined(
        f"container {container} exited with code {get(end, 'exitCode')}{because}", lines[-1] if lines else ""
    )


def _stuck(pod: JsonObject, patience: Patience) -> Stuck | None:
    name = get_string(pod, "metadata", "name")
    if is_over(pod) or get_string(pod, "metadata", "deletionTimestamp"):
        return None
    for condition in get_list(pod, "status", "conditions"):
        if get(condition, "type") == "PodScheduled" and get(condition, "reason") == "Unschedulable":
            message = f"pod {name} cannot be scheduled: {get_string(condition, 'message')}"
            return Stuck("Unschedulable", message, patience.scheduling)
    for status in _statuses(pod):
        stuck = _stuck_container(name, status, patience)
        if stuck is not None:
            return stuck
    return None


def _stuck_container(pod: str, status: Json, patience: Patience) -> Stuck | None:
    waiting = get_object(status, "state", "waiting")
    reason, said = get_string(waiting, "reason"), get_string(waiting, "message").strip()
    container = get_string(status, "name")
    if reason in _NEVER_HEALS:
        return Stuck(reason, _joined(f"pod {pod}: container {container}", said or reason), timedelta(0))
    if reason in _WAITS:
        return Stuck(
            reason, _joined(f"pod {pod}: container {container} cannot start", said or reason), patience.starting
        )
    restarts = get_integer(status, ("restartCount",), 0)
    if reason == _CRASHES and restarts >= _MOST_CRASHES:
        last = _end_words(container, get_object(status, "lastState", "terminated"))
        return Stuck(reason, f"pod {pod}: {last}, {restarts} times", timedelta(0))
    return None


def _joined(head: str, tail: str) -> str:
    return f"{head}: {tail}" if tail else head
