"""Pods that are there still though the resource that made them is gone: they say how it ended, or that it goes on.

A resource that is removed by its TTL takes its pods along; `kubectl delete --cascade=orphan` leaves them.
"""

from collections.abc import Collection

from trialmill.api.tree import JsonObject, get_list, get_string
from trialmill.engine.ports import Gone
from trialmill.engine.records import AttemptKey
from trialmill.runtime.kubernetes.evidence import failure_of, is_over
from trialmill.runtime.kubernetes.pods import pod_refs
from trialmill.runtime.kubernetes.target import Target


def gone_unseen(key: AttemptKey, target: Target) -> Gone:
    """It went away while nobody watched: its uid is not known."""
    return Gone(key, "", f"its {target.kind.kind} is gone")


def gone_with(pods: Collection[JsonObject], gone: Gone, target: Target) -> Gone:
    """The same, with what the newest pod says whose output counts. A pod that is being deleted says nothing that will
    last.
    """
    counting = [ref.name for ref in pod_refs(pods, target) if ref.primary]
    pod = next((pod for pod in pods if counting and get_string(pod, "metadata", "name") == counting[-1]), None)
    if pod is None or get_string(pod, "metadata", "deletionTimestamp"):
        return gone
    words = _words(pod, target)
    message = f"{gone.message}; its pod {counting[-1]} {words}" if words else gone.message
    return Gone(gone.key, gone.uid, message, pod if is_over(pod) else None)


def _words(pod: JsonObject, target: Target) -> str:
    if get_string(pod, "status", "phase") == "Succeeded":
        return "succeeded"
    if is_over(pod):
        return f"failed: {failure_of(pod, target.primary_names)}"
    return "goes on by itself" if goes_on(pod) else ""


def goes_on(pod: JsonObject) -> bool:
    """Whether a pod whose resource is gone runs on: one that still has its owner is about to be deleted."""
    is_going = get_list(pod, "metadata", "ownerReferences") or get_string(pod, "metadata", "deletionTimestamp")
    return not is_going and not is_over(pod)
