"""What the server would refuse: the resource is created for show, and rights are asked for, before anything starts."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Final

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, Path, format_path, get_object, get_string, path_of
from trialmill.kinds.lowering.quantities import parse_quantity
from trialmill.kube.api import KubeApi, KubeError, ResourceType, UnknownKindError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.runtime.kubernetes.failures import FORBIDDEN, NOT_FOUND, UNAUTHORIZED, is_quota
from trialmill.runtime.kubernetes.rights import SUSPEND, Right, needed

_UNKNOWN_FIELD: Final = re.compile(r'unknown field "([^"]+)"')
_WANTS_NO_TEXT: Final = re.compile(r'must be of type (integer|number|boolean): "string"')
_AMOUNTS: Final = re.compile(r"(requested|limited): ([^:]+?)(?=, ?used:|, ?limited:|$)")
_NATIVE_SIDECARS: Final = (1, 29)
POD: Final = ("v1", "Pod")


async def rights_problems(
    api: KubeApi, type: ResourceType, namespace: str, *, can_suspend: bool, parts: Sequence[ResourceType] = ()
) -> list[Problem]:
    """What this user may not do and has to: with the kinds of the trials, with their pods, with their logs."""
    where = namespace if type.namespaced else ""
    wanted = [(right, verb) for right in needed(type, parts) for verb in right.verbs]

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
    api: KubeApi, type: ResourceType, resource: JsonObject, place: Path = (), *, severity: Severity = Severity.ERROR
) -> list[Problem]:
    """What the server says to the creation of the resource. Paths begin with `place`."""
    namespace = get_string(resource, "metadata", "namespace") if type.namespaced else ""
    try:
        written = await api.create(type, resource, namespace, dry_run=True, strict=True)
    except KubeError as error:
        return list(problems_of(error, namespace, place, severity))
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
    return await dry_run(api, type, pod, place, severity=severity)


def problems_of(error: KubeError, namespace: str, place: Path, severity: Severity) -> Iterator[Problem]:
    """The server's refusal in its own words, each cause at its field."""
    fields = [(cause.field, cause.message or cause.reason) for cause in error.causes if cause.field]
    unknown = _UNKNOWN_FIELD.findall(error.message)
    if error.status == NOT_FOUND and "namespaces" in error.message:
        message = f"the cluster has no namespace {namespace}"
        remedy = f"create it: kubectl create namespace {namespace}"
        yield Problem("no-namespace", Severity.ERROR, message, found=namespace, remedy=remedy)
    elif is_quota(error):
        yield _quota_problem(error)
    elif unknown:
        for field in unknown:
            steps = (*place, *path_of(field))
            message = f"the cluster knows no field {steps[-1]} here"
            yield Problem("unknown-field", severity, message, found=str(steps[-1]), path=format_path(steps))
    elif fields:
        for field, message in dict.fromkeys(fields):
            path = format_path((*place, *path_of(field)))
            said = f"the cluster refuses this: {message}"
            yield Problem("refused-by-cluster", severity, said, path=path, remedy=_remedy_for(message))
    else:
        code = "forbidden" if error.status == FORBIDDEN else "refused-by-cluster"
        yield Problem(code, severity, f"the cluster refuses this: {error.message}", path=format_path(place))


def _remedy_for(message: str) -> str:
    """A kind whose fields nobody has told gets text for its placeholders, unless the file says otherwise."""
    found = _WANTS_NO_TEXT.search(message)
    return f"if a placeholder stands here, give its trial parameter `as: {found[1]}`" if found else ""


def unknown_kind(error: UnknownKindError) -> Problem:
    if error.near:
        remedy = f"write `apiVersion: {error.near[0]}`"
        remedy += f"; it is in {', '.join(error.near[1:])} as well" if error.near[1:] else ""
    elif error.similar:
        remedy = f"did you mean {error.similar}?"
    else:
        remedy = "install what defines it, or correct its name"
    return Problem("unknown-kind", Severity.ERROR, str(error), found=error.kind, path="kind", remedy=remedy)


def no_answer(error: KubeError | UnreachableError | KubeConfigError, server: str) -> Problem:
    """The cluster itself is out of reach, for now or for this user."""
    if isinstance(error, KubeError) and error.status == UNAUTHORIZED:
        message = f"the cluster at {server} does not know you: {error.message}"
        return Problem("not-logged-in", Severity.ERROR, message, remedy="log in to it again, as kubectl would need")
    message = f"the cluster at {server} does not answer as it should: {error}"
    return Problem("cluster-unreachable", Severity.ERROR, message, remedy="see whether kubectl reaches it")


def _quota_problem(error: KubeError) -> Problem:
    """A quota that is used up makes trials wait; one that is too small for a single trial never lets any start."""
    amounts = {word: _pairs(text) for word, text in _AMOUNTS.findall(error.message)}
    requested, limited = amounts.get("requested", {}), amounts.get("limited", {})
    if any(_exceeds(requested[name], limited[name]) for name in requested.keys() & limited.keys()):
        message = f"no trial fits the quota: {error.message}"
        return Problem("quota-too-small", Severity.ERROR, message, remedy="ask for less, or for a larger quota")
    return Problem("quota-used-up", Severity.WARNING, f"trials will wait for room in the quota: {error.message}")


def _pairs(text: str) -> dict[str, str]:
    """`pods=2,requests.cpu=1` as a mapping."""
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in text.split(",")) if value}


def _exceeds(requested: str, limited: str) -> bool:
    wanted, limit = parse_quantity(requested.strip()), parse_quantity(limited.strip())
    return wanted is not None and limit is not None and wanted > limit


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
