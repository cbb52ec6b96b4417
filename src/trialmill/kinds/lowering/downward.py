"""The downward API: what a container may ask about its own pod."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import JsonObject, Path, get_string
from trialmill.kinds.lowering.naming import PodIdentity
from trialmill.kinds.lowering.quantities import NANO, ceiling, parse_quantity
from trialmill.kinds.lowering.resources import ContainerResources

NODE: Final = "localhost"
ADDRESS: Final = "127.0.0.1"

VOLUME_FIELDS: Final = frozenset({"metadata.name", "metadata.namespace", "metadata.uid"})
_MAPS: Final = frozenset({"metadata.labels", "metadata.annotations"})
_NODE_FIELDS: Final = {
    "spec.nodeName": NODE,
    "status.hostIP": ADDRESS,
    "status.hostIPs": ADDRESS,
    "status.podIP": ADDRESS,
    "status.podIPs": ADDRESS,
}
ENVIRONMENT_FIELDS: Final = VOLUME_FIELDS | {"spec.serviceAccountName"} | _NODE_FIELDS.keys()
WHOLE_MAPS: Final = VOLUME_FIELDS | _MAPS
"""What a volume may hold: whole maps as well."""


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of the pod: `metadata.labels` with `key` is one label, without a key all of them."""

    field: str
    key: str | None = None

    def value(self, pod: PodIdentity) -> str:
        if self.field in _MAPS:
            entries = pod.labels if self.field == "metadata.labels" else pod.annotations
            return _format_map(entries) if self.key is None else entries.get(self.key, "")
        match self.field:
            case "metadata.name":
                return pod.name
            case "metadata.namespace":
                return pod.namespace
            case "metadata.uid":
                return pod.uid
            case "spec.serviceAccountName":
                return pod.service_account
        return _NODE_FIELDS[self.field]


def _format_map(entries: Mapping[str, str]) -> str:
    """One `key="value"` a line, by key, the values escaped."""
    return "\n".join(f"{k}={_quote(v)}" for k, v in sorted(entries.items()))


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def read_field(reference: JsonObject, allowed: frozenset[str], problems: Problems, path: Path) -> FieldRef | None:
    """The field that a `fieldRef` names; labels and annotations always by key, whole where `allowed` has them."""
    text = get_string(reference, "fieldPath")
    field, bracket, rest = text.partition("['")
    if bracket and rest.endswith("']") and field in _MAPS:
        return FieldRef(field, rest[:-2])
    if text in allowed:
        return FieldRef(text)
    problems.add(
        "field-ref-unknown",
        f"A pod has no field {text!r} that it can refer to here.",
        (*path, "fieldPath"),
        found=text,
        expected=", ".join(sorted(allowed | {"metadata.labels['KEY']", "metadata.annotations['KEY']"})),
    )
    return None


def read_resource_field(
    reference: JsonObject, containers: Mapping[str, ContainerResources], own: str, problems: Problems, path: Path
) -> str | None:
    """The amount that a `resourceFieldRef` names, in units of its divisor, rounded up.

    A limit that is not set is what the machine has, as on a node.
    """
    name = get_string(reference, "containerName") or own
    container = containers.get(name)
    if container is None:
        problems.add("container-unknown", f"There is no container {name!r}.", (*path, "containerName"), found=name)
        return None
    which, _, resource = get_string(reference, "resource").partition(".")
    if which not in ("limits", "requests") or resource not in ("cpu", "memory", "ephemeral-storage"):
        problems.add(
            "resource-field-unknown",
            "A container can refer to its limits and requests of cpu, memory and ephemeral-storage.",
            (*path, "resource"),
            found=get_string(reference, "resource"),
            expected="limits.cpu, limits.memory, requests.cpu, requests.memory, ...",
        )
        return None
    divisor = parse_quantity(reference.get("divisor", "1"))
    if divisor is None or divisor < 0:
        problems.add("quantity-invalid", "The divisor is no quantity.", (*path, "divisor"))
        return None
    amounts = container.limits if which == "limits" else container.requests
    amount = amounts.get(resource, _machine(resource) if which == "limits" else 0)
    return str(ceiling(amount, divisor or NANO))


@lru_cache
def _machine(resource: str) -> int:
    """What this machine has of a resource, in billionths."""
    match resource:
        case "cpu":
            return (os.cpu_count() or 1) * NANO
        case "memory":
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * NANO
    return 0
