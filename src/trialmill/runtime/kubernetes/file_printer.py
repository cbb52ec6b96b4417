"""Metrics in a file: a container beside the training one prints what is written, and its log is then read.

It is a native sidecar (Kubernetes 1.29): it starts before the training container, does not keep the pod from being
complete, and is ended after it, with time to print the rest. It asks for nothing that `restricted` forbids.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Final

from trialmill.api.tree import Json, JsonObject, Path, get, get_integer, get_list, get_object, get_string
from trialmill.kinds.profile import KindProfile, profile_of
from trialmill.runtime.kubernetes.stamping import changed_at, places_of
from trialmill.runtime.kubernetes.target import Target

_PRINTER: Final = "trialmill-metrics"
_NOBODY: Final = 65534
_REQUESTS: Final[JsonObject] = {"cpu": "10m", "memory": "16Mi"}
_LIMITS: Final[JsonObject] = {"cpu": "100m", "memory": "64Mi"}
_GUARANTEED: Final[JsonObject] = {"cpu": "50m", "memory": "32Mi"}
"""Requests and limits in a pod that has what it asks for guaranteed (its QoS class), and would lose that otherwise."""
_REFERENCE: Final = re.compile(r"\$\(([^()]+)\)")
_SAY_WHY: Final = """\
at=$file
while [ -n "$at" ] && [ ! -e "$at" ]; do at=${at%/*}; done
why=missing
[ -x "${at:-/}" ] || why=unreadable
if [ "$at" = "$file" ]; then
  why=
  [ -r "$file" ] || why=unreadable
fi
echo $why 2>/dev/null >/dev/termination-log
"""
"""One of `_COMPLAINTS` is left behind where the file could not be read: a log does not tell errors from output."""
_SCRIPT: Final = (
    """\
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
    + _SAY_WHY
)
"""Counts bytes itself: `tail -f` would lose what is written between its last look and its end."""
_SCRIPT_OF_WHOLE: Final = (
    """\
file=$1 ended=
trap ended=1 TERM INT
while [ -z "$ended" ]; do
  sleep 1 &
  wait $!
done
if [ -r "$file" ]; then tail -c +1 "$file"; fi
"""
    + _SAY_WHY
)
"""For a file that is written anew each time, and counts when it is complete: at the end of the trial."""


_COMPLAINTS: Final = {
    "missing": "the file {path} was not there when the trial ended",
    "unreadable": "the file {path} may not be read by user {user}, as whom it is printed: let the program make it "
    "readable for others (umask 022), or set securityContext.runAsUser, which counts for both",
}


def printer_name(position: int) -> str:
    """The container that prints the file at `position` in the collector's list."""
    return f"{_PRINTER}-{position}" if position else _PRINTER


def is_printer(container: str) -> bool:
    """Whether a container of this name is one of ours."""
    return re.fullmatch(rf"{_PRINTER}(-\d+)?", container) is not None


def complaint_of(pod: JsonObject, printer: str, path: str) -> str:
    """Why the printer could not print the file, as it said at its end; empty where it could."""
    for status in get_list(pod, "status", "initContainerStatuses"):
        if get(status, "name") == printer:
            words = _COMPLAINTS.get(get_string(status, "state", "terminated", "message").strip(), "")
            user = _user_in(pod, printer)
            return words.format(path=path, user=user)
    return ""


def _user_in(pod: JsonObject, printer: str) -> int:
    specs = [spec for spec in get_list(pod, "spec", "initContainers") if get(spec, "name") == printer]
    return get_integer(specs[0], ("securityContext", "runAsUser"), _NOBODY) if specs else _NOBODY


def can_print(path: str) -> bool:
    """Whether a volume can stand in for the file's folder: the root of a container cannot be replaced."""
    return path.startswith("/") and posixpath.dirname(posixpath.normpath(path)) != "/"


def printing(resource: JsonObject, target: Target) -> JsonObject:
    """The resource as it is made for the target: with a printer for each file of its collector that can be printed."""
    paths = [path for path in target.collector_paths if can_print(path)]
    profile = profile_of(get_string(resource, "apiVersion"), get_string(resource, "kind"))
    return with_printers(
        resource, profile, target.primary_container, paths, target.printer_image, whole=target.whole_files
    )


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
        container_spec = get_object(spec, *at)
        mount = _mount_of(container_spec, folder)
        if mount is None:
            name = f"{_PRINTER}-volume-{position}"
            mount = {"name": name, "mountPath": folder}
            tree = _appended(tree, (*place, *at, "volumeMounts"), mount)
            tree = _appended(tree, (*place, "volumes"), {"name": name, "emptyDir": {}})
        user = _user_of(spec, container_spec)
        printer = _printer(printer_name(position), path, mount, image, user, script)
        if _is_guaranteed(spec):
            printer["resources"] = {"requests": _GUARANTEED, "limits": _GUARANTEED}
        printer |= _variables_for(get_string(mount, "subPathExpr"), container_spec)
        tree = _appended(tree, (*place, "initContainers"), printer)
    return tree


def _variables_for(text: str, container: JsonObject) -> JsonObject:
    """Those of the container's variables that the text names, and that these name: a `subPathExpr` has to be the same
    folder in both.
    """
    env = {get_string(entry, "name"): entry for entry in get_list(container, "env")}
    wanted, untold = dict[str, None](), [text]
    while untold:
        for name in _REFERENCE.findall(untold.pop()):
            if name not in wanted:
                wanted[name] = None
                untold.append(get_string(env.get(name), "value"))
    found: JsonObject = {"env": [entry for name, entry in env.items() if name in wanted]} if wanted else {}
    if wanted.keys() - env.keys() and "envFrom" in container:
        found["envFrom"] = container["envFrom"]
    return found


def _is_guaranteed(spec: JsonObject) -> bool:
    """Whether each container is limited to what it requests; requests that are missing are those of the limits."""
    containers = [*get_list(spec, "initContainers"), *get_list(spec, "containers")]
    for container in containers:
        limits, requests = get_object(container, "resources", "limits"), get_object(container, "resources", "requests")
        if any(name not in limits or requests.get(name, limits[name]) != limits[name] for name in ("cpu", "memory")):
            return False
    return True


def _printer(name: str, path: str, mount: JsonObject, image: str, user: int, script: str) -> JsonObject:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "command": ["sh", "-c", script, "sh", path],
        "volumeMounts": [{**mount, "readOnly": True}],
        "resources": {"requests": _REQUESTS, "limits": _LIMITS},
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
    return {k: v for k, v in best.items() if k in ("name", "mountPath", "subPath", "subPathExpr")}


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
