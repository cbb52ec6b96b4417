"""A Job on one machine: the pods that its controller would keep, in the order in which it would make them.

Rules as in Kubernetes 1.34, with shorter delays.
"""

from dataclasses import dataclass, field
from itertools import islice

from trialmill.kinds.lowering.container_run import first_containers, first_start, follow, group_by_pod
from trialmill.kinds.lowering.job_history import JobHistory, replay
from trialmill.kinds.lowering.job_rules import JobRules
from trialmill.kinds.lowering.job_status import JobState, PodState, job_evidence, job_status, pod_views
from trialmill.kinds.lowering.naming import PodIdentity, derived_uid, pod_name
from trialmill.kinds.lowering.pod_template import PodTemplate
from trialmill.kinds.lowering.timing import earliest, retry_delay
from trialmill.kinds.plan import Facts, Pod, PodId, Resources, RunId, Step

INDEX_KEY = "batch.kubernetes.io/job-completion-index"


@dataclass(frozen=True)
class JobWorkload:
    """A batch/v1 Job, lowered."""

    rules: JobRules
    template: PodTemplate
    uid: str
    _pods: dict[PodId, Pod] = field(default_factory=dict, repr=False, compare=False)

    @property
    def resources(self) -> Resources:
        pods = self.rules.parallelism
        if self.rules.completions is not None:
            pods = min(pods, self.rules.completions)
        one = self.template.resources
        return Resources(one.cpu * pods, one.memory * pods, one.gpus * pods)

    def pod(self, pod: PodId) -> Pod:
        found = self._pods.get(pod)
        if found is None:
            found = self._pods[pod] = self.template.resolve(self._identity(pod))
        return found

    def _identity(self, pod: PodId) -> PodIdentity:
        """The pod with the labels and annotations that the controller adds."""
        name = pod_name(self.rules.name, pod, indexed=self.rules.indexed)
        labels = dict(self.template.labels)
        annotations = dict(self.template.annotations)
        for prefix in ("", "batch.kubernetes.io/"):
            labels[f"{prefix}job-name"] = self.rules.name
            labels[f"{prefix}controller-uid"] = self.uid
        if self.rules.indexed:
            labels[INDEX_KEY] = annotations[INDEX_KEY] = str(pod.completion)
        return PodIdentity(
            id=pod,
            name=name,
            namespace=self.rules.namespace,
            uid=derived_uid(self.uid, name),
            hostname=f"{self.rules.name}-{pod.completion}" if self.rules.indexed else self.template.hostname or name,
            service_account=self.template.service_account,
            labels=labels,
            annotations=annotations,
        )

    def step(self, facts: Facts, now: float, created: float, suspended: bool = False) -> Step:
        state = self._state(facts, now, created, suspended)
        start, wake = ((), None) if suspended else self._next(state, now, created)
        over = state.history.decision is not None and not state.active
        return Step(
            status=job_status(self.rules, state, created, suspended=suspended),
            start=start,
            stop=tuple(run for p in state.active for run in p.progress.stop),
            wake=None if over else wake,
            over=over,
            evidence=job_evidence(state),
            pods=pod_views(self.rules, state.pods),
        )

    def _state(self, facts: Facts, now: float, created: float, suspended: bool) -> JobState:
        """Where the Job and its pods stand. Pods that outlive the Job's decision are looked at as ended by it."""
        runs = group_by_pod(facts)
        progress = {pod: follow(self.rules.pod, pod, each, now) for pod, each in runs.items()}
        history = replay(self.rules, progress, created, now, suspended)
        if history.decision is not None:
            for pod in progress.keys() - history.ended:
                progress[pod] = follow(self.rules.pod, pod, runs[pod], now, halted=history.decision.at)
        pods = sorted((PodState(first_start(runs[p]) or 0.0, p, progress[p]) for p in runs), key=_age)
        return JobState(history, pods, [p for p in pods if p.progress.ended is None])

    def _next(self, state: JobState, now: float, created: float) -> tuple[tuple[RunId, ...], float | None]:
        """The runs to start now, and when to ask again though nothing happens."""
        start = tuple(run for p in state.active for run in p.progress.start)
        wake: float | None = None
        for p in state.active:
            wake = earliest(wake, p.progress.wake)
        if state.history.decision is not None:
            return start, wake
        new, due = self._new_pods(state, now)
        start += tuple(RunId(pod, name, 0) for pod in new for name in first_containers(self.rules.pod))
        deadline = None if self.rules.deadline is None else created + self.rules.deadline
        return start, earliest(earliest(wake, due), deadline)

    def _new_pods(self, state: JobState, now: float) -> tuple[list[PodId], float | None]:
        """The pods to create now, and when the next one is due."""
        wanted = self._wanted(state) - len(state.active)
        if wanted <= 0:
            return [], None
        known = {p.id for p in state.pods}
        if self.rules.indexed:
            return self._new_indexes(state, known, now, wanted)
        due = _due(state.history, now)
        return ([], due) if due > now else (_unused(0, wanted, known), None)

    def _wanted(self, state: JobState) -> int:
        """How many pods should be active. A work queue gets no more once a pod has succeeded."""
        if self.rules.completions is None:
            return len(state.active) if state.history.succeeded else self.rules.parallelism
        return min(self.rules.parallelism, self.rules.completions - state.history.succeeded)

    def _new_indexes(
        self, state: JobState, known: set[PodId], now: float, wanted: int
    ) -> tuple[list[PodId], float | None]:
        """Pods for the lowest indexes that are neither done nor under way."""
        history = state.history
        taken = {p.id.completion for p in state.active} | history.completed | history.failed_indexes
        pending = islice((i for i in range(self.rules.completions or 0) if i not in taken), wanted)
        new: list[PodId] = []
        wake: float | None = None
        for index in pending:
            own = self.rules.backoff_limit_per_index is not None
            due = _index_due(history, index, now) if own else _due(history, now)
            if due > now:
                wake = earliest(wake, due)
            else:
                new += _unused(index, 1, known)
        return new, wake


def _age(pod: PodState) -> tuple[float, PodId]:
    return pod.started, pod.id


def _due(history: JobHistory, now: float) -> float:
    """When the next pod may be created: the delay grows with the failures since the last success."""
    return history.last_failure + retry_delay(history.streak) if history.streak else now


def _index_due(history: JobHistory, index: int, now: float) -> float:
    """When a pod for the index may be created, where each index has its own failures and delays."""
    failures = history.by_index.get(index)
    return failures.last + retry_delay(failures.count) if failures else now


def _unused(completion: int, count: int, known: set[PodId]) -> list[PodId]:
    """The first pods of the index that were never made."""
    found: list[PodId] = []
    retry = 0
    while len(found) < count:
        pod = PodId(completion, retry)
        if pod not in known:
            found.append(pod)
        retry += 1
    return found
