"""What only containers that run can show of trials: files of metrics, logs over restarts, and ends in the middle."""

import json
import time

import pytest
from acceptance_place import Place, Tree, assignments, ends, last_condition
from cluster_place import LONG, assert_each_trial_is_there_once, jobs, on_the_real_node, run, start
from cluster_under_test import Cluster, Namespace

pytestmark = pytest.mark.usefixtures("real_node")

RESTRICTED = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
}
UNPRIVILEGED = {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}


def python(code: str) -> list[str]:
    """A command that runs the code with the parameter as `x`."""
    return ["python3", "-u", "-c", f"import json, os, sys, time; x = float(sys.argv[1])\n{code}", PARAMETER]


PARAMETER = "${trialParameters.x}"

FILES = {
    "TEXT": ("/metrics/loss.log", "f'loss={x + 3 - i}'"),
    "JSON": ("/metrics/loss.json", "json.dumps({'loss': str(x + 3 - i), 'step': i})"),
}


UNREAD = {
    "umask 077": (
        "os.umask(0o077)\nprint('loss=1', file=open('/metrics/loss.log', 'w'))",
        "may not be read by user 65534",
    ),
    "a folder that is closed": (
        "os.umask(0o077)\nos.mkdir('/metrics/mine')\nprint('loss=1', file=open('/metrics/mine/loss.log', 'w'))",
        "may not be read by user 65534",
    ),
    "another name": ("print('loss=1', file=open('/metrics/loss.txt', 'w'))", "was not there when the trial ended"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_a_file_that_cannot_be_read_is_told_from_one_that_is_not_there(
    place: Place, namespace: Namespace, case: str
) -> None:
    code, words = UNREAD[case]
    path = "/metrics/mine/loss.log" if "mine" in code else "/metrics/loss.log"
    source = {"fileSystemPath": {"path": path, "kind": "File"}}
    collector = {"collector": {"kind": "File"}, "source": source}
    container = {"volumeMounts": [{"name": "v", "mountPath": "/metrics"}]}
    tree = on_the_real_node(
        namespace,
        python(code),
        trials=1,
        pod={"volumes": [{"name": "v", "emptyDir": {}}]},
        container=container,
        metricsCollectorSpec=collector,
    )
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", "--printer-image", namespace.cluster.busybox)
    (trial,) = place.trials()
    assert ends([trial]) == ["MetricsUnavailable"]
    assert words in last_condition(trial)["message"]


def test_a_file_in_a_folder_that_a_variable_names_is_read(place: Place, namespace: Namespace) -> None:
    container = {
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "v", "mountPath": "/metrics", "subPathExpr": "of-$(POD)"}],
    }
    source = {"fileSystemPath": {"path": "/metrics/loss.log", "kind": "File"}}
    tree = on_the_real_node(
        namespace,
        python("print(f'loss={x}', file=open('/metrics/loss.log', 'w'))"),
        trials=1,
        pod={"volumes": [{"name": "v", "emptyDir": {}}]},
        container=container,
        metricsCollectorSpec={"collector": {"kind": "File"}, "source": source},
    )
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", "--printer-image", namespace.cluster.busybox)
    assert ends(place.trials()) == ["Succeeded"]


@pytest.mark.parametrize("format", FILES)
def test_a_file_of_metrics_is_read_where_pods_are_restricted_and_its_reader_ends_with_the_trial(
    place: Place, namespace: Namespace, format: str
) -> None:
    namespace.kubectl("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce=restricted")
    path, line = FILES[format]
    code = f"for i in (1, 2, 3):\n  print({line}, file=open('{path}', 'a'))\n  time.sleep(0.4)"
    source = {"fileSystemPath": {"path": path, "kind": "File", "format": format}}
    tree = on_the_real_node(
        namespace,
        python(code),
        trials=2,
        pod=RESTRICTED,
        container=UNPRIVILEGED,
        metricsCollectorSpec={"collector": {"kind": "File"}, "source": source},
    )
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", "--printer-image", namespace.cluster.busybox)

    trials = assert_each_trial_is_there_once(place, namespace, 2)
    assert ends(trials) == ["Succeeded"] * 2
    points = [json.loads(line)["value"] for line in place("metrics", "e", "-o", "json").out.splitlines()]
    wanted = [float(values["x"]) + 3 - i for values in assignments(trials) for i in (1, 2, 3)]
    assert points == pytest.approx(wanted)
    for pod in namespace.get("pods")["items"]:
        statuses = [*pod["status"]["containerStatuses"], *pod["status"]["initContainerStatuses"]]
        assert [set(status["state"]) for status in statuses] == [{"terminated"}] * 2


def test_an_image_that_cannot_be_pulled_ends_its_trial_by_the_pending_deadline(
    place: Place, namespace: Namespace
) -> None:
    tree = on_the_real_node(
        namespace, python(""), trials=1, container={"image": "localhost/no-such:1"}, maxFailedTrialCount=1
    )
    tree["spec"]["trialTemplate"]["retain"] = False
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", "--pending-timeout", "3s", code=1)

    assert ends(place.trials()) == ["Failed"]
    described = place("describe", "e").out
    assert "localhost/no-such:1" in described
    assert "cannot start" in described
    namespace.wait_for_list("pods", lambda left: not left)


def test_medianstop_ends_a_job_that_runs(place: Place, namespace: Namespace) -> None:
    """The second value is worse at each step; left alone it would run for minutes."""
    code = "for i in range(5 if x < 0.5 else 600):\n  print(f'loss={x}')\n  time.sleep(0.3)"
    settings = [{"name": "min_trials_required", "value": "1"}, {"name": "start_step", "value": "2"}]
    tree = on_the_real_node(
        namespace,
        python(code),
        trials=2,
        parallel=1,
        # The first process of a container does not heed SIGTERM unless it says so.
        pod={"terminationGracePeriodSeconds": 1},
        algorithm={"algorithmName": "grid"},
        earlyStopping={"algorithmName": "medianstop", "algorithmSettings": settings},
    )
    tree["spec"]["parameters"][0]["feasibleSpace"] = {"min": "0.1", "max": "0.9", "step": "0.8"}
    tree["spec"]["trialTemplate"]["retain"] = False
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml")

    trials = place.trials()
    assert [values["x"] for values in assignments(trials)] == ["0.1", "0.9"]
    assert ends(trials) == ["Succeeded", "EarlyStopped"]
    assert float(trials[1]["status"]["observation"]["metrics"][0]["latest"]) == 0.9
    namespace.wait_for_list("pods", lambda left: not left)
    assert jobs(namespace) == []


def test_logs_are_followed_over_a_restart_of_the_container(place: Place, namespace: Namespace) -> None:
    code = (
        "again = os.path.exists('/kept/once'); open('/kept/once', 'w').close()\n"
        "for i in range(5):\n  print(f'line {i + 5 * again} loss={x + i + 5 * again}'); time.sleep(0.2)\n"
        "sys.exit(0 if again else 1)"
    )
    tree = on_the_real_node(
        namespace,
        python(code),
        trials=1,
        job={"backoffLimit": 3},
        pod={"restartPolicy": "OnFailure", "volumes": [{"name": "kept", "emptyDir": {}}]},
        container={"volumeMounts": [{"name": "kept", "mountPath": "/kept"}]},
    )
    assert followed(place, namespace, tree) == [f"line {i}" for i in range(10)]
    assert place.rows("SELECT COUNT(*) FROM point") == [(10,)]


def test_no_line_is_lost_or_doubled_when_the_log_is_rotated(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    """The test bed's kubelet rotates at 256 KiB and looks each 3 seconds: this prints as much as eight times."""
    if cluster.folder is None:
        pytest.skip("a foreign cluster rotates its logs when it likes")
    code = (
        "for i in range(12000):\n  print(f'line {i}', '.' * 160)\n  i % 300 or time.sleep(0.35)\n"
        "print('line 12000', f'loss={x}')"
    )
    lines = followed(place, namespace, on_the_real_node(namespace, python(code), trials=1))
    assert lines == [f"line {i}" for i in range(12001)]
    kept = [file.name for file in (cluster.folder / "pods-log").rglob("*.log.*") if namespace.name in str(file)]
    assert kept, "the kubelet has not rotated the log"


def followed(place: Place, namespace: Namespace, tree: Tree) -> list[str]:
    """Run the experiment while `logs -f` looks on: both show the same, whose beginnings of lines are returned."""
    place.write("e.yaml", tree)
    process = start(place, namespace, "e.yaml")
    deadline = time.monotonic() + 60
    while not place.count_of_trials() and time.monotonic() < deadline:
        time.sleep(0.1)
    (name,) = (row[0] for row in place.rows("SELECT name FROM trial"))
    follower = place.start("logs", "e", name, "-f")
    place.end_of(process, seconds=LONG)
    live = place.end_of(follower, seconds=LONG).out
    assert last_condition(place.trials()[0])["type"] == "Succeeded"
    assert place("logs", "e", name).out == live
    return [" ".join(line.split()[:2]) for line in live.splitlines()]
