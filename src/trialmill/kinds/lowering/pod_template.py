"""A pod template, read once and checked; `resolve` makes the pod of one identity from it.

What a manifest can name but nothing here acts on falls in two: what leaves a pod's behaviour as it is (ports,
securityContext, nodeSelector, ...) is accepted; what would change it (probes, hooks) is warned of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import (
    Json,
    JsonObject,
    Path,
    get_integer,
    get_list,
    get_object,
    get_string,
    is_object,
    kind_name,
    string_map,
)
from trialmill.kinds.lowering.companions import Companions
from trialmill.kinds.lowering.container_run import PodRules, RestartPolicy
from trialmill.kinds.lowering.environment import EnvironmentReader, Variable, expand, resolve_environment
from trialmill.kinds.lowering.listed import read_list
from trialmill.kinds.lowering.naming import PodIdentity
from trialmill.kinds.lowering.resources import ContainerResources, most_at_once, read_resources
from trialmill.kinds.lowering.volumes import VolumeReader, VolumeTemplate, is_relative
from trialmill.kinds.plan import Container, Mount, Pod, Resources, Role

_DEFAULT_GRACE: Final = 30
_NO_EFFECT: Final = {
    "livenessProbe": "a container that hangs is not restarted",
    "startupProbe": "containers count as started at once",
    "lifecycle": "its hooks are not run",
    "restartPolicyRules": "the pod's restartPolicy alone decides",
}


@dataclass(frozen=True, slots=True)
class MountTemplate:
    """A mount; `expression` is a subPathExpr, whose references each container's environment replaces."""

    mount: Mount
    expression: str = ""

    def resolve(self, environment: Mapping[str, str]) -> Mount:
        if not self.expression:
            return self.mount
        sub_path = expand(self.expression, environment)
        return Mount(self.mount.volume, self.mount.path, sub_path, self.mount.read_only)


@dataclass(frozen=True, slots=True)
class ContainerTemplate:
    name: str
    role: Role
    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    variables: tuple[Variable, ...]
    working_dir: str
    mounts: tuple[MountTemplate, ...]
    resources: Resources

    def resolve(self, identity: PodIdentity) -> Container:
        environment = resolve_environment(self.variables, identity)
        environment.setdefault("HOSTNAME", identity.hostname)
        return Container(
            name=self.name,
            role=self.role,
            image=self.image,
            command=tuple(expand(c, environment) for c in self.command),
            args=tuple(expand(a, environment) for a in self.args),
            env=tuple(environment.items()),
            working_dir=self.working_dir,
            mounts=tuple(m.resolve(environment) for m in self.mounts),
            resources=self.resources,
        )


@dataclass(frozen=True, slots=True)
class PodTemplate:
    containers: tuple[ContainerTemplate, ...]
    rules: PodRules
    resources: Resources
    volumes: tuple[VolumeTemplate, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    grace: timedelta = timedelta(seconds=_DEFAULT_GRACE)
    service_account: str = "default"
    hostname: str = ""

    def resolve(self, identity: PodIdentity) -> Pod:
        return Pod(
            id=identity.id,
            name=identity.name,
            containers=tuple(c.resolve(identity) for c in self.containers),
            volumes=tuple(v.resolve(identity) for v in self.volumes),
            grace=self.grace,
        )


def read_pod_template(
    template: JsonObject,
    companions: Companions,
    problems: Problems,
    path: Path,
    *,
    restart: RestartPolicy,
    extra: tuple[Variable, ...] = (),
) -> PodTemplate:
    """The template at `path`, an object with metadata and spec. Each container gets the `extra` variables it lacks."""
    spec = get_object(template, "spec")
    place = (*path, "spec")
    entries = _container_entries(spec, problems, place)
    resources = {get_string(c, "name"): read_resources(c, problems, p) for c, _, p in entries}
    volumes = VolumeReader(companions, resources, problems).read(spec, place)
    reader = _ContainerReader(companions, resources, volumes, problems, extra)
    containers = tuple(reader.read(c, role, p) for c, role, p in entries)
    return PodTemplate(
        containers=containers,
        rules=PodRules(tuple((c.name, c.role) for c in containers), restart, _seconds(spec, problems, place)),
        resources=most_at_once((c.role, c.resources) for c in containers),
        volumes=tuple(v for v in volumes.values() if v is not None),
        labels=string_map(get_object(template, "metadata").get("labels")),
        annotations=string_map(get_object(template, "metadata").get("annotations")),
        grace=timedelta(seconds=max(get_integer(spec, ["terminationGracePeriodSeconds"], _DEFAULT_GRACE), 0)),
        service_account=get_string(spec, "serviceAccountName") or get_string(spec, "serviceAccount") or "default",
        hostname=get_string(spec, "hostname"),
    )


def _seconds(spec: JsonObject, problems: Problems, path: Path) -> float | None:
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is None:
        return None
    if isinstance(deadline, bool) or not isinstance(deadline, int) or deadline < 1:
        problems.add(
            "deadline-invalid",
            "The deadline of a pod is a whole number of seconds, 1 or more.",
            (*path, "activeDeadlineSeconds"),
            found=str(deadline),
        )
        return None
    return float(deadline)


def _container_entries(spec: JsonObject, problems: Problems, path: Path) -> list[tuple[JsonObject, Role, Path]]:
    """Each container with its role and place, in the order of their start."""
    entries: list[tuple[JsonObject, Role, Path]] = []
    names: set[str] = set()
    for field_name in ("initContainers", "containers"):
        for index, container in enumerate(read_list(spec, field_name, problems, path)):
            place = (*path, field_name, index)
            name = get_string(container, "name")
            if not is_object(container) or not name:
                problems.add("container-name-missing", "A container needs a name.", place)
            elif name in names:
                problems.add("container-duplicate", f"There are two containers {name!r}.", (*place, "name"), found=name)
            else:
                names.add(name)
                entries.append((container, _role(container, field_name), place))
    if spec.get("containers") in (None, []):
        problems.add("containers-missing", "A pod needs at least one container.", (*path, "containers"))
    return entries


def _role(container: JsonObject, field_name: str) -> Role:
    if field_name == "containers":
        return Role.MAIN
    return Role.SIDECAR if container.get("restartPolicy") == "Always" else Role.INIT


@dataclass(frozen=True, slots=True)
class _ContainerReader:
    companions: Companions
    resources: Mapping[str, ContainerResources]
    volumes: Mapping[str, VolumeTemplate | None]
    problems: Problems
    extra: tuple[Variable, ...]

    def read(self, container: JsonObject, role: Role, path: Path) -> ContainerTemplate:
        name = get_string(container, "name")
        self._warn(container, role, path)
        environment = EnvironmentReader(self.companions, self.resources, name, self.problems)
        variables = environment.read(container, path)
        declared = {get_string(entry, "name") for entry in get_list(container, "env")}
        return ContainerTemplate(
            name=name,
            role=role,
            image=get_string(container, "image"),
            command=self._strings(container, "command", path),
            args=self._strings(container, "args", path),
            variables=variables + tuple(v for v in self.extra if v.name not in declared),
            working_dir=get_string(container, "workingDir"),
            mounts=self._mounts(container, path),
            resources=self.resources[name].asked(),
        )

    def _warn(self, container: JsonObject, role: Role, path: Path) -> None:
        for key, consequence in _NO_EFFECT.items():
            if container.get(key):
                self.problems.warn("no-effect-here", f"{key} has no effect here: {consequence}.", (*path, key))
        if role is Role.MAIN and container.get("restartPolicy"):
            self.problems.warn(
                "no-effect-here",
                "The restartPolicy of a container has no effect here: the pod's restartPolicy alone decides.",
                (*path, "restartPolicy"),
            )

    def _strings(self, container: JsonObject, key: str, path: Path) -> tuple[str, ...]:
        value = container.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._not_text(key, value, (*path, key), "a list of strings")
            return ()
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self._not_text(f"an entry of {key}", item, (*path, key, index), "a string")
        return tuple(item for item in value if isinstance(item, str))

    def _not_text(self, what: str, value: Json, path: Path, expected: str) -> None:
        self.problems.add(
            "command-not-text",
            f"{what[0].upper()}{what[1:]} is {kind_name(value)}, not {expected}.",
            path,
            found=str(value),
            expected=expected,
            remedy="put it in quotes" if expected == "a string" else "",
        )

    def _mounts(self, container: JsonObject, path: Path) -> tuple[MountTemplate, ...]:
        mounts: dict[str, MountTemplate] = {}
        for index, entry in enumerate(read_list(container, "volumeMounts", self.problems, path)):
            place = (*path, "volumeMounts", index)
            mount = self._mount(entry, place)
            if mount is None:
                continue
            if mount.mount.path in mounts:
                self.problems.add(
                    "mount-duplicate",
                    f"Two volumes are mounted at {mount.mount.path}.",
                    (*place, "mountPath"),
                    found=mount.mount.path,
                )
            mounts[mount.mount.path] = mount
        return tuple(mounts.values())

    def _mount(self, entry: Json, path: Path) -> MountTemplate | None:
        name, target = get_string(entry, "name"), get_string(entry, "mountPath")
        if name not in self.volumes:
            self.problems.add(
                "volume-unknown",
                f"The pod has no volume {name!r}.",
                (*path, "name"),
                found=name,
                expected=", ".join(self.volumes),
                remedy=f"it has {', '.join(self.volumes)}" if self.volumes else "add it to the pod's volumes",
            )
            return None
        if not target:
            self.problems.add("mount-path-missing", "A volumeMount needs a mountPath.", (*path, "mountPath"))
            return None
        sub_path, expression = get_string(entry, "subPath"), get_string(entry, "subPathExpr")
        for key, value in (("subPath", sub_path), ("subPathExpr", expression)):
            if value and not is_relative(value):
                self.problems.add("sub-path-invalid", f"A {key} is a relative path without '..'.", (*path, key))
                return None
        read_only = is_object(entry) and entry.get("readOnly") is True
        return MountTemplate(Mount(name, target, sub_path, read_only), expression)
