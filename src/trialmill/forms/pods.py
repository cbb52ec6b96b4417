"""Where a manifest has its containers, by what is known of its kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import Path
from trialmill.forms.draft import Draft
from trialmill.kinds.profile import ANY_ENTRY, KindProfile, profile_of

_LAUNCHED: Final = {"MPIJob": "Launcher"}
"""Kinds whose training command is in the pods of one role, while the others wait for it."""
_TRAINER: Final = ("TrainJob", ("spec", "trainer"))
"""A kind that describes no pods, and the mapping that stands for its training container."""


@dataclass(frozen=True, slots=True)
class Pods:
    """The pod specs of a manifest, each with the role of its pods, and what is known of their kind."""

    profile: KindProfile
    specs: tuple[tuple[str, Node], ...]
    trainer: Node | None = None
    primary: str = ""
    """The container that the template names as the primary one, empty where it does not."""

    def all_containers(self) -> list[Node]:
        """Every container but those that come before the training; of a kind without pods, what stands for them."""
        if self.trainer is not None:
            return [self.trainer]
        return [container for _, spec in self.specs for container in _containers(spec)]

    def named(self, draft: Draft, asking: Node) -> list[Node]:
        """The containers that `container` or `containers` names; a name that none has is reported."""
        wanted = [node for field in ("container", "containers") if (node := asking.get(field)) is not None]
        names = [name for node in wanted for name in (node.items or [node])]
        found: list[Node] = []
        for name in names:
            matching = [c for c in self.all_containers() if _name(c) == name.string]
            if not matching:
                there = self._names()
                meant = nearest(name.string, there)
                remedy = f"did you mean {meant!r}?" if meant else f"there are {', '.join(there)}"
                message = f"no container of the template is named {name.string}"
                draft.error("unknown-container", message, name, found=name.string, remedy=remedy)
            found += matching
        return found

    def training_containers(self, draft: Draft, asking: Node) -> list[Node]:
        """The containers that train: those named, else by the kind's convention, else the only one. Never the first:
        where that is not certain it is reported.
        """
        if asking.get("container") is not None or asking.get("containers") is not None:
            return self.named(draft, asking)
        if self.trainer is not None:
            return [self.trainer]
        launcher = _LAUNCHED.get(self.profile.kind)
        specs = [spec for role, spec in self.specs if launcher is None or role == launcher]
        containers = [container for spec in specs for container in _containers(spec)]
        names = list(dict.fromkeys(_name(container) for container in containers))
        for name in (self.primary, self.profile.training_container):
            if name in names:
                return [container for container in containers if _name(container) == name]
        if len(names) == 1:
            return containers
        if names:
            message = f"which container gets the values: {', '.join(names)}?"
            remedy = f"name it: `container: {names[0]}`, or set primaryContainerName"
            draft.error("which-container", message, asking, remedy=remedy)
        else:
            self._report_no_container(draft, asking)
        return []

    def _report_no_container(self, draft: Draft, asking: Node) -> None:
        """No pod has a container: because of a slip on the way to them, where one is found."""
        manifest = draft.template.get("trialSpec") or asking
        for template in self.profile.pod_templates:
            node = manifest
            for name in (*template.path, "spec", "containers"):
                if not isinstance(name, str) or name == ANY_ENTRY or not node.fields:
                    break
                if (below := node.fields.get(name)) is None:
                    if meant := nearest(name, list(node.fields)):
                        entry = node.fields[meant]
                        message = f"the field {meant!r} is not known here"
                        draft.error_at_key(
                            "unknown-field", message, entry, found=meant, remedy=f"did you mean {name!r}?"
                        )
                        return
                    break
                if below.content is None and template.role in node.fields:
                    message = f"the field {template.role!r} is not known here"
                    remedy = f"it belongs into {name}; check the indentation"
                    draft.error_at_key("unknown-field", message, node.fields[template.role], remedy=remedy)
                    return
                node = below
        draft.error("which-container", "the manifest has no container", asking)

    def spec_of(self, container: Node) -> Node | None:
        """The pod spec that a container is in; None where its kind describes no pods."""
        return next((spec for _, spec in self.specs if any(c is container for c in _containers(spec))), None)

    def _names(self) -> list[str]:
        return list(dict.fromkeys(_name(container) for container in self.all_containers()))


def pods_of(draft: Draft, asking: Node) -> Pods | None:
    """The pods of the trial's manifest; None, and reported, where nothing is known about where it has them."""
    manifest = draft.template.get("trialSpec")
    if manifest is None or not manifest.fields:
        return None
    kind, api_version = manifest.get("kind"), manifest.get("apiVersion")
    name = kind.string if kind is not None else ""
    profile = profile_of(api_version.string if api_version is not None else "", name)
    primary = draft.template.get("primaryContainerName")
    chosen = primary.string if primary is not None else ""
    if profile is not None and name == _TRAINER[0]:
        return Pods(profile, (), _mapping_at(manifest, _TRAINER[1]), chosen)
    if profile is None or not profile.pod_templates:
        message = f"nothing is known about where a {name or 'resource without a kind'} has its containers"
        remedy = "write placeholders where the values belong"
        draft.error("unknown-containers", message, asking, found=name, remedy=remedy)
        return None
    specs = [
        (template.role, node)
        for template in profile.pod_templates
        for node in _matching(manifest, (*template.path, "spec"))
    ]
    return Pods(profile, tuple(specs), None, chosen)


def _matching(node: Node, pattern: Path) -> Iterator[Node]:
    """The nodes that a profile's path leads to."""
    if not pattern:
        yield node
    elif pattern[0] == ANY_ENTRY:
        for child in [*node.fields.values(), *node.items]:
            yield from _matching(child, pattern[1:])
    elif (below := node.get(pattern[0])) is not None:
        yield from _matching(below, pattern[1:])


def _mapping_at(node: Node, path: tuple[str, ...]) -> Node:
    """The mapping at a path, made where there is none."""
    below = node
    for name in path:
        if below.get(name) is None:
            below.fields[name] = below.made({})
        below = below.fields[name]
    return below


def _containers(spec: Node) -> list[Node]:
    containers = spec.get("containers")
    return [c for c in (containers.items if containers is not None else ()) if isinstance(c.content, dict)]


def _name(container: Node) -> str:
    name = container.get("name")
    return name.string if name is not None else ""
