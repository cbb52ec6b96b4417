"""Trialmill as its user has it: the real command in a folder of its own, and trials on a real cluster."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acceptance_place import Outcome, Place, Tree, experiment
from cluster_under_test import ON_THE_STAND_IN, Cluster, Namespace, Object

STAND_IN = "stand-in.trialmill.dev/"
EXPERIMENT_UID, TRIAL_INDEX, ATTEMPT = (f"trialmill.dev/{it}" for it in ("experiment-uid", "trial-index", "attempt"))
LONG = 100.0
"""Seconds for a whole experiment on a cluster that shares a small machine."""


def place_for(folder: Path, cluster: Cluster) -> Place:
    """A folder whose commands mean this cluster, as a user's KUBECONFIG does."""
    return Place(folder, {"KUBECONFIG": str(cluster.kubeconfig)})


def run(place: Place, namespace: Namespace, *words: str, code: int | None = 0, seconds: float = LONG) -> Outcome:
    """Run an Experiment in the namespace, whatever its file says, to its end."""
    return place.end_of(start(place, namespace, *words), code=code, seconds=seconds)


def start(place: Place, namespace: Namespace, *words: str, command: str = "run") -> Any:
    """The same, and go on while it runs."""
    return place.start(command, *words, "--runtime", "kubernetes", "-n", namespace.name)


def on_the_stand_in(log: str = "loss=${trialParameters.x}", name: str = "e", **given: Any) -> Tree:
    """An Experiment whose pods go to the node that runs nothing; its Jobs stay. `log` is what they print."""
    marks: dict[str, str] = {STAND_IN + key: value for key, value in given.pop("marks", {}).items()}
    tree = experiment(["unused"], name=name, pod=ON_THE_STAND_IN, **given)
    template = tree["spec"]["trialTemplate"]
    template["retain"] = True
    template["trialSpec"]["spec"]["template"]["metadata"] = {"annotations": {**marks, STAND_IN + "log": log}}
    return tree


def on_the_real_node(namespace: Namespace, command: Sequence[str], **given: Any) -> Tree:
    """An Experiment whose command runs in the Python image; its Jobs stay."""
    container = {"image": namespace.cluster.python, **given.pop("container", {})}
    tree = experiment(command, container=container, **given)
    tree["spec"]["trialTemplate"]["retain"] = True
    return tree


def jobs(namespace: Namespace, resource: str = "jobs") -> list[Object]:
    """Every resource in the namespace that carries our labels."""
    found: list[Object] = namespace.get(resource, f"--selector={EXPERIMENT_UID}")["items"]
    return found


def assert_each_trial_is_there_once(
    place: Place, namespace: Namespace, count: int, *, name: str = "e", resource: str = "jobs"
) -> list[Tree]:
    """No trial exists twice and none is lost: one resource for each, of its first attempt; the trials are returned."""
    trials = place.trials(name)
    found = jobs(namespace, resource)
    indices = Counter(job["metadata"]["labels"][TRIAL_INDEX] for job in found)
    assert indices == {str(index): 1 for index in range(count)}
    assert {job["metadata"]["labels"][ATTEMPT] for job in found} == {"1"}
    assert sorted(job["metadata"]["name"] for job in found) == sorted(trial["metadata"]["name"] for trial in trials)
    return trials


def shell_and_log(**given: Any) -> Tree:
    """An Experiment that prints its parameter as `loss` on this machine, and on the node that runs nothing as well."""
    tree = on_the_stand_in(**given)
    container = tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    container["command"] = ["echo", "loss=${trialParameters.x}"]
    return tree
