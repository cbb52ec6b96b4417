"""Reads `status.conditions`, whatever the kind, and puts what was seen into words."""

from typing import Final

from trialmill.api.tree import Json, JsonObject, get, get_integer, get_list, get_object, get_string

_STATE_PATHS: Final = (
    ("phase",),
    ("state",),
    ("state", "phase"),
    ("jobStatus",),
    ("status",),
    ("applicationState", "state"),
)


def conditions_of(resource: Json) -> list[JsonObject]:
    """The entries of `status.conditions` that are objects, in their order."""
    return [c for c in get_list(resource, "status", "conditions") if isinstance(c, dict)]


def latest_by_type(resource: Json) -> dict[str, JsonObject]:
    """One condition for each type; of duplicates the one with the last `lastTransitionTime`, in the end the later."""
    latest: dict[str, JsonObject] = {}
    for condition in conditions_of(resource):
        kind = get_string(condition, "type")
        seen = latest.get(kind)
        if seen is None or get_string(condition, "lastTransitionTime") >= get_string(seen, "lastTransitionTime"):
            latest[kind] = condition
    return latest


def without_stale_conditions(resource: JsonObject) -> JsonObject:
    """The resource without conditions that speak of an older generation than `metadata.generation`.

    A condition's own `observedGeneration` counts, else that of the status; where neither is there, nothing is stale.
    The same object comes back when nothing had to go.
    """
    generation = _generation(resource, "metadata", "generation")
    conditions = get_list(resource, "status", "conditions")
    if generation is None or not conditions:
        return resource
    of_status = _generation(resource, "status", "observedGeneration")

    def is_current(condition: Json) -> bool:
        own = _generation(condition, "observedGeneration")
        observed = of_status if own is None else own
        return observed is None or observed >= generation

    fresh = [condition for condition in conditions if is_current(condition)]
    if len(fresh) == len(conditions):
        return resource
    return {**resource, "status": {**get_object(resource, "status"), "conditions": fresh}}


def _generation(node: Json, *path: str) -> int | None:
    found = get_integer(node, path, -1)
    return found if found >= 0 else None


def state_of(resource: Json) -> tuple[str, str]:
    """The first phase-like text of the status, and the field that holds it; both empty where there is none."""
    for path in _STATE_PATHS:
        value = get(resource, "status", *path)
        if isinstance(value, str) and value:
            return value, ".".join(path)
    return "", ""


def observed_conditions(resource: Json) -> str:
    """What the status says, for messages: `conditions [Created=True, Running=True], phase="Done"`."""
    shown = [f"{get_string(c, 'type')}={get_string(c, 'status')}" for c in conditions_of(resource)]
    state, field = state_of(resource)
    parts = []
    if shown or not state:
        parts.append(f"conditions [{', '.join(shown)}]")
    if state:
        parts.append(f'{field}="{state}"')
    return ", ".join(parts)


def container_words(resource: Json) -> tuple[str, str]:
    """Reason and message of what a Pod's containers say: one that failed, else one that waits; empty for neither."""
    statuses = [
        *get_list(resource, "status", "initContainerStatuses"),
        *get_list(resource, "status", "containerStatuses"),
    ]
    for words in (_words_of_failure, _words_of_waiting):
        for status in statuses:
            if found := words(status):
                return found
    return "", ""


def _words_of_failure(status: Json) -> tuple[str, str] | None:
    ended = get_object(status, "state", "terminated")
    code = get_integer(ended, ("exitCode",), 0)
    if not code:
        return None
    reason = get_string(ended, "reason")
    because = f" ({reason})" if reason not in ("", "Error") else ""
    # A termination message may be the tail of a log; its last line says most.
    lines = get_string(ended, "message").strip().splitlines()
    said = f": {lines[-1]}" if lines else ""
    return reason, f"container {get_string(status, 'name')} exited with code {code}{because}{said}"


def _words_of_waiting(status: Json) -> tuple[str, str] | None:
    waiting = get_object(status, "state", "waiting")
    if not waiting:
        return None
    reason = get_string(waiting, "reason")
    said = ": ".join(filter(None, (reason, get_string(waiting, "message").strip())))
    return reason, f"container {get_string(status, 'name')} is waiting{f': {said}' if said else ''}"
