"""A Job's past, told in the order in which it happened.

The facts say how each run ended, and when. `replay` walks through those ends as the Job controller would have seen
them and stops at the one that decides the Job. So the decision depends on the facts alone: it is the same however
often, how late and in how many processes it is asked for. Two ends of one moment are taken to have been seen together:
what a decision ends has to end later than the decision, if only by a microsecond.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from trialmill.kinds.lowering.container_run import PodPhase, Progress, RestartPolicy
from trialmill.kinds.lowering.job_rules import FailureRule, JobRules
from trialmill.kinds.lowering.naming import pod_name
from trialmill.kinds.plan import PodId


@dataclass(frozen=True, slots=True)
class Decision:
    """The moment that decided a Job, and why. The pods that were still active then have to be ended."""

    at: float
    succeeded: bool
    reason: str
    message: str


@dataclass(slots=True)
class IndexFailures:
    """The counted failures of one completion index, and when the last one was."""

    count: int = 0
    last: float = 0.0


@dataclass(slots=True)
class JobHistory:
    """What had happened up to the decision, or up to now where there is none.

    `streak` counts the failed pods since the last success and `last_failure` is when the last one failed: they make
    the delay before the next pod. `ended` are the pods that ended before the decision.
    """

    decision: Decision | None = None
    succeeded: int = 0
    failed: int = 0
    completed: set[int] = field(default_factory=set)
    failed_indexes: set[int] = field(default_factory=set)
    by_index: dict[int, IndexFailures] = field(default_factory=dict)
    streak: int = 0
    last_failure: float = 0.0
    ended: set[PodId] = field(default_factory=set)


class _Event(IntEnum):
    """What can happen, in the order in which the controller looks at things of the same moment."""

    DEADLINE = 0
    """First: what was decided at the deadline stays decided, though an end of that very moment is seen later."""
    FAILURE = 1
    RESTART = 2
    SUCCESS = 3


def replay(rules: JobRules, pods: Mapping[PodId, Progress], created: float, now: float, suspended: bool) -> JobHistory:
    """What the ends of the Job's runs add up to."""
    history = JobHistory()
    if rules.completions == 0:
        history.decision = _complete(created)
        return history
    restarts: dict[PodId, int] = {}
    for at, event, pod in _events(rules, pods, created, now, suspended):
        match event:
            case _Event.FAILURE:
                history.ended.add(pod)
                restarts.pop(pod, None)
                history.decision = _fail(rules, history, pod, pods[pod], at)
            case _Event.SUCCESS:
                history.ended.add(pod)
                restarts.pop(pod, None)
                history.decision = _succeed(rules, history, pod, at)
            case _Event.RESTART:
                restarts[pod] = restarts.get(pod, 0) + 1
                if sum(restarts.values()) >= max(rules.backoff_limit, 1):
                    history.decision = _backoff_exceeded(at)
            case _Event.DEADLINE:
                message = "Job was active longer than specified deadline"
                history.decision = Decision(at, False, "DeadlineExceeded", message)
        if history.decision is None and event in (_Event.FAILURE, _Event.SUCCESS):
            history.decision = _completed(rules, history, len(pods), at)
        if history.decision is not None:
            break
    return history


def _events(
    rules: JobRules, pods: Mapping[PodId, Progress], created: float, now: float, suspended: bool
) -> list[tuple[float, _Event, PodId]]:
    events: list[tuple[float, _Event, PodId]] = []
    for pod, progress in pods.items():
        if progress.ended is not None:
            kind = _Event.SUCCESS if progress.phase is PodPhase.SUCCEEDED else _Event.FAILURE
            events.append((progress.ended, kind, pod))
        if rules.pod.restart is RestartPolicy.ON_FAILURE:
            events.extend((at, _Event.RESTART, pod) for at in progress.restarts)
    if rules.deadline is not None and not suspended and created + rules.deadline <= now:
        events.append((created + rules.deadline, _Event.DEADLINE, PodId(0, 0)))
    events.sort()
    return events


def _fail(rules: JobRules, history: JobHistory, pod: PodId, progress: Progress, at: float) -> Decision | None:
    """Count a failed pod; the decision that follows from it, if one does."""
    history.streak += 1
    history.last_failure = at
    rule, container, code = _matching_rule(rules, progress)
    action = rule.action if rule else ""
    if action == "Ignore":
        return None
    history.failed += 1
    if rule is not None and action == "FailJob":
        name = f"{rules.namespace}/{pod_name(rules.name, pod, indexed=rules.indexed)}"
        what = f"Container {container} for pod {name} failed with exit code {code}"
        message = f"{what} matching FailJob rule at index {rule.index}"
        return Decision(at, False, "PodFailurePolicy", message)
    if history.failed > rules.backoff_limit:
        return _backoff_exceeded(at)
    if rules.backoff_limit_per_index is not None:
        failures = history.by_index.setdefault(pod.completion, IndexFailures())
        failures.count, failures.last = failures.count + 1, at
        if failures.count > rules.backoff_limit_per_index or action == "FailIndex":
            history.failed_indexes.add(pod.completion)
        return _failed_indexes(rules, history, at)
    return None


def _matching_rule(rules: JobRules, progress: Progress) -> tuple[FailureRule | None, str, int]:
    for rule in rules.failure_policy:
        found = rule.match(progress)
        if found is not None:
            return rule, *found
    return None, "", 0


def _failed_indexes(rules: JobRules, history: JobHistory, at: float) -> Decision | None:
    failed = len(history.failed_indexes)
    if rules.max_failed_indexes is not None and failed > rules.max_failed_indexes:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Decision(at, False, "MaxFailedIndexesExceeded", message)
    if failed and failed + len(history.completed) >= (rules.completions or 0):
        return Decision(at, False, "FailedIndexes", "Job has failed indexes")
    return None


def _succeed(rules: JobRules, history: JobHistory, pod: PodId, at: float) -> Decision | None:
    """Count a pod that succeeded; the decision that follows from it by the index or success policy, if one does."""
    history.streak = 0
    if not rules.indexed:
        history.succeeded += 1
        return None
    history.completed.add(pod.completion)
    history.succeeded = len(history.completed)
    if rules.backoff_limit_per_index is not None and (failed := _failed_indexes(rules, history, at)) is not None:
        return failed
    for number, rule in enumerate(rules.success_policy):
        if rule.is_met(history.completed):
            return Decision(at, True, "SuccessPolicy", f"Matched rules at index {number}")
    return None


def _completed(rules: JobRules, history: JobHistory, pods: int, at: float) -> Decision | None:
    """Completions are reached; in a work queue, one pod has succeeded and no other is left."""
    if rules.completions is None:
        return _complete(at) if history.succeeded and len(history.ended) == pods else None
    return _complete(at) if history.succeeded >= rules.completions else None


def _complete(at: float) -> Decision:
    return Decision(at, True, "CompletionsReached", "Reached expected number of succeeded pods")


def _backoff_exceeded(at: float) -> Decision:
    return Decision(at, False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
