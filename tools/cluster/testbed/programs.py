"""The programs of one cluster: started, kept running, and held where a test asks for it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testbed.place import CannotRunError

_PAUSE_BEFORE_RESTART = 1.0
_STEP = 0.1


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel kills this process when the one that started it ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@dataclass
class Program:
    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] | None = None
    sockets: Sequence[int] = ()
    process: "subprocess.Popen[bytes] | None" = None
    ended: float = field(default=0.0)

    @property
    def runs(self) -> bool:
        return self.process is not None


class Programs:
    """Starts programs and starts them again when they end; `FOLDER/hold/NAME` holds one down while it exists.

    Each writes to `FOLDER/log/NAME.log`. As the first process of a PID namespace this takes in orphans too, so it
    reaps whatever ends, and learns from that which of its own did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held = folder / "hold"
        self.programs: dict[str, Program] = {}
        for name in ("hold", "log"):
            (folder / name).mkdir(exist_ok=True)

    def start(self, program: Program) -> None:
        self.programs[program.name] = program
        self._start(program)

    def step(self) -> None:
        """Make it so: what is held is down, all else runs."""
        self._reap()
        for program in self.programs.values():
            held = (self.held / program.name).exists()
            if program.process and held:
                program.process.kill()
            elif not program.process and not held and time.monotonic() - program.ended > _PAUSE_BEFORE_RESTART:
                self._start(program)

    def wait_until(self, done: Callable[[], bool], what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise CannotRunError(f"{what}: not within {seconds:.0f} s; the logs are in {self.folder / 'log'}")
            self.step()
            time.sleep(_STEP)

    def stop(self) -> None:
        for program in reversed(self.programs.values()):
            if program.process:
                program.process.kill()
                program.process.wait()

    def _start(self, program: Program) -> None:
        with (self.folder / "log" / f"{program.name}.log").open("ab") as log:
            program.process = subprocess.Popen(
                [os.fspath(part) for part in program.command],
                cwd=self.folder,
                env=program.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=program.sockets,
                preexec_fn=die_with_parent,
            )

    def _reap(self) -> None:
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not ended:
                return
            for program in self.programs.values():
                if program.process and program.process.pid == ended:
                    program.process.returncode = os.waitstatus_to_exitcode(status)
                    program.process, program.ended = None, time.monotonic()
