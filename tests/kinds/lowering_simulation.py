"""A runtime without processes: starts what a workload names, ends runs by a script, and turns the clock itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trialmill.api.problem import Problem, Problems
from trialmill.api.tree import Json, JsonObject, get, get_list, get_string
from trialmill.kinds.lowering import lower
from trialmill.kinds.plan import Exited, RunFact, RunId, Running, Step, Unstartable, Workload

CREATED = 1000.0
STOPPED = 143


@dataclass(frozen=True)
class Ends:
    """How a run ends: its exit code, after so many seconds. `stop_after`: how long it lives on after a SIGTERM."""

    code: int = 0
    after: float = 10.0
    stop_after: float = 0.5
    stop_code: int = STOPPED
    error: str = ""


Script = Callable[[RunId], Ends]


def job(spec: JsonObject | None = None, pod: JsonObject | None = None, name: str = "trial-1") -> JsonObject:
    """A Job with one container `train`; `spec` and `pod` go over the Job's and the pod's spec."""
    pod_spec: JsonObject = {"restartPolicy": "Never", "containers": [container("train")], **(pod or {})}
    template: JsonObject = {"spec": pod_spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **(spec or {})},
    }


def pod(spec: JsonObject | None = None, name: str = "trial-1") -> JsonObject:
    pod_spec: JsonObject = {"restartPolicy": "Never", "containers": [container("train")], **(spec or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec}


def container(name: str, **more: Json) -> JsonObject:
    return {"name": name, "image": "example", "command": ["run"], **more}


def lowered(resource: JsonObject, *companions: JsonObject) -> Workload:
    """The workload of a manifest that must have no problems."""
    problems = Problems()
    workload = lower(resource, companions, problems)
    assert workload is not None, list(problems)
    return workload


def problems_of(resource: JsonObject, *companions: JsonObject) -> list[Problem]:
    problems = Problems()
    lower(resource, companions, problems)
    return list(problems)


@dataclass
class Simulation:
    """Runs a workload to its end, or as far as `until`."""

    workload: Workload
    script: Script
    now: float = CREATED
    facts: dict[RunId, RunFact] = field(default_factory=dict)
    stopping: dict[RunId, float] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    suspended: bool = False

    def run(self, until: float = 1e6, steps: int = 2000) -> Step:
        for _ in range(steps):
            step = self.step()
            if step.over:
                return step
            events = [t for t in (self._next_end(), step.wake) if t is not None]
            if not events or min(events) > until:
                self.now = until
                return self.step()
            self.now = max(self.now, min(events))
            self.end_runs()
        raise AssertionError("the workload does not end")

    def step(self) -> Step:
        """Ask, and do what the answer says, until it says nothing new."""
        while True:
            step = self.workload.step(dict(self.facts), self.now, CREATED, self.suspended)
            self.steps.append(step)
            for run in step.stop:
                assert isinstance(self.facts[run], Running), f"{run} is stopped but does not run"
                self.stopping.setdefault(run, self.now)
            for run in step.start:
                assert run not in self.facts, f"{run} is started twice"
                error = self.script(run).error
                self.facts[run] = Unstartable(error, self.now) if error else Running(self.now)
            if not step.start:
                return step

    def _ends_at(self, run: RunId, fact: Running) -> tuple[float, int]:
        ends = self.script(run)
        at, code = fact.started + ends.after, ends.code
        if run in self.stopping and self.stopping[run] + ends.stop_after < at:
            return self.stopping[run] + ends.stop_after, ends.stop_code
        return at, code

    def _next_end(self) -> float | None:
        return min((self._ends_at(r, f)[0] for r, f in self.facts.items() if isinstance(f, Running)), default=None)

    def end_runs(self) -> None:
        for run, fact in list(self.facts.items()):
            if isinstance(fact, Running):
                at, code = self._ends_at(run, fact)
                if at <= self.now:
                    self.facts[run] = Exited(code, fact.started, at)

    @property
    def started(self) -> list[str]:
        """The runs in the order of their start, as `completion/retry container run`."""
        return [f"{r.pod.completion}/{r.pod.retry} {r.container} {r.run}" for r in self.facts]


def always(code: int = 0, after: float = 10.0) -> Script:
    return lambda _: Ends(code, after)


def by_container(**ends: Ends) -> Script:
    return lambda run: ends[run.container]


def in_turn(*codes: int, after: float = 10.0) -> Script:
    """Codes by the number of the pod, or of the run where a container is restarted; the last one goes on."""
    return lambda run: Ends(codes[min(run.pod.retry + run.run, len(codes) - 1)], after)


def conditions(step: Step) -> dict[str, tuple[str, str]]:
    """Type of each condition that is true: reason and message."""
    return {
        get_string(c, "type"): (get_string(c, "reason"), get_string(c, "message"))
        for c in get_list(step.status, "conditions")
        if get(c, "status") == "True"
    }


def counts(step: Step) -> Mapping[str, Json]:
    names = ("active", "ready", "succeeded", "failed", "terminating")
    return {name: step.status[name] for name in names if step.status.get(name)}
