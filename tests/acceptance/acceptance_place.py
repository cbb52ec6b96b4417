"""A folder to work in as a user does: an Experiment's file, the real command, and what it leaves behind."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

import trialmill

PATIENCE: Final = 120.0
"""Seconds that anything here may take, however busy the machine is; what needs longer hangs."""
MARK: Final = "TRIALMILL_ACCEPTANCE"
_BROKEN: Final = ("Traceback (most recent call last)", "this is a fault in Trialmill", "was never awaited")

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has answered."""

    code: int
    out: str
    err: str

    @property
    def tree(self) -> Tree:
        tree: Tree = json.loads(self.out)
        return tree


@dataclass(frozen=True, slots=True)
class Place:
    """A working directory of its own. Every process that descends from its commands carries `mark`."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, content: str | bytes | Tree) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = yaml.safe_dump(content, sort_keys=False)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def __call__(
        self, *words: str, code: int | None = 0, stdin: str | None = None, seconds: float = PATIENCE
    ) -> Outcome:
        """Run a command to its end, which has to come with this code; None for any."""
        process = self.start(*words, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
        return self.end_of(process, code=code, stdin=stdin, seconds=seconds)

    def start(self, *words: str, stdin: int = subprocess.DEVNULL, program: str | None = None) -> subprocess.Popen[str]:
        """Start a command; with `program`, Python code that runs it its own way, with the command's words in argv."""
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", program, *words] if program else self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def end_of(
        self,
        process: subprocess.Popen[str],
        *,
        code: int | None = 0,
        stdin: str | None = None,
        seconds: float = PATIENCE,
    ) -> Outcome:
        """The outcome of a command that was started. Whatever the input was, none shows a traceback."""
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            out, err = process.communicate()
            raise AssertionError(f"{process.args!r} hangs\n{out}\n{err}") from None
        outcome = Outcome(process.returncode, out, err)
        told = f"{process.args!r} ended with {outcome.code}\n{out[-3000:]}\n{err[-3000:]}"
        assert not any(words in err + out for words in _BROKEN), told
        assert code is None or outcome.code == code, told
        return outcome

    @staticmethod
    def command(*words: str) -> list[str]:
        return [sys.executable, "-X", "faulthandler", "-m", "trialmill", *words]

    @property
    def environment(self) -> dict[str, str]:
        packages = str(Path(trialmill.__file__).parent.parent)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIALMILL_")}
        return {**inherited, "PYTHONPATH": packages, "NO_COLOR": "1", MARK: self.mark, **self.variables}

    # --- what is there afterwards

    def experiment(self, name: str = "e") -> Tree:
        return self("get", name, "-o", "json").tree

    def trials(self, name: str = "e") -> list[Tree]:
        items: list[Tree] = self("trials", name, "-o", "json").tree["items"]
        return items

    @property
    def store(self) -> Path:
        return self.folder / ".trialmill" / "store.db"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the store holds, past the program."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def count_of_trials(self) -> int:
        """How many trials the store holds; none before it has its tables, which come a moment after its file."""
        if not self.store.exists() or not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'trial'"):
            return 0
        count: int = self.rows("SELECT COUNT(*) FROM trial")[0][0]
        return count

    def processes(self) -> dict[int, str]:
        """Every process that descends from this place's commands and is still there; nothing where /proc is absent."""
        return {pid: _command_line(pid) for pid in self._pids()}

    def _pids(self) -> set[int]:
        """A process that is becoming another program shows no environment just then: it is known by its parent."""
        mark = f"{MARK}={self.mark}".encode()
        alive = {pid: parent for pid, (state, parent) in _process_table().items() if state not in "ZX"}
        found = {pid for pid in alive if mark in _read(pid, "environ").split(b"\0")}
        while children := {pid for pid, parent in alive.items() if parent in found and pid not in found}:
            found |= children
        return found

    def stand_still(self) -> bool:
        """Whether every process here that is not a command of ours is stopped, as by SIGSTOP."""
        own = {process.pid for process in self.started}
        table = _process_table()
        return all(table[pid][0] == "T" for pid in self._pids() - own if pid in table)

    def assert_nothing_runs(self) -> None:
        """A process that was just killed may need a moment to be gone."""
        wait_until(lambda: not self.processes(), lambda: f"left over: {self.processes()}")

    def clean(self) -> None:
        """Kill everything, as a machine does that goes down: nobody lives to see another die and tell of it, and when
        this returns, all is given back that processes hold, such as locks.
        """
        stopped: set[int] = set()
        while new := self._pids() - stopped:  # also what has come into being since the look before
            for pid in new:
                _send(pid, signal.SIGSTOP)
            stopped |= new
        for pid in stopped:
            _send(pid, signal.SIGKILL)
        wait_until(lambda: all(state in "ZX" for pid, (state, _) in _process_table().items() if pid in stopped))
        for process in self.started:
            process.communicate()


def _process_table() -> dict[int, tuple[str, int]]:
    """State and parent of every process; a zombie has given back all that it held."""
    table = {}
    for entry in Path("/proc").glob("[0-9]*"):
        words = _read(int(entry.name), "stat").rpartition(b")")[2].split()
        if words:
            table[int(entry.name)] = (words[0].decode(), int(words[1]))
    return table


def _command_line(pid: int) -> str:
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def _read(pid: int, name: str) -> bytes:
    """What /proc says of a process; nothing of one that has ended meanwhile or is somebody else's."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until(
    is_so: Callable[[], object], told: Callable[[], str] = lambda: "it never came", seconds: float = PATIENCE
) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, told()
        time.sleep(0.02)


def experiment(
    command: Sequence[str],
    *,
    name: str = "e",
    trials: int = 4,
    parallel: int = 2,
    **spec: Any,
) -> Tree:
    """An Experiment with one parameter, `x` from 0 to 1, that minimizes `loss` by random search.

    `spec` is put into the Experiment's spec; `job`, `pod` and `container` in it go into the Job at those depths.
    """
    job, pod, container = (spec.pop(part, {}) for part in ("job", "pod", "container"))
    main = {"name": "main", "image": "any", "command": list(command), **container}
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": min(parallel, trials),
            "maxTrialCount": trials,
            "parameters": [
                {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}},
            ],
            "trialTemplate": {
                "primaryContainerName": "main",
                "trialParameters": [{"name": "x", "reference": "x"}],
                "trialSpec": {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "spec": {
                        "backoffLimit": 0,
                        **job,
                        "template": {"spec": {"restartPolicy": "Never", "containers": [main], **pod}},
                    },
                },
            },
            **spec,
        },
    }


def shell(script: str) -> list[str]:
    """A command that runs `script` with the parameter as $x and the trial's name as $trial."""
    return ["sh", "-c", f"x=$0 trial=$1; {script}", "${trialParameters.x}", "${trial.name}"]


def last_condition(tree: Tree) -> Tree:
    condition: Tree = tree["status"]["conditions"][-1]
    return condition


def ends(trials: Sequence[Tree]) -> list[str]:
    """How each trial ended: the type of its last condition."""
    return [last_condition(trial)["type"] for trial in trials]


def assignments(trials: Sequence[Tree]) -> list[dict[str, str]]:
    return [{a["name"]: a["value"] for a in trial["spec"]["parameterAssignments"]} for trial in trials]
