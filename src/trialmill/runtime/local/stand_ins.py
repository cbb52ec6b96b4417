"""Folders that stand in for images: `--image NAME=DIR`, with an optional `DIR/image.toml`."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class StandInError(Exception):
    """A stand-in cannot be used: no such folder, or an image.toml that is wrong."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A folder that is the root of an image. `workdir` is a path in it; `python` is an interpreter of this machine."""

    folder: str
    entrypoint: tuple[str, ...] = ()
    workdir: str = ""
    python: str = ""

    def real(self, path: str) -> str | None:
        """Where an absolute path of the image is, if the folder has it."""
        if not path.startswith("/") or path.strip("/") == "":
            return None
        real = os.path.normpath(self.folder + path)
        inside = real.startswith(self.folder + "/")
        return real if inside and os.path.exists(real) else None


class StandIns:
    """All stand-ins, found by image name. A name without a tag serves every tag; one with a tag also no tag at all."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        """Raises StandInError."""
        self._by_name = {name: read_stand_in(folder) for name, folder in folders.items()}
        self._of_image: dict[str, StandIn | None] = {}

    def of(self, image: str) -> StandIn | None:
        if image not in self._of_image:
            self._of_image[image] = self._find(image)
        return self._of_image[image]

    def _find(self, image: str) -> StandIn | None:
        without_digest = image.partition("@")[0]
        bare = without_tag(without_digest)
        for name in (image, without_digest, bare):
            if name in self._by_name:
                return self._by_name[name]
        if bare == without_digest:
            return next((s for name, s in self._by_name.items() if without_tag(name.partition("@")[0]) == bare), None)
        return None


def without_tag(image: str) -> str:
    """`registry:5000/a/b:1` -> `registry:5000/a/b`: only a colon after the last slash begins a tag."""
    head, slash, last = image.rpartition("/")
    return head + slash + last.partition(":")[0]


def read_stand_in(folder: str) -> StandIn:
    """The stand-in in `folder`. Raises StandInError."""
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise StandInError(f"{folder} is no folder")
    file = path / "image.toml"
    if not file.exists():
        return StandIn(str(path))
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise StandInError(f"{file}: {error}") from error
    return _from_table(str(path), table, str(file))


def _from_table(folder: str, table: dict[str, Any], file: str) -> StandIn:
    entrypoint = table.pop("entrypoint", [])
    workdir = table.pop("workdir", "")
    python = table.pop("python", "")
    if not isinstance(entrypoint, list) or not all(isinstance(word, str) for word in entrypoint):
        raise StandInError(f"{file}: entrypoint must be a list of strings")
    if not isinstance(workdir, str) or (workdir and not workdir.startswith("/")):
        raise StandInError(f"{file}: workdir must be an absolute path in the image")
    if not isinstance(python, str):
        raise StandInError(f"{file}: python must be the path of an interpreter")
    if table:
        raise StandInError(f"{file}: unknown key {next(iter(table))!r}; there are entrypoint, workdir and python")
    if python:
        python = os.path.normpath(os.path.join(folder, os.path.expanduser(python)))
    return StandIn(folder, tuple(entrypoint), workdir, python)
