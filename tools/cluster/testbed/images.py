"""Images from folders, as archives that containerd imports: no registry, no docker, nothing is run to make them."""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from testbed import builds, packages
from testbed.place import CannotRunError, cache, digest, made_once, say

PAUSE = "localhost/pause:1"
BUSYBOX = "localhost/busybox:1"
PYTHON = "localhost/python:3"
"""Every tag is a fixed one: `latest` would be pulled each time, and there is nothing to pull from."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Layer:
    """A tar file of files, and the digest that an image knows it by."""

    file: Path
    digest: str


@dataclass(frozen=True)
class Start:
    """How a container of the image starts, where the pod does not say it."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str = "/"
    environment: tuple[str, ...] = field(default=(_PATH,))

    def config(self) -> dict[str, object]:
        values = {"Entrypoint": self.entrypoint, "Cmd": self.command, "Env": self.environment}
        return {"WorkingDir": self.workdir, **{name: list(value) for name, value in values.items() if value}}


def pause() -> Path:
    def fill(root: Path) -> None:
        shutil.copy(builds.pause(), root / "pause")

    return _image(PAUSE, digest(builds.pause()), fill, Start(entrypoint=("/pause",), environment=()))


def busybox() -> Path:
    source = packages.for_image(packages.BUSYBOX)

    def fill(root: Path) -> None:
        for name in ("bin", "etc", "tmp", "dev", "proc", "sys"):
            (root / name).mkdir()
        shutil.copy(source / "bin" / "busybox", root / "bin" / "busybox")
        _link_applets(root / "bin")
        _accounts(root)

    return _image(BUSYBOX, source.name, fill, Start(command=("sh",)))


def python() -> Path:
    source = packages.for_image(packages.PYTHON)

    def fill(root: Path) -> None:
        shutil.copytree(source, root, symlinks=True, dirs_exist_ok=True)
        for name in ("etc", "tmp", "dev", "proc", "sys", "root"):
            (root / name).mkdir(exist_ok=True)
        _link_applets(root / "usr" / "bin")
        _accounts(root)

    start = Start(command=("python3",), environment=(_PATH, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"))
    return _image(PYTHON, source.name, fill, start)


def from_folder(name: str, folder: Path, target: Path) -> None:
    """Write the archive of an image that is the Python image with `folder` laid over it.

    `folder/image.toml`, optional, says what it says for the local runtime's stand-ins: `entrypoint`, `workdir`.
    """
    if ":" not in name.rpartition("/")[2]:
        raise CannotRunError(f"the image {name} has no tag: without one, a pod would pull it each time")
    if not folder.is_dir():
        raise CannotRunError(f"the image {name} cannot be made: {folder} is no folder")
    settings = folder / "image.toml"
    try:
        said = tomllib.loads(settings.read_text()) if settings.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise CannotRunError(f"{settings}: {error}") from None
    base = python().with_suffix(".layer")
    layer = _layer(folder, target.with_suffix(".layer"))
    start = Start(
        entrypoint=tuple(said.get("entrypoint", ())),
        command=() if "entrypoint" in said else ("python3",),
        workdir=said.get("workdir", "/"),
        environment=(_PATH, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"),
    )
    _archive(target, name, [Layer(base, _sha256(base)), layer], start)
    layer.file.unlink()


def _image(name: str, version: str, fill: Callable[[Path], None], start: Start) -> Path:
    """The archive of a base image; its layer lies beside it."""
    short = name.rpartition("/")[2].replace(":", "-")
    folder = cache() / "images" / f"{short}-{digest(version, Path(__file__))}"
    with made_once(folder) as unfinished:
        if unfinished:
            say(f"making the image {name}")
            root = unfinished / "root"
            root.mkdir()
            fill(root)
            if (root / "tmp").exists():
                (root / "tmp").chmod(0o1777)
            layer = _layer(root, unfinished / f"{short}.layer")
            _archive(unfinished / f"{short}.tar", name, [layer], start)
            shutil.rmtree(root)
    return folder / f"{short}.tar"


def _layer(root: Path, target: Path) -> Layer:
    """The files of a folder as a layer: owned by root, without times, so that equal folders give equal layers."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(root, arcname=".", filter=anonymous)
    return Layer(target, _sha256(target))


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _archive(target: Path, name: str, layers: list[Layer], start: Start) -> None:
    """Write what `docker save` writes: the layers, a configuration named by its digest, and a manifest."""
    config = {
        "architecture": _MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": start.config(),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
    }
    text = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    layer_names = [f"{layer.digest}.tar" for layer in layers]
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": layer_names}]
    with tarfile.open(target, "w") as archive:
        for file_name, content in ((config_name, text), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(file_name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for layer, layer_name in zip(layers, layer_names, strict=True):
            archive.add(layer.file, arcname=layer_name)


def _link_applets(folder: Path) -> None:
    """A link to busybox for each of its commands that the image does not have already."""
    listed = subprocess.run([folder / "busybox", "--list"], capture_output=True, text=True, check=True).stdout
    for applet in listed.split():
        if not (folder / applet).exists() and not (folder / applet).is_symlink():
            (folder / applet).symlink_to("busybox")


def _accounts(root: Path) -> None:
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
