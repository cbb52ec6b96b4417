"""The control plane fails: afterwards no trial exists twice and none is lost."""

import base64
import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_place import Place
from cluster_place import LONG, jobs, place_for
from cluster_runs import assert_all_succeeded_once, begin, changed_program
from cluster_under_test import Cluster, Namespace, make_namespace

A_MINUTE = 60.0
_NOTES_EXPIRED = """
from contextlib import aclosing
from trialmill.kube.api import ExpiredError
from trialmill.kube.http_api import HttpKubeApi

watch = HttpKubeApi.watch

async def noted(self, type, *arguments, **named):
    try:
        async with aclosing(watch(self, type, *arguments, **named)) as events:
            async for event in events:
                yield event
    except ExpiredError as error:
        with open("expired", "a") as file:
            print(type.plural, error.status, file=file)
        raise

HttpKubeApi.watch = noted
"""
"""Every version that the server says has expired is noted in a file."""


@pytest.fixture
def place(own_cluster: Cluster, tmp_path: Path) -> Iterator[Place]:
    place = place_for(tmp_path, own_cluster)
    yield place
    place.clean()


@pytest.fixture
def namespace(own_cluster: Cluster) -> Namespace:
    return make_namespace(own_cluster)


def test_an_api_server_that_is_away_for_a_minute(place: Place, namespace: Namespace, own_cluster: Cluster) -> None:
    """Trials are running, others are due: it is said, waited for, and said that it is over."""
    process = begin(place, namespace, seconds="3")
    with own_cluster.without("kube-apiserver"):
        time.sleep(A_MINUTE)
        assert process.poll() is None
        described = place("describe", "e").out
    recover(own_cluster)
    outcome = place.end_of(process, seconds=LONG)

    assert_all_succeeded_once(place, namespace, 8)
    assert "Unreachable" in described
    assert "the cluster does not answer" in described
    assert "what runs there goes on" in outcome.err
    assert "what runs can be followed again" in outcome.err


def test_an_api_server_that_starts_again_and_has_forgotten_all_watches(
    place: Place, namespace: Namespace, own_cluster: Cluster
) -> None:
    process = begin(place, namespace)
    for _ in range(3):
        with own_cluster.without("kube-apiserver"):
            time.sleep(0.5)
        own_cluster.wait_until_ready()
    recover(own_cluster)
    outcome = place.end_of(process, seconds=LONG)

    assert_all_succeeded_once(place, namespace, 8)
    assert "does not answer" not in outcome.err, "so short an absence is nobody's news"


def test_history_that_is_compacted_while_nobody_watches(
    place: Place, namespace: Namespace, own_cluster: Cluster
) -> None:
    """The process is asleep, as a laptop is, while its trials end and the server forgets all that was between."""
    noting = changed_program(_NOTES_EXPIRED, "run", "e.yaml")
    process = begin(place, namespace, trials=12, started=noting)
    process.send_signal(signal.SIGSTOP)
    made = len(jobs(namespace))
    namespace.wait_for_list("jobs", lambda found: all(job["status"].get("succeeded") for job in found))
    for number in range(20):
        namespace.kubectl("create", "configmap", f"noise-{number}")
    compact(own_cluster)
    with own_cluster.without("kube-apiserver"):
        time.sleep(0.5)
    recover(own_cluster)
    process.send_signal(signal.SIGCONT)
    place.end_of(process, seconds=LONG)

    assert made < 12
    assert_all_succeeded_once(place, namespace, 12)
    expired = (place.folder / "expired").read_text().splitlines()
    assert {line.split()[0] for line in expired} == {"jobs", "pods"}, "both streams were told that they are too late"
    assert {line.split()[1] for line in expired} == {"410"}


def recover(cluster: Cluster) -> None:
    """The API server is back; the cluster's own controllers, which would be patient for half a minute, look at once."""
    cluster.wait_until_ready()
    with cluster.without("kube-controller-manager", "kube-scheduler"):
        time.sleep(0.5)


def compact(cluster: Cluster) -> None:
    """Have etcd forget every revision but the last."""
    assert cluster.folder is not None
    port = json.loads((cluster.folder / "plan.json").read_text())["etcd_port"]

    def ask(path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/kv/{path}", data=json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own etcd
            found: dict[str, dict[str, str]] = json.load(answer)
            return found

    revision = ask("range", {"key": base64.b64encode(b"/").decode()})["header"]["revision"]
    ask("compaction", {"revision": revision, "physical": True})


def test_a_namespace_that_is_deleted_in_the_middle_ends_the_experiment_and_says_so(
    place: Place, namespace: Namespace
) -> None:
    process = begin(place, namespace, trials=20, seconds="3", failed=3)
    namespace.cluster.kubectl("delete", "namespace", namespace.name, "--wait=false")
    outcome = place.end_of(process, code=1, seconds=LONG)

    described = place("describe", "e").out
    assert "namespace" in outcome.out + outcome.err + described
    assert namespace.name in described
    assert place.experiment()["status"]["conditions"][-1]["type"] == "Failed"
    assert not place.processes()
    names = [trial["metadata"]["name"] for trial in place.trials()]
    assert len(names) == len(set(names))
