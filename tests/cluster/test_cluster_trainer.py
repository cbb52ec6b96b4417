"""JobSet and Kubeflow Trainer's TrainJob, with their real controllers: several levels of owners above each pod."""

from collections.abc import Iterator

import pytest
import yaml
from acceptance_place import Place, Tree, ends
from cluster_account import as_account
from cluster_place import LONG, STAND_IN, start
from cluster_two_ends import EXIT_CODE, LOSS, assert_nothing_is_left, assert_two_ends, counted, pod, two_ends
from cluster_under_test import Namespace

pytestmark = pytest.mark.usefixtures("stand_in", "trainer")


def replicated(name: str, replicas: int = 1, **template: object) -> Tree:
    """Jobs of a JobSet, of two pods each."""
    whole = pod(restartPolicy="Never", **template)  # type: ignore[arg-type]
    job = {"backoffLimit": 0, "parallelism": 2, "completions": 2, "template": whole}
    return {"name": name, "replicas": replicas, "template": {"spec": job}}


def jobset(*jobs: Tree, **spec: object) -> Tree:
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": {"replicatedJobs": list(jobs), **spec}}


JOBSETS = {
    "the first pod of the first job": jobset(replicated("train"), replicated("aside", 2, counts=False)),
    "the first pod of the coordinator": jobset(
        replicated("aside", 2, counts=False), replicated("train"), coordinator={"replicatedJob": "train"}
    ),
}


@pytest.mark.parametrize("manifest", JOBSETS.values(), ids=JOBSETS)
def test_of_a_jobset_counts(place: Place, namespace: Namespace, manifest: Tree) -> None:
    assert_two_ends(place, namespace, two_ends(manifest))
    assert {name[: -len("-12345")] for name in counted(place)} == {"-train-0-0"}
    assert_nothing_is_left(namespace, "jobsets")


@pytest.fixture
def training_runtime(namespace: Namespace) -> Iterator[str]:
    """What a cluster's administrator keeps for TrainJobs: here the pods are described, and nothing of the trials is."""
    name = namespace.name
    container = {"name": "node", "image": "replaced:1", "resources": {}}
    job = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    marked = {"metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}}, "spec": job}
    spec = {
        "mlPolicy": {"numNodes": 1, "torch": {"numProcPerNode": "auto"}},
        "template": {"spec": {"replicatedJobs": [{"name": "node", "template": marked}]}},
    }
    kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "ClusterTrainingRuntime"}
    namespace.apply({**kind, "metadata": {"name": name}, "spec": spec})
    yield name
    namespace.cluster.kubectl("delete", f"clustertrainingruntimes/{name}", "--wait=false")


@pytest.mark.usefixtures("real_node")
def test_a_trainjob_whose_pods_are_described_in_a_runtime(
    place: Place, namespace: Namespace, training_runtime: str
) -> None:
    """Its first node counts, whose pod carries no label of ours: three owners lead from it to the trial, and the Role
    that is printed is enough to follow them.
    """
    code = (
        "import os, sys, time; rank = os.environ['PET_NODE_RANK']\n"
        f"print(f'rank={{rank}} loss={{{LOSS} + int(rank)}}', flush=True); time.sleep(1); sys.exit(int(sys.argv[1]))"
    )
    trainer = {
        "image": namespace.cluster.python,
        "numNodes": 2,
        "command": ["python3", "-c", code],
        "args": [EXIT_CODE],
    }
    manifest = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "spec": {"runtimeRef": {"name": training_runtime}, "trainer": trainer},
    }
    tree = two_ends(manifest, container="node")
    place.write("e.yaml", tree)
    printed = yaml.safe_load(place("check-cluster", "e.yaml", "--role", "-n", namespace.name).out)
    theirs = as_account(place, namespace, printed["rules"])
    trials = assert_two_ends(theirs, namespace, tree)
    log = place("logs", "e", trials[0]["metadata"]["name"]).out
    assert "rank=0" in log
    assert "rank=1" not in log
    namespace.kubectl("delete", "serviceaccount/tuner", "role/tuner", "rolebinding/tuner")
    assert_nothing_is_left(namespace, "trainjobs,jobsets")


def test_a_paused_experiment_suspends_its_jobsets(place: Place, namespace: Namespace) -> None:
    """Its controller then removes the pods, and makes new ones when it goes on."""
    manifest = jobset(replicated("train"))
    annotations = manifest["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["metadata"]["annotations"]
    annotations[f"{STAND_IN}seconds"] = "3"
    tree = two_ends(manifest, retain=True)
    tree["spec"] |= {"maxTrialCount": 1, "parallelTrialCount": 1, "maxFailedTrialCount": 1}
    place.write("e.yaml", tree)
    process = start(place, namespace, "e.yaml")
    namespace.wait_for_list("pods", lambda found: len(found) == 2)
    place("pause", "e")
    (paused,) = namespace.wait_for_list("jobsets", lambda found: found[0]["spec"].get("suspend") is True)
    namespace.wait_for_condition(f"jobset/{paused['metadata']['name']}", "Suspended")
    namespace.wait_for_list("pods", lambda found: not found)
    place("resume", "e")
    place.end_of(process, seconds=LONG)
    assert ends(place.trials()) == ["Succeeded"]


@pytest.mark.usefixtures("real_node")
def test_a_file_of_metrics_is_read_in_the_pods_of_a_jobset(place: Place, namespace: Namespace) -> None:
    """What prints it joins every pod, and its container is a native sidecar there too: it keeps no Job from ending."""
    code = f"import sys, time; open('/logs/m', 'a').write('loss={LOSS}\\n'); time.sleep(1); sys.exit(int(sys.argv[1]))"
    container = {"name": "main", "image": namespace.cluster.python, "command": ["python3", "-c", code, EXIT_CODE]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    jobs = {"name": "train", "template": {"spec": {"backoffLimit": 0, "template": template}}}
    tree = two_ends(jobset(jobs))
    source = {"fileSystemPath": {"path": "/logs/m", "kind": "File"}}
    tree["spec"]["metricsCollectorSpec"] = {"collector": {"kind": "File"}, "source": source}
    assert_two_ends(place, namespace, tree, "--printer-image", namespace.cluster.busybox)
    assert_nothing_is_left(namespace, "jobsets")
