"""Katib's rule for when a condition is met."""

from dataclasses import dataclass

from trialmill.api.tree import Json, get_string
from trialmill.kinds.gjson.search import evaluate


@dataclass(frozen=True, slots=True)
class Match:
    """What a condition found: the matched object, with the reason and the message it carries, if any."""

    reason: str = ""
    message: str = ""
    found: Json = None


def matches(tree: Json, path: str) -> Match | None:
    """Whether the condition `path` is met in `tree` (Katib, job_util.go): the result is an object, or a list with
    something in it, whose first element then speaks. A scalar, even true, never counts; nor does an empty path.
    """
    result = evaluate(tree, path) if path else None
    if result is None:
        return None
    found = result.value
    if isinstance(found, list):
        if not found:
            return None
        found = found[0]
    elif not isinstance(found, dict):
        return None
    return Match(get_string(found, "reason"), get_string(found, "message"), found)
