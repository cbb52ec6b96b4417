"""The node that runs nothing: controllers see what they would see of a kubelet."""

import pytest
from cluster_under_test import ON_THE_STAND_IN, Namespace, Object

PREFIX = "stand-in.trialmill.dev/"

pytestmark = pytest.mark.usefixtures("stand_in")


def job(name: str, annotations: dict[str, str], **spec: object) -> Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "not-needed:1"}], **ON_THE_STAND_IN}
    marks = {PREFIX + key: value for key, value in annotations.items()}
    template = {"metadata": {"annotations": marks}, "spec": pod}
    whole = {"backoffLimit": 0, "template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": whole}


def test_two_hundred_pods_run_to_their_end(namespace: Namespace) -> None:
    namespace.apply(job("many", {}, completions=200, parallelism=50))
    found = namespace.wait_for_condition("job/many", "Complete", seconds=120)
    assert found["status"]["succeeded"] == 200


def test_a_pod_ends_as_its_annotations_say(namespace: Namespace) -> None:
    namespace.apply(job("fail", {"exit-code": "137", "reason": "OOMKilled", "seconds": "1"}))
    namespace.wait_for_condition("job/fail", "Failed")
    pod = namespace.get("pods", "--selector=job-name=fail")["items"][0]
    assert pod["status"]["phase"] == "Failed"
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_a_pod_that_never_ends_goes_when_it_is_deleted(namespace: Namespace) -> None:
    namespace.apply(job("server", {"seconds": "never"}))
    namespace.wait_for("job/server", lambda found: found["status"].get("active") == 1 and found["status"]["ready"] == 1)
    namespace.kubectl("delete", "job/server", "--cascade=foreground", "--timeout=60s")
    assert namespace.get("pods")["items"] == []


def test_its_log_is_what_the_annotation_says(namespace: Namespace) -> None:
    namespace.apply(job("talk", {"log": "accuracy=0.1\naccuracy=0.2"}))
    namespace.wait_for_condition("job/talk", "Complete")
    assert namespace.kubectl("logs", "job/talk") == "accuracy=0.1\naccuracy=0.2\n"
