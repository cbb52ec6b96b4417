"""What the status of a resource adds up to: pending, suspended, running, succeeded, failed, going away or lost.

One function judges a real object on a cluster and an emulated one on a laptop. It is pure and looks at one snapshot;
what it must know of earlier ones is in a `VerdictMemory`, which `remember` brings up to date. The order of the rules:

1. Identity: an end that was seen stays; an object that vanished or was replaced is lost.
2. The user's conditions, failure first; else the kind's profile; else, where allowed, heuristics for unknown kinds.
   They apply to an object that is being deleted too, since finished objects get deleted.
3. Being deleted, suspended, running, pending.
"""

import re
from dataclasses import dataclass
from typing import Final

from trialmill.api.experiment import TrialTemplate, When
from trialmill.api.tree import Json, JsonObject, get, get_object, get_string
from trialmill.api.verdict import Verdict, VerdictMemory, VerdictPhase
from trialmill.kinds.conditions import (
    container_words,
    latest_by_type,
    observed_conditions,
    state_of,
    without_stale_conditions,
)
from trialmill.kinds.gjson import Match, matches
from trialmill.kinds.profile import KindProfile
from trialmill.kinds.when import met

_FAILURE_TYPES: Final = ("Failed", "Failure", "Error", "Aborted", "Stalled")
_SUCCESS_TYPES: Final = ("Complete", "Completed", "Succeeded", "Finished")
_SUCCESS_STATES: Final = frozenset({"succeeded", "success", "completed", "complete", "finished"})
_FAILURE_STATES: Final = frozenset(
    {
        "failed",
        "failure",
        "error",
        "errored",
        "aborted",
        "submissionfailed",
        "validationfailed",
        "timedout",
        "killed",
        "cancelled",
        "canceled",
    }
)
_SOUNDS_FAILED: Final = re.compile("fail|error", re.IGNORECASE)
_SUSPENDED_TYPES: Final = ("Suspended", "Suspending")


@dataclass(frozen=True, slots=True)
class Policy:
    """How a resource is judged. `success` and `failure` are the user's conditions, in GJSON or in other words, both
    empty where there are none; `heuristics` allows guessing for kinds without a profile. `one_pod`: by the profile the
    success of one pod is that of the resource.
    """

    success: "str | When" = ""
    failure: "str | When" = ""
    profile: KindProfile | None = None
    heuristics: bool = True
    one_pod: bool = False

    @property
    def is_given(self) -> bool:
        return bool(self.success or self.failure)


def policy_of_template(template: TrialTemplate, profile: KindProfile | None) -> Policy:
    """The policy of a template's own conditions, with its kind's profile as a safety net."""
    return Policy(
        template.success_when or template.success_condition,
        template.failure_when or template.failure_condition,
        profile,
        one_pod=profile is not None and profile.one_pod is not None and profile.one_pod(template.trial_spec),
    )


def judge(resource: Json, policy: Policy, memory: VerdictMemory) -> Verdict:
    """The verdict on a snapshot; None stands for no such resource. Never raises, whatever the tree holds.

    An end in `memory` is final: later changes of the resource, even its deletion, do not undo it.
    """
    if memory.terminal is not None:
        return memory.terminal
    if resource is None:
        if not memory.uid:
            return Verdict(VerdictPhase.PENDING, message="the resource does not exist yet", source="identity")
        return Verdict(VerdictPhase.LOST, "Deleted", "the resource was deleted before it ended", "identity")
    if not isinstance(resource, dict):
        return Verdict(VerdictPhase.UNKNOWN, "NotAnObject", "the resource is not an object", "identity")
    uid = get_string(resource, "metadata", "uid")
    if memory.uid and uid and uid != memory.uid:
        return Verdict(VerdictPhase.LOST, "Replaced", "another resource has taken its name", "identity")
    current = without_stale_conditions(resource)
    has_started = _has_content(get(resource, "status"))
    return _ended(current, policy) or _unfinished(current, policy.profile, has_started=has_started)


def remember(memory: VerdictMemory, resource: Json, verdict: Verdict) -> VerdictMemory:
    """The memory after this verdict: the first uid seen, and the first end."""
    uid = memory.uid or get_string(resource, "metadata", "uid")
    terminal = memory.terminal or (verdict if verdict.phase.is_terminal else None)
    return VerdictMemory(uid, terminal)


def unmatched(resource: Json, policy: Policy) -> Verdict | None:
    """A failure when the kind's profile says that the resource is over, and the user's conditions do not see it.

    A mistyped condition must not hang. The caller waits a while (30 s) before it acts on this, since an object may
    reach the state that the user meant a little after the one that the profile knows.
    """
    if not policy.is_given or policy.profile is None or not isinstance(resource, dict):
        return None
    current = without_stale_conditions(resource)
    if _by_conditions(current, policy.success, policy.failure, "condition"):
        return None
    end = _by_profile(current, policy.profile)
    if end is None:
        return None
    name = get_string(resource, "metadata", "name")
    message = (
        f"{policy.profile.kind} {name} is over ({end.phase}), but {spelled(policy)} did not match; "
        f"observed {observed_conditions(current)}"
    )
    return Verdict(VerdictPhase.FAILED, "PolicyUnmatched", message, "profile")


def spelled(policy: Policy) -> str:
    """The user's conditions, for messages."""
    return " and ".join(
        f"{label}{'When' if isinstance(condition, When) else 'Condition'} {condition}"
        for label, condition in (("success", policy.success), ("failure", policy.failure))
        if condition
    )


def _ended(resource: JsonObject, policy: Policy) -> Verdict | None:
    if policy.is_given:
        return _by_conditions(resource, policy.success, policy.failure, "condition")
    if policy.profile is not None:
        return _by_profile(resource, policy.profile)
    return guess(resource) if policy.heuristics else None


def _by_profile(resource: JsonObject, profile: KindProfile) -> Verdict | None:
    return _by_conditions(resource, profile.success, profile.failure, "profile")


def _by_conditions(resource: JsonObject, success: "str | When", failure: "str | When", source: str) -> Verdict | None:
    if match := _matches(resource, failure):
        return _end(VerdictPhase.FAILED, resource, match, source)
    if match := _matches(resource, success):
        return _end(VerdictPhase.SUCCEEDED, resource, match, source)
    return None


def _matches(resource: JsonObject, condition: "str | When") -> Match | None:
    return met(resource, condition) if isinstance(condition, When) else matches(resource, condition)


def guess(resource: JsonObject) -> Verdict | None:
    """For kinds that nobody described. Never takes readiness, the absence of errors or a counter for success."""
    conditions = latest_by_type(resource)
    true = {kind: c for kind, c in conditions.items() if get_string(c, "status") == "True"}
    finished = true.get("Finished")
    outcome = conditions.get("Succeeded")
    failed = next((true[kind] for kind in _FAILURE_TYPES if kind in true), None)
    if failed is None and outcome is not None and get_string(outcome, "status") == "False":
        failed = outcome
    if failed is None and finished is not None and _SOUNDS_FAILED.search(get_string(finished, "reason")):
        failed = finished
    if failed is not None:
        return _end(VerdictPhase.FAILED, resource, _as_match(failed), "heuristic")
    succeeded = next((true[kind] for kind in _SUCCESS_TYPES if kind in true), None)
    if succeeded is not None:
        return _end(VerdictPhase.SUCCEEDED, resource, _as_match(succeeded), "heuristic")
    if outcome is not None and get_string(outcome, "status") == "Unknown":
        return Verdict(VerdictPhase.RUNNING, get_string(outcome, "reason"), get_string(outcome, "message"), "heuristic")
    return _by_state(resource)


def _by_state(resource: JsonObject) -> Verdict | None:
    state = state_of(resource)[0].casefold().replace("_", "").replace("-", "")
    if state in _FAILURE_STATES:
        return _end(VerdictPhase.FAILED, resource, Match(), "heuristic")
    if state in _SUCCESS_STATES:
        return _end(VerdictPhase.SUCCEEDED, resource, Match(), "heuristic")
    return None


def _as_match(condition: JsonObject) -> Match:
    return Match(get_string(condition, "reason"), get_string(condition, "message"), condition)


def _end(phase: VerdictPhase, resource: JsonObject, match: Match, source: str) -> Verdict:
    """An end with the best words for it: those of the match, else of the status, else of a Pod's containers."""
    status = get_object(resource, "status")
    reason = match.reason or get_string(status, "reason")
    message = match.message or get_string(status, "message") or get_string(status, "errorMessage")
    if phase is VerdictPhase.FAILED and not (reason and message):
        container_reason, container_message = container_words(resource)
        reason, message = reason or container_reason, message or container_message
    return Verdict(phase, reason, message, source)


def _unfinished(resource: JsonObject, profile: KindProfile | None, *, has_started: bool) -> Verdict:
    if get_string(resource, "metadata", "deletionTimestamp"):
        return Verdict(VerdictPhase.TERMINATING, message="the resource is being deleted", source="status")
    conditions = latest_by_type(resource)
    for kind in _SUSPENDED_TYPES:
        condition = conditions.get(kind)
        if condition is not None and get_string(condition, "status") == "True":
            reason, message = get_string(condition, "reason"), get_string(condition, "message")
            return Verdict(VerdictPhase.SUSPENDED, reason, message, "status")
    if _asks_for_suspension(resource, profile):
        return Verdict(VerdictPhase.SUSPENDED, message="the resource is suspended", source="status")
    reason, message = container_words(resource)
    if not has_started or (profile is not None and matches(resource, profile.pending)):
        return Verdict(VerdictPhase.PENDING, reason, message, "status")
    return Verdict(VerdictPhase.RUNNING, reason, message, "status")


def _asks_for_suspension(resource: JsonObject, profile: KindProfile | None) -> bool:
    if get(resource, "spec", "suspend") is True:
        return True
    return profile is not None and profile.suspend_path is not None and get(resource, *profile.suspend_path) is True


def _has_content(status: Json) -> bool:
    if isinstance(status, dict):
        return any(value not in (None, "", [], {}) for value in status.values())
    return status not in (None, "", [])
