"""Resources of a kind that ends, but that start again whenever they have ended: their trials would run for ever."""

from typing import Final

from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import JsonObject, get, get_string, with_article
from trialmill.check.places import MANIFEST
from trialmill.check.pods import nodes_at
from trialmill.kinds.profile import profile_of
from trialmill.kinds.verdict import Policy

_ALWAYS: Final = "Always"


def check_restarts(resource: JsonObject, policy: Policy, problems: Problems, *, on_cluster: bool = False) -> None:
    """Report a restart policy with which the trial would not end. A condition of the user's own may see an end there,
    on a cluster: there it is a warning.
    """
    profile = profile_of(get_string(resource, "apiVersion"), get_string(resource, "kind"))
    if profile is None or not profile.finite:
        return
    own = policy.success not in ("", profile.success) and (on_cluster or not profile.runs_here)
    for restarts in profile.restarts:
        if any(get(resource, *path) is not None for path in restarts.unless):
            continue
        for path, found in nodes_at(resource, restarts.path):
            if found == _ALWAYS or (found is None and restarts.by_default):
                default = f", the default of {with_article(profile.kind)}," if restarts.by_default else ""
                kind = with_article(profile.kind)
                problems.add(
                    "never-finishes",
                    f"{kind} with the restartPolicy Always{default} never finishes by itself",
                    (*MANIFEST, *path),
                    severity=Severity.WARNING if own else Severity.ERROR,
                    found="" if found is None else _ALWAYS,
                    expected="OnFailure or Never",
                    remedy=f"set {path[-1]}: Never",
                )
