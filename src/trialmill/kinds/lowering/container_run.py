"""How far one pod has come: what a kubelet would do next with its containers.

`follow` looks at the runs of a pod's containers and says which runs should start or stop, whether the pod is over, and
how it ended. Rules, as the kubelet has them: init containers run one after the other; a sidecar only has to be started
before the next one may; all main containers start together; a pod is over when every main container has ended for good
and the sidecars have been stopped, the last one first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from signal import Signals
from typing import TypeAlias

from trialmill.kinds.lowering.timing import earliest, retry_delay
from trialmill.kinds.plan import Exited, Facts, PodId, Role, RunFact, RunId, Running, Unstartable


class RestartPolicy(StrEnum):
    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


class PodPhase(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


Runs: TypeAlias = Mapping[str, Mapping[int, RunFact]]
"""The runs of one pod: container name, number of the run, what is known of it."""


@dataclass(frozen=True, slots=True)
class PodRules:
    """What decides how a pod goes on: its containers in the order of their start, and when they are restarted.

    `deadline` is `activeDeadlineSeconds` of the pod.
    """

    containers: tuple[tuple[str, Role], ...]
    restart: RestartPolicy
    deadline: float | None = None


class Stage(Enum):
    """Where a container stands between its runs."""

    NEW = "new"
    RUNNING = "running"
    RETRY = "retry"
    """Its last run has ended and another will follow."""
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container's stage and its latest run, None before the first. `due` is when a RETRY may start."""

    name: str
    role: Role
    stage: Stage
    run: int = -1
    fact: RunFact | None = None
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed: evidence for people."""

    container: str
    fact: Exited | Unstartable

    def __str__(self) -> str:
        if isinstance(self.fact, Unstartable):
            return f"container {self.container} could not be started: {self.fact.message}"
        name = _signal_name(self.fact.code)
        if name:
            return f"container {self.container} was ended by signal {self.fact.code - 128} ({name})"
        return f"container {self.container} exited with code {self.fact.code}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pod has come.

    `ended` is when its last run ended, None while something runs or will. `exceeded` says that it was ended by a
    deadline or by its owner rather than by its containers. `restarts` are the times of the ends that were or will be
    followed by another run. `failure` is the earliest failed run that nothing follows, else the latest that failed,
    unless its container has succeeded since.
    """

    phase: PodPhase
    containers: tuple[ContainerState, ...]
    ended: float | None = None
    start: tuple[RunId, ...] = ()
    stop: tuple[RunId, ...] = ()
    wake: float | None = None
    exceeded: bool = False
    ready: bool = False
    restarts: tuple[float, ...] = ()
    failure: Failure | None = None


def group_by_pod(facts: Facts) -> dict[PodId, dict[str, dict[int, RunFact]]]:
    """The facts of each pod that has any."""
    pods: dict[PodId, dict[str, dict[int, RunFact]]] = {}
    for (pod, container, run), fact in facts.items():
        pods.setdefault(pod, {}).setdefault(container, {})[run] = fact
    return pods


def started_at(fact: RunFact) -> float:
    return fact.at if isinstance(fact, Unstartable) else fact.started


def ended_at(fact: RunFact) -> float | None:
    match fact:
        case Running():
            return None
        case Exited():
            return fact.finished
        case Unstartable():
            return fact.at


def is_failed(fact: RunFact) -> bool:
    return isinstance(fact, Unstartable) or (isinstance(fact, Exited) and fact.code != 0)


def first_start(runs: Runs) -> float | None:
    """When the pod's first run was started, None where there is none."""
    return min((started_at(fact) for each in runs.values() for fact in each.values()), default=None)


def follow(rules: PodRules, pod: PodId, runs: Runs, now: float, *, halted: float | None = None) -> Progress:
    """What has become of the pod by `now`. From `halted` on, its owner wants it ended whatever its containers say."""
    states = tuple(_state(name, role, rules.restart, runs.get(name)) for name, role in rules.containers)
    finished = _finished(states)
    end = earliest(halted, _deadline(rules, runs))
    exceeded = end is not None and end <= now and (finished is None or end < finished)
    failure = _failure(states, runs, end if exceeded else None)
    restarts = tuple(_restarts(states, runs, end if exceeded else finished))
    if finished is None and not exceeded:
        phase = PodPhase.RUNNING if _is_initialized(states) else PodPhase.PENDING
        start, wake = _next_runs(pod, states, now)
        ready = all(s.stage is Stage.RUNNING for s in states if s.role is not Role.INIT)
        return Progress(phase, states, None, start, (), earliest(wake, end), False, ready, restarts, failure)
    phase = PodPhase.FAILED if exceeded or _has_failed(states) else PodPhase.SUCCEEDED
    stop = _stop(pod, states)
    if stop:
        return Progress(PodPhase.RUNNING, states, None, (), stop, None, exceeded, False, restarts, failure)
    ends = [t for s in states if s.fact is not None and (t := ended_at(s.fact)) is not None]
    if exceeded and end is not None:
        ends.append(end)
    return Progress(phase, states, max(ends), exceeded=exceeded, restarts=restarts, failure=failure)


@lru_cache(maxsize=256)
def first_containers(rules: PodRules) -> tuple[str, ...]:
    """The containers that a new pod starts with."""
    return tuple(run.container for run in follow(rules, PodId(0, 0), {}, 0.0).start)


def _state(name: str, role: Role, policy: RestartPolicy, runs: Mapping[int, RunFact] | None) -> ContainerState:
    if not runs:
        return ContainerState(name, role, Stage.NEW)
    run = max(runs)
    fact = runs[run]
    end = ended_at(fact)
    if end is None:
        return ContainerState(name, role, Stage.RUNNING, run, fact)
    failed = is_failed(fact)
    if _is_restarted(role, policy, failed=failed):
        return ContainerState(name, role, Stage.RETRY, run, fact, end + retry_delay(run + 1))
    return ContainerState(name, role, Stage.FAILED if failed else Stage.DONE, run, fact)


def _is_restarted(role: Role, policy: RestartPolicy, *, failed: bool) -> bool:
    match role:
        case Role.SIDECAR:
            return True
        case Role.INIT:
            return failed and policy is not RestartPolicy.NEVER
        case Role.MAIN:
            return policy is RestartPolicy.ALWAYS or (failed and policy is RestartPolicy.ON_FAILURE)


def _finished(states: tuple[ContainerState, ...]) -> float | None:
    """When the containers were through: the last main one ended for good, or an init container failed for good."""
    last = None
    for state in states:
        if state.role is Role.INIT and state.stage is Stage.FAILED and state.fact is not None:
            return ended_at(state.fact)
        if state.role is Role.MAIN:
            if state.stage not in (Stage.DONE, Stage.FAILED) or state.fact is None:
                return None
            end = ended_at(state.fact)
            last = end if last is None or (end is not None and end > last) else last
    return last


def _deadline(rules: PodRules, runs: Runs) -> float | None:
    if rules.deadline is None:
        return None
    start = first_start(runs)
    return None if start is None else start + rules.deadline


def _has_failed(states: tuple[ContainerState, ...]) -> bool:
    return any(s.stage is Stage.FAILED for s in states)


def _is_initialized(states: tuple[ContainerState, ...]) -> bool:
    return any(s.role is Role.MAIN and s.stage is not Stage.NEW for s in states)


def _next_runs(pod: PodId, states: tuple[ContainerState, ...], now: float) -> tuple[tuple[RunId, ...], float | None]:
    """The runs to start now, and when the next one is due."""
    start: list[RunId] = []
    wake: float | None = None
    initialized = _is_initialized(states)
    for state in states:
        if state.stage is Stage.NEW or (state.stage is Stage.RETRY and state.due <= now):
            start.append(RunId(pod, state.name, state.run + 1))
        elif state.stage is Stage.RETRY:
            wake = earliest(wake, state.due)
        if not initialized and _blocks(state):
            break
    return tuple(start), wake


def _blocks(state: ContainerState) -> bool:
    """Whether the containers after this one must still wait: for an init container to end, for a sidecar to start."""
    if state.role is Role.INIT:
        return state.stage is not Stage.DONE
    return state.role is Role.SIDECAR and (state.stage is Stage.NEW or isinstance(state.fact, Unstartable))


def _stop(pod: PodId, states: tuple[ContainerState, ...]) -> tuple[RunId, ...]:
    """The runs to stop in a pod that is to end: all but the sidecars, then the sidecars one by one from the last."""
    running = [s for s in states if s.stage is Stage.RUNNING]
    others = tuple(RunId(pod, s.name, s.run) for s in running if s.role is not Role.SIDECAR)
    if others or not running:
        return others
    return (RunId(pod, running[-1].name, running[-1].run),)


def _restarts(states: tuple[ContainerState, ...], runs: Runs, before: float | None) -> Iterator[float]:
    """When the runs ended that others follow.

    Nothing follows the last run of a container that ended with its pod, at `before` or later. One that ended earlier
    still counts though its successor never came: what was counted once must stay counted.
    """
    for state in states:
        if state.run < 0 or (state.run == 0 and state.stage is not Stage.RETRY):
            continue
        for run, fact in runs[state.name].items():
            end = ended_at(fact)
            if end is not None and (
                run < state.run or (state.stage is Stage.RETRY and (before is None or end < before))
            ):
                yield end


def _failure(states: tuple[ContainerState, ...], runs: Runs, before: float | None) -> Failure | None:
    """The run to blame. What ended after `before` was ended by the pod's end and is no evidence."""
    final: list[tuple[float, Failure]] = []
    other: list[tuple[float, Failure]] = []
    for state in states:
        if state.role is Role.SIDECAR or state.fact is None or state.stage is Stage.DONE:
            continue
        fact = state.fact if is_failed(state.fact) else runs[state.name].get(state.run - 1)
        if not isinstance(fact, Exited | Unstartable) or not is_failed(fact):
            continue
        end = fact.at if isinstance(fact, Unstartable) else fact.finished
        if before is None or end <= before:
            found = final if state.stage is Stage.FAILED else other
            found.append((end, Failure(state.name, fact)))
    if final:
        return min(final, key=lambda f: f[0])[1]
    return max(other, key=lambda f: f[0])[1] if other else None


def _signal_name(code: int) -> str:
    try:
        return Signals(code - 128).name if code > 128 else ""
    except ValueError:
        return ""
