"""A Pod on one machine: its containers, and the status that a kubelet would write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get, get_string
from trialmill.kinds.lowering.companions import Companions
from trialmill.kinds.lowering.container_run import PodPhase, RestartPolicy, first_start, follow, group_by_pod
from trialmill.kinds.lowering.naming import PodIdentity, derived_uid
from trialmill.kinds.lowering.pod_status import pod_status
from trialmill.kinds.lowering.pod_template import PodTemplate, read_pod_template
from trialmill.kinds.plan import Facts, Pod, PodId, PodView, Resources, RunFact, Step

_ONLY: Final = PodId(0, 0)


@dataclass(frozen=True)
class PodWorkload:
    """A v1 Pod, lowered."""

    identity: PodIdentity
    template: PodTemplate
    _pods: dict[PodId, Pod] = field(default_factory=dict, repr=False, compare=False)

    @property
    def resources(self) -> Resources:
        return self.template.resources

    def pod(self, pod: PodId) -> Pod:
        found = self._pods.get(pod)
        if found is None:
            found = self._pods[pod] = self.template.resolve(self.identity)
        return found

    def step(self, facts: Facts, now: float, created: float, suspended: bool = False) -> Step:
        runs: Mapping[str, Mapping[int, RunFact]] = group_by_pod(facts).get(_ONLY, {})
        progress = follow(self.template.rules, _ONLY, runs, now)
        over = progress.ended is not None
        views = (PodView(_ONLY, self.identity.name, True, over),) if runs else ()
        return Step(
            status=pod_status(progress, runs, first_start(runs) or created, suspended=suspended),
            start=() if suspended else progress.start,
            stop=progress.stop,
            wake=None if suspended else progress.wake,
            over=over,
            evidence=str(progress.failure) if progress.failure and progress.phase is not PodPhase.SUCCEEDED else "",
            pods=views,
        )


def lower_pod(resource: JsonObject, companions: Companions, problems: Problems, base: Path) -> PodWorkload:
    """The Pod at `base`. The result is of use only if nothing refused was reported."""
    name = get_string(resource, "metadata", "name") or "pod"
    namespace = get_string(resource, "metadata", "namespace") or "default"
    restart = _restart_policy(get(resource, "spec", "restartPolicy"), problems, (*base, "spec", "restartPolicy"))
    template = read_pod_template(resource, companions, problems, base, restart=restart)
    identity = PodIdentity(
        id=_ONLY,
        name=name,
        namespace=namespace,
        uid=get_string(resource, "metadata", "uid") or derived_uid(namespace, "Pod", name),
        hostname=template.hostname or name,
        service_account=template.service_account,
        labels=template.labels,
        annotations=template.annotations,
    )
    return PodWorkload(identity, template)


def _restart_policy(policy: Json, problems: Problems, path: Path) -> RestartPolicy:
    if policy in (RestartPolicy.NEVER, RestartPolicy.ON_FAILURE):
        return RestartPolicy(str(policy))
    if policy in (None, RestartPolicy.ALWAYS):
        problems.add(
            "never-finishes",
            "A Pod with the restartPolicy Always, the default of a Pod, never finishes by itself.",
            path,
            found="" if policy is None else str(policy),
            expected="OnFailure or Never",
            remedy="set restartPolicy: Never",
        )
        return RestartPolicy.ALWAYS
    problems.add(
        "restart-policy-invalid",
        f"There is no restartPolicy {policy}.",
        path,
        found=str(policy),
        expected="OnFailure or Never",
        remedy="set restartPolicy: Never",
    )
    return RestartPolicy.NEVER
