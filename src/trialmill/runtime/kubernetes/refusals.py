"""A server's refusal as problems: its own words, each at the field of the resource that they are about.

Only a few refusals name their field. What quotas, limits, Pod Security and the admission of pods say is text; where it
stands in a pod is read from that text, as the sources of Kubernetes write it (plugin/pkg/admission).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, Path, format_path, get, get_list, get_string, path_of
from trialmill.kinds.lowering.quantities import parse_quantity
from trialmill.kube.api import Cause, KubeError
from trialmill.runtime.kubernetes.failures import FORBIDDEN, NOT_FOUND, is_quota
from trialmill.runtime.kubernetes.file_printer import is_printer

_POD_SECURITY: Final = "PodSecurity"
_KIND: Path = ("kind",)
_REQUIRED: Final = "FieldValueRequired"
_UNKNOWN_FIELD: Final = re.compile(r'unknown field "([^"]+)"')
_WANTS_NO_TEXT: Final = re.compile(r'must be of type (integer|number|boolean): "string"')
_AMOUNTS: Final = re.compile(r"(requested|limited): ([^:]+?)(?=, ?used:|, ?limited:|$)")
_NAMED_OBJECT: Final = re.compile(r'^[\w./-]+ "[^"]*" is forbidden: ')
_QUOTED_OBJECT: Final = re.compile(r"Invalid value: \{.*\}: ", re.DOTALL)
"""A whole object, which says nothing that the file does not."""

_Placed: TypeAlias = tuple[re.Pattern[str], Path, str]
_OF_PODS: Final[tuple[_Placed, ...]] = (
    (
        re.compile(r'service account (\S+)/(\S+): serviceaccount "[^"]*" not found'),
        ("spec", "serviceAccountName"),
        r"create it: kubectl create serviceaccount \2 -n \1",
    ),
    (
        re.compile(r"no PriorityClass with name (\S+) was found"),
        ("spec", "priorityClassName"),
        "kubectl get priorityclasses lists those that there are",
    ),
    (
        re.compile(r'RuntimeClass "([^"]*)" not found'),
        ("spec", "runtimeClassName"),
        "kubectl get runtimeclasses lists those that there are",
    ),
)
"""Of admissions that are about one field of a pod: what they say, that field, and what to do."""
_UNSPECIFIED: Final = re.compile(r"([\w./-]+) for: ([\w-]+)")
_OUT_OF_LIMITS: Final = re.compile(r"(?:maximum|minimum) (\S+) usage per \w+ is \S+, but (\w+) is ([^\s,\]]+)")
_SEE_LIMITS: Final = "kubectl describe limitrange shows what is allowed"
_PRINTER_IS_OUT: Final = (
    "it is the container that prints the file of metrics which asks for that: have the limit changed, or print metrics "
    "to standard output and use the collector StdOut"
)
_INSECURE_CONTAINER: Final = re.compile(r'(?:container|containers) "([^"]+)"')


def problems_of(
    error: KubeError, namespace: str, place: Path, severity: Severity, pod: JsonObject | None = None
) -> Iterator[Problem]:
    """The server's refusal of a resource, or of the `pod` that it describes at `place`, each cause at its field."""
    fields = [cause for cause in error.causes if cause.field]
    unknown = _UNKNOWN_FIELD.findall(error.message)
    if error.status == NOT_FOUND and "namespaces" in error.message:
        message = f"the cluster has no namespace {namespace}"
        remedy = f"create it: kubectl create namespace {namespace}; or name another with -n"
        at = "metadata.namespace"
        yield Problem("no-namespace", Severity.ERROR, message, found=namespace, path=at, remedy=remedy)
    elif is_quota(error):
        yield _quota_problem(error, place, pod)
    elif unknown:
        for field in unknown:
            steps = (*place, *path_of(field))
            message = f"the cluster knows no field {steps[-1]} here"
            yield Problem("unknown-field", severity, message, found=str(steps[-1]), path=format_path(steps))
    elif fields:
        yield from _field_problems(fields, place, severity)
    else:
        yield _whole_problem(error, place, severity, pod)


def placed_warning(warning: Problem, pods: Sequence[tuple[Path, JsonObject]]) -> Problem:
    """What a server warns of when it takes a resource, at the pod that it is about, if it is about one."""
    if _POD_SECURITY not in warning.message or not pods:
        return warning
    place, pod = pods[0]
    path, remedy = _place_in_pod(warning.message, pod)
    return replace(warning, path=format_path((*place, *path)), remedy=remedy)


def without_repetition(problems: Sequence[Problem]) -> list[Problem]:
    """Without the warning that pods would violate Pod Security where the pods themselves were refused for it."""
    refused = any(p.severity is Severity.ERROR and _POD_SECURITY in p.message for p in problems)
    return [p for p in problems if not (refused and p.code == "cluster-warning" and _POD_SECURITY in p.message)]


def _field_problems(fields: list[Cause], place: Path, severity: Severity) -> Iterator[Problem]:
    has_own_selector = any("`selector` not auto-generated" in cause.message for cause in fields)
    for cause in dict.fromkeys(fields):
        message = cause.message or cause.reason
        if has_own_selector and "`selector` does not match" in message:
            continue  # it follows from the other
        steps = (*place, *path_of(cause.field))
        path = format_path(steps)
        if cause.reason == _REQUIRED:
            detail = message.removeprefix(_REQUIRED).removeprefix("Required value")
            lacking = (
                f"more of {format_path(steps[-2:])}"
                if isinstance(steps[-1], int)
                else f"{steps[-1]}, which is missing or empty"
            )
            yield Problem("required", severity, f"the cluster requires {lacking}{detail}", path=path)
            continue
        said = f"the cluster refuses this: {_QUOTED_OBJECT.sub('', message)}"
        yield Problem("refused-by-cluster", severity, said, path=path, remedy=_remedy_for(message))


def _remedy_for(message: str) -> str:
    """A kind whose fields nobody has told gets text for its placeholders, unless the file says otherwise."""
    if found := _WANTS_NO_TEXT.search(message):
        return f"if a placeholder stands here, give its trial parameter `as: {found[1]}`"
    return "remove it: the cluster makes one itself" if "`selector` not auto-generated" in message else ""


def _whole_problem(error: KubeError, place: Path, severity: Severity, pod: JsonObject | None) -> Problem:
    code = "forbidden" if error.status == FORBIDDEN else "refused-by-cluster"
    said = _NAMED_OBJECT.sub("", error.message)  # the name is a sample's
    if pod is None:
        return Problem(code, severity, f"the cluster refuses this: {said}", path=format_path(place or _KIND))
    path, remedy = _place_in_pod(said, pod)
    message = f"the cluster refuses such pods: {said}"
    return Problem(code, severity, message, path=format_path((*place, *path)), remedy=remedy)


def _place_in_pod(said: str, pod: JsonObject) -> tuple[Path, str]:
    """What of the pod the text is about, and what to do; the whole pod where that is not known."""
    for pattern, path, remedy in _OF_PODS:
        if found := pattern.search(said):
            return path, found.expand(remedy)
    if unspecified := _UNSPECIFIED.findall(said.partition("must specify ")[2]):
        wanted = [f"resources.{'.'.join(_field_and_amount(name))}" for name, _ in unspecified]
        return _container(pod, unspecified[0][1]), f"give it {' and '.join(wanted)}"
    if found := _OUT_OF_LIMITS.search(said):
        if _only_printers_ask(pod, (f"{found[2]}s", found[1]), found[3]):
            return (), _PRINTER_IS_OUT
        return _resources(pod, f"{found[2]}s.{found[1]}") or (), _SEE_LIMITS
    if _POD_SECURITY in said:
        found = _INSECURE_CONTAINER.search(said)
        remedy = "set what it names in securityContext, or use a namespace of another level"
        return _container(pod, found[1]) if found else (), remedy
    return (), ""


def _only_printers_ask(pod: JsonObject, field: Path, amount: str) -> bool:
    """Whether it is containers of ours alone that ask for this amount."""
    containers = [c for each in ("containers", "initContainers") for c in get_list(pod, "spec", each)]
    asking = [get_string(c, "name") for c in containers if get(c, "resources", *field) == amount]
    return bool(asking) and all(is_printer(name) for name in asking)


def _container(pod: JsonObject, name: str) -> Path:
    for field in ("containers", "initContainers"):
        for position, container in enumerate(get_list(pod, "spec", field)):
            if get_string(container, "name") == name:
                return ("spec", field, position)
    return ()


# --- amounts


def _quota_problem(error: KubeError, place: Path, pod: JsonObject | None) -> Problem:
    """A quota that is used up makes trials wait; one that is too small for a single trial never lets any start."""
    amounts = {word: _pairs(text) for word, text in _AMOUNTS.findall(error.message)}
    requested, limited = amounts.get("requested", {}), amounts.get("limited", {})
    too_much = [n for n in requested if n in limited and _exceeds(requested[n], limited[n])]
    named = (_resources(pod, name) for name in (too_much or requested)) if pod else ()
    inner = next((path for path in named if path), None)
    path = format_path((*place, *inner) if inner else place or _KIND)
    said = _NAMED_OBJECT.sub("", error.message)
    if too_much:
        message = f"no trial fits the quota: {said}"
        remedy = "ask for less, or for a larger quota"
        return Problem("quota-too-small", Severity.ERROR, message, path=path, remedy=remedy)
    return Problem("quota-used-up", Severity.WARNING, f"trials will wait for room in the quota: {said}", path=path)


def _resources(pod: JsonObject, name: str) -> Path | None:
    """Where the pod asks for most of what a quota or limit calls so; None where it does not."""
    field, amount = _field_and_amount(name)
    found: list[tuple[int, Path]] = []
    for position, container in enumerate(get_list(pod, "spec", "containers")):
        for asked in dict.fromkeys((field, "limits")):  # what is only limited is requested as well
            value = parse_quantity(get(container, "resources", asked, amount))
            if value is not None:
                found.append((value, ("spec", "containers", position, "resources", asked, amount)))
                break
    return max(found, key=lambda each: each[0])[1] if found else None


def _field_and_amount(name: str) -> tuple[str, str]:
    """`limits.cpu` and the like; without either word a request is meant."""
    field, _, amount = name.partition(".")
    return (field, amount) if field in ("limits", "requests") else ("requests", name)


def _pairs(text: str) -> dict[str, str]:
    """`pods=2,requests.cpu=1` as a mapping."""
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in text.split(",")) if value}


def _exceeds(requested: str, limited: str) -> bool:
    wanted, limit = parse_quantity(requested.strip()), parse_quantity(limited.strip())
    return wanted is not None and limit is not None and wanted > limit
