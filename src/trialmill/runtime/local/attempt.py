"""One attempt: its runs, and the loop between what its workload wants and what its processes do."""

import asyncio
import errno
import os
import signal
from typing import Final

from trialmill.api.tree import JsonObject, get_object, get_string
from trialmill.engine.ports import PodRef
from trialmill.engine.records import AttemptKey
from trialmill.kinds.plan import Container, Exited, Pod, PodId, RunFact, RunId, Running, Step, Unstartable, Workload
from trialmill.runtime.local import layout
from trialmill.runtime.local.children import signal_group
from trialmill.runtime.local.commands import CannotStartError
from trialmill.runtime.local.host import Host
from trialmill.runtime.local.leftovers import MARK, end_leftovers
from trialmill.runtime.local.mounts import make_places, make_volumes
from trialmill.runtime.local.recovery import Alive, Done, Other, examine, lock_is_held
from trialmill.runtime.local.run import Run
from trialmill.runtime.local.spawn import AlreadyRunningError, spawn
from trialmill.runtime.local.wrapper import read_code, write_code
from trialmill.template.compiled import TRIAL_LABEL

_PASSING: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""The system is short of something just now."""
_RETRY_AFTER: Final = 1.0
_RETRIES: Final = 30
_POLL: Final = 0.25
"""Seconds between two looks at a run that is nobody's child."""
_TAIL: Final = 4096
"""Bytes at the end of an output in which its last line is looked for."""
_SHOWN: Final = 160
_LOST: Final = "the run ended while nobody watched, and left no exit code"


class Attempt:
    """Level-triggered: `advance` may be called at any time, and does whatever is due.

    Facts come from processes and from disk, decisions from the workload. Once the end has been asked for, nothing is
    started any more, and `gone` is told when the last run is over.
    """

    def __init__(
        self, key: AttemptKey, directory: str, resource: JsonObject, created: float, workload: Workload, host: Host
    ) -> None:
        self.key = key
        self.directory = directory
        self.resource = resource
        self.created = created
        self.workload = workload
        self.is_gone = False
        self._host = host
        self._facts: dict[RunId, RunFact] = {}
        self._stems: dict[RunId, str] = {}
        self._running: dict[RunId, Run] = {}
        self._unlinked_logs: dict[RunId, int] = {}
        self._launches: dict[RunId, int] = {}
        self._retries = 0
        self._step = Step(status={})
        self._timer: asyncio.TimerHandle | None = None
        self._ending: str | None = None
        self._suspended = False
        self._waiters: list[asyncio.Future[None]] = []

    # What is known

    @property
    def status(self) -> JsonObject:
        """The resource's status; empty while the attempt waits for its slots."""
        return self._step.status if self._facts or not self._step.start else {}

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself: nothing runs and nothing will."""
        return self._step.over and not self._running

    @property
    def ended(self) -> float | None:
        """When the last of what ran had ended; None before that."""
        ends = [fact.finished for fact in self._facts.values() if isinstance(fact, Exited)]
        return max(ends) if ends and self.is_over else None

    @property
    def evidence(self) -> str:
        """What the containers say about a failure, with the last line that the failed one printed."""
        evidence = self._step.evidence
        failed = [(f.finished, id) for id, f in self._facts.items() if isinstance(f, Exited) and f.code]
        last = self._last_line(max(failed)[1]) if evidence and failed else ""
        return f'{evidence}, after printing "{last}"' if last else evidence

    def pods(self) -> list[PodRef]:
        """The pods so far, oldest first."""
        return [
            PodRef(
                view.name,
                tuple(container.name for container in self.workload.pod(view.id).containers),
                view.primary,
                view.over or self.is_gone,
            )
            for view in self._step.pods
        ]

    def pod_id(self, name: str) -> PodId | None:
        return next((view.id for view in self._step.pods if view.name == name), None)

    def pod_is_over(self, name: str) -> bool:
        """Whether nothing more comes of this pod; a pod that is not there yet may still come."""
        if self.is_gone:
            return True
        return next((view.over for view in self._step.pods if view.name == name), self._step.over)

    def is_running(self, run: RunId) -> bool:
        return run in self._running

    def was_started(self, run: RunId) -> bool:
        return run in self._facts

    def open_output(self, run: RunId) -> int | None:
        """A new descriptor of the run's output, even where its directory was deleted meanwhile; None for no output."""
        live = self._running.get(run)
        kept = live.log if live else self._unlinked_logs.get(run)
        if kept is not None:
            return os.dup(kept)
        try:
            return os.open(layout.log_of(self._stems[run]), os.O_RDONLY | os.O_CLOEXEC)
        except (KeyError, FileNotFoundError):
            return None

    def _last_line(self, run: RunId) -> str:
        """The last line of a run's output that says anything, cut where it is long."""
        descriptor = self.open_output(run)
        if descriptor is None:
            return ""
        try:
            start = max(0, os.fstat(descriptor).st_size - _TAIL)
            text = os.pread(descriptor, _TAIL, start).decode(errors="replace")
        finally:
            os.close(descriptor)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:_SHOWN] if lines else ""

    def place_of(self, pod: PodId, container: str, path: str) -> str:
        """Where a file of a container is on this machine."""
        planned = self.workload.pod(pod)
        paths = self._host.commands.paths(planned, _container(planned, container), self.directory)
        return paths.real(path) or path

    async def change(self, seconds: float) -> None:
        """Wait until something has happened to the attempt, or for so long."""
        waiter = self._host.loop.create_future()
        self._waiters.append(waiter)
        await asyncio.wait((waiter,), timeout=seconds)
        if not waiter.done():
            self._waiters.remove(waiter)

    # What is done

    def advance(self) -> None:
        """Start and stop what is due, and tell the change."""
        if self.is_gone:
            return
        if self._ending is not None:
            if not self._running:
                self._finish(self._ending)
            return
        self._step = self._decide()
        while self._step.start and self._is_admitted():
            if not all([self._start(run) for run in self._step.start]):  # noqa: C419 - each one is tried
                self._wake_at(self._host.now() + _RETRY_AFTER)
                break
            self._step = self._decide()
        else:
            self._wake_at(self._step.wake)
        for run in self._step.stop:
            if run in self._running:
                grace = self.workload.pod(run.pod).grace.total_seconds()
                self._running[run].stop(self._host.loop, grace, self._host.now())
        self._tell()
        if self._step.over:
            self._host.freed(self.key)

    def recover(self) -> None:
        """Find the runs on disk, and go on from there."""
        now = self._host.now()
        lost = False
        for found in layout.runs_on_disk(self.directory):
            state = examine(found.stem, now)
            if state is Other.FENCED:
                self._launches[found.id] = found.launch + 1
                continue
            self._stems[found.id] = found.stem
            match state:
                case Done(exited, leftover):
                    self._facts[found.id] = exited
                    self._end_leftovers(found.stem, leftover)
                case Alive():
                    self._adopt(found.id, found.stem, state)
                case Other():
                    lost = True
        if self._running:
            self._host.slots.hold(self.key, self.workload.resources)
        self._suspended = layout.has_marker(self.directory, "suspended")
        if lost:
            self.end(_LOST, self._longest_grace())
        elif self._suspended:
            self.suspend(on=True)
        else:
            self.advance()

    def recall(self) -> None:
        """Find the runs of an attempt that is gone, to read what they left."""
        for found in layout.runs_on_disk(self.directory):
            code = read_code(found.stem)
            self._stems[found.id] = found.stem
            self._facts[found.id] = Exited(255 if code is None else code, self.created, self.created)
        self._step = self._decide()
        self.is_gone = True

    def suspend(self, *, on: bool) -> bool:
        """Stop the processes where they are, or let them go on. False for an attempt that is over."""
        if self._step.over or self._ending is not None:
            return False
        if on:
            layout.set_marker(self.directory, "suspended")
        else:
            layout.clear_marker(self.directory, "suspended")
        self._suspended = on
        for run in self._running.values():
            run.signal(signal.SIGSTOP if on else signal.SIGCONT)
        self.advance()
        return True

    def end(self, message: str, grace: float) -> None:
        """End every run, gently, then tell that the attempt is gone. Safe to repeat, also with less grace.

        A pod that asks for less grace (`terminationGracePeriodSeconds`) gets less.
        """
        if self._ending is None:
            self._ending = message
            self._wake_at(None)
        for id, run in self._running.items():
            own_grace = self.workload.pod(id.pod).grace.total_seconds()
            run.stop(self._host.loop, min(grace, own_grace), self._host.now())
        self.advance()

    def close(self) -> None:
        """Let go of everything without touching the processes."""
        self._wake_at(None)
        unlinked = [run.close() for run in self._running.values()]
        for descriptor in (*unlinked, *self._unlinked_logs.values()):
            if descriptor is not None:
                os.close(descriptor)
        self._running.clear()
        self._unlinked_logs.clear()
        self.is_gone = True
        self._wake_readers()

    def _decide(self) -> Step:
        return self.workload.step(self._facts, self._host.now(), self.created, self._suspended)

    def _is_admitted(self) -> bool:
        return self._host.slots.request(self.key, self.workload.resources)

    def _tell(self) -> None:
        self._wake_readers()
        self._host.changed(self.key)

    def _wake_readers(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def _wake_at(self, when: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        delay = None if when is None else max(0.0, when - self._host.now())
        self._timer = None if delay is None else self._host.loop.call_later(delay, self.advance)

    def _finish(self, message: str) -> None:
        if not self._step.over:
            self._step = self._decide()
        layout.set_marker(self.directory, "removed")
        self.close()
        self._host.freed(self.key)
        self._host.gone(self.key, message)

    # Runs

    def _start(self, id: RunId) -> bool:
        """Start a run, or record why it cannot start. False: the system is short of something, to be tried again."""
        try:
            self._spawn(id, self.workload.pod(id.pod))
        except CannotStartError as error:
            self._facts[id] = Unstartable(str(error), self._host.now())
        except AlreadyRunningError:
            return self._take_over(id)
        except OSError as error:
            if error.errno in _PASSING and self._retries < _RETRIES:
                self._retries += 1
                return False
            self._facts[id] = Unstartable(_reason(error), self._host.now())
        return True

    def _take_over(self, id: RunId) -> bool:
        """A run that was to be started is there already: go by what its files say. False: to be tried again."""
        stem = self._stems[id]
        match examine(stem, self._host.now()):
            case Done(exited, _):
                self._facts[id] = exited
            case Alive() as state:
                self._adopt(id, stem, state)
            case Other.FENCED:
                self._launches[id] = self._launches.get(id, 0) + 1
                return False
            case Other.LOST:
                self._facts[id] = Unstartable(_LOST, self._host.now())
        return True

    def _spawn(self, id: RunId, pod: Pod) -> None:
        container = _container(pod, id.container)
        paths = self._host.commands.paths(pod, container, self.directory)
        stem = self._stems[id] = layout.run_stem(self.directory, id, self._launches.get(id, 0))
        pod_directory = layout.pod_directory(self.directory, pod.id)
        if pod.volumes and not any(run.pod == id.pod for run in self._facts):
            make_volumes(pod, pod_directory)
        if paths.places:
            make_places(paths, pod_directory)
        launch = self._host.commands.launch(container, paths, self._environment(id, container, stem))
        child = spawn(launch, stem)
        started = self._host.now()
        self._facts[id] = Running(started)
        self._running[id] = Run(id, stem, started, child.pid, child.log)
        self._host.children.watch(child.pid, lambda code: self._child_ended(id, code))

    def _environment(self, id: RunId, container: Container, stem: str) -> dict[str, str]:
        metadata = get_object(self.resource, "metadata")
        # As in Katib, the label: a later attempt's resource has a name of its own.
        trial = get_string(metadata, "labels", TRIAL_LABEL) or get_string(metadata, "name")
        environment = {MARK: stem, "KATIB_TRIAL_NAME": trial}
        if container.resources.gpus:
            gpus = ",".join(self._host.slots.take_gpus((self.key, id), container.resources.gpus))
            environment["CUDA_VISIBLE_DEVICES"] = gpus
            layout.write_note(stem, "gpus", gpus)
        return environment

    def _child_ended(self, id: RunId, code: int | None) -> None:
        run = self._running.get(id)
        if run is None:
            return
        if code is None:
            code = read_code(run.stem)
        if code is None or code > 128:
            write_code(run.stem, code or 255)
        end_leftovers(run.stem)
        self._ended(run, Exited(255 if code is None else code, run.started, self._host.now()))

    def _ended(self, run: Run, exited: Exited) -> None:
        del self._running[run.id]
        unlinked = run.close()
        if unlinked is not None:
            self._unlinked_logs[run.id] = unlinked
        self._host.slots.return_gpus((self.key, run.id))
        self._facts[run.id] = exited
        self.advance()

    def _adopt(self, id: RunId, stem: str, state: Alive) -> None:
        run = Run(id, stem, state.running.started, state.group)
        self._running[id] = run
        self._facts[id] = state.running
        gpus = layout.read_note(stem, "gpus")
        if gpus:
            self._host.slots.keep_gpus((self.key, id), tuple(gpus.split(",")))
        self._host.loop.call_later(_POLL, self._look_after, run)

    def _look_after(self, run: Run) -> None:
        """A run that is no child of this process tells nothing: look at its files now and then."""
        if self._running.get(run.id) is not run:
            return
        match examine(run.stem, self._host.now()):
            case Done(exited, leftover):
                self._end_leftovers(run.stem, leftover)
                self._ended(run, exited)
                return
            case Alive(_, group):
                run.recorded_group(group)
            case Other.FENCED:
                del self._running[run.id], self._facts[run.id]
                self._launches[run.id] = self._launches.get(run.id, 0) + 1
                self.advance()
                return
            case Other.LOST if self._ending is None:
                self._ended_unseen(run)
                return
            case Other.LOST:
                self._ended(run, Exited(255, run.started, self._host.now()))
                return
        self._host.loop.call_later(_POLL, self._look_after, run)

    def _ended_unseen(self, run: Run) -> None:
        self._ending = _LOST
        self._ended(run, Exited(255, run.started, self._host.now()))
        self.end(_LOST, self._longest_grace())

    def _end_leftovers(self, stem: str, group: int | None) -> None:
        if group is not None and lock_is_held(stem):
            signal_group(group, signal.SIGKILL)
            end_leftovers(stem)

    def _longest_grace(self) -> float:
        return max((self.workload.pod(run.pod).grace.total_seconds() for run in self._running), default=0.0)


def _container(pod: Pod, name: str) -> Container:
    return next(container for container in pod.containers if container.name == name)


def _reason(error: OSError) -> str:
    if error.errno == errno.E2BIG:
        return "an argument or environment value is too long for this system (Linux: 128 KiB each)"
    return f"{error.strerror or error}: {error.filename}" if error.filename else str(error.strerror or error)
