"""What the server would refuse: the resource is created for show, and rights are asked for, before anything starts."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, Path, get_object, get_string
from trialmill.kinds.profile import KindProfile
from trialmill.kube.api import KubeApi, KubeError, ResourceType, UnknownKindError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.runtime.kubernetes.failures import NOT_FOUND, UNAUTHORIZED
from trialmill.runtime.kubernetes.refusals import problems_of
from trialmill.runtime.kubernetes.rights import SUSPEND, Right, needed

_NATIVE_SIDECARS: Final = (1, 29)
_BAD_REQUEST: Final = 400
_ASK_KUBECTL: Final = "see whether kubectl reaches it"
_ANOTHER_SERVER: Final = "see whether the server in the kubeconfig is right, and begins with https://"
POD: Final = ("v1", "Pod")


async def rights_problems(
    api: KubeApi,
    type: ResourceType,
    namespace: str,
    *,
    profile: KindProfile | None,
    parts: Sequence[ResourceType] = (),
) -> list[Problem]:
    """What this user may not do and has to: with the kinds of the trials, with their pods, with their logs."""
    where = namespace if type.namespaced else ""
    can_suspend = profile is not None and profile.suspend_path is not None
    between = profile.owners_between if profile else ()
    wanted = [(right, verb) for right in needed(type, parts, between) for verb in right.verbs]

    async def may(right: Right, verb: str) -> bool:
        resource, _, subresource = right.resource.partition("/")
        place = namespace if right.namespaced else ""
        return (await api.access(verb, right.group, resource, place, subresource=subresource)).allowed

    answers = await asyncio.gather(*(may(right, verb) for right, verb in wanted))
    denied: dict[str, list[str]] = {}
    for (right, verb), allowed in zip(wanted, answers, strict=True):
        if not allowed:
            denied.setdefault(right.name, []).append(verb)
    problems = [
        Problem(
            "forbidden",
            Severity.ERROR,
            f"you may not {_listed(verbs)} {resource} in the namespace {namespace}",
            remedy="ask for the Role that `trialmill check-cluster --role` prints, and a RoleBinding to it",
        )
        for resource, verbs in denied.items()
    ]
    if can_suspend and not (await api.access(SUSPEND, type.group, type.plural, where)).allowed:
        message = f"you may not patch {type.plural} in the namespace {namespace}, so a pause will not suspend them"
        problems.append(Problem("cannot-suspend", Severity.WARNING, message))
    return problems


async def version_problems(api: KubeApi) -> list[Problem]:
    """Whether the server is new enough for a container that prints a file."""
    version = await api.server_version()
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < _NATIVE_SIDECARS:
        message = f"metrics in a file need Kubernetes 1.29, and this cluster has {version}"
        remedy = "print metrics to standard output and use the collector StdOut"
        return [Problem("cluster-too-old", Severity.ERROR, message, remedy=remedy)]
    return []


async def dry_run(
    api: KubeApi,
    type: ResourceType,
    resource: JsonObject,
    place: Path = (),
    *,
    severity: Severity = Severity.ERROR,
    pod: JsonObject | None = None,
) -> list[Problem]:
    """What the server says to the creation of the resource. It is the `pod` that another describes at `place`, or one
    itself, where that is given. Paths begin with `place`.
    """
    namespace = get_string(resource, "metadata", "namespace") if type.namespaced else ""
    try:
        written = await api.create(type, resource, namespace, dry_run=True, strict=True)
    except KubeError as error:
        return list(problems_of(error, namespace, place, severity, pod))
    return [Problem("cluster-warning", Severity.WARNING, warning) for warning in written.warnings]


async def pod_problems(api: KubeApi, resource: JsonObject, place: Path, *, severity: Severity) -> list[Problem]:
    """What the server says to a pod that the resource describes at `place`: quota, Pod Security, service accounts and
    admission of pods show only there. Nothing where this user may not create pods, and a controller does.
    """
    namespace = get_string(resource, "metadata", "namespace")
    if not place or not (await api.access("create", "", "pods", namespace)).allowed:
        return []
    template = get_object(resource, *place)
    metadata = {k: v for k, v in get_object(template, "metadata").items() if k in ("labels", "annotations")}
    name = get_string(resource, "metadata", "name")
    pod: JsonObject = {
        "apiVersion": POD[0],
        "kind": POD[1],
        "metadata": {**metadata, "name": name, "namespace": namespace},
        "spec": template.get("spec"),
    }
    type = await api.discover(*POD)
    return await dry_run(api, type, pod, place, severity=severity, pod=pod)


def unknown_kind(error: UnknownKindError) -> Problem:
    if error.near:
        remedy = f"write `apiVersion: {error.near[0]}`"
        remedy += f"; it is in {', '.join(error.near[1:])} as well" if error.near[1:] else ""
    elif error.similar:
        remedy = f"did you mean {error.similar}?"
    else:
        remedy = "install what defines it, or correct its name"
    return Problem("unknown-kind", Severity.ERROR, str(error), found=error.kind, path="kind", remedy=remedy)


def no_answer(error: KubeError | UnreachableError, server: str) -> Problem:
    """The cluster itself is out of reach, for now or for this user."""
    if isinstance(error, KubeConfigError):
        message = f"the way to the cluster at {server} is not usable: {error.message}"
        remedy = error.remedy or _ASK_KUBECTL
        return Problem("kubeconfig-unusable", Severity.ERROR, message, remedy=remedy)
    if isinstance(error, KubeError) and error.status == UNAUTHORIZED:
        message = f"the cluster at {server} does not know you: {error.message}"
        return Problem("not-logged-in", Severity.ERROR, message, remedy="log in to it again, as kubectl would need")
    if isinstance(error, UnreachableError):
        message = f"the cluster at {server} does not answer: {str(error).removeprefix(f'{server}: ')}"
        remedy = error.remedy or _ASK_KUBECTL
    else:
        message = f"the cluster at {server} does not answer as it should: {error}"
        remedy = _ANOTHER_SERVER if error.status in (_BAD_REQUEST, NOT_FOUND) else _ASK_KUBECTL
    return Problem("cluster-unreachable", Severity.ERROR, message, remedy=remedy)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
