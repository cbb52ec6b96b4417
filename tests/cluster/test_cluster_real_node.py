"""What only a real kubelet and a real container runtime can show."""

import pytest
from cluster_under_test import Namespace, Object

pytestmark = pytest.mark.usefixtures("real_node")

SHOW_ACCOUNT = """
import json, os, ssl, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
request = urllib.request.Request(
    f"https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews",
    data=json.dumps(review).encode(),
    headers={"Authorization": "Bearer " + open(folder + "token").read(), "Content-Type": "application/json"},
)
answer = urllib.request.urlopen(request, context=ssl.create_default_context(cafile=folder + "ca.crt"))
print(json.load(answer)["status"]["userInfo"]["username"])
"""


def job(name: str, pod: Object) -> Object:
    spec = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", **pod}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def test_a_job_runs_to_complete_and_its_log_can_be_read(namespace: Namespace) -> None:
    image = namespace.cluster.python
    code = "print('accuracy=0.97')"
    namespace.apply(job("train", {"containers": [{"name": "c", "image": image, "command": ["python3", "-c", code]}]}))
    namespace.wait_for_condition("job/train", "Complete")
    assert namespace.kubectl("logs", "job/train") == "accuracy=0.97\n"


def test_a_command_that_fails_fails_its_job_with_its_exit_code(namespace: Namespace) -> None:
    container = {"name": "c", "image": namespace.cluster.busybox, "command": ["sh", "-c", "exit 3"]}
    namespace.apply(job("fail", {"containers": [container]}))
    namespace.wait_for_condition("job/fail", "Failed")
    pod = namespace.get("pods", "--selector=job-name=fail")["items"][0]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_a_sidecar_starts_before_the_main_container_and_ends_after_it(namespace: Namespace) -> None:
    image = namespace.cluster.busybox
    mounts = [{"name": "shared", "mountPath": "/shared"}]
    watch = "trap 'echo told to end; exit 0' TERM; touch /shared/up; while :; do sleep 0.1; done"
    sidecar = {
        "name": "sidecar",
        "image": image,
        "restartPolicy": "Always",
        "command": ["sh", "-c", watch],
        "startupProbe": {"exec": {"command": ["test", "-f", "/shared/up"]}, "periodSeconds": 1},
        "volumeMounts": mounts,
    }
    main = {"name": "main", "image": image, "command": ["ls", "/shared/up"], "volumeMounts": mounts}
    volumes = [{"name": "shared", "emptyDir": {}}]
    namespace.apply(job("pair", {"volumes": volumes, "initContainers": [sidecar], "containers": [main]}))
    namespace.wait_for_condition("job/pair", "Complete")
    assert namespace.kubectl("logs", "job/pair", "--container=main") == "/shared/up\n"
    assert namespace.kubectl("logs", "job/pair", "--container=sidecar") == "told to end\n"


def test_a_container_that_takes_more_memory_than_its_limit_is_killed_for_it(namespace: Namespace) -> None:
    container = {
        "name": "c",
        "image": namespace.cluster.python,
        "command": ["python3", "-c", "print(len(bytearray(200 << 20)))"],
        "resources": {"limits": {"memory": "64Mi"}},
    }
    namespace.apply(job("large", {"containers": [container]}))
    namespace.wait_for_condition("job/large", "Failed")
    pod = namespace.get("pods", "--selector=job-name=large")["items"][0]
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_a_pod_finds_the_api_server_by_name_and_is_known_there_by_its_token(namespace: Namespace) -> None:
    container = {"name": "c", "image": namespace.cluster.python, "command": ["python3", "-c", SHOW_ACCOUNT]}
    namespace.apply(job("who", {"containers": [container]}))
    namespace.wait_for_condition("job/who", "Complete")
    assert namespace.kubectl("logs", "job/who") == f"system:serviceaccount:{namespace.name}:default\n"


def test_the_replicas_of_a_pytorchjob_find_each_other(namespace: Namespace, training_operator: None) -> None:
    listen = (
        "import os, socket; s = socket.create_server(('', int(os.environ['MASTER_PORT']))); "
        "print(os.environ['WORLD_SIZE'], s.accept()[0].recv(9).decode())"
    )
    call = (
        "import os, socket; s = socket.create_connection((os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))); "
        "s.send(b'rank ' + os.environ['RANK'].encode())"
    )

    def replica(code: str) -> Object:
        container = {"name": "pytorch", "image": namespace.cluster.python, "command": ["python3", "-c", code]}
        return {"replicas": 1, "restartPolicy": "OnFailure", "template": {"spec": {"containers": [container]}}}

    replicas = {"Master": replica(listen), "Worker": replica(call)}
    spec = {"pytorchReplicaSpecs": replicas}
    pytorchjob = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "pair"}, "spec": spec}
    namespace.apply(pytorchjob)
    namespace.wait_for_condition("pytorchjob/pair", "Succeeded")
    assert namespace.kubectl("logs", "pair-master-0") == "2 rank 1\n"
