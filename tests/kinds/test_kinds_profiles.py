"""Profiles: they are complete, their conditions are sound, and Katib's defaults are kept word for word."""

import pytest

from trialmill.api.fields import FieldType
from trialmill.api.tree import JsonObject, Path
from trialmill.kinds.gjson import syntax_problems
from trialmill.kinds.profile import ANY_ENTRY, KindProfile, all_profiles, profile_of
from trialmill.kinds.schema import BUILT_IN

PROFILES = {f"{p.group}/{p.kind}": p for p in all_profiles()}
each_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


@each_profile
def test_a_finite_kind_has_both_conditions_and_another_has_none(profile: KindProfile) -> None:
    assert bool(profile.success) is bool(profile.failure) is profile.finite


@each_profile
def test_its_conditions_have_no_mistake(profile: KindProfile) -> None:
    written = filter(None, (profile.success, profile.failure, profile.pending))

    assert [problem for condition in written if (problem := syntax_problems(condition))] == []


@each_profile
def test_it_is_found_by_any_version_of_its_group(profile: KindProfile) -> None:
    assert profile_of(profile.api_version, profile.kind) is profile
    assert profile_of(f"{profile.group}/v99", profile.kind) is profile


@each_profile
def test_a_collector_joins_a_pod_that_the_manifest_describes(profile: KindProfile) -> None:
    assert set(profile.inject_paths) <= {(*template.path, "spec") for template in profile.pod_templates}


@pytest.mark.parametrize("profile", [p for p in all_profiles() if p.runs_here], ids=lambda p: p.kind)
def test_the_paths_of_a_kind_that_runs_here_exist_in_its_schema(profile: KindProfile) -> None:
    paths: list[tuple[Path | None, FieldType]] = [(profile.suspend_path, FieldType.BOOLEAN)]
    for template in profile.pod_templates:
        paths += [((*template.path, "spec"), FieldType.OBJECT), (template.replicas_path, FieldType.INTEGER)]

    for path, field_type in paths:
        if path is not None:
            found = BUILT_IN.field(profile.api_version, profile.kind, path)
            assert found is not None
            assert found.type is field_type


def test_a_job_and_a_pod_run_here_and_come_first() -> None:
    assert [p.kind for p in all_profiles() if p.runs_here] == ["Job", "Pod"]
    assert [p.kind for p in all_profiles()][:2] == ["Job", "Pod"]


def test_the_group_tells_kinds_of_one_name_apart() -> None:
    job, volcano = profile_of("batch/v1", "Job"), profile_of("batch.volcano.sh/v1alpha1", "Job")

    assert job is not None
    assert volcano is not None
    assert job.success != volcano.success


def test_an_unknown_kind_has_no_profile() -> None:
    assert profile_of("example.org/v1", "Job") is None
    assert profile_of("", "") is None


@pytest.mark.parametrize(
    ("api_version", "kind", "success"),
    [
        ("batch/v1", "Job", "Complete"),
        ("trainer.kubeflow.org/v1alpha1", "TrainJob", "Complete"),
        ("kubeflow.org/v1", "TFJob", "Succeeded"),
        ("kubeflow.org/v1", "PyTorchJob", "Succeeded"),
        ("kubeflow.org/v1", "XGBoostJob", "Succeeded"),
        ("kubeflow.org/v1", "MPIJob", "Succeeded"),
    ],
)
def test_the_conditions_are_katibs_defaults(api_version: str, kind: str, success: str) -> None:
    profile = profile_of(api_version, kind)

    assert profile is not None
    assert profile.success == f'status.conditions.#(type=="{success}")#|#(status=="True")#'
    assert profile.failure == 'status.conditions.#(type=="Failed")#|#(status=="True")#'


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"])
def test_a_kind_that_keeps_running_is_not_finite(kind: str) -> None:
    profile = profile_of("apps/v1", kind)

    assert profile is not None
    assert not profile.finite


@pytest.mark.parametrize(
    ("api_version", "kind", "name"),
    [("v1", "Pod", "train"), ("tekton.dev/v1", "TaskRun", "step-train"), ("argoproj.io/v1alpha1", "Workflow", "main")],
)
def test_a_container_has_the_name_that_its_kind_gives_it(api_version: str, kind: str, name: str) -> None:
    profile = profile_of(api_version, kind)

    assert profile is not None
    assert profile.container_name("train") == name


def test_entries_of_a_list_stand_as_a_star_in_a_path() -> None:
    profile = profile_of("jobset.x-k8s.io/v1alpha2", "JobSet")

    assert profile is not None
    assert profile.pod_templates[0].path[:3] == ("spec", "replicatedJobs", ANY_ENTRY)


_ROLE = "training.kubeflow.org/job-role"
_REPLICA = "training.kubeflow.org/replica-{}"
_JOBSET = "jobset.sigs.k8s.io/{}"
_INDEX = "batch.kubernetes.io/job-completion-index"
_JOBS: JsonObject = {"replicatedJobs": [{"name": "train"}, {"name": "aside"}]}
PRIMARY: dict[str, tuple[str, str, JsonObject, dict[str, str]]] = {
    "the master of a PyTorchJob": ("kubeflow.org/v1", "PyTorchJob", {}, {_ROLE: "master"}),
    "worker 0 of a JAXJob, which is called the master": ("kubeflow.org/v1", "JAXJob", {}, {_ROLE: "master"}),
    "the launcher of an MPIJob, which is called the master": ("kubeflow.org/v1", "MPIJob", {}, {_ROLE: "master"}),
    "the launcher of a newer MPIJob": ("kubeflow.org/v2beta1", "MPIJob", {}, {_ROLE: "launcher"}),
    "the first master of a PaddleJob": (
        "kubeflow.org/v1",
        "PaddleJob",
        {"paddleReplicaSpecs": {"Master": {}, "Worker": {}}},
        {_REPLICA.format("type"): "master", _REPLICA.format("index"): "0"},
    ),
    "the first worker of a PaddleJob without a master": (
        "kubeflow.org/v1",
        "PaddleJob",
        {"paddleReplicaSpecs": {"Worker": {}}},
        {_REPLICA.format("type"): "worker", _REPLICA.format("index"): "0"},
    ),
    "the first job of a JobSet": (
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        _JOBS,
        {_JOBSET.format("replicatedjob-name"): "train", _JOBSET.format("job-index"): "0"},
    ),
    "the coordinator of a JobSet": (
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        {**_JOBS, "coordinator": {"replicatedJob": "aside", "podIndex": 1}},
        {_JOBSET.format("replicatedjob-name"): "aside", _JOBSET.format("job-index"): "0", _INDEX: "1"},
    ),
    "a job of a JobSet whose name is not known yet": (
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        {"replicatedJobs": [{"name": "${trialParameters.name}"}]},
        {_JOBSET.format("job-index"): "0"},
    ),
    "any pod of a JobSet that has no jobs": ("jobset.x-k8s.io/v1alpha2", "JobSet", {}, {}),
}


@pytest.mark.parametrize(("api_version", "kind", "spec", "labels"), PRIMARY.values(), ids=PRIMARY)
def test_the_pod_that_counts_is(api_version: str, kind: str, spec: JsonObject, labels: dict[str, str]) -> None:
    profile = profile_of(api_version, kind)

    assert profile is not None
    assert profile.primary_labels_of({"apiVersion": api_version, "kind": kind, "spec": spec}) == labels
