"""The rights that a run uses, in one place: they are asked for before anything starts, and printed as a Role."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.api.tree import Json, JsonObject
from trialmill.kube.api import ResourceType

_TRIAL: Final = ("create", "get", "list", "watch", "delete")
_PART: Final = ("create", "get", "list", "delete", "patch")
"""Of what is made with a trial: it is patched once, to name its owner."""
_POD: Final = ("get", "list", "watch")
_BETWEEN: Final = ("get",)
"""Of what a pod is found through: each is read once."""
SUSPEND: Final = "patch"
_RBAC: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource; `resource` has its subresource (`pods/log`)."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    namespaced: bool = True

    @property
    def name(self) -> str:
        """As kubectl writes it: `jobs.batch`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def needed(
    type: ResourceType, parts: Sequence[ResourceType] = (), between: Sequence[tuple[str, str]] = ()
) -> list[Right]:
    """What no run can do without: of the trials' kind, of those made with them, of pods and their output, and of what
    stands `between` a trial and its pods, by groups and plural names.
    """
    rights = [Right(type.group, type.plural, _TRIAL, type.namespaced)]
    rights += [Right(part.group, part.plural, _PART, part.namespaced) for part in parts if part != type]
    rights += [Right(group, plural, _BETWEEN) for group, plural in between]
    return [*rights, Right("", "pods", _POD), Right("", "pods/log", ("get",))]


def roles(rights: Sequence[Right], namespace: str) -> Iterator[JsonObject]:
    """The Role that gives the rights, and a ClusterRole where there are kinds without a namespace."""
    meta: JsonObject = {"name": "trialmill"}
    inside = [_rule(right) for right in rights if right.namespaced]
    outside = [_rule(right) for right in rights if not right.namespaced]
    if inside:
        here: JsonObject = {**meta, "namespace": namespace}
        yield {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": here, "rules": inside}
    if outside:
        yield {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": outside}


def _rule(right: Right) -> Json:
    return {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
