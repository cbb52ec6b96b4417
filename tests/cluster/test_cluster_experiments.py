"""Whole experiments on a real cluster, through the command line, in good times and in bad ones."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_under_test import Namespace
from door import LOSS, Door, job


@pytest.fixture
def door(tmp_path: Path, namespace: Namespace) -> Door:
    return Door(tmp_path, namespace)


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def left(namespace: Namespace) -> list[str]:
    found = namespace.get("jobs,pods", "--selector=trialmill.dev/experiment-uid")["items"]
    return [item["metadata"]["name"] for item in found if "deletionTimestamp" not in item["metadata"]]


@pytest.mark.usefixtures("real_node")
def test_an_experiment_runs_and_leaves_nothing(door: Door) -> None:
    door.write(job(f"echo loss={LOSS}", door.namespace.cluster.busybox), trials=4)
    assert "succeeded" in door.call(*door.run_words())
    assert door.phases() == ["Succeeded"] * 4
    assert "loss=" in door.call("logs", "tuned")
    until(lambda: left(door.namespace) == [])


@pytest.mark.usefixtures("real_node")
def test_a_file_of_metrics_is_read_to_its_last_line(door: Door) -> None:
    script = f"echo hello; sleep 1; echo loss=0.5 >/logs/m.log; sleep 1; echo loss={LOSS} >>/logs/m.log"
    source = "{collector: {kind: File}, source: {fileSystemPath: {path: /logs/m.log, kind: File}}}"
    door.write(job(script, door.namespace.cluster.busybox), trials=1, more=f"metricsCollectorSpec: {source}")
    door.call(*door.run_words("--printer-image", door.namespace.cluster.busybox))
    (trial,) = door.trials()
    (metric,) = trial["status"]["observation"]["metrics"]
    assert float(metric["latest"]) == float(trial["spec"]["parameterAssignments"][0]["value"])
    assert float(metric["max"]) >= 0.5
    assert "hello" in door.call("logs", "tuned")


@pytest.mark.usefixtures("real_node")
def test_a_container_that_ends_badly_says_how(door: Door) -> None:
    script = "echo out of data >/dev/termination-log; exit 3"
    door.write(job(script, door.namespace.cluster.busybox), trials=2, parallel=1)
    printed = door.call(*door.run_words(), code=1)
    assert "container main exited with code 3: out of data" in printed


def test_what_the_cluster_refuses_is_shown_before_anything_starts(door: Door) -> None:
    manifest = job("true", "i")
    manifest["spec"]["backoffLimit"] = -1
    door.write(manifest)
    printed = door.call(*door.run_words(), code=2)
    assert "experiment.yaml:" in printed
    assert "spec.trialTemplate.trialSpec.spec.backoffLimit" in printed
    assert "must be greater than or equal to 0" in printed
    assert door.namespace.get("jobs")["items"] == []


@pytest.mark.usefixtures("real_node")
def test_a_paused_experiment_suspends_its_jobs(door: Door) -> None:
    door.write(job(f"sleep 8; echo loss={LOSS}", door.namespace.cluster.busybox), trials=1)  # paused long before
    running = door.start(*door.run_words())
    until(lambda: bool(door.namespace.get("jobs")["items"]))
    door.call("pause", "tuned")
    until(lambda: door.namespace.get("jobs")["items"][0]["spec"].get("suspend") is True)
    door.call("resume", "tuned")
    running.communicate(timeout=90)
    assert door.phases() == ["Succeeded"]


@pytest.mark.usefixtures("real_node", "training_operator")
def test_the_master_of_a_pytorch_job_counts(door: Door) -> None:
    image = door.namespace.cluster.busybox
    container = {"name": "pytorch", "image": image, "command": ["sh", "-c", f"echo rank=$RANK; echo loss={LOSS}"]}
    replica = {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {"containers": [container]}}}
    spec = {"pytorchReplicaSpecs": {"Master": replica, "Worker": replica}}
    door.write({"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": spec}, trials=1, container="pytorch")
    door.call(*door.run_words())
    assert door.phases() == ["Succeeded"]
    assert "rank=0" in door.call("logs", "tuned")
