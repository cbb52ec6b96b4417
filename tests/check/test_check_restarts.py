"""Resources that start again whenever they have ended: the rule is the same wherever trials run."""

from typing import Any

import pytest
import yaml
from check_samples import GOOD

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem, Severity
from trialmill.check.documents import check_documents
from trialmill.check.terms import Terms

CONTAINERS = [{"name": "training", "image": "i", "command": ["train", "${trialParameters.learningRate}"]}]
PLACE = "spec.trialTemplate.trialSpec."


def found(manifest: dict[str, Any], *, on_cluster: bool = True, **template: object) -> list[Problem]:
    """What a cluster, or this machine, is told of trials of this manifest."""
    tree = yaml.safe_load(GOOD)
    tree["spec"]["parameters"] = [p for p in tree["spec"]["parameters"] if p["name"] == "lr"]
    kept = [p for p in tree["spec"]["trialTemplate"]["trialParameters"] if p["name"] == "learningRate"]
    tree["spec"]["trialTemplate"] = {"trialParameters": kept, "trialSpec": manifest, **template}
    tree["spec"]["trialTemplate"]["primaryContainerName"] = "training"
    problems: list[Problem] = []
    text = yaml.safe_dump(tree).encode()
    check_documents(load_documents(text, "e.yaml", problems), problems, Terms(on_cluster=on_cluster))
    return [p for p in problems if p.code == "never-finishes"]


def pod(**spec: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": CONTAINERS, **spec}}


def job_of(kind: str, replica_specs: str, **policies: str) -> dict[str, Any]:
    template = {"spec": {"containers": CONTAINERS}}
    roles = {role: {"replicas": 1, "restartPolicy": p, "template": template} for role, p in policies.items()}
    return {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": {replica_specs: roles}}


def job_set(policy: str) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": policy, "containers": CONTAINERS}}
    job = {"name": "train", "template": {"spec": {"template": template}}}
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": {"replicatedJobs": [job]}}


@pytest.mark.parametrize("on_cluster", [True, False], ids=["on a cluster", "here"])
@pytest.mark.parametrize(
    "spec", [{}, {"restartPolicy": "Always"}, {"restartPolicy": None}], ids=["left out", "Always", "null"]
)
def test_a_pod_that_is_always_restarted_is_refused_once(spec: dict[str, Any], on_cluster: bool) -> None:
    (problem,) = found(pod(**spec), on_cluster=on_cluster)
    assert (problem.severity, problem.path) == (Severity.ERROR, f"{PLACE}spec.restartPolicy")
    assert problem.line


@pytest.mark.parametrize("policy", ["OnFailure", "Never"])
def test_a_pod_that_ends_is_not(policy: str) -> None:
    assert found(pod(restartPolicy=policy)) == []


def test_it_is_told_with_whatever_else_is_wrong() -> None:
    (problem,) = found({**pod(), "spec": {"containers": CONTAINERS, "hostname": "${trialParameters.nope}"}})
    assert problem.severity is Severity.ERROR


def test_on_a_cluster_a_condition_of_its_own_may_see_the_end_of_such_a_pod() -> None:
    own = {"jsonpath": "{.status.containerStatuses[0].restartCount}", "value": "1"}
    failed = {"jsonpath": "{.status.phase}", "value": "Failed"}
    (there,) = found(pod(), successWhen=own, failureWhen=failed)
    (here,) = found(pod(), on_cluster=False, successWhen=own, failureWhen=failed)
    assert (there.severity, here.severity) == (Severity.WARNING, Severity.ERROR)


@pytest.mark.parametrize(
    ("manifest", "place"),
    [
        pytest.param(
            job_of("PyTorchJob", "pytorchReplicaSpecs", Master="Always", Worker="Never"),
            "spec.pytorchReplicaSpecs.Master.restartPolicy",
            id="the master of a PyTorchJob",
        ),
        pytest.param(
            job_of("TFJob", "tfReplicaSpecs", PS="Never", Worker="Always"),
            "spec.tfReplicaSpecs.Worker.restartPolicy",
            id="the workers of a TFJob without a chief",
        ),
        pytest.param(
            job_of("MPIJob", "mpiReplicaSpecs", Launcher="Always", Worker="Never"),
            "spec.mpiReplicaSpecs.Launcher.restartPolicy",
            id="the launcher of an MPIJob",
        ),
        pytest.param(
            job_set("Always"),
            "spec.replicatedJobs[0].template.spec.template.spec.restartPolicy",
            id="a Job of a JobSet",
        ),
        pytest.param(
            {
                "apiVersion": "sparkoperator.k8s.io/v1beta2",
                "kind": "SparkApplication",
                "spec": {
                    "type": "Python",
                    "restartPolicy": {"type": "Always"},
                    "arguments": ["${trialParameters.learningRate}"],
                },
            },
            "spec.restartPolicy.type",
            id="a SparkApplication",
        ),
    ],
)
def test_what_a_kind_s_end_depends_on_must_not_start_again(manifest: dict[str, Any], place: str) -> None:
    (problem,) = found(manifest)
    assert (problem.severity, problem.path) == (Severity.ERROR, PLACE + place)


@pytest.mark.parametrize(
    "manifest",
    [
        job_of("PyTorchJob", "pytorchReplicaSpecs", Master="Never", Worker="Always"),
        job_of("TFJob", "tfReplicaSpecs", Chief="OnFailure", PS="Always"),
        job_of("MPIJob", "mpiReplicaSpecs", Launcher="Never", Worker="Always"),
        job_set("OnFailure"),
    ],
    ids=["workers beside a master", "parameter servers", "workers of a launcher", "Jobs that end"],
)
def test_what_it_does_not_depend_on_may(manifest: dict[str, Any]) -> None:
    assert found(manifest) == []
