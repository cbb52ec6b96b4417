"""The built-in tables of field types: facts about well-known fields, and their own consistency."""

import json
from pathlib import Path as FilePath

import pytest

import trialmill.kinds.schema
from trialmill.api.fields import Field, FieldType
from trialmill.api.tree import Path
from trialmill.kinds.profile import all_profiles
from trialmill.kinds.schema import BUILT_IN, release_of, tells_case

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
NODE_TERM = (
    *(*POD, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"),
    *("nodeSelectorTerms", 0),
)

TYPES: dict[str, tuple[Path, FieldType]] = {
    "an environment variable's value": ((*CONTAINER, "env", 3, "value"), FieldType.STRING),
    "an argument": ((*CONTAINER, "args", 1), FieldType.STRING),
    "how many pods": (("spec", "parallelism"), FieldType.INTEGER),
    "a limit": ((*CONTAINER, "resources", "limits", "cpu"), FieldType.QUANTITY),
    "a limit of any name": ((*CONTAINER, "resources", "limits", "nvidia.com/gpu"), FieldType.QUANTITY),
    "a target port": ((*CONTAINER, "livenessProbe", "httpGet", "port"), FieldType.INT_OR_STRING),
    "suspension": (("spec", "suspend"), FieldType.BOOLEAN),
    "an empty directory": ((*POD, "volumes", 0, "emptyDir"), FieldType.OBJECT),
    "an empty directory's size": ((*POD, "volumes", 0, "emptyDir", "sizeLimit"), FieldType.QUANTITY),
    "labels": (("metadata", "labels"), FieldType.MAP),
    "a label": (("spec", "template", "metadata", "labels", "app"), FieldType.STRING),
    "containers": ((*POD, "containers"), FieldType.LIST),
    "a taint's seconds": ((*POD, "tolerations", 0, "tolerationSeconds"), FieldType.INTEGER),
    "a node affinity's values": ((*NODE_TERM, "matchExpressions", 0, "values", 0), FieldType.STRING),
    "a creation time": (("metadata", "creationTimestamp"), FieldType.STRING),
    "anything in the status": (("status", "conditions", 0, "type"), FieldType.ANY),
    "anything in managed fields": (("metadata", "managedFields", 0, "fieldsV1", "f:spec"), FieldType.ANY),
}
UNKNOWN: dict[str, Path] = {
    "no such field": ("spec", "paralellism"),
    "below a scalar": ("spec", "parallelism", "x"),
    "a key in a list": (*POD, "containers", "name"),
    "a position in an object": ("spec", 0),
    "a position in a map": ("metadata", "labels", 0),
}


def field(path: Path) -> Field:
    found = BUILT_IN.field("batch/v1", "Job", path)
    assert found is not None
    return found


@pytest.mark.parametrize(("path", "expected"), TYPES.values(), ids=TYPES)
def test_a_field_has_its_type(path: Path, expected: FieldType) -> None:
    assert field(path).type is expected


@pytest.mark.parametrize("path", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_no_field_is_unknown(path: Path) -> None:
    assert BUILT_IN.field("batch/v1", "Job", path) is None


def test_an_object_names_its_fields_and_those_it_requires() -> None:
    volume = field((*POD, "volumes", 0))

    assert volume.fields is not None
    assert volume.fields["hostPath"] is FieldType.OBJECT
    assert volume.required == {"name"}
    assert field(POD).required == {"containers"}
    assert field(("spec",)).required == {"template"}


def test_the_root_has_the_fields_of_every_resource() -> None:
    root = field(())

    assert root.fields is not None
    assert set(root.fields) == {"apiVersion", "kind", "metadata", "spec", "status"}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ((*POD, "restartPolicy"), {"Always", "OnFailure", "Never"}),
        ((*CONTAINER, "imagePullPolicy"), {"Always", "IfNotPresent", "Never"}),
        (("spec", "completionMode"), {"Indexed", "NonIndexed"}),
        (("spec", "podReplacementPolicy"), {"Failed", "TerminatingOrFailed"}),
        ((*CONTAINER, "ports", 0, "protocol"), {"TCP", "UDP", "SCTP"}),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_a_field_with_few_values_lists_them(path: Path, values: set[str]) -> None:
    assert set(field(path).enum) == values


KINDS = (
    ("v1", "Pod"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("batch/v1", "Job"),
    ("kubeflow.org/v1", "TFJob"),
    ("kubeflow.org/v1", "PyTorchJob"),
    ("kubeflow.org/v1", "MPIJob"),
    ("kubeflow.org/v1", "XGBoostJob"),
    ("kubeflow.org/v1", "PaddleJob"),
    ("kubeflow.org/v1", "JAXJob"),
    ("kubeflow.org/v2beta1", "MPIJob"),
    ("trainer.kubeflow.org/v1alpha1", "TrainJob"),
    ("trainer.kubeflow.org/v1alpha1", "TrainingRuntime"),
    ("trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime"),
    ("jobset.x-k8s.io/v1alpha2", "JobSet"),
    ("tekton.dev/v1", "TaskRun"),
    ("tekton.dev/v1", "PipelineRun"),
    ("tekton.dev/v1", "Task"),
    ("tekton.dev/v1", "Pipeline"),
    ("tekton.dev/v1beta1", "TaskRun"),
    ("tekton.dev/v1beta1", "PipelineRun"),
    ("argoproj.io/v1alpha1", "Workflow"),
    ("argoproj.io/v1alpha1", "WorkflowTemplate"),
    ("argoproj.io/v1alpha1", "ClusterWorkflowTemplate"),
    ("ray.io/v1", "RayJob"),
    ("batch.volcano.sh/v1alpha1", "Job"),
    ("sparkoperator.k8s.io/v1beta2", "SparkApplication"),
    ("workload.codeflare.dev/v1beta2", "AppWrapper"),
)
ROOT_FIELDS = {"apiVersion", "kind", "metadata"}
"""What each resource has; most have `spec` and `status` too."""


def walk(api_version: str, kind: str) -> dict[int, tuple[Path, Field]]:
    """Each object that can be reached from the root once, with a path to it."""
    seen: dict[int, tuple[Path, Field]] = {}
    pending: list[Path] = [()]
    while pending:
        path = pending.pop()
        found = BUILT_IN.field(api_version, kind, path)
        assert found is not None, path
        if found.type is FieldType.LIST:
            pending.append((*path, 0))
        elif found.type is FieldType.MAP:
            pending.append((*path, "key"))
        elif found.fields is not None and id(found) not in seen:
            seen[id(found)] = path, found
            pending.extend((*path, name) for name in found.fields)
    return seen


@pytest.mark.parametrize(("api_version", "kind"), KINDS, ids=lambda text: text)
def test_every_definition_of_a_kind_can_be_reached_and_described(api_version: str, kind: str) -> None:
    assert BUILT_IN.knows(api_version, kind)
    objects = walk(api_version, kind)

    assert objects
    for path, found in objects.values():
        assert found.fields is not None
        assert found.required <= set(found.fields)
        assert path or set(found.fields) >= ROOT_FIELDS


def test_each_kind_that_ends_by_itself_is_known_in_all_its_versions() -> None:
    finite = [p for p in all_profiles() if p.finite]
    versions = [(f"{p.group}/{v}".lstrip("/"), p.kind) for p in finite for v in p.versions]

    assert [known for known in versions if not BUILT_IN.knows(*known)] == []


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("batch/v1beta1", "Job"),
        ("apps/v1", "Deployment"),
        ("kubeflow.org/v1", "MXJob"),
        ("", "Pod"),
        ("../kinds", "Job"),
    ],
)
def test_other_kinds_and_versions_are_unknown(api_version: str, kind: str) -> None:
    assert not BUILT_IN.knows(api_version, kind)
    assert BUILT_IN.field(api_version, kind, ("spec",)) is None


TFJOB_REPLICA = ("spec", "tfReplicaSpecs", "Worker")
STEP = ("spec", "taskSpec", "steps", 0)
RAY_WORKER = ("spec", "rayClusterSpec", "workerGroupSpecs", 0)
ARGO = ("spec", "templates", 0)

OF_OPERATORS: dict[str, tuple[str, str, Path, FieldType]] = {
    "how many workers": ("kubeflow.org/v1", "TFJob", (*TFJOB_REPLICA, "replicas"), FieldType.INTEGER),
    "when replicas restart": ("kubeflow.org/v1", "TFJob", (*TFJOB_REPLICA, "restartPolicy"), FieldType.STRING),
    "suspension of a TFJob": ("kubeflow.org/v1", "TFJob", ("spec", "runPolicy", "suspend"), FieldType.BOOLEAN),
    "processes of a PyTorchJob's node": ("kubeflow.org/v1", "PyTorchJob", ("spec", "nprocPerNode"), FieldType.STRING),
    "processes of an elastic PyTorchJob's node": (
        *("kubeflow.org/v1", "PyTorchJob"),
        ("spec", "elasticPolicy", "nProcPerNode"),
        FieldType.INTEGER,
    ),
    "what gang scheduling reserves": (
        *("kubeflow.org/v1", "PyTorchJob"),
        ("spec", "runPolicy", "schedulingPolicy", "minResources", "cpu"),
        FieldType.QUANTITY,
    ),
    "slots of an MPIJob": ("kubeflow.org/v1", "MPIJob", ("spec", "slotsPerWorker"), FieldType.INTEGER),
    "slots of the newer MPIJob": ("kubeflow.org/v2beta1", "MPIJob", ("spec", "slotsPerWorker"), FieldType.INTEGER),
    "processes of a TrainJob's node": (
        *("trainer.kubeflow.org/v1alpha1", "TrainJob"),
        ("spec", "trainer", "numProcPerNode"),
        FieldType.INT_OR_STRING,
    ),
    "what a TrainJob's node asks for": (
        *("trainer.kubeflow.org/v1alpha1", "TrainJob"),
        ("spec", "trainer", "resourcesPerNode", "limits", "memory"),
        FieldType.QUANTITY,
    ),
    "parallelism in a JobSet": (
        *("jobset.x-k8s.io/v1alpha2", "JobSet"),
        ("spec", "replicatedJobs", 0, "template", "spec", "parallelism"),
        FieldType.INTEGER,
    ),
    "a parameter's value in Tekton": (
        *("tekton.dev/v1", "PipelineRun"),
        ("spec", "params", 0, "value"),
        FieldType.ANY,
    ),
    "a step's script": ("tekton.dev/v1", "TaskRun", (*STEP, "script"), FieldType.STRING),
    "what a step asks for": (
        *("tekton.dev/v1", "TaskRun"),
        (*STEP, "computeResources", "requests", "cpu"),
        FieldType.QUANTITY,
    ),
    "what a step asked for": (
        *("tekton.dev/v1beta1", "TaskRun"),
        (*STEP, "resources", "requests", "cpu"),
        FieldType.QUANTITY,
    ),
    "a resolver of Tekton": ("tekton.dev/v1", "TaskRun", ("spec", "taskRef", "resolver"), FieldType.STRING),
    "retries in a pipeline": (
        *("tekton.dev/v1", "PipelineRun"),
        ("spec", "pipelineSpec", "tasks", 0, "retries"),
        FieldType.INTEGER,
    ),
    "a parameter's value in Argo": (
        *("argoproj.io/v1alpha1", "Workflow"),
        ("spec", "arguments", "parameters", 0, "value"),
        FieldType.ANY,
    ),
    "a step in Argo": ("argoproj.io/v1alpha1", "Workflow", (*ARGO, "steps", 0, 0, "when"), FieldType.STRING),
    "a task's items": (
        *("argoproj.io/v1alpha1", "Workflow"),
        (*ARGO, "dag", "tasks", 0, "withItems", 0),
        FieldType.ANY,
    ),
    "tries in Argo": (
        *("argoproj.io/v1alpha1", "Workflow"),
        (*ARGO, "retryStrategy", "limit"),
        FieldType.INT_OR_STRING,
    ),
    "workers of Ray": ("ray.io/v1", "RayJob", (*RAY_WORKER, "replicas"), FieldType.INTEGER),
    "a worker's start parameter": (
        *("ray.io/v1", "RayJob"),
        (*RAY_WORKER, "rayStartParams", "num-cpus"),
        FieldType.STRING,
    ),
    "CPUs of an entry point": ("ray.io/v1", "RayJob", ("spec", "entrypointNumCpus"), FieldType.NUMBER),
    "executors of Spark": (
        *("sparkoperator.k8s.io/v1beta2", "SparkApplication"),
        ("spec", "executor", "instances"),
        FieldType.INTEGER,
    ),
    "a task of Volcano": (
        *("batch.volcano.sh/v1alpha1", "Job"),
        ("spec", "tasks", 0, "replicas"),
        FieldType.INTEGER,
    ),
    "what an AppWrapper wraps": (
        *("workload.codeflare.dev/v1beta2", "AppWrapper"),
        ("spec", "components", 0, "template", "spec", "anything"),
        FieldType.ANY,
    ),
}


@pytest.mark.parametrize(("api_version", "kind", "path", "expected"), OF_OPERATORS.values(), ids=OF_OPERATORS)
def test_a_field_of_an_operators_kind_has_its_type(
    api_version: str, kind: str, path: Path, expected: FieldType
) -> None:
    found = BUILT_IN.field(api_version, kind, path)

    assert found is not None
    assert found.type is expected


WITH_PODS: dict[str, tuple[str, str, Path]] = {
    "Pod": ("v1", "Pod", ("spec",)),
    "TFJob": ("kubeflow.org/v1", "TFJob", (*TFJOB_REPLICA, "template", "spec")),
    "JAXJob": ("kubeflow.org/v1", "JAXJob", ("spec", "jaxReplicaSpecs", "Worker", "template", "spec")),
    "MPIJob": ("kubeflow.org/v2beta1", "MPIJob", ("spec", "mpiReplicaSpecs", "Launcher", "template", "spec")),
    "JobSet": (
        *("jobset.x-k8s.io/v1alpha2", "JobSet"),
        ("spec", "replicatedJobs", 0, "template", "spec", "template", "spec"),
    ),
    "RayJob": ("ray.io/v1", "RayJob", (*RAY_WORKER, "template", "spec")),
    "Volcano's Job": ("batch.volcano.sh/v1alpha1", "Job", ("spec", "tasks", 0, "template", "spec")),
}


@pytest.mark.parametrize(("api_version", "kind", "path"), WITH_PODS.values(), ids=WITH_PODS)
def test_pods_are_the_same_in_all_kinds(api_version: str, kind: str, path: Path) -> None:
    assert BUILT_IN.field(api_version, kind, path) == field(POD)
    assert BUILT_IN.field(api_version, kind, (*path, "containers", 0)) == field(CONTAINER)


def test_what_an_operator_fills_in_is_not_required() -> None:
    container = BUILT_IN.field("argoproj.io/v1alpha1", "Workflow", (*ARGO, "container"))
    group = BUILT_IN.field("ray.io/v1", "RayJob", RAY_WORKER)

    assert container is not None
    assert container.required == frozenset()
    assert group is not None
    assert group.required == {"groupName", "template"}


def test_a_kind_names_the_release_it_is_known_from() -> None:
    assert release_of("kubeflow.org/v1").startswith("github.com/kubeflow/training-operator@v")
    assert release_of("example.org/v1") == ""


def test_upper_and_lower_case_are_told_apart_where_an_api_server_does() -> None:
    assert tells_case("batch/v1")
    assert tells_case("ray.io/v1")
    assert not tells_case("tekton.dev/v1")
    assert not tells_case("argoproj.io/v1alpha1")


def test_all_tables_are_small_and_each_says_where_it_is_from() -> None:
    files = sorted(FilePath(trialmill.kinds.schema.__file__).parent.glob("schema_table*.json"))

    assert len(files) > 10
    assert sum(file.stat().st_size for file in files) < 100_000
    assert all("@v" in json.loads(file.read_bytes())["source"] for file in files)


def test_only_the_table_of_the_kind_in_question_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_bytes = FilePath.read_bytes

    def spy(path: FilePath) -> bytes:
        read.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(FilePath, "read_bytes", spy)
    for cached in (trialmill.kinds.schema._table, trialmill.kinds.schema._field_at):
        cached.cache_clear()

    BUILT_IN.field("batch/v1", "Job", CONTAINER)
    assert read == ["schema_table.json"]
    BUILT_IN.field("ray.io/v1", "RayJob", ("spec", "entrypoint"))
    assert read == ["schema_table.json", "schema_table_ray.json"]
