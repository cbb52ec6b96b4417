"""The control plane fails, or we do: afterwards no trial exists twice and none is lost."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from acceptance_place import Outcome, Place, Tree, ends, wait_until
from cluster_place import (
    LONG,
    assert_each_trial_is_there_once,
    jobs,
    on_the_stand_in,
    place_for,
    start,
)
from cluster_under_test import Cluster, Namespace, make_namespace

SEED = int(os.environ.get("ACCEPTANCE_SEED", random.SystemRandom().randrange(10**6)))
"""Of the moments of the kills; a failure names it."""
RETRIES = 8.0
"""Seconds that a server stays away: longer than several tries of a client."""


@pytest.fixture
def place(own_cluster: Cluster, tmp_path: Path) -> Iterator[Place]:
    place = place_for(tmp_path, own_cluster)
    yield place
    place.clean()


@pytest.fixture
def namespace(own_cluster: Cluster) -> Namespace:
    return make_namespace(own_cluster)


def begin(
    place: Place, namespace: Namespace, *, trials: int = 8, seconds: str = "1", failed: int = 1
) -> subprocess.Popen[str]:
    """Start an experiment, four trials at a time, and come back when one is over."""
    tree = on_the_stand_in(trials=trials, parallel=4, marks={"seconds": seconds}, maxFailedTrialCount=failed)
    place.write("e.yaml", tree)
    process: subprocess.Popen[str] = start(place, namespace, "e.yaml")
    wait_until(lambda: process.poll() is not None or over(place))
    assert process.poll() is None, process.communicate()
    return process


def over(place: Place) -> int:
    """How many trials the store says are over."""
    if not place.count_of_trials():
        return 0
    count: int = place.rows("SELECT COUNT(*) FROM trial WHERE phase = 'Succeeded'")[0][0]
    return count


def assert_all_succeeded_once(place: Place, namespace: Namespace, count: int) -> None:
    assert ends(assert_each_trial_is_there_once(place, namespace, count)) == ["Succeeded"] * count
    assert place.rows("SELECT COUNT(*) FROM point") == [(count,)]


def test_an_api_server_that_is_away_for_longer_than_several_tries(
    place: Place, namespace: Namespace, own_cluster: Cluster
) -> None:
    process = begin(place, namespace)
    with own_cluster.without("kube-apiserver"):
        time.sleep(RETRIES)
        assert process.poll() is None
    recover(own_cluster)
    place.end_of(process, seconds=LONG)

    assert_all_succeeded_once(place, namespace, 8)


def test_an_api_server_that_starts_again_and_has_forgotten_all_watches(
    place: Place, namespace: Namespace, own_cluster: Cluster
) -> None:
    process = begin(place, namespace)
    for _ in range(3):
        with own_cluster.without("kube-apiserver"):
            time.sleep(0.5)
        own_cluster.wait_until_ready()
    recover(own_cluster)
    place.end_of(process, seconds=LONG)

    assert_all_succeeded_once(place, namespace, 8)


def test_history_that_is_compacted_while_nobody_watches(
    place: Place, namespace: Namespace, own_cluster: Cluster
) -> None:
    """The process is asleep, as a laptop is, while its trials end and the server forgets all that was between."""
    process = begin(place, namespace, trials=12)
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


# --- credentials


def test_a_token_that_is_no_longer_valid_in_the_middle_is_replaced_by_the_plugins_next(
    place: Place, namespace: Namespace
) -> None:
    """A token that is bound to a Secret ends with it: sooner than any token can expire."""
    allow_everything(namespace)
    token = place.folder / "token"
    for name in ("first", "second"):
        namespace.kubectl("create", "secret", "generic", name)
    token.write_text(bound_token(namespace, "first"))
    place.write("kubeconfig", with_plugin(namespace.cluster, token))
    theirs = Place(place.folder, {"KUBECONFIG": str(place.folder / "kubeconfig")}, started=place.started)
    process = begin(theirs, namespace, trials=10, seconds="4")

    following = bound_token(namespace, "second")
    namespace.kubectl("delete", "secret", "first")
    wait_until(lambda: is_refused(namespace, token.read_text()), seconds=60)
    assert process.poll() is None
    token.write_text(following)
    theirs.end_of(process, seconds=LONG)

    assert_all_succeeded_once(theirs, namespace, 10)


def allow_everything(namespace: Namespace) -> None:
    namespace.kubectl("create", "serviceaccount", "tuner")
    account = f"--serviceaccount={namespace.name}:tuner"
    namespace.kubectl("create", "rolebinding", "tuner", "--clusterrole=admin", account)


def bound_token(namespace: Namespace, secret: str) -> str:
    bound = ("--bound-object-kind=Secret", f"--bound-object-name={secret}")
    return namespace.kubectl("create", "token", "tuner", *bound).strip()


def with_plugin(cluster: Cluster, token: Path) -> Tree:
    """The cluster's kubeconfig with a program that says the token, whatever the file holds by then."""
    config: Tree = yaml.safe_load(cluster.kubeconfig.read_text())
    status = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}'
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", f"printf '{status}' \"$(cat {token})\""],
        "interactiveMode": "Never",
    }
    config["users"] = [{"name": user["name"], "user": {"exec": plugin}} for user in config["users"]]
    return config


def is_refused(namespace: Namespace, token: str) -> bool:
    """Whether the server knows the token no more; it believes in one for some seconds longer."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = namespace.kubectl("create", "--filename=-", "--output=json", given=json.dumps(review))
    return not json.loads(answer)["status"].get("authenticated")


# --- our own death

_DIES = """
import os, signal
from trialmill.cli.main import main
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime

made = KubernetesRuntime.ensure

async def ensure(self, *arguments, **named):
    answer = await made(self, *arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
    return answer

KubernetesRuntime.ensure = ensure
raise SystemExit(main())
"""


def changed_program(place: Place, namespace: Namespace, code: str, *words: str) -> subprocess.Popen[str]:
    """A run by a program that something was changed in."""
    command = [sys.executable, "-c", code, *words, "--runtime", "kubernetes", "-n", namespace.name]
    process = subprocess.Popen(
        command, cwd=place.folder, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    place.started.append(process)
    return process


def test_a_death_between_the_creation_of_a_job_and_its_record(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in(trials=4, parallel=2))
    process = changed_program(place, namespace, _DIES, "run", "e.yaml")
    process.communicate(timeout=LONG)

    assert process.returncode == -signal.SIGKILL
    assert len(jobs(namespace)) >= 1
    assert place.rows("SELECT COUNT(*) FROM trial WHERE phase = 'Succeeded'") == [(0,)]
    place("resume", "e", seconds=LONG)
    assert_all_succeeded_once(place, namespace, 4)


@pytest.mark.crash
def test_deaths_at_random_moments(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in(trials=12, parallel=4, marks={"seconds": "1"}))
    moments = random.Random(SEED)
    killed = 0
    process = start(place, namespace, "e.yaml", "--seed", "5")
    while killed < 8:
        wait_until(place.count_of_trials)
        time.sleep(moments.uniform(0.2, 2.5))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        killed += 1
        process = place.start("resume", "e")
    outcome: Outcome = place.end_of(process, code=None, seconds=LONG)

    assert killed > 2, f"ACCEPTANCE_SEED={SEED}"
    assert outcome.code == 0, f"ACCEPTANCE_SEED={SEED}: {outcome}"
    assert_all_succeeded_once(place, namespace, 12)


@pytest.mark.parametrize("hours", [1, -1], ids=["an hour ahead", "an hour behind"])
def test_a_clock_that_is(place: Place, namespace: Namespace, hours: int) -> None:
    """Neither a deadline nor a wait is decided by comparing our clock with the server's."""
    tree = on_the_stand_in(trials=4, marks={"seconds": "1"})
    tree["spec"]["trialTemplate"]["activeDeadlineSeconds"] = 60
    place.write("e.yaml", tree)
    code = (
        "from datetime import timedelta\nfrom trialmill.cli.main import main\n"
        "from trialmill.root.clock import SystemClock\nnow = SystemClock.now\n"
        f"SystemClock.now = lambda self: now(self) + timedelta(hours={hours})\n"
        "raise SystemExit(main())"
    )
    place.end_of(changed_program(place, namespace, code, "run", "e.yaml"), seconds=LONG)

    assert_all_succeeded_once(place, namespace, 4)


# --- the ground gives way


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
