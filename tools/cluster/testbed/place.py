"""Where the test bed keeps things: what is built once, and the folder of each running cluster."""

import fcntl
import hashlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1]
"""`tools/cluster`: this package, and beside it the Go modules."""

KUBERNETES = "v1.34.4"


class CannotRunError(Exception):
    """The test bed cannot do what was asked on this machine; the message is one plain sentence."""


def say(line: str) -> None:
    """Progress, for those who wait: one line on stderr."""
    print(f"cluster: {line}", file=sys.stderr, flush=True)


def cache() -> Path:
    """What is kept between runs; `TRIALMILL_CLUSTER_CACHE` moves it."""
    named = os.environ.get("TRIALMILL_CLUSTER_CACHE")
    if named:
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trialmill" / "cluster"


def digest(*parts: Path | str) -> str:
    """A name for what is made of these: the bytes of files and folders, and texts as they are."""
    state = hashlib.sha256()
    for part in parts:
        files = (
            sorted(p for p in part.rglob("*") if p.is_file()) if isinstance(part, Path) and part.is_dir() else [part]
        )
        for file in files:
            text = file.encode() if isinstance(file, str) else file.read_bytes()
            state.update(f"{getattr(file, 'name', '')} {len(text)}\n".encode() + text)
    return state.hexdigest()[:16]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Only one process at a time does what is inside; the lock ends with the process, and leaves no file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with file.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_at(handle.fileno(), file):
                continue  # whoever had it before has removed the file: this lock holds nobody off
            try:
                yield
            finally:
                file.unlink()
            return


def _is_at(descriptor: int, file: Path) -> bool:
    """Whether the open file is still the one of this path, which others may be removing and making anew."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


@contextmanager
def made_once(folder: Path) -> Iterator[Path | None]:
    """A folder to fill, which becomes `folder` when all of it is there; None where it is there already."""
    with locked(folder.parent / f".{folder.name}.lock"):
        if folder.exists():
            yield None
            return
        unfinished = folder.parent / f".{folder.name}.{os.getpid()}"
        unfinished.mkdir(parents=True)
        try:
            yield unfinished
            unfinished.rename(folder)
        finally:
            remove(unfinished)


def remove(folder: Path) -> None:
    """Remove a folder and everything in it, also what its owner may not write."""
    if not folder.exists():
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            (Path(parent) / name).unlink(missing_ok=True)
        for name in folders:
            path = Path(parent) / name
            path.unlink() if path.is_symlink() else path.rmdir()
    folder.rmdir()


@dataclass(frozen=True)
class Plan:
    """What a cluster is made of: decided when it is started, and written into its folder."""

    name: str
    programs: str
    """The folder with `kube-apiserver` and the others."""
    real_node: bool
    dns: str | None
    """CoreDNS."""
    packages: str | None
    """The folder that Debian's packages were unpacked into; None: the programs that are on the PATH."""
    images: tuple[str, ...]
    """Archives that the real node has from the beginning."""
    owner: int | None
    """The cluster ends when this process does."""
    api_port: int
    """On 127.0.0.1, for everybody on this machine."""
    etcd_port: int

    def write(self, folder: Path) -> None:
        (folder / "plan.json").write_text(json.dumps(self.__dict__, indent=2))

    @staticmethod
    def read(folder: Path) -> "Plan":
        values = json.loads((folder / "plan.json").read_text())
        return Plan(**{**values, "images": tuple(values["images"])})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def clusters() -> Path:
    return cache() / "clusters"


def folder_of(name: str) -> Path:
    """All that a cluster is, while it runs; `down` removes it."""
    return clusters() / name
