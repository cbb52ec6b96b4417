"""Why a trial failed or waits, in the words of what ended it or keeps it: only real nodes and controllers say them."""

import json
from functools import partial

import pytest
from acceptance_place import Place, Tree, ends, last_condition, wait_until
from cluster_place import LONG, on_the_real_node, run, start
from cluster_runs import NewPlace, together
from cluster_under_test import Namespace

pytestmark = pytest.mark.usefixtures("real_node")


def one_trial(namespace: Namespace, code: str, **given: object) -> Tree:
    """An Experiment of one trial whose Job tries once."""
    tree = on_the_real_node(namespace, ["sh", "-c", f"echo loss=${{trialParameters.x}}; {code}"], trials=1, **given)
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["backoffLimit"] = 0
    return tree


def failure_of(place: Place, reason: str) -> str:
    """The message of the only trial, which has failed for this reason."""
    (trial,) = place.trials()
    assert ends([trial]) == ["Failed"]
    assert reason in place("describe", "e").out
    message: str = last_condition(trial)["message"]
    return message


def test_trials_fail_with_the_words_of_what_ended_them(more_places: NewPlace) -> None:
    """A container that failed beside sidecars; a pod that was evicted; a Secret that is not there."""

    def beside_sidecars(place: Place, namespace: Namespace) -> None:
        image = namespace.cluster.busybox
        endless = ["sh", "-c", "while :; do sleep 1; done"]
        sidecar = {"name": "aproxy", "image": image, "restartPolicy": "Always", "command": endless}
        tree = one_trial(namespace, "sleep 2; exit 3", pod={"initContainers": [sidecar]})
        place.write("e.yaml", tree)
        run(place, namespace, "e.yaml", code=None)
        words = "container main exited with code 3; Job has reached the specified backoff limit"
        assert words in failure_of(place, "BackoffLimitExceeded")

    def evicted(place: Place, namespace: Namespace) -> None:
        place.write("e.yaml", one_trial(namespace, "sleep 100"))
        process = start(place, namespace, "e.yaml")
        wait_until(lambda: any(pod["status"]["phase"] == "Running" for pod in pods(namespace)))
        (pod,) = pods(namespace)
        evict(namespace, pod["metadata"]["name"])
        place.end_of(process, code=None, seconds=LONG)
        assert "it was evicted (EvictionByEvictionAPI): Eviction API: evicting" in failure_of(
            place, "BackoffLimitExceeded"
        )

    def without_its_secret(place: Place, namespace: Namespace) -> None:
        volume = {"name": "v", "secret": {"secretName": "nope"}}
        mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
        place.write("e.yaml", one_trial(namespace, "true", pod={"volumes": [volume]}, container=mount))
        outcome = run(place, namespace, "e.yaml", "--pending-timeout", "3s", code=None)
        assert 'secret "nope" not found' in failure_of(place, "FailedMount")
        assert "the cluster has no Secret nope" in outcome.err

    stories = [beside_sidecars, evicted, without_its_secret]
    together([partial(story, *more_places(story.__name__)) for story in stories])


def pods(namespace: Namespace) -> list[Tree]:
    found: list[Tree] = namespace.get("pods")["items"]
    return found


def evict(namespace: Namespace, pod: str) -> None:
    """As a drain does it."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace.name}}
    path = f"/api/v1/namespaces/{namespace.name}/pods/{pod}/eviction"
    namespace.kubectl("create", f"--raw={path}", "--filename=-", given=json.dumps(eviction))
