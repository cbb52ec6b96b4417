"""From a manifest to a workload."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import JsonObject, Path, get_string
from trialmill.kinds.lowering.companions import Companions, read_companions
from trialmill.kinds.lowering.job_spec import lower_job
from trialmill.kinds.lowering.pod import lower_pod
from trialmill.kinds.plan import Workload

Lowering: TypeAlias = Callable[[JsonObject, Companions, Problems, Path], Workload]

_LOWERINGS: Final[Mapping[tuple[str, str], Lowering]] = {("batch/v1", "Job"): lower_job, ("v1", "Pod"): lower_pod}


def lower(
    resource: JsonObject, companions: Sequence[JsonObject], problems: Problems, base: Path = ()
) -> Workload | None:
    """The workload of a rendered resource; None where it cannot run, which `problems` then explains.

    `companions` are the ConfigMaps and Secrets given beside it. `base` is where the resource stands in its document:
    problems name their places from there.
    """
    api_version, kind = get_string(resource, "apiVersion"), get_string(resource, "kind")
    lowering = _LOWERINGS.get((api_version, kind))
    if lowering is None:
        problems.unavailable(
            "kind-not-local",
            f"{kind or 'A resource without a kind'} ({api_version or 'no apiVersion'}) cannot run on one machine yet.",
            (*base, "kind"),
            remedy="use " + " or ".join(f"{k} ({v})" for v, k in _LOWERINGS),
        )
        return None
    before = len(problems.found)
    namespace = get_string(resource, "metadata", "namespace") or "default"
    workload = lowering(resource, read_companions(companions, namespace), problems, base)
    refused = (Severity.ERROR, Severity.UNAVAILABLE)
    return None if any(p.severity in refused for p in problems.found[before:]) else workload
