"""Experiments on a cluster: connecting to it, asking it what it would refuse, and taking away what is left there."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from trialmill.api.experiment import CollectorKind, Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problem, Severity
from trialmill.api.space import Value
from trialmill.api.tree import JsonObject, get_integer, get_string
from trialmill.check.corners import MOST_HYDRATED, corners, shown
from trialmill.check.documents import Checked
from trialmill.engine.ports import Clock
from trialmill.engine.records import ExperimentRecord
from trialmill.engine.rendering import trial_labels
from trialmill.kinds.profile import profile_of
from trialmill.kube.api import KubeApi, KubeError, UnknownKindError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.kubeconfig_entries import is_namespace
from trialmill.root.clock import SystemClock
from trialmill.root.cluster_way import by_this_way, confirm, uid_of, way_to
from trialmill.root.creating import ClusterChoice, cluster_of
from trialmill.root.errors import InputError, RefusedError
from trialmill.root.interrupts import run_anywhere
from trialmill.root.placing import in_the_file
from trialmill.runtime.kubernetes.evidence import Patience
from trialmill.runtime.kubernetes.failures import is_missing
from trialmill.runtime.kubernetes.objects import Objects
from trialmill.runtime.kubernetes.rights import SUSPEND, needed, roles
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.schema import ClusterSchema
from trialmill.runtime.kubernetes.stamping import pod_places
from trialmill.runtime.kubernetes.target import PRINTER_IMAGE, KindRef, Target
from trialmill.runtime.local.layout import attempt_directory
from trialmill.template.compiled import CompiledTemplate, TrialContext
from trialmill.template.encode import compiled_from_json
from trialmill.template.hydration import hydrated
from trialmill.template.render import RenderError, render_parts

_AT_ONCE: Final = 4
_GRACE: Final = ("spec", "terminationGracePeriodSeconds")
_USUAL_GRACE: Final = 30
"""Seconds that Kubernetes gives a pod that says nothing of it."""
JOB: Final = KindRef("batch/v1", "Job")
_SAMPLE: Final = "00000000"
"""Stands for the letters that end a real trial's name."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a cluster has shown."""

    server: str
    version: str
    problems: tuple[Problem, ...]


def chosen_cluster(choice: ClusterChoice, environment: Mapping[str, str]) -> tuple[ClusterChoice, str]:
    """The choice with all by which the same cluster is found again later, and the context's namespace. Raises
    InputError.
    """
    access = way_to(choice, environment).access
    return by_this_way(choice, access), access.namespace


@asynccontextmanager
async def connected(choice: ClusterChoice) -> AsyncIterator[KubeApi]:
    """A client for the cluster. Raises InputError where there is no way to it, or only to another. A request is made
    only where a uid is remembered.
    """
    from trialmill.kube.connect import client_for

    way = way_to(choice, os.environ)
    try:
        api = client_for(way.access)
    except KubeConfigError as error:
        raise InputError(error.message, error.remedy) from error
    try:
        await confirm(api, choice, way)
        yield api
    finally:
        await api.close()


async def identified(choice: ClusterChoice) -> ClusterChoice:
    """The choice with the cluster's own uid, as far as it may be read. Raises InputError."""
    async with connected(choice) as api:
        return replace(choice, uid=await uid_of(api))


async def found_again(choice: ClusterChoice) -> ClusterChoice:
    """A remembered choice by the way that leads there now. Raises InputError."""
    if not choice.server:
        return choice
    async with connected(choice):
        return by_this_way(choice, way_to(choice, os.environ).access)


def cluster_schema(choice: ClusterChoice) -> SchemaSource:
    """The fields of kinds, also of those that only the cluster knows. It is asked when such a kind is met."""

    async def document(api_version: str) -> JsonObject | None:
        async with connected(choice) as api:
            return await api.openapi(api_version)

    def ask(api_version: str) -> JsonObject | None:
        try:
            return run_anywhere(document(api_version))
        except InputError as error:  # said again, and as an error, where a cluster is needed
            raise UnreachableError(error.message) from error

    async def discover(api_version: str, kind: str) -> None:
        async with connected(choice) as api:
            await api.discover(api_version, kind)

    def find(api_version: str, kind: str) -> UnknownKindError | None:
        try:
            run_anywhere(discover(api_version, kind))
        except UnknownKindError as error:
            return error
        except InputError as error:
            raise UnreachableError(error.message) from error
        return None

    return ClusterSchema(ask, find)


@asynccontextmanager
async def cluster_runtime(
    choice: ClusterChoice, experiment: Experiment, template: CompiledTemplate, runs: Path, clock: Clock
) -> AsyncIterator[KubernetesRuntime]:
    """The runtime of one experiment; what its pods print is kept below `runs` too. Raises InputError."""
    target = target_of(choice, experiment, template)
    root = str(runs)
    async with (
        connected(choice) as api,
        KubernetesRuntime(api, target, clock, keep=lambda key: attempt_directory(root, key)) as runtime,
    ):
        yield runtime


def target_of(choice: ClusterChoice, experiment: Experiment, template: CompiledTemplate) -> Target:
    spec = experiment.spec
    timeout = choice.pending_timeout
    profile = profile_of(template.api_version, template.kind)
    known_labels = profile.primary_labels_of(template.tree) if profile else {}
    return Target(
        namespace=experiment.namespace,
        kind=KindRef(template.api_version, template.kind),
        parts=tuple(dict.fromkeys(KindRef(part.api_version, part.kind) for part in template.parts)),
        primary_container=spec.template.primary_container,
        primary_labels=spec.template.primary_pod_labels or known_labels,
        collector_paths=spec.collector.paths,
        whole_files=spec.collector.kind is CollectorKind.OUTPUTS or bool(spec.collector.metric_files),
        printer_image=choice.printer_image or PRINTER_IMAGE,
        patience=Patience(timeout, timeout, timeout) if timeout else Patience(),
    )


def grace_of_pods(experiment: Experiment) -> timedelta:
    """How long a trial's pods may take to end once they are deleted: their own grace period, which the cluster gives
    them whoever asks.
    """
    spec = experiment.spec.template.trial_spec
    profile = profile_of(get_string(spec, "apiVersion"), get_string(spec, "kind"))
    seconds = [get_integer(spec, (*place, *_GRACE), _USUAL_GRACE) for place in pod_places(spec, profile)]
    return timedelta(seconds=max(seconds, default=_USUAL_GRACE))


async def check_there(checked: Checked, choice: ClusterChoice) -> Found:
    """What the cluster would refuse of the experiment's trials, at their smallest, largest and each listed value."""
    target = target_of(choice, checked.experiment, checked.template)
    target = replace(target, primary_container=checked.primary_container)
    async with connected(choice) as api:
        runtime = KubernetesRuntime(api, target, SystemClock())
        gate = asyncio.Semaphore(_AT_ONCE)
        rows = list(corners(checked.space))[: None if checked.hydrate is None else MOST_HYDRATED]

        async def check(row: Mapping[str, Value]) -> list[Problem]:
            context = _context(checked, row)
            async with gate:
                try:
                    # A function or command that makes it takes its time.
                    make = partial(hydrated, checked.template, context, checked.hydrate)
                    resource = await asyncio.to_thread(make) if checked.hydrate else make()
                    parts = render_parts(checked.template, context)
                except RenderError:
                    return []  # reported before, with its place
                return await runtime.check(resource, parts)

        first = await check(rows[0])
        rest = [] if _stops(first) else await asyncio.gather(*(check(row) for row in rows[1:]))
        found = _each_once(list(zip(rows, [first, *rest], strict=False)))
        if not _stops(first):
            missing = await _missing_companions(api, checked)
            found = _with_companions(found, missing)
        return Found(
            api.server, await _version(api), tuple(dict.fromkeys(in_the_file(problem, checked) for problem in found))
        )


async def check_cluster(choice: ClusterChoice, namespace: str) -> Found:
    """What keeps Jobs from being tuned in this namespace. Raises InputError."""
    target = _for_jobs(namespace)
    async with connected(choice) as api:
        sample: JsonObject = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "trialmill-check"},
            "spec": {"template": {"spec": _SAMPLE_POD}},
        }
        problems = await KubernetesRuntime(api, target, SystemClock()).check(sample)
        return Found(api.server, await _version(api), tuple(problems))


def _for_jobs(namespace: str) -> Target:
    if not is_namespace(namespace):
        raise InputError(f"{namespace!r}: no namespace can be called so", "name one with --namespace")
    return Target(namespace, JOB)


async def _version(api: KubeApi) -> str:
    """Empty where the server does not say."""
    try:
        return await api.server_version()
    except (KubeError, UnreachableError):
        return ""


async def roles_for(choice: ClusterChoice, namespace: str, checked: Checked | None = None) -> list[JsonObject]:
    """The Role to run this file with, or any with Jobs: as objects to apply. Raises InputError."""
    target = target_of(choice, checked.experiment, checked.template) if checked else _for_jobs(namespace)
    async with connected(choice) as api:
        try:
            types = [await api.discover(ref.api_version, ref.kind) for ref in (target.kind, *target.parts)]
        except UnknownKindError as error:
            raise InputError(str(error), "install what defines it, or correct its name") from error
        except (KubeError, UnreachableError) as error:
            raise InputError(f"the cluster at {api.server} does not answer as it should: {error}") from error
    rights = needed(types[0], types[1:], target.profile.owners_between if target.profile else ())
    if target.profile is not None and target.profile.suspend_path is not None:
        rights[0] = replace(rights[0], verbs=(*rights[0].verbs, SUSPEND))
    return list(roles(rights, target.namespace))


_SAMPLE_POD: Final[JsonObject] = {
    "restartPolicy": "Never",
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": PRINTER_IMAGE,
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "10m", "memory": "16Mi"}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


async def remove_from_cluster(record: ExperimentRecord, experiment: Experiment) -> None:
    """Delete what is left of the experiment on its cluster. Raises RefusedError where that cannot be done."""
    choice = cluster_of(record)
    if choice is None:
        return
    target = target_of(choice, experiment, compiled_from_json(record.compiled))
    async with connected(choice) as api:
        try:
            await Objects(api, target).delete_all(record.uid)
        except UnknownKindError:
            return
        except (KubeError, UnreachableError) as error:
            message = f"what is left of {record.name} on the cluster cannot be deleted: {error}"
            raise RefusedError(message, "try again when the cluster answers") from error


def _with_companions(found: Sequence[Problem], missing: Sequence[Problem]) -> list[Problem]:
    """Each missing companion at the names that lead to it, or without a place where no pod of the trials names it."""
    by_message = {problem.message: problem for problem in missing}
    named = {problem.message for problem in found}
    placed = [replace(by_message[p.message], path=p.path) if p.message in by_message else p for p in found]
    return [*placed, *(problem for problem in missing if problem.message not in named)]


def _stops(problems: Sequence[Problem]) -> bool:
    """Whether more questions would bring the same answer."""
    return any(p.severity is Severity.ERROR and not p.path.startswith("spec") for p in problems)


def _each_once(answers: Sequence[tuple[Mapping[str, Value], Sequence[Problem]]]) -> list[Problem]:
    """What the sample trials have wrong. Of a field of which several have something to say the first speaks for all,
    with values that show it where others have nothing to say.
    """
    found: dict[Problem, Mapping[str, Value]] = {}
    for row, problems in answers:
        told = {(p.code, p.path) for p in found if p.path.startswith("spec")}
        found |= {p: row for p in problems if p not in found and (p.code, p.path) not in told}
    having = Counter(key for _, problems in answers for key in {(p.code, p.path) for p in problems})
    return [
        replace(p, message=f"{p.message} ({shown(row)})") if having[p.code, p.path] < len(answers) else p
        for p, row in found.items()
    ]


def _context(checked: Checked, assignments: Mapping[str, object]) -> TrialContext:
    experiment = checked.experiment
    name = f"{experiment.name}-{_SAMPLE}"
    labels = trial_labels(experiment.name, name, experiment.labels)
    return TrialContext(
        dict(assignments),  # type: ignore[arg-type]
        name,
        experiment.namespace,
        0,
        0,
        experiment.name,
        labels,
    )


async def _missing_companions(api: KubeApi, checked: Checked) -> list[Problem]:
    """ConfigMaps and Secrets of the file that the cluster does not have: a run makes none, they are not a trial's."""
    problems = []
    for companion in checked.companions:
        kind, name = get_string(companion, "kind"), get_string(companion, "metadata", "name")
        namespace = get_string(companion, "metadata", "namespace") or checked.experiment.namespace
        type = await api.discover("v1", kind)
        if not (await api.access("get", "", type.plural, namespace, name=name)).allowed:
            continue
        try:
            await api.get(type, name, namespace)
        except KubeError as error:
            if not is_missing(error):
                raise
            message = f"the cluster has no {kind} {name} in the namespace {namespace}"
            remedy = "create it: kubectl apply -f with the file that has it"
            problems.append(Problem("missing-companion", Severity.ERROR, message, found=name, remedy=remedy))
    return problems
