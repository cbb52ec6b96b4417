"""One trial played through without starting anything: once all its containers exit with 0, once with 1.

A condition that does not see the end that it is for would fail every trial; Katib's would wait for ever.
"""

from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import JsonObject, Path, format_path, get_integer, with_article
from trialmill.api.verdict import VerdictMemory, VerdictPhase
from trialmill.check.conditions import place_of
from trialmill.check.places import FAILURE_CONDITION, SUCCESS_CONDITION, is_inside
from trialmill.kinds.plan import Exited, RunFact, RunId, Workload
from trialmill.kinds.verdict import Policy, judge

_MOST_ROUNDS: Final = 40
_MOST_RUNS: Final = 40
"""Beyond these a rehearsal is given up: the Job is too large to be played through in a moment."""


def check_rehearsal(resource: JsonObject, workload: Workload, policy: Policy, problems: Problems) -> None:
    """Whether the user's conditions see the ends of a trial for what they are."""
    profile = policy.profile
    if profile is None or _is_large(resource) or (policy.success, policy.failure) == (profile.success, profile.failure):
        return
    job = with_article(profile.kind)
    success, failure = place_of(policy.success, SUCCESS_CONDITION), place_of(policy.failure, FAILURE_CONDITION)
    succeeded, failed = (_verdict(resource, workload, policy, code) for code in (0, 1))
    if succeeded is VerdictPhase.FAILED:
        message = f"{job} that has succeeded meets this condition too, so every trial would fail"
        problems.add("condition-too-wide", message, failure, found=str(policy.failure))
    elif succeeded not in (VerdictPhase.SUCCEEDED, None) and not _is_reported(success, problems):
        message = f"{job} that has succeeded does not meet this condition, so no trial would succeed"
        remedy = f"leave it out, or write {profile.success}"
        problems.add("condition-never-met", message, success, found=str(policy.success), remedy=remedy)
    if failed is VerdictPhase.SUCCEEDED:
        message = f"{job} that has failed meets this condition too, so its trial would count as succeeded"
        problems.warn("condition-too-wide", message, success)
    elif failed not in (VerdictPhase.FAILED, None) and not _is_reported(failure, problems):
        message = f"{job} that has failed does not meet this condition"
        remedy = f"leave it out, or write {profile.failure}"
        problems.warn("condition-never-met", message, failure, remedy=remedy)


def _is_large(resource: JsonObject) -> bool:
    return any(get_integer(resource, ("spec", field), 1) > _MOST_RUNS for field in ("parallelism", "completions"))


def _is_reported(place: Path, problems: Problems) -> bool:
    """Whether the condition's syntax was found wrong, which explains why it is not met."""
    return any(p.code == "invalid-condition" and is_inside(p.path, format_path(place)) for p in problems)


def _verdict(resource: JsonObject, workload: Workload, policy: Policy, code: int) -> VerdictPhase | None:
    """What is made of the trial when all its runs exit with `code`; None where it does not end soon enough."""
    status = _final_status(workload, code)
    return None if status is None else judge({**resource, "status": status}, policy, VerdictMemory()).phase


def _final_status(workload: Workload, code: int) -> JsonObject | None:
    facts: dict[RunId, RunFact] = {}
    now = 0.0
    for _ in range(_MOST_ROUNDS):
        step = workload.step(facts, now, 0.0)
        if step.over:
            return step.status
        if len(facts) + len(step.start) > _MOST_RUNS:
            return None
        facts |= {run: Exited(code, now, now + 1) for run in step.start}
        now = now + 1 if step.start else max(step.wake or 0.0, now + 1)
    return None
