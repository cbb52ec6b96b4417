"""Experiments on a cluster: connecting to it, asking it what it would refuse, and taking away what is left there."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, get_string
from trialmill.check.corners import corners
from trialmill.check.documents import Checked
from trialmill.engine.ports import Clock
from trialmill.engine.records import ExperimentRecord
from trialmill.engine.rendering import trial_labels
from trialmill.kube.api import KubeApi, KubeError, UnknownKindError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.kubeconfig_entries import is_namespace
from trialmill.root.clock import SystemClock
from trialmill.root.cluster_way import by_this_way, confirm, uid_of, way_to
from trialmill.root.creating import ClusterChoice, cluster_of
from trialmill.root.errors import InputError, RefusedError
from trialmill.root.placing import in_the_file
from trialmill.runtime.kubernetes.evidence import Patience
from trialmill.runtime.kubernetes.objects import Objects
from trialmill.runtime.kubernetes.rights import SUSPEND, needed, roles
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.schema import ClusterSchema
from trialmill.runtime.kubernetes.target import PRINTER_IMAGE, KindRef, Target
from trialmill.runtime.local.layout import attempt_directory
from trialmill.template.compiled import CompiledTemplate, TrialContext
from trialmill.template.encode import compiled_from_json
from trialmill.template.render import RenderError, render, render_parts

_AT_ONCE: Final = 4
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
    """The fields of kinds, also of those that only the cluster knows. It is asked when such a kind is met, from
    outside of any event loop.
    """

    async def document(api_version: str) -> JsonObject | None:
        async with connected(choice) as api:
            return await api.openapi(api_version)

    def ask(api_version: str) -> JsonObject | None:
        try:
            return asyncio.run(document(api_version))
        except InputError as error:  # said again, and as an error, where a cluster is needed
            raise UnreachableError(error.message) from error

    return ClusterSchema(ask)


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
    return Target(
        namespace=experiment.namespace,
        kind=KindRef(template.api_version, template.kind),
        parts=tuple(dict.fromkeys(KindRef(part.api_version, part.kind) for part in template.parts)),
        primary_container=spec.template.primary_container,
        primary_labels=spec.template.primary_pod_labels,
        collector_paths=spec.collector.paths,
        printer_image=choice.printer_image or PRINTER_IMAGE,
        patience=Patience(timeout, timeout) if timeout else Patience(),
    )


async def check_there(checked: Checked, choice: ClusterChoice) -> Found:
    """What the cluster would refuse of the experiment's trials, at their smallest, largest and each listed value."""
    target = target_of(choice, checked.experiment, checked.template)
    target = replace(target, primary_container=checked.primary_container)
    async with connected(choice) as api:
        runtime = KubernetesRuntime(api, target, SystemClock())
        gate = asyncio.Semaphore(_AT_ONCE)
        contexts = [_context(checked, assignments) for assignments in corners(checked.space)]

        async def check(context: TrialContext) -> list[Problem]:
            async with gate:
                try:
                    resource, parts = render(checked.template, context), render_parts(checked.template, context)
                except RenderError:
                    return []  # reported before, with its place
                return await runtime.check(resource, parts)

        first = await check(contexts[0])
        rest = [] if _stops(first) else await asyncio.gather(*(check(context) for context in contexts[1:]))
        found = [*first, *(problem for problems in rest for problem in problems)]
        if not _stops(first):
            found += await _missing_companions(api, checked)
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
    rights = needed(types[0], types[1:])
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


def _stops(problems: Sequence[Problem]) -> bool:
    """Whether more questions would bring the same answer."""
    return any(p.severity is Severity.ERROR and not p.path.startswith("spec") for p in problems)


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
        except KubeError:
            message = f"the cluster has no {kind} {name} in the namespace {namespace}"
            remedy = "create it: kubectl apply -f with the file that has it"
            problems.append(Problem("missing-companion", Severity.ERROR, message, found=name, remedy=remedy))
    return problems
