"""What to tell the user while no condition has matched a resource that nothing else is known of.

A kind with a profile has a safety net, `verdict.unmatched`. Any other kind may stand for ever in a state that its
conditions do not name; nobody can know that this is an end, but what was seen and what is waited for can be said.
"""

from trialmill.api.tree import Json, JsonObject, get, get_string, is_object
from trialmill.api.verdict import Undecided, Verdict, VerdictPhase
from trialmill.kinds.conditions import latest_by_type, observed_conditions, state_of, without_stale_conditions
from trialmill.kinds.profile import has_condition, has_state
from trialmill.kinds.verdict import Policy, guess, spelled


def undecided(resource: Json, policy: Policy, verdict: Verdict) -> Undecided | None:
    """What is seen of a resource of an unknown kind that is under way by its conditions; None for any other."""
    if policy.profile is not None or not is_object(resource):
        return None
    if verdict.phase not in (VerdictPhase.PENDING, VerdictPhase.RUNNING):
        return None
    current = without_stale_conditions(resource)
    kind = get_string(resource, "kind")
    name = f"{kind} {get_string(resource, 'metadata', 'name')}"
    seen = observed_conditions(current)
    end = guess(current) if policy.is_given else None
    if end is not None and end.phase.is_terminal:
        message = f"{name} looks {end.phase.lower()}, but {spelled(policy)} did not match: it says {seen}"
        advice = _advice(current, "success" if end.phase is VerdictPhase.SUCCEEDED else "failure")
        return Undecided(message + advice, looks_over=True)
    if not get(current, "status"):
        return Undecided(f"{name} has no status so far: does its controller run, and does it know this {kind}?")
    if policy.is_given:
        return Undecided(f"{spelled(policy)} did not match {name} so far: it says {seen}{_advice(current, 'success')}")
    message = f"nothing in the status of {name} looks like an end so far: it says {seen}"
    return Undecided(message + _advice(current, "success"))


def _advice(resource: JsonObject, field: str) -> str:
    """The condition that what is seen now would meet."""
    state, path = state_of(resource)
    if state and '"' not in state:
        under, _, key = f"status.{path}".rpartition(".")
        return f"; if that is its end, write {field}Condition: '{has_state(key, state, under=under)}'"
    conditions = latest_by_type(resource).items()
    true = [kind for kind, c in conditions if get_string(c, "status") == "True" and '"' not in kind]
    return f"; if that is its end, write {field}Condition: '{has_condition(true[-1])}'" if true else ""
