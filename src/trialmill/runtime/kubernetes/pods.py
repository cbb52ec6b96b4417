"""An attempt's pods as the engine knows them: which one counts, and what its containers are called in the manifest."""

from collections.abc import Iterable
from typing import Final

from trialmill.api.tree import JsonObject, get_list, get_string, string_map
from trialmill.engine.ports import PodRef
from trialmill.runtime.kubernetes.evidence import has_started, is_over
from trialmill.runtime.kubernetes.target import Target

_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_ALIAS: Final = "{name}"


def pod_refs(pods: Iterable[JsonObject], target: Target) -> list[PodRef]:
    """Oldest first; pods that have not started have no output, and are left out.

    Of several pods at a time one counts: that with the primary labels and, of those, that of completion index 0; of
    those again the first by name. The pods that replace it count after it.
    """
    started = sorted((pod for pod in pods if has_started(pod)), key=_order)
    counting = _counting(started, target)
    return [
        PodRef(get_string(pod, "metadata", "name"), container_names(pod, target), _name(pod) in counting, is_over(pod))
        for pod in started
    ]


def container_names(pod: JsonObject, target: Target) -> tuple[str, ...]:
    """The pod's containers under the names that the manifest gives them."""
    names = [get_string(container, "name") for container in get_list(pod, "spec", "containers")]
    profile = target.profile
    if profile is None or profile.container_alias == _ALIAS:
        return tuple(names)
    primary = profile.container_name(target.primary_container)
    before, _, after = profile.container_alias.partition(_ALIAS)
    found = []
    for name in names:
        if name == primary:
            found.append(target.primary_container)
        elif before and name.startswith(before) and name.endswith(after):
            found.append(name.removeprefix(before).removesuffix(after))
        else:
            found.append(name)
    return tuple(found)


def real_container(pod: JsonObject, name: str, target: Target) -> str:
    """The container that the manifest calls `name`, as the pod calls it."""
    names = [get_string(container, "name") for container in get_list(pod, "spec", "containers")]
    profile = target.profile
    alias = profile.container_name(name) if profile else name
    return name if name in names or alias not in names else alias


def _counting(pods: list[JsonObject], target: Target) -> set[str]:
    """The names of the pods that count: each began when the one before it was over, so never two at a time."""
    wanted = target.primary_labels or (target.profile.primary_labels if target.profile else {})
    candidates = [pod for pod in pods if wanted.items() <= string_map(_labels(pod)).items()]
    if _INDEX not in wanted and any(_INDEX in _labels(pod) for pod in candidates):
        candidates = [pod for pod in candidates if _labels(pod).get(_INDEX, "0") == "0"]
    counting: list[JsonObject] = []
    for pod in candidates:
        if not counting or _has_ended(counting[-1]):
            counting.append(pod)
    return {_name(pod) for pod in counting}


def _has_ended(pod: JsonObject) -> bool:
    """Whether another pod may take its place: it failed, or is being deleted. One that succeeded is not replaced."""
    failed = get_string(pod, "status", "phase") == "Failed"
    return failed or bool(get_string(pod, "metadata", "deletionTimestamp"))


def _order(pod: JsonObject) -> tuple[str, int, str]:
    index = string_map(_labels(pod)).get(_INDEX, "0")
    return (
        get_string(pod, "metadata", "creationTimestamp"),
        int(index) if index.isdecimal() else 0,
        _name(pod),
    )


def _labels(pod: JsonObject) -> JsonObject:
    metadata = pod.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}


def _name(pod: JsonObject) -> str:
    return get_string(pod, "metadata", "name")
