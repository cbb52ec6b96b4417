"""Katib's own files on a real node, with their own conditions: only image names are pointed at images made here, with a
fixed tag, and metrics in TensorFlow's event files are printed instead.
"""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from acceptance_place import Place, Tree, ends, last_condition
from cluster_place import run
from cluster_under_test import Cluster, Namespace

from trialmill.search.catalogue import ALGORITHMS

IMAGES = Path(__file__).parents[1] / "acceptance" / "image"
IMAGE = "localhost/katib-examples:1"
FOLDER = os.environ.get("KATIB_EXAMPLES", "")
MOST_SECONDS = 150.0

pytestmark = [
    pytest.mark.examples,
    pytest.mark.usefixtures("real_node", "image"),
    pytest.mark.skipif(not FOLDER, reason="KATIB_EXAMPLES names no folder with Katib's examples"),
]


def examples(*kinds: str) -> list[Path]:
    """Files whose trials are of these kinds, and whose algorithm is there."""
    return [
        file
        for file in sorted(Path(FOLDER).glob("*.yaml") if FOLDER else [])
        if (spec := yaml.safe_load(file.read_text())["spec"])["trialTemplate"]["trialSpec"]["kind"] in kinds
        and ALGORITHMS[spec["algorithm"]["algorithmName"]].available
    ]


def pointed_at_ours(tree: Tree) -> Tree:
    """The same file with the image names replaced, and nothing else."""

    def changed(node: object) -> object:
        if isinstance(node, dict):
            return {key: IMAGE if key == "image" else changed(value) for key, value in node.items()}
        return [changed(item) for item in node] if isinstance(node, list) else node

    result = changed(tree)
    assert isinstance(result, dict)
    return result


@pytest.fixture(scope="module")
def image(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The scripts that stand in for Katib's, and Python by the name that TensorFlow's images have for it."""
    folder = tmp_path_factory.mktemp("images") / "katib-examples"
    shutil.copytree(IMAGES, folder)
    python = folder / "usr" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nexec python3 "$@"\n')
    python.chmod(0o755)
    cluster.add_image(IMAGE, folder)


def run_example(place: Place, namespace: Namespace, tree: Tree) -> None:
    """Run it to its end: every trial has succeeded and was measured, and nothing is left."""
    name = tree["metadata"]["name"]
    place.write("e.yaml", pointed_at_ours(tree))

    words = ["--seed", "1", "--printer-image", namespace.cluster.busybox, "-o", "json"]
    ended = run(place, namespace, "e.yaml", *words, seconds=MOST_SECONDS).tree

    spec = tree["spec"]
    assert last_condition(ended)["type"] == "Succeeded"
    trials = place.trials(name)
    assert len(trials) == len({trial["metadata"]["name"] for trial in trials}) == spec["maxTrialCount"]
    assert set(ends(trials)) <= ({"Succeeded", "EarlyStopped"} if "earlyStopping" in spec else {"Succeeded"})
    wanted = {spec["objective"]["objectiveMetricName"], *spec["objective"].get("additionalMetricNames", [])}
    for trial in trials:
        assert {metric["name"] for metric in trial["status"]["observation"]["metrics"]} == wanted
    kind = spec["trialTemplate"]["trialSpec"]["kind"].lower()
    retained = spec["maxTrialCount"] if spec["trialTemplate"].get("retain") else 0
    # What is deleted in the foreground is there until its pods are gone.
    namespace.wait_for_list(kind, lambda left: len(left) <= retained)


def _id(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", examples("Job"), ids=_id)
def test_an_example_with_jobs_succeeds(place: Place, namespace: Namespace, file: Path) -> None:
    run_example(place, namespace, yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("file", examples("PyTorchJob"), ids=_id)
def test_an_example_with_pytorchjobs_succeeds(
    place: Place, namespace: Namespace, training_operator: None, file: Path
) -> None:
    run_example(place, namespace, yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("file", examples("TFJob"), ids=_id)
def test_an_example_with_tfjobs_succeeds_when_its_metrics_are_printed(
    place: Place, namespace: Namespace, training_operator: None, file: Path
) -> None:
    tree = yaml.safe_load(file.read_text())
    tree["spec"]["metricsCollectorSpec"] = {"collector": {"kind": "StdOut"}}
    run_example(place, namespace, tree)


@pytest.mark.parametrize("file", examples("Workflow"), ids=_id)
def test_an_example_with_workflows_succeeds(place: Place, namespace: Namespace, argo: None, file: Path) -> None:
    tree = yaml.safe_load(file.read_text())
    account = tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["serviceAccountName"]
    namespace.kubectl("create", "serviceaccount", account)
    namespace.let_argo_report(account)
    run_example(place, namespace, tree)
