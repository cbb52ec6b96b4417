"""What pods name and the cluster does not have is warned of before anything starts, at the name."""

import pytest
from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.api.problem import Severity
from trialmill.api.tree import Json, JsonObject, get
from trialmill.testing.kube_cluster import CONFIG_MAP, SECRET
from trialmill.testing.kube_fake import Call
from trialmill.testing.virtual_time import run_virtually

SPEC = ("spec", "template", "spec")


def job_with(**changes: Json) -> JsonObject:
    """A Job whose container, or whose pod, has these fields; `volumes` and the like are the pod's."""
    resource = job(name="trial")
    spec, container = get(resource, *SPEC), get(resource, *SPEC, "containers", 0)
    assert isinstance(spec, dict)
    assert isinstance(container, dict)
    of_container = {name: value for name, value in changes.items() if name in ("env", "envFrom")}
    container.update(of_container)
    spec.update({name: value for name, value in changes.items() if name not in of_container})
    return resource


def problems_of(
    resource: JsonObject, *parts: JsonObject, denied: str = "", times: int = 1
) -> tuple[list[tuple[str, str]], KubernetesWorld]:
    """The paths of the warnings, below the pod's spec, and what was found there."""
    world = KubernetesWorld()
    there: JsonObject = {"metadata": {"name": "there"}, "data": {"known": "eA=="}}
    world.cluster.create(SECRET, there, "default")
    world.cluster.create(CONFIG_MAP, there, "default")
    if denied:
        world.api.denied.add(("get", denied))

    async def whole() -> list[tuple[str, str]]:
        runtime = runtime_on(world)
        for _ in range(times):
            problems = await runtime.check(resource, parts)
        assert {(problem.code, problem.severity) for problem in problems} <= {("missing-reference", Severity.WARNING)}
        return [(problem.path.removeprefix("spec.template.spec."), problem.found) for problem in problems]

    return run_virtually(whole()), world


def key_ref(field: str, name: str, key: str = "known", **more: Json) -> Json:
    return [{"name": "A", "valueFrom": {field: {"name": name, "key": key, **more}}}]


@pytest.mark.parametrize(
    ("fields", "path", "found"),
    [
        ({"volumes": [{"name": "v", "secret": {"secretName": "nope"}}]}, "volumes[0].secret.secretName", "nope"),
        ({"volumes": [{"name": "v", "configMap": {"name": "nope"}}]}, "volumes[0].configMap.name", "nope"),
        (
            {"volumes": [{"name": "v", "configMap": {"name": "there", "items": [{"key": "no", "path": "p"}]}}]},
            "volumes[0].configMap.items[0].key",
            "no",
        ),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "nope"}}]}}]},
            "volumes[0].projected.sources[0].secret.name",
            "nope",
        ),
        ({"env": key_ref("secretKeyRef", "nope")}, "containers[0].env[0].valueFrom.secretKeyRef.name", "nope"),
        (
            {"env": key_ref("configMapKeyRef", "there", "no")},
            "containers[0].env[0].valueFrom.configMapKeyRef.key",
            "no",
        ),
        ({"envFrom": [{"configMapRef": {"name": "nope"}}]}, "containers[0].envFrom[0].configMapRef.name", "nope"),
        ({"imagePullSecrets": [{"name": "nope"}]}, "imagePullSecrets[0].name", "nope"),
    ],
)
def test_a_name_that_leads_to_nothing_is_warned_of_at_its_place(fields: dict[str, Json], path: str, found: str) -> None:
    assert problems_of(job_with(**fields))[0] == [(path, found)]


@pytest.mark.parametrize(
    "fields",
    [
        {"volumes": [{"name": "v", "secret": {"secretName": "nope", "optional": True}}]},
        {"volumes": [{"name": "v", "secret": {"secretName": "there", "items": [{"key": "known", "path": "p"}]}}]},
        {"volumes": [{"name": "v", "emptyDir": {}}]},
        {"env": key_ref("secretKeyRef", "nope", optional=True)},
        {"env": key_ref("secretKeyRef", "there")},
        {"envFrom": [{"secretRef": {"name": "there"}}, {"secretRef": {"name": "nope", "optional": True}}]},
    ],
)
def test_what_is_there_or_optional_is_no_problem(fields: dict[str, Json]) -> None:
    assert problems_of(job_with(**fields))[0] == []


def test_what_is_made_with_the_trial_need_not_be_there() -> None:
    resource = job_with(envFrom=[{"configMapRef": {"name": "mine"}}])
    part: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    assert problems_of(resource, part)[0] == []


def test_what_may_not_be_read_is_not_looked_for() -> None:
    resource = job_with(envFrom=[{"secretRef": {"name": "nope"}}])
    assert problems_of(resource, denied="secrets")[0] == []


def test_each_object_is_asked_for_once() -> None:
    _, world = problems_of(job_with(env=[*_list(key_ref("secretKeyRef", "there"))] * 3), times=3)
    assert world.api.calls.count(Call("get", "secrets", "default", "there")) == 1


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value
