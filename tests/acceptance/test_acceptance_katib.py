"""Katib's own files, unchanged: they load, validate, and run to their end where their parts are available."""

import json
import os
from pathlib import Path

import pytest
import yaml
from acceptance_place import Place, Tree, assignments, ends, experiment, last_condition

from trialmill.search.catalogue import ALGORITHMS, EARLY_STOPPING

_FOLDER = os.environ.get("KATIB_EXAMPLES", "")
_FILES = sorted(Path(_FOLDER).glob("*.yaml")) if _FOLDER else []
_REFUSED_BY_KATIB = "pipeline-run.yaml"
NOT_YET = "not-available-yet"
_COLLECTORS = ("StdOut", "File")
IMAGE = Path(__file__).with_name("image")

with_examples = pytest.mark.skipif(not _FILES, reason="KATIB_EXAMPLES names no folder with Katib's examples")


def _is_available(file: Path) -> bool:
    spec = yaml.safe_load(file.read_text())["spec"]
    return (
        spec["trialTemplate"]["trialSpec"]["kind"] in ("Job", "Pod")
        and ALGORITHMS[spec["algorithm"]["algorithmName"]].available
        and ("earlyStopping" not in spec or EARLY_STOPPING[spec["earlyStopping"]["algorithmName"]].available)
        and spec.get("metricsCollectorSpec", {}).get("collector", {}).get("kind", "StdOut") in _COLLECTORS
    )


_SOUND = [file for file in _FILES if file.name != _REFUSED_BY_KATIB]


def _name(file: Path) -> str:
    return file.name


@with_examples
@pytest.mark.parametrize("file", _SOUND, ids=_name)
def test_an_example_of_katib_validates(place: Place, file: Path) -> None:
    problems = place("validate", str(file), "-o", "json").tree["problems"]

    own = [p for p in problems if "on this machine: " not in p["message"]]  # the programs of their images are not here
    assert [p for p in own if p["code"] != NOT_YET] == []
    assert bool(own) is not _is_available(file)
    assert {p["severity"] for p in problems if p not in own} <= {"note"}


@with_examples
@pytest.mark.parametrize("file", [file for file in _FILES if file.name == _REFUSED_BY_KATIB], ids=_name)
def test_the_example_that_katib_refuses_is_refused_for_its_true_reason(place: Place, file: Path) -> None:
    problems = place("validate", str(file), "-o", "json", code=2).tree["problems"]

    errors = [problem for problem in problems if problem["severity"] == "error"]
    assert any(problem["path"].endswith("trialParameters[0].name") for problem in errors), errors
    assert place("run", str(file), code=2).err.endswith("nothing was started\n")


@pytest.mark.examples
@with_examples
@pytest.mark.parametrize("file", [file for file in _SOUND if _is_available(file)], ids=_name)
def test_an_example_of_katib_runs_unchanged(place: Place, file: Path) -> None:
    spec = yaml.safe_load(file.read_text())["spec"]
    pod = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    image = pod["containers"][0]["image"]

    ended = place("run", str(file), "--image", f"{image}={IMAGE}", "--seed", "1", "-o", "json").tree

    assert last_condition(ended)["type"] == "Succeeded"
    trials = place.trials(ended["metadata"]["name"])
    assert set(ends(trials)) <= {"Succeeded", "EarlyStopped"}
    assert len(trials) == spec["maxTrialCount"]
    wanted = {spec["objective"]["objectiveMetricName"], *spec["objective"].get("additionalMetricNames", [])}
    for trial in trials:
        assert {metric["name"] for metric in trial["status"]["observation"]["metrics"]} == wanted
    if "earlyStopping" in spec:
        assert "EarlyStopped" in ends(trials)
    place.assert_nothing_runs()


@with_examples
@pytest.mark.parametrize("file", [file for file in _SOUND if not _is_available(file)], ids=_name)
def test_an_example_that_needs_more_than_there_is_validates_and_run_says_what_is_missing(
    place: Place, file: Path
) -> None:
    assert NOT_YET in place("validate", str(file)).out

    outcome = place("run", str(file), code=2)

    assert NOT_YET in outcome.err
    assert not place.store.exists()


# --- files of the same kind, written for these tests


def mnist(**changes: object) -> Tree:
    """An experiment in the shape of Katib's examples."""
    tree = experiment([], trials=3, objective={"type": "minimize", "objectiveMetricName": "loss"})
    tree["spec"]["parameters"] = [
        {"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.01", "max": "0.05", "step": "0.01"}},
        {"name": "batch-size", "parameterType": "int", "feasibleSpace": {"min": "32", "max": "64"}},
    ]
    tree["spec"]["trialTemplate"]["trialParameters"] = [
        {"name": "learningRate", "description": "Learning rate", "reference": "lr"},
        {"name": "batchSize", "description": "Batch size", "reference": "batch-size"},
    ]
    tree["spec"] |= changes
    container_of(tree)["command"] = [
        "python3",
        "/opt/pytorch-mnist/mnist.py",
        "--epochs=1",
        "--batch-size=${trialParameters.batchSize}",
        "--lr=${trialParameters.learningRate}",
    ]
    return tree


def pod_of(tree: Tree) -> Tree:
    pod: Tree = tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    return pod


def container_of(tree: Tree) -> Tree:
    container: Tree = pod_of(tree)["containers"][0]
    return container


def run_mnist(place: Place, tree: Tree) -> list[Tree]:
    place.write("e.yaml", tree)
    place("run", "e.yaml", "--image", f"any={IMAGE}", "--seed", "3")
    trials = place.trials()
    assert ends(trials) == ["Succeeded"] * tree["spec"]["maxTrialCount"]
    place.assert_nothing_runs()
    return trials


@pytest.mark.examples
@pytest.mark.parametrize("algorithm", ["random", "grid", "sobol", "tpe", "multivariate-tpe"])
def test_every_algorithm_runs_a_katib_file(place: Place, algorithm: str) -> None:
    trials = run_mnist(place, mnist(algorithm={"algorithmName": algorithm}))

    for values in assignments(trials):
        assert 0.01 <= float(values["lr"]) <= 0.05
        assert 32 <= int(values["batch-size"]) <= 64


@pytest.mark.examples
@pytest.mark.parametrize("policy", ["Never", "LongRunning", "FromVolume"])
def test_a_resume_policy_keeps_nobody_from_extending_a_finished_experiment(place: Place, policy: str) -> None:
    run_mnist(place, mnist(resumePolicy=policy))

    place("extend", "e", "--max-trials", "5")
    place("resume", "e")

    assert ends(place.trials()) == ["Succeeded"] * 5
    assert place.experiment()["status"]["trials"] == 5


@pytest.mark.examples
def test_a_function_sent_by_the_sdk_runs_in_a_bash_script(place: Place) -> None:
    tree = mnist()
    container_of(tree)["command"] = ["bash", "-c"]
    container_of(tree)["args"] = [
        "\nprogram_path=$(mktemp -d)\nread -r -d '' SCRIPT << EOM\n\n"
        "def objective(parameters):\n"
        "    import math\n    print(f\"loss={float(parameters['lr']) * int(parameters['batch'])}\")\n\n"
        "objective({'lr': '${trialParameters.learningRate}', 'batch': '${trialParameters.batchSize}'})\n\nEOM\n"
        'printf "%s" "$SCRIPT" > "$program_path/ephemeral_script.py"\n'
        'python3 -u "$program_path/ephemeral_script.py"'
    ]
    pod_of(tree)["containers"][0]["resources"] = {"limits": {"cpu": "1"}, "requests": {"memory": "100Mi"}}
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["metadata"] = {
        "annotations": {"sidecar.istio.io/inject": "false"}
    }

    for trial, values in zip(trials := run_mnist(place, tree), assignments(trials), strict=True):
        loss = trial["status"]["observation"]["metrics"][0]["latest"]
        assert float(loss) == pytest.approx(float(values["lr"]) * int(values["batch-size"]))


@pytest.mark.examples
def test_only_the_primary_of_several_containers_is_measured(place: Place) -> None:
    tree = mnist()
    pod_of(tree)["initContainers"] = [{"name": "prepare", "image": "any", "command": ["sh", "-c", "echo loss=0"]}]
    pod_of(tree)["containers"].insert(0, {"name": "side", "image": "any", "command": ["sh", "-c", "echo loss=-1"]})

    for trial in run_mnist(place, tree):
        assert float(trial["status"]["observation"]["metrics"][0]["min"]) > 0.1


@pytest.mark.examples
def test_a_file_that_a_shell_writes_is_read_where_the_file_collector_looks(place: Place) -> None:
    tree = mnist(
        metricsCollectorSpec={
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": {"path": "/var/log/katib/metrics.log", "kind": "File"}},
        }
    )
    container_of(tree)["command"] = [
        "sh",
        "-c",
        'for i in 3 2 1; do echo epoch $i loss=$i.$0 >> "$2"; done',
        "${trialParameters.batchSize}",
    ]
    container_of(tree)["args"] = ["${trialParameters.learningRate}", "/var/log/katib/metrics.log"]

    trials = run_mnist(place, tree)

    for trial, values in zip(trials, assignments(trials), strict=True):
        assert trial["status"]["observation"]["metrics"][0]["min"] == f"1.{values['batch-size']}"
    assert not Path("/var/log/katib/metrics.log").exists()


@pytest.mark.examples
def test_trial_metadata_reaches_the_container(place: Place) -> None:
    tree = mnist()
    template = tree["spec"]["trialTemplate"]
    template["trialSpec"]["metadata"] = {"labels": {"team": "a-b"}, "annotations": {"x.y/z": "note"}}
    references = {
        "trialName": "${trialSpec.Name}",
        "trialNamespace": "${trialSpec.Namespace}",
        "trialKind": "${trialSpec.Kind}",
        "trialAPIVersion": "${trialSpec.APIVersion}",
        "label": "${trialSpec.Labels[team]}",
        "annotation": "${trialSpec.Annotations[x.y/z]}",
    }
    template["trialParameters"] += [{"name": name, "reference": value} for name, value in references.items()]
    container_of(tree)["command"] = ["sh", "-c", "echo $ALL; echo loss=1", "${trialParameters.learningRate}"]
    container_of(tree)["args"] = ["${trialParameters.batchSize}"]
    container_of(tree)["env"] = [
        {"name": "ALL", "value": " ".join(f"${{trialParameters.{name}}}" for name in references)}
    ]

    for trial in run_mnist(place, tree):
        name = trial["metadata"]["name"]
        assert place("logs", "e", name).out.splitlines()[0] == f"{name} default Job batch/v1 a-b note"


@pytest.mark.examples
def test_points_of_a_json_file_are_numbered_and_timed(place: Place) -> None:
    tree = mnist(
        metricsCollectorSpec={
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": {"path": "/katib/mnist.json", "kind": "File", "format": "JSON"}},
        }
    )
    container_of(tree)["command"] += ["--log-path=/katib/mnist.json", "--logger=hypertune"]
    container_of(tree)["command"][2] = "--epochs=2"

    run_mnist(place, tree)

    points = [json.loads(line) for line in place("metrics", "e", "-o", "json").out.splitlines()]
    assert [point["step"] for point in points] == [0, 1] * 3
    assert all(point["time"] for point in points)
