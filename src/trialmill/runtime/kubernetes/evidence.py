"""What pods say about an attempt: why it failed, and what keeps it from going on. Pure."""

from collections.abc import Collection, Iterable, Sequence
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
_POD_REASONS: Final = {"Evicted": "it was evicted", "DeadlineExceeded": "it ran too long (DeadlineExceeded)"}
_DISRUPTIONS: Final = {
    "EvictionByEvictionAPI": "it was evicted (EvictionByEvictionAPI)",
    "PreemptionByScheduler": "a pod of higher priority took its place (PreemptionByScheduler)",
    "DeletionByTaintManager": "its node does not tolerate it any more (DeletionByTaintManager)",
    "DeletionByPodGC": "its node is gone (DeletionByPodGC)",
    "TerminationByKubelet": "its node has ended it (TerminationByKubelet)",
}
_MOST_CRASHES: Final = 6
"""Restarts after which a container that keeps crashing is given up, as a Job gives up its pods (backoffLimit)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an attempt may wait for what may never come. `scheduling` is longer: a full cluster empties. `creating`
    is for a pod of which nothing is known but that it has not begun: a large image may be on its way.
    """

    scheduling: timedelta = timedelta(hours=1)
    starting: timedelta = timedelta(minutes=10)
    creating: timedelta = timedelta(hours=1)


def evidence_of(pods: Iterable[JsonObject], primary: Collection[str] = ()) -> str:
    """Why the newest pod that failed did so; empty where none did. `primary` are the names that the container may have
    whose end decides.
    """
    for pod in sorted(pods, key=_age, reverse=True):
        words = failure_of(pod, primary)
        if words:
            return f"pod {get_string(pod, 'metadata', 'name')}: {words}"
    return ""


def stuck_of(pods: Iterable[JsonObject], patience: Patience) -> Stuck | None:
    """What keeps one of the pods from going on, the most hopeless first; None where nothing does."""
    return most_hopeless(_stuck(pod, patience) for pod in pods)


def most_hopeless(waits: Iterable[Stuck | None]) -> Stuck | None:
    """The one with the least patience; None where there is none."""
    found = [stuck for stuck in waits if stuck is not None]
    return min(found, key=lambda stuck: timedelta.max if stuck.patience is None else stuck.patience, default=None)


def setback_of(pods: Sequence[JsonObject], primary: Collection[str] = ()) -> Stuck | None:
    """All pods are over and the newest has failed: whoever made them makes another, in its own time, or gives up."""
    newest = max(pods, key=_age, default=None)
    words = failure_of(newest, primary) if newest is not None and all(is_over(pod) for pod in pods) else ""
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


def statuses_of(pod: JsonObject) -> list[Json]:
    """Those of all its containers, init containers first."""
    return [*get_list(pod, "status", "initContainerStatuses"), *get_list(pod, "status", "containerStatuses")]


def sidecars_of(pod: JsonObject) -> set[str]:
    """Native sidecars: init containers that go on beside the others (Kubernetes 1.29)."""
    found = [c for c in get_list(pod, "spec", "initContainers") if get_string(c, "restartPolicy") == "Always"]
    return {get_string(container, "name") for container in found}


def _age(pod: JsonObject) -> str:
    return get_string(pod, "metadata", "creationTimestamp")


def failure_of(pod: JsonObject, primary: Collection[str] = ()) -> str:
    """Why the pod has failed; empty where it has not."""
    phase = get_string(pod, "status", "phase")
    if phase == "Succeeded":
        return ""  # sidecars that were killed at its end are no failure
    reason, message = get_string(pod, "status", "reason"), get_string(pod, "status", "message")
    if phase == "Failed" and reason:
        # Kubelet has ended all of it: how containers took it says nothing.
        return _joined(_POD_REASONS.get(reason, reason), message)
    failed = _failed_container(pod, primary)
    disruption = _disruption_of(pod)
    if disruption is not None and not (failed and _came_first(failed[1], disruption)):
        reason, message = get_string(disruption, "reason"), get_string(disruption, "message")
        return _joined(_DISRUPTIONS.get(reason, f"it was disrupted ({reason})"), message)
    if failed:
        return _end_words(*failed)
    return _joined("it failed", message) if phase == "Failed" else ""


def _failed_container(pod: JsonObject, primary: Collection[str]) -> tuple[str, JsonObject] | None:
    """The container whose end counts, and how it ended: the primary one, else the first that failed. Native sidecars
    come last, for they are killed when the others have ended.
    """
    found = []
    sidecars = sidecars_of(pod)
    for status in statuses_of(pod):
        name, end = get_string(status, "name"), _end_of(status)
        if get_integer(end, ("exitCode",), 0) and not _is_asked_to_end(pod, end):
            rank = 0 if name in primary else 2 if name in sidecars else 1
            # Times are of whole seconds: of two ends, a signal is rather what followed.
            found.append(((rank, get_string(end, "finishedAt"), _is_signal(end)), name, end))
    best = min(found, key=lambda each: each[0], default=None)
    return best[1:] if best else None


def _disruption_of(pod: JsonObject) -> JsonObject | None:
    """The condition that says that somebody took the pod away: an eviction, a drain, a more important pod, a node."""
    for condition in get_list(pod, "status", "conditions"):
        if get(condition, "type") == "DisruptionTarget" and get(condition, "status") == "True":
            return get_object(condition)
    return None


def _came_first(end: JsonObject, disruption: JsonObject) -> bool:
    """Whether the container had failed by itself before. Both clocks are the cluster's."""
    ended, since = get_string(end, "finishedAt"), get_string(disruption, "lastTransitionTime")
    return bool(ended and since) and ended < since


def _end_of(status: Json) -> JsonObject:
    """How the container ended, this time or the time before."""
    return get_object(status, "state", "terminated") or get_object(status, "lastState", "terminated")


def _is_asked_to_end(pod: JsonObject, end: JsonObject) -> bool:
    """A pod that is deleted ends its containers with SIGTERM or SIGKILL: that is no failure of theirs."""
    return bool(get_string(pod, "metadata", "deletionTimestamp")) and _is_signal(end)


def _is_signal(end: JsonObject) -> bool:
    """Whether it was ended from outside, and not for what it did: memory is its own doing."""
    return get_integer(end, ("exitCode",), 0) in (137, 143) and get_string(end, "reason") != "OOMKilled"


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
    for status in _counting_statuses(pod):
        stuck = _stuck_container(name, status, patience)
        if stuck is not None:
            return stuck
    return None


def _counting_statuses(pod: JsonObject) -> list[Json]:
    """Of the containers that can keep a pod from going on: once another runs, a sidecar that crashes cannot."""
    own = get_list(pod, "status", "containerStatuses")
    if not any(get(status, "state", "running") is not None for status in own):
        return statuses_of(pod)
    return [status for status in statuses_of(pod) if get_string(status, "name") not in sidecars_of(pod)]


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
