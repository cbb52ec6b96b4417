"""Metrics in a file: a container beside the training one prints what is written, and its log is then read.

It is a native sidecar (Kubernetes 1.29): it starts before the training container, does not keep the pod from being
complete, and is ended after it, with time to print the rest. It asks for nothing that `restricted` forbids.
"""

import posixpath
from collections.abc import Sequence
from typing import Final

from trialmill.api.tree import Json, JsonObject, Path, get, get_integer, get_list, get_object, get_string
from trialmill.kinds.profile import KindProfile
from trialmill.runtime.kubernetes.stamping import changed_at, places_of

_PRINTER: Final = "trialmill-metrics"
_NOBODY: Final = 65534
_SCRIPT: Final = """\
file=$1 told=0 ended=
trap ended=1 TERM INT
print_new() {
  [ -r "$file" ] || return 0
  size=$(wc -c <"$file") || return 0
  [ "$size" -ge "$told" ] || told=0
  [ "$size" -gt "$told" ] || return 0
  tail -c +$((told + 1)) "$file" | head -c $((size - told))
  told=$size
}
while [ -z "$ended" ]; do
  print_new
  sleep 1 &
  wait $!
done
print_new
"""
"""Counts bytes itself: `tail -f` would lose what is written between its last look and its end. Says nothing of its own,
as a log does not tell errors from output.
"""
_SCRIPT_OF_WHOLE: Final = """\
ended=
trap ended=1 TERM INT
while [ -z "$ended" ]; do
  sleep 1 &
  wait $!
done
if [ -r "$1" ]; then tail -c +1 "$1"; fi
"""
"""For a file that is written anew each time, and counts when it is complete: at the end of the trial."""


def printer_name(position: int) -> str:
    """The container that prints the file at `position` in the collector's list."""
    return f"{_PRINTER}-{position}" if position else _PRINTER


def can_print(path: str) -> bool:
    """Whether a volume can stand in for the file's folder: the root of a container cannot be replaced."""
    return path.startswith("/") and posixpath.dirname(posixpath.normpath(path)) != "/"


def with_printers(
    resource: JsonObject,
    profile: KindProfile | None,
    container: str,
    paths: Sequence[str],
    image: str,
    *,
    whole: bool = False,
) -> JsonObject:
    """The resource with a printer for each file, in every pod that has the primary container. The resource itself where
    no pod has. `whole`: the files are printed once, when the container has ended; else as they grow.
    """
    script = _SCRIPT_OF_WHOLE if whole else _SCRIPT
    changed: Json = resource
    for pattern in profile.inject_paths if profile and paths else ():
        for place in places_of(resource, pattern):
            if _container_place(get_object(resource, *place), container) is not None:
                changed = _with_printers(changed, place, container, paths, image, script)
    assert isinstance(changed, dict)  # noqa: S101 - the root of a resource is an object
    return changed


def _with_printers(tree: Json, place: Path, container: str, paths: Sequence[str], image: str, script: str) -> Json:
    for position, path in enumerate(paths):
        spec = get_object(tree, *place)
        at = _container_place(spec, container)
        assert at is not None  # noqa: S101 - the caller has looked
        folder = posixpath.dirname(posixpath.normpath(path))
        mount = _mount_of(get_object(spec, *at), folder)
        if mount is None:
            name = f"{_PRINTER}-volume-{position}"
            mount = {"name": name, "mountPath": folder}
            tree = _appended(tree, (*place, *at, "volumeMounts"), mount)
            tree = _appended(tree, (*place, "volumes"), {"name": name, "emptyDir": {}})
        user = _user_of(spec, get_object(spec, *at))
        printer = _printer(printer_name(position), path, mount, image, user, script)
        tree = _appended(tree, (*place, "initContainers"), printer)
    return tree


def _printer(name: str, path: str, mount: JsonObject, image: str, user: int, script: str) -> JsonObject:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "command": ["sh", "-c", script, "sh", path],
        "volumeMounts": [{**mount, "readOnly": True}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _container_place(spec: JsonObject, name: str) -> Path | None:
    """The primary container; the only one where none has its name."""
    containers = get_list(spec, "containers")
    found = [i for i, c in enumerate(containers) if get(c, "name") == name]
    if not found and not name and len(containers) == 1:
        found = [0]
    return ("containers", found[0]) if found else None


def _mount_of(container: JsonObject, folder: str) -> JsonObject | None:
    """The volume that holds the folder in the container already, the innermost."""
    mounts = [m for m in get_list(container, "volumeMounts") if isinstance(m, dict)]
    holding = [m for m in mounts if _is_inside(folder, posixpath.normpath(get_string(m, "mountPath") or "/"))]
    best = max(holding, key=lambda m: len(get_string(m, "mountPath")), default=None)
    if best is None:
        return None
    return {k: v for k, v in best.items() if k in ("name", "mountPath", "subPath")}


def _is_inside(folder: str, outer: str) -> bool:
    return folder == outer or folder.startswith(outer.rstrip("/") + "/")


def _user_of(spec: JsonObject, container: JsonObject) -> int:
    """The training container's user, who can read what it wrote; nobody in particular for root."""
    for holder in (container, spec):
        user = get_integer(holder, ("securityContext", "runAsUser"), -1)
        if user >= 0:
            return user or _NOBODY
    return _NOBODY


def _appended(tree: Json, path: Path, entry: JsonObject) -> Json:
    return changed_at(tree, path, [*get_list(tree, *path), entry])
