"""Paths that mean something else in each pod: volumes, the files that collectors read, and stand-ins of images.

Whole arguments, `--option=/path` and environment values (also lists with colons, such as PYTHONPATH) are rewritten to
the private place. A path inside longer text, as in `sh -c "... > /data/x"`, cannot be told from other text; it is
found here and refused before anything starts.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from trialmill.kinds.plan import Container, Pod, Volume, VolumeKind
from trialmill.runtime.local.layout import volume_directory
from trialmill.runtime.local.read_only import read_only_folders
from trialmill.runtime.local.stand_ins import StandIn

_OPTION: Final = re.compile(r"(-{1,2}[A-Za-z0-9][A-Za-z0-9_.-]*=)(/.*)", re.DOTALL)
_PATH_IN_TEXT: Final = re.compile(r"(?<![\w./$}~-])/[\w.@+-]+(?:/[\w.@+-]+)*")
COLLECTOR_VOLUME: Final = "metrics-volume"
"""The volume that Katib puts at the folder of a file that its collector reads; not a name that users choose."""


class Place(NamedTuple):
    """A path in the container, and where it is on this machine. `is_file`: the path is a file that will be written."""

    path: str
    real: str
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class PrivatePaths:
    """The private paths of one container: `places`, longest first, then what its image's stand-in has.

    `read_only` are folders of this machine among them that it must not write to.
    """

    places: tuple[Place, ...] = ()
    stand_in: StandIn | None = None
    read_only: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.places) or self.stand_in is not None

    def real(self, path: str) -> str | None:
        """Where a path of the container is on this machine; None where it is not private."""
        if not path.startswith("/"):
            return None
        for place in self.places:
            if path == place.path or path.startswith(place.path + "/"):
                return place.real + path[len(place.path) :]
        return self.stand_in.real(path) if self.stand_in else None

    def argument(self, text: str) -> str:
        """An argument with its path made real, be it the whole or the value of an option."""
        if text.startswith("/"):
            return self.real(text) or text
        option = _OPTION.fullmatch(text)
        return option[1] + (self.real(option[2]) or option[2]) if option else text

    def value(self, text: str) -> str:
        """An environment value with its paths made real; colons separate several."""
        if "/" not in text:
            return text
        return ":".join(self.real(part) or part for part in text.split(":"))

    def out_of_reach(self, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(path, text) of each private path that stands inside a longer text, where rewriting does not reach it.

        A path that the stand-in and the machine both have is left to the machine: it is most likely `/bin/sh`.
        """
        for text in texts:
            whole = text.startswith("/") and not re.search(r"\s", text)
            if whole or _OPTION.fullmatch(text):
                continue
            for found in _PATH_IN_TEXT.finditer(text):
                if self._is_private(found[0]):
                    yield found[0], text

    def _is_private(self, path: str) -> bool:
        if any(path == place.path or path.startswith(place.path + "/") for place in self.places):
            return True
        stands_in = self.stand_in is not None and self.stand_in.real(path) is not None
        return stands_in and not os.path.exists(path)


def private_paths(
    pod: Pod, container: Container, directory: str, collector_paths: Sequence[str], stand_in: StandIn | None
) -> PrivatePaths:
    """The private paths of a container whose pod has `directory`."""
    volumes = {volume.name: volume for volume in pod.volumes}
    places = {
        Place(_clean(mount.path), _with(_volume_place(volumes[mount.volume], directory), mount.sub_path))
        for mount in container.mounts
        if mount.volume in volumes
    }
    places.update(collector_places(container, directory, collector_paths))
    ordered = sorted(places, key=lambda place: (-len(place.path), place.path))
    return PrivatePaths(tuple(ordered), stand_in, read_only_folders(pod, container))


def collector_places(container: Container, directory: str, paths: Sequence[str]) -> list[Place]:
    """Where files that a collector reads go when no volume covers them: Katib puts an emptyDir at their folder.

    A file in the root folder is itself the place, since the root cannot be a volume.
    """
    mounted = [_clean(mount.path) for mount in container.mounts]
    places = []
    for path in map(_clean, paths):
        if any(path == m or path.startswith(m + "/") for m in mounted):
            continue
        folder, name = os.path.split(path)
        real = volume_directory(directory, COLLECTOR_VOLUME)
        if folder == "/":
            places.append(Place(path, f"{real}/{name}", is_file=True))
        else:
            places.append(Place(folder, real + folder))
    return places


def _volume_place(volume: Volume, directory: str) -> str:
    if volume.kind is VolumeKind.HOST_PATH:
        return volume.host_path.rstrip("/") or "/"
    return volume_directory(directory, volume.name)


def _with(place: str, sub_path: str) -> str:
    return f"{place}/{sub_path}" if sub_path else place


def _clean(path: str) -> str:
    return os.path.normpath("/" + path.lstrip("/"))
