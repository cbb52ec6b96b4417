"""Making the volumes of a pod: folders, and files with given contents."""

import os
from pathlib import Path

from trialmill.kinds.plan import Pod, Volume, VolumeKind
from trialmill.runtime.local.layout import volume_directory
from trialmill.runtime.local.private_paths import PrivatePaths


def make_volumes(pod: Pod, directory: str) -> None:
    """Make what the pod's volumes need on disk. Safe to repeat. Raises OSError."""
    for volume in pod.volumes:
        if volume.kind is not VolumeKind.HOST_PATH:
            _make_volume(volume, volume_directory(directory, volume.name))


def make_places(paths: PrivatePaths, directory: str) -> None:
    """Make the folders of a container that nothing else makes: subpaths, and those of collectors. Raises OSError."""
    for place in paths.places:
        if place.real.startswith(directory + "/") and not os.path.exists(place.real):
            os.makedirs(os.path.dirname(place.real) if place.is_file else place.real, exist_ok=True)


def _make_volume(volume: Volume, directory: str) -> None:
    os.makedirs(directory, exist_ok=True)
    for name, content in volume.files.items():
        target = Path(directory, name)
        if not target.resolve().is_relative_to(Path(directory).resolve()):
            raise PermissionError(f"volume {volume.name} has a file outside itself: {name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
