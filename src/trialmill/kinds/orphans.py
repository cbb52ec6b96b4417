"""What a pod says of the resource that made it, once that is gone and nobody saw how it ended."""

from typing import Final

from trialmill.api.tree import Json, get, get_string
from trialmill.api.verdict import Verdict, VerdictPhase
from trialmill.kinds.verdict import Policy

BY_POD: Final = "pod"
"""The source of these verdicts."""
_MAKERS: Final = ("batch.kubernetes.io/controller-uid", "controller-uid")
"""Labels with the uid of the Job that made a pod; the first since Kubernetes 1.27."""


def judge_by_pod(pod: Json, policy: Policy, uid: str, message: str) -> Verdict | None:
    """The success of the resource of this uid, which is gone, by the pod whose output counts; None where that does not
    tell: the pod has not succeeded (after a failure another pod may have been due), it is one of several, it is another
    resource's, or the user's own conditions decide, which nothing is left to look at for. Pure; never raises.
    """
    if not policy.one_pod or not _is_judged_by_profile(policy):
        return None
    if get_string(pod, "status", "phase") != "Succeeded" or get_string(pod, "metadata", "deletionTimestamp"):
        return None
    makers = [get(pod, "metadata", "labels", label) for label in _MAKERS]
    if uid and any(maker not in (None, uid) for maker in makers):
        return None
    return Verdict(VerdictPhase.SUCCEEDED, "PodSucceeded", message, BY_POD)


def _is_judged_by_profile(policy: Policy) -> bool:
    """Katib's files write the defaults out."""
    profile = policy.profile
    return profile is not None and policy.success in ("", profile.success) and policy.failure in ("", profile.failure)
