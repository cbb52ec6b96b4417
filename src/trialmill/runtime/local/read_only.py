"""Folders of this machine that a container may read and not write: mounts of a `hostPath` with `readOnly`.

The command runs in a mount namespace of its own (Linux, by util-linux' `unshare`), in which they are mounted over
themselves, read-only. It protects against accidents: a process that wants to can undo it. Where there are no such
namespaces for this user, a warning says so before the start.
"""

import os
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import Final

from trialmill.kinds.plan import Container, Pod, VolumeKind

_MOUNT: Final = (
    'while [ "$1" != -- ]; do mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 126; shift; done; '
    'shift; cd "$PWD" && exec "$@"'  # the folder it stands in may be one of them, and is then entered anew
)
_PATIENCE: Final = 30


def read_only_folders(pod: Pod, container: Container) -> tuple[str, ...]:
    """Where the container's read-only mounts of `hostPath` volumes are on this machine."""
    volumes = {volume.name: volume for volume in pod.volumes if volume.kind is VolumeKind.HOST_PATH}
    mounts = (mount for mount in container.mounts if mount.read_only and mount.volume in volumes)
    return tuple(sorted({os.path.join(volumes[m.volume].host_path, m.sub_path).rstrip("/") or "/" for m in mounts}))


def protecting(folders: Sequence[str], words: Sequence[str]) -> list[str]:
    """The command, in a namespace where it cannot write to the folders; as it is where there are no namespaces."""
    if not folders or not has_namespaces():
        return list(words)
    return [*_unshare(), "/bin/sh", "-c", _MOUNT, "sh", *folders, "--", *words]


@cache
def has_namespaces() -> bool:
    """Whether this user may have mount namespaces; tried once."""
    try:
        tried = subprocess.run(
            [*_unshare(), "mount", "--bind", "/", "/"], capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _unshare() -> list[str]:
    own_user = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return ["unshare", "--mount", *own_user, "--"]
