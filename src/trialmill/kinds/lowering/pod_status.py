"""The status of a Pod, as a kubelet writes it."""

from collections.abc import Mapping
from dataclasses import dataclass

from trialmill.api.tree import Json, JsonObject
from trialmill.kinds.lowering.container_run import ContainerState, PodPhase, Progress, Runs, Stage, ended_at, started_at
from trialmill.kinds.lowering.downward import ADDRESS
from trialmill.kinds.lowering.job_rules import START_ERROR
from trialmill.kinds.lowering.timing import rfc3339
from trialmill.kinds.plan import Exited, Role, RunFact, Running, Unstartable


@dataclass(frozen=True, slots=True)
class _Times:
    """When things of a pod changed; None for what has not."""

    started: float
    initialized: float | None
    changed: float


def pod_status(progress: Progress, runs: Runs, started: float, *, suspended: bool) -> JsonObject:
    """The status. `started` is when the pod was taken up: it was scheduled at once."""
    status: JsonObject = {"phase": progress.phase}
    if progress.exceeded and progress.ended is not None:
        status["reason"] = "DeadlineExceeded"
        status["message"] = "Pod was active on the node longer than the specified deadline"
    status["conditions"] = _conditions(progress, _times(progress, runs, started), suspended=suspended)
    status |= {"hostIP": ADDRESS, "podIP": ADDRESS, "startTime": rfc3339(started)}
    initial = [s for s in progress.containers if s.role is not Role.MAIN]
    waiting = "PodInitializing" if initial else "ContainerCreating"
    if initial:
        status["initContainerStatuses"] = [_container(s, runs.get(s.name, {}), waiting) for s in initial]
    main = [s for s in progress.containers if s.role is Role.MAIN]
    status["containerStatuses"] = [_container(s, runs.get(s.name, {}), waiting) for s in main]
    return status


def _times(progress: Progress, runs: Runs, started: float) -> _Times:
    starts = [started_at(f) for s in progress.containers if s.role is Role.MAIN for f in runs.get(s.name, {}).values()]
    times = [started, *(t for each in runs.values() for f in each.values() for t in (started_at(f), ended_at(f)) if t)]
    return _Times(started, min(starts, default=None), max(times))


def _conditions(progress: Progress, times: _Times, *, suspended: bool) -> list[Json]:
    incomplete = [s.name for s in progress.containers if s.role is Role.INIT and s.stage is not Stage.DONE]
    unready = [s.name for s in progress.containers if s.role is not Role.INIT and s.stage is not Stage.RUNNING]
    over = {PodPhase.SUCCEEDED: "PodCompleted", PodPhase.FAILED: "PodFailed"}.get(progress.phase, "")
    completed = "PodCompleted" if progress.phase is PodPhase.SUCCEEDED else ""
    reason, message = over, ""
    if not over and unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    initialized = times.initialized is not None or not incomplete
    conditions: list[Json] = [
        _condition("PodReadyToStartContainers", not over, times.changed if over else times.started),
        _condition("Initialized", True, times.initialized or times.started, completed)
        if initialized
        else _condition(
            "Initialized",
            False,
            times.started,
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(incomplete)}]",
        ),
        _condition("Ready", progress.ready, times.changed, reason, message),
        _condition("ContainersReady", progress.ready, times.changed, reason, message),
        _condition("PodScheduled", True, times.started),
    ]
    if suspended and not over:
        conditions.append(_condition("Suspended", True, times.changed, "PodSuspended", "Pod suspended"))
    return conditions


def _condition(type_: str, holds: bool, at: float, reason: str = "", message: str = "") -> JsonObject:
    condition: JsonObject = {
        "type": type_,
        "status": "True" if holds else "False",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(at),
    }
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _container(state: ContainerState, runs: Mapping[int, RunFact], waiting: str) -> JsonObject:
    status: JsonObject = {"name": state.name}
    running = state.stage is Stage.RUNNING
    previous = runs.get(state.run - 1)
    match state.fact:
        case None:
            status["state"] = {"waiting": {"reason": waiting}}
        case Running(started):
            status["state"] = {"running": {"startedAt": rfc3339(started)}}
        case Exited() | Unstartable() as fact if state.stage is Stage.RETRY:
            status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
            previous = fact
        case Exited() | Unstartable() as fact:
            status["state"] = {"terminated": terminated(fact)}
    status["lastState"] = {"terminated": terminated(previous)} if isinstance(previous, Exited | Unstartable) else {}
    done = state.role is Role.INIT and state.stage is Stage.DONE
    status |= {"ready": done or (running and state.role is not Role.INIT), "restartCount": max(state.run, 0)}
    status["started"] = running
    return status


def terminated(fact: Exited | Unstartable) -> JsonObject:
    """The `terminated` state of a run."""
    if isinstance(fact, Unstartable):
        return {
            "exitCode": START_ERROR,
            "reason": "StartError",
            "message": fact.message,
            "startedAt": rfc3339(fact.at),
            "finishedAt": rfc3339(fact.at),
        }
    reason = "Completed" if fact.code == 0 else "Error"
    if fact.out_of_memory:
        reason = "OOMKilled"
    return {
        "exitCode": fact.code,
        "reason": reason,
        "startedAt": rfc3339(fact.started),
        "finishedAt": rfc3339(fact.finished),
    }
