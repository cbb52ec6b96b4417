"""Programs and images from Debian's packages, unpacked into the cache: nothing is installed on the machine."""

import os
import shutil
import subprocess
from pathlib import Path

from testbed.place import CannotRunError, cache, digest, made_once, say

NODE = ("containerd", "runc", "containernetworking-plugins", "nftables")
PYTHON = ("python3", "busybox-static")
BUSYBOX = ("busybox-static",)
CLOCK = ("libfaketime",)


def obstacle() -> str | None:
    """Why packages cannot be had here, or None."""
    missing = [name for name in ("apt-get", "dpkg-deb") if not shutil.which(name)]
    return f"{missing[0]} is not there" if missing else None


def for_node() -> Path:
    """A folder with containerd, runc, network plug-ins, nft, and those of their libraries that this machine lacks."""
    return _unpacked("node", NODE, complete=False)


def for_image(packages: tuple[str, ...]) -> Path:
    """A folder with these packages and everything that they need, as the root of an image."""
    return _unpacked("image", packages, complete=True)


def for_clock() -> Path:
    """The library that, loaded before a program, gives it another time of day; for programs with threads."""
    found = sorted(_unpacked("clock", CLOCK, complete=False).glob("usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise CannotRunError("the package libfaketime has no library")
    return found[0]


def environment(root: str | None) -> dict[str, str]:
    """What a program from `root` needs to find its libraries and to be found."""
    if root is None:
        return dict(os.environ)
    libraries = [str(path) for part in ("usr/lib", "lib") for path in Path(root).glob(f"{part}/*-linux-gnu")]
    path = f"{root}/usr/sbin:{root}/usr/bin:{root}/sbin:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LD_LIBRARY_PATH": ":".join(libraries)}


def _unpacked(kind: str, packages: tuple[str, ...], *, complete: bool) -> Path:
    target = cache() / "packages" / f"{kind}-{digest(*packages)}"
    with made_once(target) as unfinished:
        if unfinished:
            say(f"fetching {', '.join(packages)} from Debian's packages")
            archives = unfinished.parent / f"{unfinished.name}.archives"
            (archives / "partial").mkdir(parents=True)
            try:
                _download(packages, archives, complete=complete)
                for archive in sorted(archives.glob("*.deb")):
                    _unpack(archive, unfinished)
            finally:
                shutil.rmtree(archives)
    return target


def _download(packages: tuple[str, ...], archives: Path, *, complete: bool) -> None:
    """Fetch the packages with what they depend on: all of it, or what this machine has not installed."""
    nothing = archives / "nothing-is-installed"
    nothing.touch()
    options = [f"-oDir::Cache::archives={archives}", "-oDebug::NoLocking=true", "-oAPT::Sandbox::User=root"]
    if complete:
        options.append(f"-oDir::State::status={nothing}")
    else:
        options.append("--reinstall")
    command = ["apt-get", *options, "install", "-y", "-q", "--download-only", "--no-install-recommends", *packages]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode and os.geteuid() == 0:
        say("the lists of packages are missing or old: apt-get update")
        subprocess.run(["apt-get", "update", "-q"], capture_output=True, check=False)
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise CannotRunError(
            f"{', '.join(packages)} cannot be fetched: {' '.join(command)} ended with\n{result.stderr}"
        )


def _unpack(archive: Path, root: Path) -> None:
    """Unpack into a tree in which /bin, /sbin and /lib are links into /usr, as Debian has had it since 12."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    unwanted = ["./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian"]
    package = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
    tar: list[str | Path] = [
        "tar",
        "-x",
        "-C",
        root,
        "--no-same-owner",
        "--keep-directory-symlink",
        *(f"--exclude={x}" for x in unwanted),
    ]
    subprocess.run(tar, stdin=package.stdout, check=True)
    if package.wait():
        raise CannotRunError(f"{archive.name} cannot be unpacked")
