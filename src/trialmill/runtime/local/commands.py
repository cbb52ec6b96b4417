"""A container becomes a command of this machine: its words, its whole environment, and the folder it starts in."""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from trialmill.kinds.plan import Container, Pod
from trialmill.runtime.local.layout import pod_directory
from trialmill.runtime.local.private_paths import PrivatePaths, private_paths
from trialmill.runtime.local.read_only import protecting
from trialmill.runtime.local.spawn import Launch
from trialmill.runtime.local.stand_ins import StandIn, StandIns

_SHELL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENV: Final = "/usr/bin/env"
"""Sets the variables that Kubernetes allows and a shell drops, such as `num-layers`: the wrapper's shell may be one."""


class CannotStartError(Exception):
    """A container cannot be started on this machine; `remedy` says what would help, `field` of the container is
    where the fault lies.
    """

    def __init__(self, message: str, remedy: str = "", field: str = "command") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.field = field


class Commands:
    """Turns containers into commands. Remembers where commands were found: looking takes as long as starting them.

    `python` and `python3` are the first on the PATH, as in the user's own terminal; where there is none, the
    interpreter that runs this.
    """

    def __init__(
        self, base: str, stand_ins: StandIns, collector_paths: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self._base = base
        self._stand_ins = stand_ins
        self._collector_paths = tuple(collector_paths)
        self._environment = {"PYTHONUNBUFFERED": "1", **environment}
        self._found: dict[tuple[str, str], str] = {}

    def paths(self, pod: Pod, container: Container, attempt: str) -> PrivatePaths:
        """The container's private paths; `attempt` is the directory of its attempt."""
        if not container.mounts and not self._collector_paths and not container.image:
            return PrivatePaths()
        directory = pod_directory(attempt, pod.id)
        stand_in = self._stand_ins.of(container.image)
        return private_paths(pod, container, directory, self._collector_paths, stand_in)

    def launch(self, container: Container, paths: PrivatePaths, extra: Mapping[str, str]) -> Launch:
        """What to start for the container. `extra` is environment that it cannot override. Raises CannotStartError."""
        words = self.words(container, paths)
        environment = {**self._environment, **dict(container.env), **extra}
        if paths:
            environment |= {name: paths.value(text) for name, text in container.env if name not in extra}
        folder = self._folder(container, paths)
        words[0] = self._executable(words[0], environment, folder, container, paths.stand_in)
        odd = [name for name, _ in container.env if not _SHELL_NAME.fullmatch(name)]
        if odd:
            words = [_ENV, *(f"{name}={environment[name]}" for name in dict.fromkeys(odd)), *words]
        return Launch(protecting(paths.read_only, words), environment, folder)

    def words(self, container: Container, paths: PrivatePaths) -> list[str]:
        """Command and arguments with private paths made real. Raises CannotStartError where there is no command."""
        command = container.command or (paths.stand_in.entrypoint if paths.stand_in else ())
        words = [*command, *container.args]
        if not command or not words[0]:
            raise CannotStartError(
                f"container {container.name} has no command, and what image {container.image or '(none)'} would run"
                " is not known on this machine",
                "set `command`, or name a folder whose image.toml has an `entrypoint` with --image NAME=DIR",
            )
        return [paths.argument(word) for word in words] if paths else words

    def _folder(self, container: Container, paths: PrivatePaths) -> str:
        if container.working_dir:
            folder = paths.real(container.working_dir) or container.working_dir
        elif paths.stand_in and paths.stand_in.workdir:
            folder = paths.stand_in.real(paths.stand_in.workdir) or paths.stand_in.workdir
        else:
            return self._base
        folder = os.path.join(self._base, folder)
        if container.working_dir and folder != container.working_dir and paths.real(container.working_dir):
            return folder  # private: it may not be made yet
        if not os.path.isdir(folder):
            raise CannotStartError(
                f"container {container.name} starts in {folder}, which is no folder of this machine",
                "name a folder that stands in for the image with --image NAME=DIR, or leave out workingDir",
                "workingDir",
            )
        return folder

    def _executable(
        self, word: str, environment: Mapping[str, str], folder: str, container: Container, stand_in: StandIn | None
    ) -> str:
        if stand_in and stand_in.python and word in ("python", "python3"):
            return stand_in.python
        if "/" in word:
            path = os.path.join(folder, word)
            if os.access(path, os.X_OK) and not os.path.isdir(path):
                return path
            raise _not_found(word, container, "is no program of this machine")
        search = environment.get("PATH", os.defpath)
        found = self._found.get((word, search)) or _find(word, search)
        if found is None:
            raise _not_found(word, container, "is not on the PATH")
        self._found[word, search] = found
        return found


def _find(word: str, search: str) -> str | None:
    found = shutil.which(word, path=search)
    if found is None and word in ("python", "python3"):
        found = shutil.which("python3", path=search) or sys.executable or None
    return os.path.abspath(found) if found else None


def _not_found(word: str, container: Container, where: str) -> CannotStartError:
    image = container.image or "NAME"
    return CannotStartError(
        f"the command {word!r} of container {container.name} {where}",
        f"install it, or name a folder that stands in for the image with --image {image}=DIR",
    )
