"""A machine inside the machine: private namespaces and a cgroup of its own, so that a kubelet can rule them.

python -m testbed.namespaces FOLDER COMMAND...      (as root; ends as COMMAND, the first process inside)
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from testbed.control_plane import FIRST_SERVICE, NODE_ADDRESS

NODE = "node"
_CGROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = ("--mount", "--cgroup", "--pid", "--net", "--uts", "--ipc")
_SYSCTLS = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}


def obstacle(cache: Path) -> str | None:
    """Why this machine cannot have a real node, or None."""
    if os.geteuid() != 0:
        return "it takes root"
    if missing := [name for name in ("unshare", "nsenter", "mount", "ip") if not shutil.which(name)]:
        return f"{missing[0]} is not on the PATH"
    if (_CGROUPS / "cgroup.controllers").exists():
        return "this machine has cgroup v2 alone, with which it has not been made to work yet"
    if missing := [name for name in ("cpu", "memory", "pids", "devices") if not (_CGROUPS / name).exists()]:
        return f"there is no cgroup controller {missing[0]}"
    if Path("/var/lib") in cache.resolve().parents:
        return f"{cache} is below /var/lib, which the node covers: name another with TRIALMILL_CLUSTER_CACHE"
    tried = subprocess.run(["unshare", *_NAMESPACES, "--fork", "true"], capture_output=True, text=True)
    return f"namespaces are not allowed: {tried.stderr.strip()}" if tried.returncode else None


def join_cgroups(folder: Path) -> None:
    """Move this process into a new cgroup below its present one, in every hierarchy; `FOLDER/cgroups` lists them.

    So the cluster stays under the limits that its caller has, and the new cgroup becomes the root inside.
    """
    made = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            continue
        group = _CGROUPS / controllers.removeprefix("name=") / path.strip("/") / f"trialmill-{os.getpid()}"
        group.mkdir()
        made.append(str(group))
        for name in ("cpuset.cpus", "cpuset.mems"):  # a new cpuset is empty, and nothing may run in it
            if (group / name).exists():
                (group / name).write_text((group.parent / name).read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))
    (folder / "cgroups").write_text("\n".join(made))


def leave_no_cgroups(folder: Path) -> bool:
    """Remove what `join_cgroups` made; False while something in it still ends."""
    listed = folder / "cgroups"
    groups = [Path(line) for line in listed.read_text().splitlines()] if listed.exists() else []
    for group in groups:
        for parent, _, _ in os.walk(group, topdown=False):
            try:
                Path(parent).rmdir()
            except OSError:
                return False
    return True


def furnish(folder: Path, *, services: bool) -> None:
    """From inside: mounts, a host name, kernel settings and a network of its own. `services`: kube-proxy will run."""
    _mount("--make-rprivate", "/")
    _mount_cgroups()
    _mount("-t", "tmpfs", "-o", "mode=755", "run", "/run")
    Path("/run/lock").mkdir()
    (folder / "pods-log").mkdir()
    _mount("--bind", folder / "pods-log", "/var/log")
    upper, work = folder / "var-lib" / "upper", folder / "var-lib" / "work"
    for path in (upper, work):
        path.mkdir(parents=True)
    _mount("-t", "overlay", "-o", f"lowerdir=/var/lib,upperdir={upper},workdir={work}", "overlay", "/var/lib")
    _run("hostname", NODE)
    _keep_kernel_settings(folder)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "bridge")
    _run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", "node0")
    _run("ip", "link", "set", "node0", "up")
    _run("ip", "route", "add", "default", "via", NODE_ADDRESS)
    if not services:  # then at least the API server's own service has an address that leads to it
        _run("ip", "address", "add", f"{FIRST_SERVICE}/32", "dev", "lo")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _mount_cgroups() -> None:
    """Mount each hierarchy anew, so that the cgroup of this cluster is what lies at its root."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    _run("umount", "-R", _CGROUPS)
    _mount("-t", "sysfs", "sysfs", "/sys")
    _mount("-t", "tmpfs", "-o", "mode=755", "cgroup", _CGROUPS)
    for number, controllers, _ in lines:
        if number == "0":
            continue
        target = _CGROUPS / controllers.removeprefix("name=")
        target.mkdir()
        options = f"none,{controllers}" if controllers.startswith("name=") else controllers
        _mount("-t", "cgroup", "-o", options, "cgroup", target)
        for name in controllers.split(",") if "," in controllers else ():
            (_CGROUPS / name).symlink_to(target.name)


def _keep_kernel_settings(folder: Path) -> None:
    """kubelet sets these for the whole machine: it gets files of its own to write to."""
    (folder / "sysctl").mkdir()
    for name, value in _SYSCTLS.items():
        file = folder / "sysctl" / name.rpartition("/")[2]
        file.write_text(value)
        _mount("--bind", file, f"/proc/sys/{name}")


def _mount(*arguments: str | Path) -> None:
    _run("mount", *arguments)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    join_cgroups(Path(sys.argv[1]))
    os.execvp("unshare", ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--mount-proc", *sys.argv[2:]])  # noqa: S606
