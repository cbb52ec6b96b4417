"""Placeholders in fields of every type, in the kinds whose fields are known and in others."""

from typing import Final

import pytest
from check_samples import check

from trialmill.api.problem import Severity
from trialmill.api.space import Value
from trialmill.api.tree import Json, JsonObject, Path, get
from trialmill.api.yaml_text import yaml_text
from trialmill.template.compiled import TrialContext
from trialmill.template.render import render

VALUES: Final[dict[str, Value]] = {
    "count": 3,
    "gib": 4,
    "port": 8080,
    "flag": "true",
    "words": '["a", "b c"]',
    "labels": '{"x": "y"}',
    "name": "yes",
    "rate": 0.5,
}
_SPACE: Final[list[JsonObject]] = [
    {"name": "count", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "4"}},
    {"name": "gib", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "8"}},
    {"name": "port", "parameterType": "int", "feasibleSpace": {"min": "8000", "max": "9000"}},
    {"name": "flag", "parameterType": "categorical", "feasibleSpace": {"list": ["true", "false"]}},
    {"name": "words", "parameterType": "categorical", "feasibleSpace": {"list": ['["a", "b c"]', "[]"]}},
    {"name": "labels", "parameterType": "categorical", "feasibleSpace": {"list": ['{"x": "y"}', "{}"]}},
    {"name": "name", "parameterType": "categorical", "feasibleSpace": {"list": ["yes", "no"]}},
    {"name": "rate", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.9"}},
]
_JSON: Final = ("words", "labels")


def p(name: str) -> str:
    return f"${{trialParameters.{name}}}"


def _pod(**fields: Json) -> JsonObject:
    container: JsonObject = {"name": "train", "image": "i", "command": ["c"], **fields}
    return {"restartPolicy": "Never", "containers": [container]}


def _template(**fields: Json) -> JsonObject:
    return {"spec": _pod(**fields)}


def rendered(manifest: JsonObject, casts: dict[str, str] | None = None, primary: str = "train") -> JsonObject:
    """The resource that the values make of a manifest, which has to be without an error."""
    text = yaml_text(manifest)
    used = [name for name in VALUES if p(name) in text]
    parameters: list[Json] = [entry for entry in _SPACE if entry["name"] in used]
    casts = dict.fromkeys(_JSON, "json") | (casts or {})
    declared: list[Json] = [{"name": n, "reference": n, **({"as": casts[n]} if casts.get(n) else {})} for n in used]
    experiment: JsonObject = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "typed"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "maxTrialCount": 2,
            "parallelTrialCount": 1,
            "parameters": parameters,
            "trialTemplate": {
                "primaryContainerName": primary,
                "trialParameters": declared,
                "trialSpec": manifest,
            },
        },
    }
    checked, problems = check(yaml_text(experiment))
    refused = [str(problem) for problem in problems if problem.severity is Severity.ERROR]
    assert checked is not None, refused
    return render(checked.template, TrialContext({n: VALUES[n] for n in used}, "t", "n", 0, 0, "typed"))


def _job(**spec: Json) -> JsonObject:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": _template(), **spec}}


def _kubeflow(kind: str, specs: str, role: str, container: str, version: str = "v1", **spec: Json) -> JsonObject:
    pod = _pod(ports=[{"containerPort": p("port")}], env=[{"name": "N", "value": p("count")}])
    pod["containers"][0]["name"] = container  # type: ignore[index,call-overload]
    replica: JsonObject = {"replicas": p("count"), "template": {"spec": pod}}
    return {"apiVersion": f"kubeflow.org/{version}", "kind": kind, "spec": {specs: {role: replica}, **spec}}


_IN_POD: Final[dict[str, tuple[JsonObject, Path, Json]]] = {
    "a port": ({"ports": [{"containerPort": p("port")}]}, ("ports", 0, "containerPort"), 8080),
    "a variable": ({"env": [{"name": "N", "value": p("count")}]}, ("env", 0, "value"), "3"),
    "a variable of a boolean": ({"env": [{"name": "N", "value": p("flag")}]}, ("env", 0, "value"), "true"),
    "a quantity in a text": (
        {"resources": {"limits": {"memory": f"{p('gib')}Gi"}}},
        ("resources", "limits", "memory"),
        "4Gi",
    ),
    "a whole quantity": ({"resources": {"limits": {"cpu": p("count")}}}, ("resources", "limits", "cpu"), "3"),
    "a boolean": ({"stdin": p("flag")}, ("stdin",), True),
    "a nested boolean": (
        {"securityContext": {"readOnlyRootFilesystem": p("flag")}},
        ("securityContext", "readOnlyRootFilesystem"),
        True,
    ),
    "a list": ({"args": p("words")}, ("args",), ["a", "b c"]),
    "an argument": ({"args": [p("count")]}, ("args", 0), "3"),
    "an argument of a number": ({"args": [p("rate")]}, ("args", 0), "0.5"),
    "a word of YAML": ({"args": [p("name")]}, ("args", 0), "yes"),
    "an integer or a string": (
        {"livenessProbe": {"httpGet": {"port": p("port")}}},
        ("livenessProbe", "httpGet", "port"),
        8080,
    ),
}


@pytest.mark.parametrize(("fields", "path", "expected"), _IN_POD.values(), ids=_IN_POD)
@pytest.mark.parametrize("kind", ["Job", "Pod"])
def test_a_field_of_a_container_takes_its_type(kind: str, fields: JsonObject, path: Path, expected: Json) -> None:
    if kind == "Pod":
        resource = rendered({"apiVersion": "v1", "kind": "Pod", "spec": _pod(**fields)})
        container = get(resource, "spec", "containers", 0)
    else:
        resource = rendered(_job(template=_template(**fields)))
        container = get(resource, "spec", "template", "spec", "containers", 0)

    found = get(container, *path)
    assert (found, type(found)) == (expected, type(expected))


_TENSORFLOW: Final = _kubeflow("TFJob", "tfReplicaSpecs", "Worker", "tensorflow")
_KINDS: Final[dict[str, tuple[JsonObject, str, dict[Path, Json]]]] = {
    "Job": (
        _job(parallelism=p("count"), completions=p("count"), backoffLimit=p("gib")),
        "train",
        {("parallelism",): 3, ("completions",): 3, ("backoffLimit",): 4},
    ),
    "Pod": (
        {"apiVersion": "v1", "kind": "Pod", "spec": {**_pod(), "nodeSelector": p("labels"), "hostNetwork": p("flag")}},
        "train",
        {("nodeSelector",): {"x": "y"}, ("hostNetwork",): True},
    ),
    "TFJob": (
        _TENSORFLOW,
        "tensorflow",
        {
            ("tfReplicaSpecs", "Worker", "replicas"): 3,
            ("tfReplicaSpecs", "Worker", "template", "spec", "containers", 0, "ports", 0, "containerPort"): 8080,
            ("tfReplicaSpecs", "Worker", "template", "spec", "containers", 0, "env", 0, "value"): "3",
        },
    ),
    "PyTorchJob": (
        _kubeflow("PyTorchJob", "pytorchReplicaSpecs", "Master", "pytorch", nprocPerNode=p("count")),
        "pytorch",
        # It is a string there: "auto", "cpu", "gpu", or a number in quotes.
        {("nprocPerNode",): "3", ("pytorchReplicaSpecs", "Master", "replicas"): 3},
    ),
    "MPIJob v1": (
        _kubeflow("MPIJob", "mpiReplicaSpecs", "Launcher", "mpi", slotsPerWorker=p("count")),
        "mpi",
        {("slotsPerWorker",): 3, ("mpiReplicaSpecs", "Launcher", "replicas"): 3},
    ),
    "MPIJob v2beta1": (
        _kubeflow("MPIJob", "mpiReplicaSpecs", "Launcher", "mpi", version="v2beta1", slotsPerWorker=p("count")),
        "mpi",
        {("slotsPerWorker",): 3, ("mpiReplicaSpecs", "Launcher", "replicas"): 3},
    ),
    "XGBoostJob": (
        _kubeflow("XGBoostJob", "xgbReplicaSpecs", "Master", "xgboost"),
        "xgboost",
        {("xgbReplicaSpecs", "Master", "replicas"): 3},
    ),
    "PaddleJob": (
        _kubeflow("PaddleJob", "paddleReplicaSpecs", "Worker", "paddle"),
        "paddle",
        {("paddleReplicaSpecs", "Worker", "replicas"): 3},
    ),
    "JAXJob": (
        _kubeflow("JAXJob", "jaxReplicaSpecs", "Worker", "jax"),
        "jax",
        {("jaxReplicaSpecs", "Worker", "replicas"): 3},
    ),
    "TrainJob": (
        {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "spec": {
                "runtimeRef": {"name": "torch-distributed"},
                "suspend": p("flag"),
                "trainer": {
                    "numNodes": p("count"),
                    "numProcPerNode": p("gib"),
                    "args": p("words"),
                    "env": [{"name": "N", "value": p("count")}],
                    "resourcesPerNode": {"limits": {"memory": f"{p('gib')}Gi"}},
                },
            },
        },
        "node",
        {
            ("suspend",): True,
            ("trainer", "numNodes"): 3,
            ("trainer", "numProcPerNode"): 4,
            ("trainer", "args"): ["a", "b c"],
            ("trainer", "env", 0, "value"): "3",
            ("trainer", "resourcesPerNode", "limits", "memory"): "4Gi",
        },
    ),
    "JobSet": (
        {
            "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "kind": "JobSet",
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "w",
                        "replicas": p("count"),
                        "template": {"spec": {"parallelism": p("gib"), "template": _template()}},
                    }
                ]
            },
        },
        "train",
        {
            ("replicatedJobs", 0, "replicas"): 3,
            ("replicatedJobs", 0, "template", "spec", "parallelism"): 4,
        },
    ),
    "TaskRun": (
        {
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "spec": {
                "params": [{"name": "n", "value": p("count")}, {"name": "l", "value": p("words")}],
                "retries": p("gib"),
                "taskSpec": {
                    "params": [{"name": "n"}, {"name": "l", "type": "array"}],
                    "steps": [{"name": "train", "image": "i", "env": [{"name": "N", "value": p("count")}]}],
                },
            },
        },
        "step-train",
        {
            ("params", 0, "value"): "3",
            ("params", 1, "value"): ["a", "b c"],
            ("retries",): 4,
            ("taskSpec", "steps", 0, "env", 0, "value"): "3",
        },
    ),
    "PipelineRun": (
        {
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "spec": {
                "params": [{"name": "n", "value": p("count")}],
                "pipelineSpec": {
                    "params": [{"name": "n"}],
                    "tasks": [
                        {"name": "t", "retries": p("gib"), "taskSpec": {"steps": [{"name": "train", "image": "i"}]}}
                    ],
                },
            },
        },
        "step-train",
        {("params", 0, "value"): "3", ("pipelineSpec", "tasks", 0, "retries"): 4},
    ),
    "Workflow": (
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "spec": {
                "entrypoint": "main",
                "parallelism": p("count"),
                "suspend": p("flag"),
                "arguments": {"parameters": [{"name": "n", "value": p("count")}]},
                "templates": [{"name": "main", "container": {"image": "i", "ports": [{"containerPort": p("port")}]}}],
            },
        },
        "main",
        {
            ("parallelism",): 3,
            ("suspend",): True,
            ("arguments", "parameters", 0, "value"): "3",
            ("templates", 0, "container", "ports", 0, "containerPort"): 8080,
        },
    ),
    "RayJob": (
        {
            "apiVersion": "ray.io/v1",
            "kind": "RayJob",
            "spec": {
                "entrypoint": f"python t.py --n {p('count')}",
                "shutdownAfterJobFinishes": p("flag"),
                "ttlSecondsAfterFinished": p("gib"),
                "rayClusterSpec": {
                    "headGroupSpec": {"rayStartParams": {"num-cpus": p("count")}, "template": _template()},
                    "workerGroupSpecs": [
                        {"groupName": "w", "replicas": p("count"), "rayStartParams": {}, "template": _template()}
                    ],
                },
            },
        },
        "train",
        {
            ("entrypoint",): "python t.py --n 3",
            ("shutdownAfterJobFinishes",): True,
            ("ttlSecondsAfterFinished",): 4,
            ("rayClusterSpec", "headGroupSpec", "rayStartParams", "num-cpus"): "3",
            ("rayClusterSpec", "workerGroupSpecs", 0, "replicas"): 3,
        },
    ),
}


@pytest.mark.parametrize(("manifest", "primary", "expected"), _KINDS.values(), ids=_KINDS)
def test_a_field_of_a_known_kind_takes_its_type(manifest: JsonObject, primary: str, expected: dict[Path, Json]) -> None:
    resource = rendered(manifest, primary=primary)

    found = {path: get(resource, "spec", *path) for path in expected}
    assert found == expected
    assert {path: type(value) for path, value in found.items()} == {path: type(v) for path, v in expected.items()}


@pytest.mark.parametrize(
    ("cast", "name", "expected"),
    [
        ("", "count", "3"),
        ("string", "count", "3"),
        ("integer", "count", 3),
        ("number", "rate", 0.5),
        ("boolean", "flag", True),
        ("json", "words", ["a", "b c"]),
        ("json", "count", 3),
    ],
)
def test_a_field_of_an_unknown_kind_takes_what_as_says(cast: str, name: str, expected: Json) -> None:
    manifest: JsonObject = {"apiVersion": "example.dev/v1", "kind": "Thing", "spec": {"x": p(name)}}

    found = get(rendered(manifest, {name: cast}), "spec", "x")

    assert (found, type(found)) == (expected, type(expected))
