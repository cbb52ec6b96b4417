"""Where things stand in a resource, so that a problem of theirs can be shown in the author's file."""

from trialmill.api.tree import JsonObject, Path, get_list, get_string
from trialmill.kinds.profile import profile_of


def container_place(resource: JsonObject, name: str, field: str) -> Path:
    """The field of a container; the container where it lacks the field, nothing where that is not in the resource."""
    for spec in _pod_specs(resource):
        for kind in ("initContainers", "containers"):
            for position, container in enumerate(get_list(resource, *spec, kind)):
                if get_string(container, "name") == name:
                    place = (*spec, kind, position)
                    return (*place, field) if isinstance(container, dict) and field in container else place
    return ()


def volume_place(resource: JsonObject, name: str) -> Path:
    """A volume of a pod; nothing where it is not in the resource."""
    for spec in _pod_specs(resource):
        for position, volume in enumerate(get_list(resource, *spec, "volumes")):
            if get_string(volume, "name") == name:
                return (*spec, "volumes", position)
    return ()


def _pod_specs(resource: JsonObject) -> list[Path]:
    profile = profile_of(get_string(resource, "apiVersion"), get_string(resource, "kind"))
    return [(*template.path, "spec") for template in profile.pod_templates] if profile else []
