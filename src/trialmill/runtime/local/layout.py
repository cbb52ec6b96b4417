"""Where everything of an attempt is on disk.

    ROOT/EXPERIMENT-UID/manifests.jsonl     the resource of each attempt, as it was made; nothing runs before it is
    there ROOT/EXPERIMENT-UID/INDEX-ATTEMPT/      the attempt suspended, removed                  markers COMPLETION-
    RETRY/volumes/NAME       the volumes of a pod, where it has some COMPLETION-RETRY.CONTAINER-RUN[.LAUNCH].log, .run
    the output of a run, and its record; `.gpus` where it has some

All names derive from the attempt's key, so that any process finds them without an index. A run is known by its stem,
the path that the names of its files begin with; the lock of a run is one on its log. A launch is another try at
starting a run that a crash kept from starting. Runs have no directories of their own: to make one costs a tenth of a
short trial.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trialmill.engine.records import AttemptKey
from trialmill.kinds.plan import PodId, RunId

_ATTEMPT: Final = re.compile(r"(\d+)-(\d+)")
_RUN: Final = re.compile(r"(\d+)-(\d+)\.(.+)-(\d+)(?:\.(\d+))?\.log")
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, as it was found on disk."""

    id: RunId
    launch: int
    stem: str


def is_safe_name(name: str) -> bool:
    """Whether a name can be part of a file name here: the names of Kubernetes can."""
    return _SAFE_NAME.fullmatch(name) is not None


def experiment_directory(root: str, experiment_uid: str) -> str:
    return f"{root}/{experiment_uid}"


def attempt_directory(root: str, key: AttemptKey) -> str:
    return f"{root}/{key.experiment_uid}/{key.trial_index}-{key.attempt}"


def pod_directory(attempt: str, pod: PodId) -> str:
    return f"{attempt}/{pod.completion}-{pod.retry}"


def volume_directory(pod: str, volume: str) -> str:
    return f"{pod}/volumes/{volume}"


def run_stem(attempt: str, run: RunId, launch: int) -> str:
    suffix = f".{launch}" if launch else ""
    return f"{attempt}/{run.pod.completion}-{run.pod.retry}.{run.container}-{run.run}{suffix}"


def log_of(stem: str) -> str:
    """The output of a run; its lock is on it too."""
    return f"{stem}.log"


def attempts_on_disk(root: str, experiment_uid: str) -> list[AttemptKey]:
    """The attempts of an experiment that have a directory, by index."""
    try:
        names = os.listdir(experiment_directory(root, experiment_uid))
    except FileNotFoundError:
        return []
    found = (_ATTEMPT.fullmatch(name) for name in names)
    return sorted(AttemptKey(experiment_uid, int(m[1]), int(m[2])) for m in found if m)


def runs_on_disk(attempt: str) -> list[FoundRun]:
    """Every run of an attempt, in the order of pod, container, run and launch."""
    return sorted(_runs(attempt), key=lambda found: (found.id, found.launch))


def _runs(attempt: str) -> Iterator[FoundRun]:
    for name in os.listdir(attempt):
        if run := _RUN.fullmatch(name):
            id = RunId(PodId(int(run[1]), int(run[2])), run[3], int(run[4]))
            yield FoundRun(id, int(run[5] or 0), f"{attempt}/{name.removesuffix('.log')}")


def set_marker(attempt: str, name: str) -> None:
    """Create a marker; an attempt whose directory was deleted needs none."""
    try:
        os.close(os.open(f"{attempt}/{name}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
    except FileNotFoundError:
        return


def clear_marker(attempt: str, name: str) -> None:
    try:
        os.unlink(f"{attempt}/{name}")
    except FileNotFoundError:
        return


def has_marker(attempt: str, name: str) -> bool:
    return os.path.exists(f"{attempt}/{name}")


def write_note(stem: str, name: str, text: str) -> None:
    """Leave a short text beside a run. Raises OSError."""
    with open(f"{stem}.{name}", "w", encoding="utf-8") as file:
        file.write(text)


def read_note(stem: str, name: str) -> str:
    """A text left by `write_note`, empty for none."""
    try:
        with open(f"{stem}.{name}", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything: a nearly full disk takes a part and refuses the rest only at the next call."""
    while data:
        data = data[os.write(descriptor, data) :]
