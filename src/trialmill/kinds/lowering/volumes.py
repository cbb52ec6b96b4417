"""Volumes of a pod: scratch folders, folders of this machine, and given contents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get_string, is_object
from trialmill.kinds.lowering.companions import Companions, Source, report_missing_key
from trialmill.kinds.lowering.downward import WHOLE_MAPS, FieldRef, read_field, read_resource_field
from trialmill.kinds.lowering.listed import read_list
from trialmill.kinds.lowering.naming import PodIdentity
from trialmill.kinds.lowering.resources import ContainerResources
from trialmill.kinds.plan import Volume, VolumeKind

_KNOWN: Final = ("emptyDir", "hostPath", "configMap", "secret", "projected", "downwardAPI")


@dataclass(frozen=True, slots=True)
class VolumeTemplate:
    """A volume whose files may tell about the pod that mounts it."""

    name: str
    kind: VolumeKind
    host_path: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    fields: Mapping[str, FieldRef] = field(default_factory=dict)

    def resolve(self, identity: PodIdentity) -> Volume:
        files = dict(self.files)
        for path, reference in self.fields.items():
            files[path] = reference.value(identity).encode("utf-8", "surrogateescape")
        return Volume(self.name, self.kind, self.host_path, files)


@dataclass(slots=True)
class _Contents:
    """The files of a volume, as its sources are read one after the other."""

    files: dict[str, bytes] = field(default_factory=dict)
    fields: dict[str, FieldRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VolumeReader:
    """Reads `volumes` of a pod."""

    companions: Companions
    resources: Mapping[str, ContainerResources]
    problems: Problems

    def read(self, spec: JsonObject, path: Path) -> dict[str, VolumeTemplate | None]:
        """The volumes by name; None for one that has a problem."""
        found: dict[str, VolumeTemplate | None] = {}
        for index, volume in enumerate(read_list(spec, "volumes", self.problems, path)):
            place = (*path, "volumes", index)
            name = get_string(volume, "name")
            if not is_object(volume) or not name:
                self.problems.add("volume-name-missing", "A volume needs a name.", place)
            elif name in found:
                self.problems.add("volume-duplicate", f"There are two volumes {name!r}.", (*place, "name"), found=name)
            else:
                found[name] = self._volume(name, volume, place)
        return found

    def _volume(self, name: str, volume: JsonObject, path: Path) -> VolumeTemplate | None:
        kinds = [k for k in volume if k != "name"]
        if len(kinds) > 1:
            self.problems.add(
                "volume-ambiguous", f"Volume {name!r} has more than one type.", path, found=", ".join(kinds)
            )
            return None
        kind = kinds[0] if kinds else "emptyDir"
        if kind not in _KNOWN:
            self.problems.unavailable(
                "volume-unavailable",
                f"Volume {name!r} is a {kind}, which this machine does not have.",
                (*path, kind),
                remedy="use hostPath for a local run",
            )
            return None
        if kind == "emptyDir":
            return VolumeTemplate(name, VolumeKind.EMPTY_DIR)
        source = volume[kind]
        if not is_object(source):
            self.problems.add("volume-malformed", f"Volume {name!r} has no settings.", (*path, kind))
            return None
        if kind == "hostPath":
            return self._host_path(name, source, (*path, kind))
        contents = _Contents()
        if kind == "projected":
            for index, entry in enumerate(read_list(source, "sources", self.problems, (*path, kind))):
                self._project(entry, contents, (*path, kind, "sources", index))
        else:
            self._add(kind, source, contents, (*path, kind), name_field="secretName" if kind == "secret" else "name")
        return VolumeTemplate(name, VolumeKind.FILES, "", contents.files, contents.fields)

    def _host_path(self, name: str, source: JsonObject, path: Path) -> VolumeTemplate | None:
        host_path = get_string(source, "path")
        if not host_path:
            self.problems.add("host-path-missing", f"Volume {name!r} needs a path.", (*path, "path"))
            return None
        return VolumeTemplate(name, VolumeKind.HOST_PATH, host_path)

    def _project(self, entry: Json, contents: _Contents, path: Path) -> None:
        for kind, source in entry.items() if is_object(entry) else ():
            if kind in ("configMap", "secret", "downwardAPI") and is_object(source):
                self._add(kind, source, contents, (*path, kind), name_field="name")
            else:
                self.problems.unavailable(
                    "volume-unavailable", f"A {kind} is nothing that this machine has.", (*path, kind)
                )

    def _add(self, kind: str, source: JsonObject, contents: _Contents, path: Path, *, name_field: str) -> None:
        if kind == "downwardAPI":
            for index, item in enumerate(read_list(source, "items", self.problems, path)):
                self._add_field(item, contents, (*path, "items", index))
            return
        optional = source.get("optional") is True
        resource = "ConfigMap" if kind == "configMap" else "Secret"
        name = get_string(source, name_field)
        found = self.companions.find(resource, name, optional=optional, problems=self.problems, path=path)
        if found is None:
            return
        if "items" not in source:
            contents.files.update(found.files)
            return
        for index, item in enumerate(read_list(source, "items", self.problems, path)):
            self._add_item(resource, name, item, found, contents, (*path, "items", index), optional)

    def _add_item(
        self, kind: str, name: str, item: Json, source: Source, contents: _Contents, path: Path, optional: bool
    ) -> None:
        key = get_string(item, "key")
        target = self._target(item, path)
        if key in source.files:
            if target:
                contents.files[target] = source.files[key]
        elif not optional:
            report_missing_key(kind, name, key, source.files, self.problems, (*path, "key"))

    def _add_field(self, item: Json, contents: _Contents, path: Path) -> None:
        target = self._target(item, path)
        reference = item.get("fieldRef") if is_object(item) else None
        amount = item.get("resourceFieldRef") if is_object(item) else None
        if not target:
            return
        if is_object(reference):
            found = read_field(reference, WHOLE_MAPS, self.problems, (*path, "fieldRef"))
            if found is not None:
                contents.fields[target] = found
        elif is_object(amount):
            text = read_resource_field(amount, self.resources, "", self.problems, (*path, "resourceFieldRef"))
            if text is not None:
                contents.files[target] = text.encode()
        else:
            self.problems.add("field-ref-missing", "An item needs a fieldRef or a resourceFieldRef.", path)

    def _target(self, item: Json, path: Path) -> str:
        """The relative path of a file in the volume, empty where it is none."""
        target = get_string(item, "path")
        if is_relative(target):
            return normpath(target)
        self.problems.add(
            "volume-path-invalid",
            "A file in a volume has a relative path without '..'.",
            (*path, "path"),
            found=target,
        )
        return ""


def is_relative(path: str) -> bool:
    """Whether the path stays below the folder that it is relative to."""
    return bool(path) and not path.startswith("/") and ".." not in path.split("/")
