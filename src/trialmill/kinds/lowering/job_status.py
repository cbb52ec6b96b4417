"""The status of a Job, as its controller writes it.

As Kubernetes does since 1.31, an interim condition comes with the decision (FailureTarget, SuccessCriteriaMet), and the
final one (Failed, Complete) when the pods that were active then have ended.
"""

from dataclasses import dataclass

from trialmill.api.tree import Json, JsonObject
from trialmill.kinds.lowering.container_run import Progress
from trialmill.kinds.lowering.indexes import format_indexes
from trialmill.kinds.lowering.job_history import Decision, JobHistory
from trialmill.kinds.lowering.job_rules import JobRules
from trialmill.kinds.lowering.naming import pod_name
from trialmill.kinds.lowering.timing import rfc3339
from trialmill.kinds.plan import PodId, PodView


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod that has runs: when the first one started, and how far it has come."""

    started: float
    id: PodId
    progress: Progress


@dataclass(frozen=True, slots=True)
class JobState:
    """Where a Job stands: what has happened, its pods from the oldest on, and those of them that are not over."""

    history: JobHistory
    pods: list[PodState]
    active: list[PodState]


def job_status(rules: JobRules, state: JobState, created: float, *, suspended: bool) -> JsonObject:
    history, decision = state.history, state.history.decision
    status: JsonObject = {}
    if decision is not None:
        end = None if state.active else max([decision.at, *(p.progress.ended or 0.0 for p in state.pods)])
        status["conditions"] = _end_conditions(decision, end)
        if decision.succeeded and end is not None:
            status["completionTime"] = rfc3339(end)
    elif suspended:
        changed = max([created, *(p.progress.ended or p.started for p in state.pods)])
        status["conditions"] = [_condition("Suspended", changed, "JobSuspended", "Job suspended")]
    status["startTime"] = rfc3339(created)
    _put_count(status, "active", 0 if decision is not None else len(state.active))
    _put_count(status, "succeeded", history.succeeded)
    _put_count(status, "failed", _failed(state))
    status["ready"] = sum(p.progress.ready for p in state.active)
    status["terminating"] = len(state.active) if decision is not None else 0
    if history.completed:
        status["completedIndexes"] = format_indexes(history.completed)
    if rules.backoff_limit_per_index is not None:
        status["failedIndexes"] = format_indexes(history.failed_indexes)
    status["uncountedTerminatedPods"] = {}
    return status


def _failed(state: JobState) -> int:
    """The counted failures; when a Job fails, the pods that were active then are counted too."""
    decision = state.history.decision
    if decision is None or decision.succeeded:
        return state.history.failed
    return state.history.failed + len(state.pods) - len(state.history.ended)


def _end_conditions(decision: Decision, end: float | None) -> list[Json]:
    """The interim condition from the decision on, the final one from `end` on."""
    interim, final = ("SuccessCriteriaMet", "Complete") if decision.succeeded else ("FailureTarget", "Failed")
    conditions: list[Json] = [_condition(interim, decision.at, decision.reason, decision.message)]
    if end is not None:
        conditions.append(_condition(final, end, decision.reason, decision.message))
    return conditions


def _put_count(status: JsonObject, name: str, count: int) -> None:
    """Kubernetes leaves counts of zero out."""
    if count:
        status[name] = count


def _condition(type_: str, at: float, reason: str, message: str) -> JsonObject:
    time = rfc3339(at)
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": time,
        "lastTransitionTime": time,
    }


def job_evidence(state: JobState) -> str:
    """What failed last, as long as the Job has not succeeded. What the Job's own end ended is no evidence."""
    decision = state.history.decision
    if decision is not None and decision.succeeded:
        return ""
    for pod in sorted(state.pods, key=lambda p: p.progress.ended or p.started, reverse=True):
        if pod.progress.failure is not None:
            return str(pod.progress.failure)
    return ""


def pod_views(rules: JobRules, pods: list[PodState]) -> tuple[PodView, ...]:
    primary = _primary(pods)
    return tuple(
        PodView(p.id, pod_name(rules.name, p.id, indexed=rules.indexed), p.id == primary, p.progress.ended is not None)
        for p in pods
    )


def _primary(pods: list[PodState]) -> PodId | None:
    """The latest pod of the lowest completion index that has one."""
    return max((p.id for p in pods), key=lambda i: (-i.completion, i.retry), default=None)
