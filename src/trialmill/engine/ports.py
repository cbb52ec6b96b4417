"""What the engine needs of the world. Runtimes, stores, algorithms, collectors and clocks stand behind these protocols.

They are shaped so that processes on a laptop, a cluster driven from outside, an operator and a simulation can all
implement them: creating is idempotent, changes come as snapshots with an explicit "synced", saving compares versions
record by record, and points are stored in one step with the position they were read at. `trialmill.testing` has a
conformance suite for each.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from trialmill.api.history import AttemptView, Decision, Exhausted, History, Settings, Suggestions
from trialmill.api.metric import Point
from trialmill.api.problem import Problem
from trialmill.api.space import Space
from trialmill.api.tree import Json, JsonObject
from trialmill.api.verdict import Stuck
from trialmill.engine.records import (
    AttemptKey,
    EventRecord,
    ExperimentRecord,
    ExperimentRef,
    Record,
    TrialPhase,
    TrialRecord,
)

# --- Runtime


@dataclass(frozen=True, slots=True)
class Created:
    """The resource was made just now."""

    uid: str
    handle: Json = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The resource of this key was there already: ours, from before a crash or a lost answer."""

    uid: str
    handle: Json = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The resource will never be accepted as it is."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Not now (a quota that is used up, an overloaded server): ask again after `delay`. The trial is said to wait for
    `reason`, in the runtime's words; `cause` is the same in one.
    """

    delay: timedelta
    reason: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The resource as it is now, whole, with its status.

    `evidence` is what pods and containers say about a failure ("container train exited with code 1"), empty for
    nothing. `stuck` is what they wait for in vain, as long as they do. `ended` is when what ran had ended, where the
    runtime knows: that may be long before anybody looked.
    """

    key: AttemptKey
    uid: str
    resource: JsonObject
    evidence: str = ""
    stuck: Stuck | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The resource is no longer there. `pod` is the one whose output counts, as it ended, where that is still there and
    stays.
    """

    key: AttemptKey
    uid: str
    message: str = ""
    pod: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that existed when `changes` was called has been told. A key that was not named has no resource."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nothing can be seen or made at the moment: `reason` is one word, `message` says why, and what its user can do.
    What runs goes on. Both are empty when it is over.
    """

    reason: str = ""
    message: str = ""


class RuntimeLostError(Exception):
    """A runtime has given up, and only its user can help; what runs there goes on, and nothing of it is lost."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class PodRef:
    """One pod of an attempt. `primary` marks the one whose output counts; never two at a time.

    A pod that replaces another (a Job's retry) has a new name and a later place in the list. `over` says that nothing
    more comes.
    """

    name: str
    containers: tuple[str, ...]
    primary: bool = True
    over: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a source: `offset` bytes after the place that `token`, the runtime's own word, names."""

    offset: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """Standard output and error of one container."""

    key: AttemptKey
    pod: str
    container: str

    @property
    def name(self) -> str:
        return f"{self.pod}/{self.container}"


@dataclass(frozen=True, slots=True)
class File:
    """A file that one container writes."""

    key: AttemptKey
    pod: str
    container: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.pod}/{self.container}:{self.path}"


Source: TypeAlias = Log | File


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a source that begin at `at`. `gap` says what was lost just before them, empty for nothing."""

    data: bytes
    at: Cursor
    gap: str = ""


class Runtime(Protocol):
    """Where resources run."""

    async def check(self, resource: JsonObject, parts: Sequence[JsonObject] = ()) -> list[Problem]:
        """What keeps this resource from running here at all, with the parts that are made with it; asked before
        anything starts.
        """

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        """Make sure that the key's resource exists, and its parts: resources that are made before it and removed with
        it. Safe to repeat: never makes a second one.
        """

    async def remove(self, key: AttemptKey, uid: str, grace: timedelta) -> None:
        """Ask for the end of the resource; `Gone` is told when it has happened. Safe to repeat, and for what is not
        there.
        """

    async def suspend(self, key: AttemptKey, uid: str, on: bool) -> bool:
        """Suspend or go on. False: this kind cannot be suspended."""

    def changes(
        self, experiment_uid: str, keys: Collection[AttemptKey]
    ) -> AsyncIterator[Snapshot | Gone | Synced | Trouble]:
        """The resources of the experiment as they are, then `Synced`, then each change. Raises RuntimeLostError.

        `keys` are the attempts that have not ended: those of the past need not be told, which keeps reopening a long
        experiment cheap. Of each key only the newest state is promised.
        """

    async def pods(self, key: AttemptKey) -> list[PodRef]:
        """The attempt's pods that have started, oldest first. A snapshot tells when there is one more."""

    def read(self, source: Source, after: Cursor | None) -> AsyncIterator[Chunk]:
        """The source's bytes from `after` on, following it while it grows; ends when nothing more can come."""


# --- Store


class StoreError(Exception):
    """Base of what a store raises."""


class NotFoundError(StoreError):
    """No such experiment."""


class ConflictError(StoreError):
    """Somebody else saved this record since it was read."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was changed by another process; load it again")
        self.what = what


class AlreadyExistsError(StoreError):
    """An experiment of this name is there already."""


class HeldByError(StoreError):
    """Another process drives this experiment."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"driven by {holder}")
        self.holder = holder


class CursorExpiredError(StoreError):
    """The store no longer knows what changed since; load everything again."""


class StoreUnavailableError(StoreError):
    """The store cannot be read or written (disk full, no permission); the message says why."""


class StoreUnusableError(StoreUnavailableError):
    """The store cannot even be opened (no folder, newer schema, no database): nothing was begun with it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something of this experiment was saved; `cursor` is the position after it."""

    experiment_uid: str
    cursor: str


class Lease(Protocol):
    """The right to drive an experiment, until it is released or its time runs out."""

    holder: str

    async def renew(self, ttl: timedelta) -> None:
        """Hold on for `ttl` from now. Raises HeldByError when it was taken over meanwhile."""

    async def release(self) -> None: ...


class TrialStore(Protocol):
    """Remembers experiments and trials.

    Records are frozen; saving hands back copies that carry the new version. Each record is saved whole or not at all;
    several in one call need not be atomic together (an SQL store may do them in one transaction, objects on a cluster
    cannot).
    """

    async def load(self, ref: ExperimentRef) -> tuple[ExperimentRecord, list[TrialRecord], str]:
        """An experiment, its trials by index, and a cursor for `watch`. Raises NotFoundError."""

    async def experiment(self, ref: ExperimentRef) -> ExperimentRecord:
        """The experiment alone. Raises NotFoundError."""

    async def trial(self, experiment_uid: str, name: str) -> TrialRecord:
        """One trial by name. Raises NotFoundError."""

    async def find(self, name: str | None = None, namespace: str | None = None) -> list[ExperimentRecord]:
        """Experiments by name and namespace, None for any; oldest first."""

    async def counts(self, experiment_uid: str) -> Mapping[TrialPhase, int]:
        """How many trials are in each phase."""

    async def save(self, records: Sequence[Record]) -> list[Record]:
        """Insert or replace, each only if its stored version is still the record's. Durable when it returns.

        Raises ConflictError, or AlreadyExistsError for a new experiment of a taken name. A trial record saves its
        attempts too.
        """

    async def log(self, events: Sequence[EventRecord]) -> None:
        """Append to the story."""

    async def events(self, experiment_uid: str, limit: int) -> list[EventRecord]:
        """The newest `limit` events, oldest first."""

    async def delete(self, experiment_uid: str) -> None:
        """Forget an experiment with all its trials, points and events. Safe to repeat."""

    async def acquire(self, ref: ExperimentRef, holder: str, ttl: timedelta) -> Lease:
        """Raises HeldByError while somebody else holds it, NotFoundError for an unknown experiment."""

    async def holder(self, ref: ExperimentRef) -> str | None:
        """Who drives the experiment now, if anybody."""

    def watch(self, after: str) -> AsyncIterator[Change]:
        """Changes by any process after the cursor, deletions too; several of one experiment may be told as one.

        An empty cursor is before everything. Raises CursorExpiredError.
        """


class MetricStore(Protocol):
    """Remembers metric points, and how far each source was read."""

    async def append(
        self, key: AttemptKey, source: str, points: Sequence[Point], cursor: Cursor, gap: str = ""
    ) -> None:
        """Store points and position in one step. Points whose (source, seq) is there already are left alone.

        Raises NotFoundError for an experiment that was deleted.
        """

    async def read(self, key: AttemptKey, names: Collection[str] | None = None) -> list[Point]:
        """The attempt's points in the order of source and seq; None for all names."""

    async def cursors(self, key: AttemptKey) -> dict[str, Cursor]:
        """How far each source of the attempt was read."""

    async def gaps(self, key: AttemptKey) -> dict[str, str]:
        """What was lost, by source; only sources that lost something."""


# --- Search, metrics, time


class Searcher(Protocol):
    """An algorithm. Holds no state that its arguments do not determine; caches are its own affair."""

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        """Suggestions number `first` to `first + count - 1`, each drawn from (seed, its number).

        Fewer, even none, mean: ask again when a running trial has ended.
        """


class Stopper(Protocol):
    """Early stopping."""

    def decide(self, settings: Settings, history: History, attempt: AttemptView) -> Decision:
        """Called after each new value of the objective."""


class Collector(Protocol):
    """Finds points in bytes. Starts from stored occurrence counts, so that a restart in mid-log goes on counting."""

    def feed(self, data: bytes) -> tuple[list[Point], int]:
        """Points found, and how many bytes are settled since the last call; a line not yet ended is kept, and not
        settled.
        """

    def finish(self) -> list[Point]:
        """What an unfinished last line still holds."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC."""

    async def sleep_until(self, when: datetime) -> None: ...


class Stores(Protocol):
    """A store holds trials and metrics; adapters may share one connection."""

    @property
    def trials(self) -> TrialStore: ...

    @property
    def metrics(self) -> MetricStore: ...

    def together(self) -> AbstractAsyncContextManager[None]:
        """Calls inside may be made durable in one step, which is cheaper; nothing inside is promised before it ends.

        Await nothing but this store inside: others that write may have to wait. May be nested. If the block raises,
        all of it may be undone.
        """
