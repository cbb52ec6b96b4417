"""Whole experiments on a real cluster, through the command line, in good times and in bad ones."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_under_test import ON_THE_STAND_IN, Cluster, Namespace, make_namespace
from door import LOSS, Door, Object, job

WIDGET: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.trialmill.example"},
    "spec": {
        "group": "trialmill.example",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"x": {"type": "string"}}},
                            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
                        },
                    }
                },
            }
        ],
    },
}


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
def test_a_job_is_the_one_its_author_wrote_with_labels_added(door: Door) -> None:
    door.write(job("sleep 60", door.namespace.cluster.busybox), trials=1)
    running = door.start(*door.run_words())
    until(lambda: bool(door.namespace.get("jobs")["items"]))
    (made,) = door.namespace.get("jobs")["items"]
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["sh", "-c", "sleep 60"]
    assert "initContainers" not in made["spec"]["template"]["spec"]
    assert "annotations" not in made["metadata"]
    assert made["metadata"]["labels"]["katib.kubeflow.org/experiment"] == "tuned"
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


@pytest.mark.usefixtures("real_node")
def test_an_image_that_cannot_be_pulled_ends_its_trials(door: Door) -> None:
    door.write(job("true", "localhost/no-such-image:1"), trials=2)
    printed = door.call(*door.run_words("--pending-timeout", "3s"), code=1)
    assert "no-such-image" in printed
    until(lambda: left(door.namespace) == [])


def test_what_the_cluster_refuses_is_shown_before_anything_starts(door: Door) -> None:
    manifest = job("true", "i")
    manifest["spec"]["backoffLimit"] = -1
    door.write(manifest)
    printed = door.call(*door.run_words(), code=2)
    assert "experiment.yaml:" in printed
    assert "spec.trialTemplate.trialSpec.spec.backoffLimit" in printed
    assert "must be greater than or equal to 0" in printed
    assert door.namespace.get("jobs")["items"] == []


def test_a_kind_installed_just_now_runs_by_two_conditions_and_without_any(door: Door, cluster: Cluster) -> None:
    door.namespace.apply(WIDGET)
    cluster.kubectl("wait", "--for=condition=Established", "crd/widgets.trialmill.example", "--timeout=30s")
    conditions = 'successCondition: status.[@this].#(phase=="Fine")#\nfailureCondition: status.[@this].#(phase=="Bad")#'
    manifest = {"apiVersion": "trialmill.example/v1", "kind": "Widget", "spec": {"x": LOSS}}
    for given, phase in ((conditions, "Fine"), ("", "Succeeded")):
        door.write(manifest, trials=1, conditions=given)
        running = door.start(*door.run_words())
        until(lambda: bool(door.namespace.get("widgets")["items"]))
        (made,) = door.namespace.get("widgets")["items"]
        patch = f'--patch={{"status": {{"phase": "{phase}"}}}}'
        door.namespace.kubectl(
            "patch", "widget", made["metadata"]["name"], "--subresource=status", "--type=merge", patch
        )
        printed, _ = running.communicate(timeout=60)
        # It has no pods, so no metrics: that its end was seen is what matters here.
        assert door.phases() == ["MetricsUnavailable"], printed
        assert given or "would be guessed" in printed
        door.call("delete", "tuned")
        until(lambda: door.namespace.get("widgets")["items"] == [])


@pytest.mark.usefixtures("real_node")
def test_a_process_that_is_killed_is_gone_on_with_and_no_trial_is_made_twice(door: Door) -> None:
    door.write(job(f"sleep 1; echo loss={LOSS}", door.namespace.cluster.busybox), trials=6, parallel=3)
    seen: set[tuple[str, str]] = set()
    words: tuple[str, ...] = tuple(door.run_words())
    for moment in (0.9, 1.6, 2.4, 3.1):
        running = door.start(*words)
        time.sleep(moment)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        for found in door.namespace.get("jobs")["items"]:
            seen.add((found["metadata"]["labels"]["trialmill.dev/trial-index"], found["metadata"]["name"]))
        time.sleep(0.1)
    until(lambda: "is driven by" not in (door.start(*words).communicate()[0]), 100)
    assert door.phases() == ["Succeeded"] * 6
    assert len({index for index, _ in seen}) == len(seen)
    until(lambda: left(door.namespace) == [])


@pytest.mark.usefixtures("real_node")
def test_a_job_that_is_deleted_by_hand_gets_another_attempt(door: Door) -> None:
    door.write(job(f"sleep 4; echo loss={LOSS}", door.namespace.cluster.busybox), trials=1)
    running = door.start(*door.run_words())
    until(lambda: bool(door.namespace.get("jobs")["items"]))
    door.namespace.kubectl("delete", "jobs", "--all")
    running.communicate(timeout=90)
    assert door.phases() == ["Succeeded"]


@pytest.mark.usefixtures("real_node")
def test_a_paused_experiment_suspends_its_jobs(door: Door) -> None:
    door.write(job(f"sleep 3; echo loss={LOSS}", door.namespace.cluster.busybox), trials=1)
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


def test_an_api_server_that_is_away_is_waited_for(tmp_path: Path, own_cluster: Cluster) -> None:
    door = Door(tmp_path, make_namespace(own_cluster))
    manifest = job("true", "i", **ON_THE_STAND_IN)
    notes = {"stand-in.trialmill.dev/seconds": "3", "stand-in.trialmill.dev/log": f"loss={LOSS}\n"}
    manifest["spec"]["template"]["metadata"] = {"annotations": notes}
    door.write(manifest, trials=4, parallel=2)
    running = door.start(*door.run_words())
    until(lambda: bool(door.namespace.get("jobs")["items"]))
    with own_cluster.without("kube-apiserver"):
        time.sleep(15)
    printed, _ = running.communicate(timeout=100)
    assert running.returncode == 0, printed
    assert door.phases() == ["Succeeded"] * 4
    assert "AttemptLost" not in door.call("describe", "tuned")
