"""Bringing a cluster up and taking it down: the commands' half, and the keeper that stays behind while it runs.

python -m testbed.start FOLDER API-SOCKET ETCD-SOCKET    (the keeper)
"""

import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from testbed import namespaces
from testbed.place import SOURCES, CannotRunError, Plan, clusters, folder_of, locked, remove, say
from testbed.programs import die_with_parent

_PATIENCE = 180


def up(plan: Plan, sockets: tuple[socket.socket, ...]) -> Path:
    """Start the cluster, unless it runs already; the answer is its folder, with `kubeconfig` in it."""
    folder = folder_of(plan.name)
    with locked(clusters() / f".{plan.name}.lock"):
        if is_up(plan.name):
            return folder
        clean(folder)
        for name in ("log", "images"):
            (folder / name).mkdir(parents=True)
        plan.write(folder)
        descriptors = [one.fileno() for one in sockets] or [-1, -1]
        command: list[str | Path] = [sys.executable, "-m", "testbed.start", folder, *map(str, descriptors)]
        with (folder / "log" / "cluster.log").open("ab") as log:
            keeper = subprocess.Popen(
                command,
                cwd=SOURCES,
                env={**os.environ, "PYTHONPATH": str(SOURCES)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[one for one in descriptors if one >= 0],
                start_new_session=True,
            )
        try:
            _await_ready(keeper, folder)
        except BaseException:  # Ctrl-C too: what does not come up does not stay
            keeper.terminate()
            raise
        return folder


def _await_ready(keeper: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not (folder / "ready").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise CannotRunError(f"the cluster did not come up; the last of its log:\n{_last_lines(folder)}")
        time.sleep(0.05)


def is_up(name: str) -> bool:
    """Whether its keeper lives: that holds a lock on a file in the folder as long as it does."""
    try:
        with (folder_of(name) / "keeper").open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return (folder_of(name) / "ready").exists()
    except FileNotFoundError:
        return False
    return False


def down(name: str) -> bool:
    """End the cluster and leave nothing of it; False where there was none."""
    folder = folder_of(name)
    if not folder.exists():
        return False
    with locked(clusters() / f".{name}.lock"):
        if is_up(name):
            keeper = os.pidfd_open(int((folder / "keeper").read_text()))
            signal.pidfd_send_signal(keeper, signal.SIGTERM)
            select.select([keeper], [], [], 30)  # until it has ended
            os.close(keeper)
        clean(folder)
    return True


def clean(folder: Path) -> None:
    """Remove what a cluster left, after its processes are gone."""
    if not folder.exists():
        return
    deadline = time.monotonic() + 10
    while not namespaces.leave_no_cgroups(folder):
        if time.monotonic() > deadline:
            raise CannotRunError(f"processes of the cluster in {folder} are still there: see {folder / 'cgroups'}")
        time.sleep(0.05)
    remove(folder)


def add_image(archive: Path) -> None:
    """Hand over an archive in the cluster's folder `images`, and wait until its containerd has it."""
    waiting = archive.with_suffix(".tar")
    archive.rename(waiting)
    _await(waiting)


def order_of_operator(folder: Path, operator: str) -> Path:
    """The file of a cluster's folder that asks for an operator; in it is the folder of the operator's programs."""
    return folder / f"{operator}.wanted"


def add_operator(name: str, operator: str, built: Path) -> None:
    """Have an operator installed in a running cluster, unless it was."""
    folder = folder_of(name)
    installed, wanted = folder / f"{operator}.installed", order_of_operator(folder, operator)
    with locked(clusters() / f".{name}.lock"):
        if installed.exists():
            return
        unfinished = folder / f"{operator}.unfinished"
        unfinished.write_text(str(built))
        unfinished.rename(wanted)
        _await(wanted)
        installed.touch()


def _await(order: Path) -> None:
    """Wait until the cluster's process has taken the file in, and say what it found wrong."""
    wrong = order.with_suffix(".wrong")
    wrong.unlink(missing_ok=True)
    deadline = time.monotonic() + _PATIENCE
    while order.exists():
        if time.monotonic() > deadline:
            raise CannotRunError(f"the cluster did not take {order} in; its logs are beside it")
        time.sleep(0.05)
    if wrong.exists():
        raise CannotRunError(wrong.read_text())


def _last_lines(folder: Path, count: int = 20) -> str:
    file = folder / "log" / "cluster.log"
    return "\n".join(file.read_text(errors="replace").splitlines()[-count:]) if file.exists() else ""


def keep(folder: Path, sockets: tuple[int, int]) -> None:
    """Start the cluster's process, wait until it, its owner or a signal ends this, and clear up.

    It stays outside the namespaces: there it sees the owner, and everything inside dies with what it started.
    """
    handle = (folder / "keeper").open("w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    handle.write(str(os.getpid()))
    handle.flush()
    plan = Plan.read(folder)
    asked, ask = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(ask, b"x"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    command = [sys.executable, "-m", "testbed.cluster", str(folder), *map(str, sockets)]
    if plan.real_node:
        command = [sys.executable, "-m", "testbed.namespaces", str(folder), *command]
    child = subprocess.Popen(command, pass_fds=[one for one in sockets if one >= 0], preexec_fn=die_with_parent)
    own = os.pidfd_open(child.pid)
    ended = select.select([own, asked, *_owner(plan)], [], [])[0]
    asked_to_end = ended != [own]
    if child.poll() is None:
        child.terminate() if not plan.real_node else child.kill()  # with unshare, the kernel ends all that is inside
    child.wait()
    if (folder / "ready").exists() or asked_to_end:
        clean(folder)
    else:
        say(f"the cluster's process ended with {child.returncode}")  # its logs stay, for `up` to show


def _owner(plan: Plan) -> list[int]:
    """A descriptor that can be read when the owner has ended; none without one."""
    if plan.owner is None:
        return []
    try:
        return [os.pidfd_open(plan.owner)]
    except ProcessLookupError:
        return [os.open("/dev/null", os.O_RDONLY)]  # it has ended already


if __name__ == "__main__":
    keep(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])))
