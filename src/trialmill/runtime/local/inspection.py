"""What keeps a workload from running on this machine, found before anything starts."""

import os
import re
from collections.abc import Iterator
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import JsonObject, Path
from trialmill.kinds.plan import Container, Pod, Volume, VolumeKind, Workload
from trialmill.runtime.local.commands import CannotStartError, Commands
from trialmill.runtime.local.layout import is_safe_name
from trialmill.runtime.local.places import container_place, volume_place
from trialmill.runtime.local.private_paths import PrivatePaths
from trialmill.runtime.local.read_only import has_namespaces
from trialmill.runtime.local.slots import Slots

_LONGEST_WORD: Final = 128 * 1024 - 1
"""Bytes of one argument or environment entry that Linux accepts."""
_SCRIPT: Final = re.compile(r"/.*\.(py|sh|R|jl|js|pl|rb)")
_UNPLACED: Final = "/nonexistent"
"""Stands for the attempt's directory while there is none."""


def inspect(
    resource: JsonObject, workload: Workload, commands: Commands, slots: Slots, now: float, problems: Problems
) -> None:
    """Report every problem of the pods that would be made first, and of what they ask for, at its place in the
    resource.
    """
    _inspect_resources(workload, slots, problems)
    first = {run.pod: None for run in workload.step({}, now, now).start}
    for pod in map(workload.pod, first):
        for volume in pod.volumes:
            if not is_safe_name(volume.name):
                message = f"volume {volume.name!r} has a name that Kubernetes does not accept"
                problems.add("invalid-name", message, volume_place(resource, volume.name))
            if volume.kind is VolumeKind.HOST_PATH and not os.path.exists(volume.host_path):
                problems.add(
                    "host-path-missing",
                    f"volume {volume.name} is {volume.host_path}, which is not on this machine",
                    volume_place(resource, volume.name),
                    remedy="make it, or use an emptyDir",
                )
            elif volume.kind is VolumeKind.HOST_PATH and _is_read_only(pod, volume) and not has_namespaces():
                problems.warn(
                    "read-only-not-enforced",
                    f"volume {volume.name} is mounted readOnly, and nothing keeps a trial from writing to"
                    f" {volume.host_path}: this machine has no mount namespaces for you",
                    volume_place(resource, volume.name),
                    remedy="point it at a copy where its content matters",
                )
        for container in pod.containers:
            _inspect_container(resource, pod, container, commands, problems)


def _is_read_only(pod: Pod, volume: Volume) -> bool:
    return any(m.read_only for container in pod.containers for m in container.mounts if m.volume == volume.name)


def _inspect_resources(workload: Workload, slots: Slots, problems: Problems) -> None:
    wanted = workload.resources
    if wanted.gpus > len(slots.gpus):
        problems.add(
            "gpu-missing",
            f"{wanted.gpus} GPUs are asked for, and this machine has {len(slots.gpus)}",
            remedy="leave out the request, or set CUDA_VISIBLE_DEVICES where they are not found",
        )
    if wanted.cpu > slots.cpu:
        message = f"{wanted.cpu:g} CPUs are asked for, and this machine has {slots.cpu:g}; trials will run one by one"
        problems.warn("request-too-large", message)
    if wanted.memory > slots.memory:
        message = f"{_size(wanted.memory)} of memory are asked for, and this machine has {_size(slots.memory)}"
        problems.warn("request-too-large", f"{message}; trials will run one by one")


def _size(count: int) -> str:
    """Bytes in the unit that Kubernetes' users write: `1.5 Gi`."""
    for unit, size in (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"


def _inspect_container(
    resource: JsonObject, pod: Pod, container: Container, commands: Commands, problems: Problems
) -> None:
    def place(field: str) -> Path:
        return container_place(resource, container.name, field)

    if not is_safe_name(container.name):
        message = f"container {container.name!r} has a name that Kubernetes does not accept"
        problems.add("invalid-name", message, place("name"))
        return
    paths = commands.paths(pod, container, _UNPLACED)
    try:
        launch = commands.launch(container, paths, {})
    except CannotStartError as error:
        problems.add("command-cannot-start", str(error), place(error.field), remedy=error.remedy)
        return
    for path, text in paths.out_of_reach([*container.command, *container.args]):
        problems.add(
            "path-not-private",
            f"container {container.name} names {path} inside a longer text, where it cannot be made private to the pod",
            place("args" if text in container.args else "command"),
            found=_shortened(text),
            remedy=f"give {path} as an argument or an environment variable of its own",
        )
    for script in _missing_scripts(container, paths):
        problems.add(
            "script-missing",
            f"container {container.name} runs {script}, which is not on this machine",
            place("args" if script in container.args else "command"),
            remedy=f"name a folder that stands in for the image with --image {container.image or 'NAME'}=DIR",
        )
    entries = [*launch.command, *(f"{name}={value}" for name, value in launch.environment.items())]
    if any(len(os.fsencode(entry)) > _LONGEST_WORD for entry in entries):
        problems.add(
            "argument-too-long",
            f"container {container.name} has an argument or environment value of more than 128 KiB",
            place("args"),
            remedy="put it into a file: a ConfigMap volume",
        )


def _missing_scripts(container: Container, paths: PrivatePaths) -> Iterator[str]:
    """The script of an interpreter, its first argument that is no option, where there is no such file.

    A file in a volume may be made later, by an init container.
    """
    words = [*container.command, *container.args]
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    if _SCRIPT.fullmatch(script) and paths.real(script) is None and not os.path.exists(script):
        yield script


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
