"""What a user sees and asks of an experiment on a cluster, from the command line and from Python."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from acceptance_place import Place, Tree, experiment, wait_until
from cluster_place import LONG, jobs, on_the_real_node, on_the_stand_in, run, start
from cluster_under_test import Namespace

FROM_PYTHON = """\
import json, sys
from trialmill import Experiment
tuning = Experiment.from_dict(json.load(sys.stdin))
result = tuning.run(runtime="kubernetes", namespace=sys.argv[1], seed=1, progress=True)
again = tuning.result()
print(json.dumps([result.namespace, result.status, [trial.value for trial in again.trials]]))
"""


def test_python_runs_on_a_cluster_what_the_command_runs_there(
    place: Place, namespace: Namespace, stand_in: None
) -> None:
    tree = on_the_stand_in()
    told = subprocess.run(
        [sys.executable, "-c", FROM_PYTHON, namespace.name],
        input=json.dumps(tree), cwd=place.folder, env=place.environment, capture_output=True, text=True, check=True,
        timeout=LONG,
    )  # fmt: skip
    where, status, values = json.loads(told.stdout)
    assert (where, status, len(jobs(namespace))) == (namespace.name, "Succeeded", 4)
    place.write("e.yaml", tree)
    other = Place(place.folder / "other", place.variables)
    other.write("e.yaml", tree)
    namespace.kubectl("delete", "jobs", "--all")
    run(other, namespace, "e.yaml", "--seed", "1")
    found = [trial["status"]["observation"]["metrics"][0]["latest"] for trial in other.trials()]
    assert sorted(map(float, found)) == sorted(values)


def nowhere() -> Tree:
    return experiment(["echo", "${trialParameters.x}"], pod={"nodeSelector": {"trialmill.dev/no": "node"}})


def test_what_trials_wait_for_is_told_once_and_to_whoever_asks(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", nowhere())
    process = start(place, namespace, "e.yaml")
    wait_until(lambda: place.count_of_trials() == 2, seconds=LONG)
    wait_until(lambda: all("waiting" in trial["status"] for trial in place.trials()), seconds=LONG)
    trials = place.trials()
    assert {trial["status"]["waiting"]["reason"] for trial in trials} == {"Unschedulable"}
    table = place("trials", "e")
    assert table.out.count("Unschedulable") == 2
    assert "2 trials wait, Unschedulable" in table.err
    assert "2 trials wait, Unschedulable" in place("get", "e").err
    assert place("describe", "e").out.count("Unschedulable: pod e-") == 2
    process.send_signal(signal.SIGINT)
    told = place.end_of(process, code=130, seconds=LONG).err
    assert told.count("waits, Unschedulable") + told.count("wait, Unschedulable") == 1
    assert not any("waiting" in trial["status"] for trial in place.trials())


def with_sides(namespace: Namespace, script: str) -> Tree:
    """An Experiment of one trial with an init container and one beside the training container."""
    image = namespace.cluster.busybox
    tree = experiment(["sh", "-c", script], trials=1, container={"image": image})
    template = tree["spec"]["trialTemplate"]
    template["retain"] = True
    pod = template["trialSpec"]["spec"]["template"]["spec"]
    pod["initContainers"] = [{"name": "prepare", "image": image, "command": ["echo", "preparing"]}]
    pod["containers"].append({"name": "helper", "image": image, "command": ["echo", "helping"]})
    return tree


def test_logs_reach_every_container_of_a_trial(place: Place, namespace: Namespace, real_node: None) -> None:
    place.write("e.yaml", with_sides(namespace, "echo ${trialParameters.x}; sleep 3; echo loss=1"))
    process = start(place, namespace, "e.yaml")
    wait_until(lambda: jobs(namespace), seconds=LONG)
    followed = place("logs", "e", "--all-containers", "-f", seconds=LONG)
    place.end_of(process, seconds=LONG)
    titles = [line.split()[-2] for line in followed.out.splitlines() if line.startswith("==> ")]
    assert set(titles) == {"prepare", "main", "helper"}
    assert {"preparing", "helping", "loss=1"} <= set(followed.out.splitlines())
    assert place("logs", "e", "-c", "helper").out == "helping\n"
    assert place("logs", "e", "-c", "prepare").out == "preparing\n"
    assert place("logs", "e").out.splitlines()[-1] == "loss=1"
    assert "it has prepare (init), main, helper" in place("logs", "e", "-c", "nope", code=2).err
    assert "previous terminated container" in place("logs", "e", "-p", code=1).err
    namespace.kubectl("delete", "jobs", "--all")
    wait_until(lambda: not namespace.get("pods")["items"], seconds=LONG)
    assert "kept is what container main printed" in place("logs", "e", "-c", "helper", code=1).err
    assert place("logs", "e").out.splitlines()[-1] == "loss=1"


def test_an_experiment_is_forgotten_and_what_is_there_stays_there(
    place: Place, namespace: Namespace, stand_in: None
) -> None:
    place.write("e.yaml", on_the_stand_in())
    run(place, namespace, "e.yaml")
    lost = Place(place.folder, {"KUBECONFIG": os.devnull})
    assert lost("list").out.count("Succeeded") == 1
    command = place("delete", "e", "--cascade", "orphan").err.partition("kubectl ")[2]
    assert len(jobs(namespace)) == 4
    namespace.kubectl(*command.split())
    assert jobs(namespace) == []


def test_a_second_ctrl_c_leaves_while_the_cluster_ends_the_trials(
    place: Place, namespace: Namespace, real_node: None
) -> None:
    stubborn = "trap true TERM; echo up; for i in $(seq 600); do sleep 1; done; echo loss=${trialParameters.x}"
    image = namespace.cluster.busybox
    place.write("e.yaml", experiment(["sh", "-c", stubborn], trials=1, container={"image": image}))
    process = start(place, namespace, "e.yaml")
    wait_until(lambda: place.count_of_trials() and place("logs", "e", code=None).out == "up\n", seconds=LONG)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: all("deletionTimestamp" in it["metadata"] for it in namespace.get("pods")["items"]))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    told = place.end_of(process, code=130)
    assert time.monotonic() - began < 15, "its pods have 30 s"
    assert "leaving: the cluster goes on ending the trials" in told.err
    assert "ExperimentStopped" in place("trials", "e").out


@pytest.mark.parametrize("form", ["a file of its values", "results in a file"])
def test_files_reach_and_leave_a_trial(place: Place, namespace: Namespace, real_node: None, form: str) -> None:
    """Each attempt has a ConfigMap of its own, which goes with it."""
    reads = 'import json; print(f\'loss={json.load(open("/in/values.json"))["x"]}\')'
    writes = (
        "import time\n"
        "for value in (9.0, float('${trialParameters.x}')):\n"
        "    open('/outputs/results.yaml', 'w').write(f'loss: {value:.3f}\\n')\n"
        "    time.sleep(2)"
    )
    tree = on_the_real_node(namespace, ["python3", "-c", reads if "values" in form else writes], trials=2)
    template = tree["spec"]["trialTemplate"]
    del template["retain"]
    if "values" in form:
        del template["trialParameters"]
        template["inject"] = {"as": "file", "path": "/in/values.json"}
    else:
        tree["spec"]["metricsCollectorSpec"] = {"collector": {"kind": "Outputs"}}
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", "--printer-image", namespace.cluster.busybox)
    for trial in place.trials():
        (metric,) = trial["status"]["observation"]["metrics"]
        (assigned,) = trial["spec"]["parameterAssignments"]
        assert float(metric["latest"]) == pytest.approx(float(assigned["value"]), abs=0.001)
    left = [it["metadata"]["name"] for it in namespace.get("configmaps")["items"]]
    assert left == ["kube-root-ca.crt"]
    assert jobs(namespace) == []
