"""What a resource becomes on one machine: pods, their containers, and how the ends of their runs add up to a status.

A `Workload` is pure and level-triggered. The runtime tells it which container runs exist and how they ended (`Facts`,
read from disk), and it answers with the status that the real controller would have written by now, the runs that
should be started or stopped, and when to ask again. It remembers nothing, so recovery after a crash is the normal
path.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias

from trialmill.api.tree import JsonObject


class PodId(NamedTuple):
    """A pod of a workload: its completion index (0 where there is none), and its number among the pods made for that
    index.
    """

    completion: int
    retry: int


class RunId(NamedTuple):
    """One run of one container; a container that is restarted in its pod has runs 0, 1, 2, ..."""

    pod: PodId
    container: str
    run: int


@dataclass(frozen=True, slots=True)
class Running:
    """The run is under way. Times are seconds since the epoch."""

    started: float


@dataclass(frozen=True, slots=True)
class Exited:
    """The run is over: `code` as a shell reports it (128 + signal for a signal).

    `out_of_memory` where the runtime knows that the kernel ended the run for want of memory.
    """

    code: int
    started: float
    finished: float
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Unstartable:
    """The run could not be started at all (no such command, no permission); it counts as a failed run."""

    message: str
    at: float


RunFact: TypeAlias = Running | Exited | Unstartable
Facts: TypeAlias = Mapping[RunId, RunFact]
"""Every run that was ever started; a run that is not named was not."""


class Role(StrEnum):
    INIT = "init"
    SIDECAR = "sidecar"
    """A native sidecar: an init container with restartPolicy Always."""
    MAIN = "main"


class VolumeKind(StrEnum):
    EMPTY_DIR = "emptyDir"
    HOST_PATH = "hostPath"
    FILES = "files"
    """Given contents: a ConfigMap, a Secret, the downward API, or several of them projected into one."""


@dataclass(frozen=True, slots=True)
class Volume:
    """`files` maps relative paths to contents for FILES; `host_path` is the folder or file for HOST_PATH."""

    name: str
    kind: VolumeKind
    host_path: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    volume: str
    path: str
    sub_path: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """What is asked for: CPU in cores, memory in bytes, GPUs in pieces. Requests, else limits, as Kubernetes fills
    them in.
    """

    cpu: float = 0.0
    memory: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """A container with everything resolved that its manifest says: `env` in order, references and $(VAR) replaced."""

    name: str
    role: Role
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    resources: Resources = Resources()


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod, ready to run. Containers are in the order of their start: init containers and sidecars, then the
    others.
    """

    id: PodId
    name: str
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...] = ()
    grace: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod as far as it has come. `primary` marks the one whose output counts, at most one; `over`: nothing more
    comes.
    """

    id: PodId
    name: str
    primary: bool
    over: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from the facts.

    `status` is the resource's status as the real controller would write it; `start` and `stop` name runs (stopping is
    gentle: SIGTERM, the pod's grace period, SIGKILL; a run stays in `stop` until it has exited); `wake` is when to
    ask again though nothing happens (a retry's delay, a deadline); `over` says that nothing runs and nothing will.
    `evidence` tells in one line what the containers say about a failure (container, exit code), empty for none.
    `pods` are oldest first.
    """

    status: JsonObject
    start: tuple[RunId, ...] = ()
    stop: tuple[RunId, ...] = ()
    wake: float | None = None
    over: bool = False
    evidence: str = ""
    pods: tuple[PodView, ...] = ()


class Workload(Protocol):
    """A resource, lowered to pods."""

    @property
    def resources(self) -> Resources:
        """The most that it uses at once."""

    def pod(self, pod: PodId) -> Pod:
        """The pod of this id, resolved. Cheap, and the same each time."""

    def step(self, facts: Facts, now: float, created: float, suspended: bool = False) -> Step:
        """What is true and what is to be done at `now`; `created` is when the resource was made."""
