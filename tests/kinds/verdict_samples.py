"""Resources as verdicts see them."""

from trialmill.api.tree import Json, JsonObject
from trialmill.api.verdict import VerdictMemory, VerdictPhase
from trialmill.kinds.profile import profile_of
from trialmill.kinds.verdict import Policy

P = VerdictPhase
NEW = VerdictMemory()
SEEN = VerdictMemory(uid="u1")


def resource(status: Json = None, *, spec: Json = None, **metadata: Json) -> JsonObject:
    made: JsonObject = {"metadata": {"name": "t-3", "uid": "u1", "generation": 1, **metadata}, "spec": spec or {}}
    return made if status is None else {**made, "status": status}


def condition(kind: str, status: str = "True", **more: Json) -> JsonObject:
    return {"type": kind, "status": status, **more}


def conditions(*entries: JsonObject) -> JsonObject:
    return {"conditions": list(entries)}


def policy_for(api_version: str, kind: str) -> Policy:
    profile = profile_of(api_version, kind)
    assert profile is not None
    return Policy(profile=profile)
