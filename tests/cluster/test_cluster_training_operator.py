"""Every kind of Kubeflow's training operator, with the real one: which conditions it writes, and which pod counts."""

import pytest
from acceptance_place import Place, Tree
from cluster_two_ends import EXIT_CODE, LOSS, assert_nothing_is_left, assert_two_ends, pod, two_ends
from cluster_under_test import Namespace

pytestmark = pytest.mark.usefixtures("stand_in", "training_operator")


def replica(count: int = 1, **template: object) -> Tree:
    return {"replicas": count, "restartPolicy": "Never", "template": pod(**template)}  # type: ignore[arg-type]


def job(kind: str, specs: str, **replicas: Tree) -> Tree:
    return {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": {specs: replicas}}


KINDS: dict[str, tuple[str, Tree]] = {
    "TFJob with a chief": (
        "tensorflow",
        job(
            "TFJob",
            "tfReplicaSpecs",
            Chief=replica(container="tensorflow"),
            Worker=replica(2, container="tensorflow", counts=False),
        ),
    ),
    "PyTorchJob with a master": (
        "pytorch",
        job(
            "PyTorchJob",
            "pytorchReplicaSpecs",
            Master=replica(container="pytorch"),
            Worker=replica(2, container="pytorch", counts=False),
        ),
    ),
    "PyTorchJob of workers": (
        "pytorch",
        job("PyTorchJob", "pytorchReplicaSpecs", Worker=replica(2, container="pytorch")),
    ),
    "XGBoostJob": (
        "xgboost",
        job(
            "XGBoostJob",
            "xgbReplicaSpecs",
            Master=replica(container="xgboost"),
            Worker=replica(2, container="xgboost", counts=False),
        ),
    ),
    "MPIJob": (
        "mpi",
        job(
            "MPIJob",
            "mpiReplicaSpecs",
            Launcher=replica(container="mpi"),
            Worker=replica(2, container="mpi", counts=False),
        ),
    ),
    "PaddleJob with a master": (
        "paddle",
        job(
            "PaddleJob",
            "paddleReplicaSpecs",
            Master=replica(container="paddle"),
            Worker=replica(2, container="paddle", counts=False),
        ),
    ),
    "PaddleJob of workers": ("paddle", job("PaddleJob", "paddleReplicaSpecs", Worker=replica(2, container="paddle"))),
    "JAXJob": ("jax", job("JAXJob", "jaxReplicaSpecs", Worker=replica(2, container="jax"))),
}


@pytest.mark.parametrize(("container", "manifest"), KINDS.values(), ids=KINDS)
def test_one_trial_succeeds_and_one_fails_as_the_operator_says(
    place: Place, namespace: Namespace, container: str, manifest: Tree
) -> None:
    assert_two_ends(place, namespace, two_ends(manifest, container))
    assert_nothing_is_left(namespace, manifest["kind"].lower() + "s")


@pytest.mark.usefixtures("real_node")
def test_the_launcher_of_an_mpijob_finds_its_workers(place: Place, namespace: Namespace) -> None:
    """In real containers: what the operator mounts, the account that it makes, and workers that wait to be ended."""
    code = (
        "import sys; hosts = open('/etc/mpi/hostfile').read().split()\n"
        f"print('hosts', len(hosts), hosts); print('loss={LOSS}'); sys.exit(int(sys.argv[1]))"
    )
    image = namespace.cluster.python
    launcher = {"name": "mpi", "image": image, "command": ["python3", "-c", code, EXIT_CODE]}
    # A worker that has no command of its own sleeps.
    worker = {"name": "mpi", "image": image}
    replicas = {
        "Launcher": {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {"containers": [launcher]}}},
        "Worker": {"replicas": 2, "template": {"spec": {"containers": [worker], "terminationGracePeriodSeconds": 1}}},
    }
    trials = assert_two_ends(place, namespace, two_ends(job("MPIJob", "mpiReplicaSpecs", **replicas), "mpi"))
    log = place("logs", "e", trials[0]["metadata"]["name"]).out
    assert f"{trials[0]['metadata']['name']}-worker-1" in log
    assert_nothing_is_left(namespace, "mpijobs")
