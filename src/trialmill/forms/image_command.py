"""Form 7, an image and a command: `trialSpec: {kind: TFJob, image, command, clusterSpec: {worker: 4, ps: 2}}`.

It becomes the manifest of that kind with one container in each of its roles, called as the kind's operator wants. The
values get in by placeholders in the command, or by `inject`, as arguments unless it says otherwise.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import with_article
from trialmill.forms.draft import Draft
from trialmill.kinds.profile import KindProfile, profile_of

_CONTAINER_FIELDS: Final = (
    "image",
    "command",
    "args",
    "env",
    "envFrom",
    "resources",
    "volumeMounts",
    "workingDir",
    "imagePullPolicy",
    "ports",
)
_POD_FIELDS: Final = ("volumes", "nodeSelector", "tolerations", "serviceAccountName", "restartPolicy")
_OTHER_FIELDS: Final = ("kind", "clusterSpec")
_CONTAINER: Final = "training"
"""The name of the container where the kind asks for none."""
_LISTS_OF_WORDS: Final = ("command", "args")
_TRAINER_FIELDS: Final = ("image", "command", "args", "env", "resources")
_VALUE_FIELDS: Final = ("trialParameters", "trialParams", "params", "inject", "parametersInjectPolicy")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind that a short form may name: its version, and the roles that a trial has unless `clusterSpec` says."""

    api_version: str
    roles: tuple[str, ...] = ()


KINDS: Final[Mapping[str, _Kind]] = {
    "Job": _Kind("batch/v1"),
    "Pod": _Kind("v1"),
    "TFJob": _Kind("kubeflow.org/v1", ("Worker",)),
    "PyTorchJob": _Kind("kubeflow.org/v1", ("Master",)),
    "XGBoostJob": _Kind("kubeflow.org/v1", ("Master",)),
    "PaddleJob": _Kind("kubeflow.org/v1", ("Worker",)),
    "JAXJob": _Kind("kubeflow.org/v1", ("Worker",)),
    "MPIJob": _Kind("kubeflow.org/v1", ("Launcher", "Worker")),
    "TrainJob": _Kind("trainer.kubeflow.org/v1alpha1"),
}


def is_short(manifest: Mapping[str, object]) -> bool:
    """Whether a trialSpec is written in this form: an image, and no version of a kind."""
    return "image" in manifest and "apiVersion" not in manifest


def expand_image(draft: Draft, short: Node) -> None:
    """The whole manifest, in the place of the short one."""
    draft.check_fields(short, (*_OTHER_FIELDS, *_CONTAINER_FIELDS, *_POD_FIELDS))
    kind = draft.text(short, "kind", required=True)
    if kind not in KINDS:
        if kind:
            meant = nearest(kind, KINDS)
            remedy = f"did you mean {meant!r}?" if meant else f"one of {', '.join(KINDS)}"
            message = f"an image and a command cannot be made into {with_article(kind)}"
            draft.error("unknown-kind", message, short.fields["kind"], found=kind, remedy=remedy)
        return
    for field in _LISTS_OF_WORDS:
        _split(draft, short, field)
    known = KINDS[kind]
    profile = profile_of(known.api_version, kind)
    roles = _roles(draft, short, profile, known.roles)
    if profile is None or roles is None:
        return
    manifest = short.made({"apiVersion": known.api_version, "kind": kind})
    manifest.key, manifest.fields["kind"] = short.key, short.fields["kind"]
    manifest.fields["spec"] = _spec(short, kind, profile, roles)
    draft.template.fields["trialSpec"] = manifest
    if draft.template.get("primaryContainerName") is None:
        name = profile.training_container or _CONTAINER
        draft.template.fields["primaryContainerName"] = short.made(name)
    _ask_for_values(draft, manifest, short)


def _spec(short: Node, kind: str, profile: KindProfile, roles: Mapping[str, Node]) -> Node:
    if kind == "TrainJob":
        return _trainer_spec(short, roles)
    pod = _pod_spec(short, profile.training_container or _CONTAINER)
    if kind == "Pod":
        return pod
    if kind == "Job":
        return _mapping(short, template=_mapping(short, spec=pod))
    replicas = {role: _replica(short, role, count, pod) for role, count in roles.items()}
    field = str(profile.pod_templates[0].path[1])
    return _mapping(short, **{field: _mapping(short, **replicas)})


def _replica(short: Node, role: str, count: Node, pod: Node) -> Node:
    """One role of a distributed job. The workers of an MPIJob run what their image runs: they wait for the launcher."""
    own = pod.copy()
    if role == "Worker" and _kind(short) == "MPIJob":
        for field in _LISTS_OF_WORDS:
            own.fields["containers"].items[0].fields.pop(field, None)
    restart = own.fields.pop("restartPolicy")
    return _mapping(short, replicas=count, restartPolicy=restart, template=_mapping(short, spec=own))


def _trainer_spec(short: Node, roles: Mapping[str, Node]) -> Node:
    """A TrainJob describes its one container itself, and its pods in a runtime."""
    names = {"resources": "resourcesPerNode"}
    trainer = _mapping(short, **{names.get(n, n): short.fields[n] for n in _TRAINER_FIELDS if n in short.fields})
    for count in roles.values():
        trainer.fields["numNodes"] = count
    reference = short.made({"name": "torch-distributed"})
    return _mapping(short, runtimeRef=reference, trainer=trainer)


def _pod_spec(short: Node, name: str) -> Node:
    container = short.made({"name": name})
    container.fields.update({field: short.fields[field] for field in _CONTAINER_FIELDS if field in short.fields})
    pod = short.made({"restartPolicy": "Never", "containers": []})
    pod.fields["containers"].items.append(container)
    pod.fields.update({field: short.fields[field] for field in _POD_FIELDS if field in short.fields})
    return pod


def _roles(draft: Draft, short: Node, profile: KindProfile | None, usual: Sequence[str]) -> dict[str, Node] | None:
    """How many pods of each role, by `clusterSpec`; None, and reported, where it names one that is not there."""
    cluster = short.get("clusterSpec")
    if cluster is None:
        return {role: short.made(1) for role in usual}
    if not isinstance(cluster.content, dict):
        draft.mismatch(cluster, "a mapping of roles to counts")
        return None
    known = [template.role for template in profile.pod_templates if template.replicas_path] if profile else []
    known = ["Node"] if _kind(short) == "TrainJob" else [role for role in known if role != "pod"]
    roles: dict[str, Node] = {}
    wrong = False
    for name, count in cluster.fields.items():
        role = next((role for role in known if role.lower() == name.lower()), None)
        if role is None:
            wrong = True
            meant = nearest(name, [role.lower() for role in known])
            remedy = f"did you mean {meant!r}?" if meant else f"it has {', '.join(known) or 'none'}"
            message = f"{with_article(_kind(short))} has no role {name}"
            draft.error_at_key("unknown-role", message, count, found=name, remedy=remedy)
        else:
            roles[role] = count
    order = [role for role in known if role in roles]
    return None if wrong else {role: roles[role] for role in order}


def _split(draft: Draft, short: Node, field: str) -> None:
    """A command that is written as one text, in its words: no shell is added, and none is needed."""
    node = short.get(field)
    if node is None or not isinstance(node.content, str):
        return
    try:
        words = shlex.split(node.content)
    except ValueError:  # there are two reasons, and a backslash at the end is the one that shows
        is_escape = node.content.endswith("\\")
        message = "nothing stands behind the last backslash" if is_escape else "a quote in this text is not closed"
        remedy = f"remove it, or write {field} as a list of words" if is_escape else "close it"
        draft.error("unclosed-quote", message, node, found=node.content, remedy=remedy)
        words = node.content.split()
    short.fields[field] = replace(node, content=[node.made(word) for word in words])


def _ask_for_values(draft: Draft, manifest: Node, short: Node) -> None:
    """Inject the values as arguments, where nothing says how they get in."""
    template = draft.template
    said = any(template.get(name) is not None for name in _VALUE_FIELDS)
    used = any("${trialParam" in node.string for _, node in manifest.walk())
    if not said and not used:
        template.fields["inject"] = short.made({"as": "args"})


def _mapping(near: Node, **entries: Node) -> Node:
    node = near.made({})
    node.fields.update(entries)
    return node


def _kind(short: Node) -> str:
    return short.fields["kind"].string
