"""What pods refer to by name and do not bring with them: ConfigMaps, Secrets, claims of volumes, service accounts. The
server takes a pod without asking whether they are there, and the pod then waits for them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, JsonObject, Path, format_path, get_list, get_object, get_string
from trialmill.kube.api import KubeApi, KubeError, UnknownKindError
from trialmill.runtime.kubernetes.failures import is_missing

_CONTAINERS: Final = ("initContainers", "containers")
_SOURCES: Final = (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name"))
_KEYS: Final = (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap"))
_WHOLE: Final = (("secretRef", "Secret"), ("configMapRef", "ConfigMap"))


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that has to be there, with these keys; `path` is where its name stands."""

    kind: str
    name: str
    path: Path
    keys: tuple[tuple[str, Path], ...] = ()


def references_of(spec: JsonObject) -> Iterator[Reference]:
    """Those of a pod's spec, without what is optional. Paths begin at the spec."""
    for position, volume in enumerate(get_list(spec, "volumes")):
        yield from _of_volume(volume, ("volumes", position))
    for group in _CONTAINERS:
        for position, container in enumerate(get_list(spec, group)):
            yield from _of_container(container, (group, position))
    account = get_string(spec, "serviceAccountName")
    if account:
        yield Reference("ServiceAccount", account, ("serviceAccountName",))
    for position, secret in enumerate(get_list(spec, "imagePullSecrets")):
        if name := get_string(secret, "name"):
            yield Reference("Secret", name, ("imagePullSecrets", position, "name"))


def _of_volume(volume: Json, at: Path) -> Iterator[Reference]:
    for field, kind, name in _SOURCES:
        yield from _source(get_object(volume, field), kind, name, (*at, field))
    for position, source in enumerate(get_list(volume, "projected", "sources")):
        for field, kind, _ in _SOURCES:
            yield from _source(get_object(source, field), kind, "name", (*at, "projected", "sources", position, field))
    claim = get_string(volume, "persistentVolumeClaim", "claimName")
    if claim:
        yield Reference("PersistentVolumeClaim", claim, (*at, "persistentVolumeClaim", "claimName"))


def _source(source: JsonObject, kind: str, field: str, at: Path) -> Iterator[Reference]:
    name = get_string(source, field)
    if name and source.get("optional") is not True:
        items = enumerate(get_list(source, "items"))
        keys = tuple((get_string(item, "key"), (*at, "items", position, "key")) for position, item in items)
        yield Reference(kind, name, (*at, field), keys)


def _of_container(container: Json, at: Path) -> Iterator[Reference]:
    for position, entry in enumerate(get_list(container, "env")):
        for field, kind in _KEYS:
            chosen = get_object(entry, "valueFrom", field)
            place = (*at, "env", position, "valueFrom", field)
            if (name := get_string(chosen, "name")) and chosen.get("optional") is not True:
                yield Reference(kind, name, (*place, "name"), ((get_string(chosen, "key"), (*place, "key")),))
    for position, entry in enumerate(get_list(container, "envFrom")):
        for field, kind in _WHOLE:
            chosen = get_object(entry, field)
            if (name := get_string(chosen, "name")) and chosen.get("optional") is not True:
                yield Reference(kind, name, (*at, "envFrom", position, field, "name"))


class Referred:
    """Looks for what pods refer to; each object is asked for once. What may not be read is not looked for."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._found: dict[tuple[str, str, str], JsonObject | None] = {}

    async def problems(
        self, spec: JsonObject, namespace: str, place: Path, parts: Sequence[JsonObject] = ()
    ) -> list[Problem]:
        """A warning for each name, or key, that leads to nothing; paths begin with `place`, that of the spec. `parts`
        are made with the pods.
        """
        found: list[Problem] = []
        brought = {(get_string(part, "kind"), get_string(part, "metadata", "name")) for part in parts}
        for reference in references_of(spec):
            if (reference.kind, reference.name) in brought:
                continue
            object = await self._read(reference, namespace)
            if object is None:
                message = f"the cluster has no {reference.kind} {reference.name} in the namespace {namespace}"
                found.append(_problem(message, reference.name, (*place, *reference.path)))
                continue
            known = {*get_object(object, "data"), *get_object(object, "binaryData")}
            for key, path in reference.keys if object else ():
                if key and key not in known:
                    message = f"the {reference.kind} {reference.name} has no key {key}"
                    found.append(_problem(message, key, (*place, *path)))
        return found

    async def _read(self, reference: Reference, namespace: str) -> JsonObject | None:
        """The object; None where there is none, and an empty one where that may not be known."""
        asked = (reference.kind, namespace, reference.name)
        if asked not in self._found:
            try:
                type = await self._api.discover("v1", reference.kind)
                self._found[asked] = await self._api.get(type, reference.name, namespace)
            except UnknownKindError:
                self._found[asked] = {}
            except KubeError as error:
                self._found[asked] = None if is_missing(error) else {}
        return self._found[asked]


def _problem(message: str, found: str, path: Path) -> Problem:
    remedy = "create it before the run, or say `optional: true` where a pod can do without it"
    return Problem("missing-reference", Severity.WARNING, message, found=found, path=format_path(path), remedy=remedy)
