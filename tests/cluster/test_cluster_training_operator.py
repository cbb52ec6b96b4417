"""Every kind of Kubeflow's training operator, with the real one: which conditions it writes, and which pod counts."""

from dataclasses import dataclass

import pytest
from acceptance_place import Place, Tree
from cluster_two_ends import EXIT_CODE, LOSS, assert_nothing_is_left, assert_two_ends, counted, pod, two_ends
from cluster_under_test import Namespace

pytestmark = pytest.mark.usefixtures("stand_in", "training_operator")


@dataclass(frozen=True)
class Case:
    """A job with two workers. Only pods of the first of `roles` print what has to be read, and `primary` is the end of
    the name of the one that counts.
    """

    kind: str
    specs: str
    container: str
    roles: tuple[str, ...]
    primary: str

    @property
    def manifest(self) -> Tree:
        return job(self.kind, self.specs, **{role: self._replica(role) for role in self.roles})

    def _replica(self, role: str) -> Tree:
        template = pod(self.container, counts=role == self.roles[0])
        return {"replicas": 2 if role == "Worker" else 1, "restartPolicy": "Never", "template": template}


def job(kind: str, specs: str, **replicas: Tree) -> Tree:
    return {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": {specs: replicas}}


CASES = {
    "a TFJob": Case("TFJob", "tfReplicaSpecs", "tensorflow", ("Chief", "Worker"), "-chief-0"),
    "a PyTorchJob": Case("PyTorchJob", "pytorchReplicaSpecs", "pytorch", ("Master", "Worker"), "-master-0"),
    "a PyTorchJob of workers": Case("PyTorchJob", "pytorchReplicaSpecs", "pytorch", ("Worker",), "-worker-0"),
    "an XGBoostJob": Case("XGBoostJob", "xgbReplicaSpecs", "xgboost", ("Master", "Worker"), "-master-0"),
    "an MPIJob": Case("MPIJob", "mpiReplicaSpecs", "mpi", ("Launcher", "Worker"), "-launcher"),
    "a PaddleJob": Case("PaddleJob", "paddleReplicaSpecs", "paddle", ("Master", "Worker"), "-master-0"),
    "a PaddleJob of workers": Case("PaddleJob", "paddleReplicaSpecs", "paddle", ("Worker",), "-worker-0"),
    "a JAXJob": Case("JAXJob", "jaxReplicaSpecs", "jax", ("Worker",), "-worker-0"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_trial_succeeds_and_one_fails_as_the_operator_says_of(place: Place, namespace: Namespace, case: Case) -> None:
    assert_two_ends(place, namespace, two_ends(case.manifest, case.container))
    assert counted(place) == {case.primary}
    assert_nothing_is_left(namespace, f"{case.kind.lower()}s")


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
