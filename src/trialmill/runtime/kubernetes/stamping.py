"""What makes a resource ours: labels with the attempt's identity, on it and on the pods that it describes."""

import hashlib
from collections.abc import Iterator
from typing import Final

from trialmill.api.tree import Json, JsonObject, Path, get, get_object, get_string, string_map
from trialmill.engine.records import AttemptKey
from trialmill.kinds.profile import ANY_ENTRY, KindProfile

PREFIX: Final = "trialmill.dev/"
EXPERIMENT_UID: Final = f"{PREFIX}experiment-uid"
TRIAL_INDEX: Final = f"{PREFIX}trial-index"
ATTEMPT: Final = f"{PREFIX}attempt"
_KATIB: Final = "katib.kubeflow.org/"
_NAME_HASH: Final = 12


def labels_of_key(key: AttemptKey) -> dict[str, str]:
    """The labels by which the attempt's objects are found again."""
    return {EXPERIMENT_UID: key.experiment_uid, TRIAL_INDEX: str(key.trial_index), ATTEMPT: str(key.attempt)}


def selector(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def key_of(object: Json) -> AttemptKey | None:
    """The attempt that an object's labels name; None for anybody else's."""
    labels = string_map(get(object, "metadata", "labels"))
    uid, index, attempt = (labels.get(name, "") for name in (EXPERIMENT_UID, TRIAL_INDEX, ATTEMPT))
    if not uid or not index.isdecimal() or not attempt.isdecimal():
        return None
    return AttemptKey(uid, int(index), int(attempt))


def stamped(resource: JsonObject, key: AttemptKey, namespace: str, profile: KindProfile | None) -> JsonObject:
    """The resource with its identity. A resource without a name gets one that only this attempt has."""
    metadata = get_object(resource, "metadata")
    own = string_map(metadata.get("labels"))
    ours = labels_of_key(key)
    named: JsonObject = {
        "name": get_string(metadata, "name") or name_of(key),
        "namespace": get_string(metadata, "namespace") or namespace,
    }
    whole: JsonObject = {**resource, "metadata": {**metadata, **named, "labels": {**own, **ours}}}
    shared = {name: value for name, value in own.items() if name.startswith(_KATIB)} | ours
    for place in pod_places(whole, profile):
        if place:
            whole = _with_labels(whole, (*place, "metadata"), shared)
    return whole


def labels_reach_pods(profile: KindProfile | None) -> bool:
    """Whether the pods of this kind have our labels, so that they can be found by a selector."""
    return profile is not None and bool(profile.pod_templates)


def name_of(key: AttemptKey) -> str:
    digest = hashlib.sha256(f"{key.experiment_uid}:{key.trial_index}:{key.attempt}".encode()).hexdigest()
    return f"trial-{digest[:_NAME_HASH]}"


def pod_places(resource: Json, profile: KindProfile | None) -> Iterator[Path]:
    """Where the resource describes pods: the paths of objects that have `metadata` and `spec`."""
    for template in profile.pod_templates if profile else ():
        yield from places_of(resource, template.path)


def places_of(tree: Json, pattern: Path, above: Path = ()) -> Iterator[Path]:
    """The paths of the objects that a profile's pattern leads to."""
    if ANY_ENTRY not in pattern:
        if isinstance(get(tree, *pattern), dict):
            yield (*above, *pattern)
        return
    end = pattern.index(ANY_ENTRY)
    before, rest = pattern[:end], pattern[end + 1 :]
    entries = get(tree, *before)
    steps: list[tuple[str | int, Json]] = []
    if isinstance(entries, dict):
        steps = list(entries.items())
    elif isinstance(entries, list):
        steps = list(enumerate(entries))
    for step, entry in steps:
        yield from places_of(entry, rest, (*above, *before, step))


def changed_at(tree: Json, path: Path, new: Json) -> Json:
    """A copy of the tree with `new` at `path`; objects on the way that are missing are made."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        entries = list(tree) if isinstance(tree, list) else []
        entries[step] = changed_at(entries[step], rest, new)
        return entries
    node = dict(tree) if isinstance(tree, dict) else {}
    node[step] = changed_at(node.get(step), rest, new)
    return node


def _with_labels(resource: JsonObject, place: Path, labels: dict[str, str]) -> JsonObject:
    own = string_map(get(resource, *place, "labels"))
    changed = changed_at(resource, (*place, "labels"), {**own, **labels})
    assert isinstance(changed, dict)  # noqa: S101 - the root of a resource is an object
    return changed
