"""What Katib v1alpha3 asked of a template's resource and v1beta1 does not want: names of the trial's own."""

from typing import Final

from trialmill.api.marked import Node
from trialmill.forms.draft import Draft
from trialmill.kinds.profile import profile_of

_CONTAINER: Final = "training"
"""The name of a container that was named like its trial, which no `primaryContainerName` can say."""
_TRAINING_CONTAINERS: Final = {"TFJob": "tensorflow", "PyTorchJob": "pytorch"}
"""Katib v1alpha3: the container whose output was read. Of a Job it was the first."""


def tidy_resource(draft: Draft, resource: Node, name: str, namespace: str) -> None:
    """Leave the names to Trialmill that say only what it does anyway, and say which container is the primary one.

    `name` and `namespace` are the placeholders of the trial's own.
    """
    metadata = resource.get("metadata")
    if metadata is not None:
        for field, own in (("name", name), ("namespace", namespace)):
            if (node := metadata.get(field)) is not None and node.content == own:
                del metadata.fields[field]
        if metadata.content == {}:
            del resource.fields["metadata"]
    containers = _containers(resource)
    for container in containers:
        own_name = container.get("name")
        if own_name is not None and own_name.content == name:
            own_name.content = _CONTAINER
    primary = _primary(resource, [n.string for c in containers if (n := c.get("name")) is not None])
    if primary and draft.template.get("primaryContainerName") is None:
        draft.template.fields["primaryContainerName"] = resource.made(primary)


def _containers(resource: Node) -> list[Node]:
    """The containers of all pods, as far as the kind is known and they are mappings."""
    profile = profile_of(_string(resource, "apiVersion"), _string(resource, "kind"))
    found: list[Node] = []
    for template in profile.pod_templates if profile else ():
        containers = resource.get(*template.path, "spec", "containers")
        found += [container for container in (containers.items if containers else ()) if container.fields]
    return found


def _primary(resource: Node, names: list[str]) -> str:
    kind = _string(resource, "kind")
    if kind == "Job":
        return names[0] if names and "${" not in names[0] else ""
    name = _TRAINING_CONTAINERS.get(kind, "")
    return name if name in names else ""


def _string(resource: Node, field: str) -> str:
    node = resource.get(field)
    return node.string if node is not None else ""
