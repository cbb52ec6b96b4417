"""What the server would refuse: the resource is created for show, and rights are asked for, before anything starts."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, Path, get_object, get_string, with_article
from trialmill.engine.records import AttemptKey
from trialmill.kinds.profile import KindProfile, profile_of
from trialmill.kube.api import KubeApi, KubeError, ResourceType, UnknownKindError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.runtime.kubernetes.failures import FAILURES, NOT_FOUND, UNAUTHORIZED
from trialmill.runtime.kubernetes.file_printer import can_print, printing
from trialmill.runtime.kubernetes.objects import Objects
from trialmill.runtime.kubernetes.references import Referred
from trialmill.runtime.kubernetes.refusals import placed_warning, problems_of, without_repetition
from trialmill.runtime.kubernetes.rights import SUSPEND, Right, needed
from trialmill.runtime.kubernetes.stamping import pod_places, stamped
from trialmill.runtime.kubernetes.target import POD, KindRef, Target

_JOB: Final = KindRef("batch/v1", "Job")
_NATIVE_SIDECARS: Final = (1, 29)
_BAD_REQUEST: Final = 400
_ASK_KUBECTL: Final = "see whether kubectl reaches it"
_ANOTHER_SERVER: Final = "see whether the server in the kubeconfig is right, and begins with https://"
_SAMPLE: Final = AttemptKey("00000000-0000-0000-0000-000000000000", 0, 1)


class Rehearsal:
    """Whether a cluster takes the trials of one experiment. Rights are asked for once."""

    def __init__(self, api: KubeApi, target: Target, objects: Objects) -> None:
        self._api = api
        self._target = target
        self._objects = objects
        self._referred = Referred(api)
        self._rights: list[Problem] | None = None

    async def problems(self, resource: JsonObject, parts: Sequence[JsonObject]) -> list[Problem]:
        """All that is known to be wrong with one trial's resource and parts, each with its path."""
        try:
            return [*await self._of_trial(resource, parts), *await self._of_parts(parts)]
        except UnknownKindError as error:
            return [unknown_kind(error)]
        except FAILURES as error:
            return [no_answer(error, self._api.server)]

    async def _of_trial(self, resource: JsonObject, parts: Sequence[JsonObject]) -> list[Problem]:
        ref = KindRef(get_string(resource, "apiVersion"), get_string(resource, "kind"))
        type = await self._api.discover(ref.api_version, ref.kind, fresh=True)
        profile = profile_of(ref.api_version, ref.kind)
        if self._rights is None:
            namespace = self._target.namespace
            beside = [await self._objects.type_of(part) for part in self._target.parts]
            self._rights = await rights_problems(self._api, type, namespace, profile=profile, parts=beside)
        problems = list(self._rights)
        if any(p.severity is Severity.ERROR for p in problems):
            return problems
        problems += await self._of_printers(resource)
        whole = stamped(printing(resource, self._target), _SAMPLE, self._target.namespace, profile)
        return problems + await self._of_dry_run(type, whole, parts)

    async def _of_dry_run(self, type: ResourceType, whole: JsonObject, parts: Sequence[JsonObject]) -> list[Problem]:
        ref = KindRef(type.api_version, type.kind)
        places = pod_places(whole, profile_of(ref.api_version, ref.kind))
        pods = [(place, get_object(whole, *place)) for place in places]
        itself = whole if ref == POD else None
        problems = [placed_warning(p, pods) for p in await dry_run(self._api, type, whole, pod=itself)]
        if any(p.severity is Severity.ERROR for p in problems):
            return problems
        # Operators may complete the pods of their kinds before they create them; a Job's are created as they are.
        severity = Severity.ERROR if ref == _JOB else Severity.WARNING
        for place, _ in pods:
            problems += await pod_problems(self._api, whole, place, severity=severity)
            if not any(p.severity is Severity.ERROR for p in problems):
                spec, namespace = get_object(whole, *place, "spec"), get_string(whole, "metadata", "namespace")
                problems += await self._referred.problems(spec, namespace, (*place, "spec"), parts)
        return without_repetition(problems)

    async def _of_parts(self, parts: Sequence[JsonObject]) -> list[Problem]:
        problems: list[Problem] = []
        for position, part in enumerate(parts):
            type = await self._api.discover(get_string(part, "apiVersion"), get_string(part, "kind"), fresh=True)
            whole = stamped(part, _SAMPLE, self._target.namespace, None)
            problems += await dry_run(self._api, type, whole, ("parts", position))
        return problems

    async def _of_printers(self, resource: JsonObject) -> list[Problem]:
        paths = self._target.collector_paths
        if not paths:
            return []
        problems = await version_problems(self._api)
        for path in paths:
            if not can_print(path):
                message = f"the file {path} cannot be read on a cluster, since its folder is the root of the container"
                problems.append(Problem("cannot-read-file", Severity.ERROR, message, remedy="write it to a folder"))
        if not problems and printing(resource, self._target) == resource:
            kind = get_string(resource, "kind")
            message = f"the pods of {with_article(kind)} are described elsewhere, so no file of theirs can be read"
            remedy = "print metrics to standard output and use the collector StdOut"
            problems.append(Problem("cannot-read-file", Severity.ERROR, message, remedy=remedy))
        return problems


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
    denied: dict[Right, list[str]] = {}
    for (right, verb), allowed in zip(wanted, answers, strict=True):
        if not allowed:
            denied.setdefault(right, []).append(verb)
    file = "" if KindRef(type.api_version, type.kind) == _JOB and not parts else " FILE"
    problems = [_forbidden(right, verbs, namespace, file) for right, verbs in denied.items()]
    if can_suspend and not (await api.access(SUSPEND, type.group, type.plural, where)).allowed:
        message = f"you may not patch {type.plural} in the namespace {namespace}, so a pause will not suspend them"
        problems.append(Problem("cannot-suspend", Severity.WARNING, message))
    return problems


def _forbidden(right: Right, verbs: Sequence[str], namespace: str, file: str) -> Problem:
    """`file`: the Role for these trials is printed for their file alone."""
    where, role = (f" in the namespace {namespace}", "Role") if right.namespaced else ("", "ClusterRole")
    return Problem(
        "forbidden",
        Severity.ERROR,
        f"you may not {_listed(verbs)} {right.name}{where}",
        remedy=f"ask for the {role} that `trialmill check-cluster{file} --role` prints, and a {role}Binding to it",
    )


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
        "apiVersion": POD.api_version,
        "kind": POD.kind,
        "metadata": {**metadata, "name": name, "namespace": namespace},
        "spec": template.get("spec"),
    }
    type = await api.discover(POD.api_version, POD.kind)
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
