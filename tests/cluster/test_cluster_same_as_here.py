"""A file is the same experiment here and on a cluster, and its Job there is the one that its author wrote."""

import json

import pytest
import yaml
from acceptance_place import Place, Tree, assignments, ends
from cluster_place import EXPERIMENT_UID, LONG, assert_each_trial_is_there_once, on_the_stand_in, run, shell_and_log
from cluster_under_test import Namespace, Object

pytestmark = pytest.mark.usefixtures("stand_in")


@pytest.mark.parametrize(
    ("algorithm", "parallel", "trials"),
    [("random", 4, 8), ("grid", 3, 6), ("sobol", 4, 8), ("tpe", 1, 13)],
    ids=["random at 4 in parallel", "grid at 3", "sobol at 4", "tpe one by one, beyond its random start"],
)
def test_the_same_file_and_seed_gives_the_same_assignments_here_and_there(
    place: Place, namespace: Namespace, algorithm: str, parallel: int, trials: int
) -> None:
    tree = shell_and_log(trials=trials, parallel=parallel, algorithm={"algorithmName": algorithm})
    if algorithm == "grid":
        tree["spec"]["parameters"][0]["feasibleSpace"]["step"] = "0.2"
    place.write("e.yaml", tree)
    place("run", "e.yaml", "--name", "here", "--seed", "11", seconds=LONG)
    run(place, namespace, "e.yaml", "--seed", "11")

    there = assert_each_trial_is_there_once(place, namespace, trials)
    here = place.trials("here")
    assert ends(here) == ends(there) == ["Succeeded"] * trials
    assert assignments(there) == assignments(here)
    assert len({values["x"] for values in assignments(there)}) == trials


def as_written(object: Object) -> Object:
    """The object without what the server gives to each one anew, and without our labels."""
    tree: Object = json.loads(json.dumps(object))
    for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        tree["metadata"].pop(name, None)
    tree.pop("status", None)
    tree["spec"]["selector"] = None
    for metadata in (tree["metadata"], tree["spec"]["template"]["metadata"]):
        labels = metadata.get("labels", {})
        kept = {name: value for name, value in labels.items() if not name.startswith(("trialmill.dev/", "katib."))}
        metadata["labels"] = {k: v for k, v in kept.items() if not k.endswith("controller-uid")}
    return tree


def test_its_job_is_what_its_author_wrote_with_labels_and_nothing_else(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in(trials=1, job={"ttlSecondsAfterFinished": 3600, "activeDeadlineSeconds": 600})
    tree["spec"]["trialTemplate"]["trialSpec"]["metadata"] = {"labels": {"team": "a"}, "annotations": {"note": "b"}}
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml")
    (trial,) = assert_each_trial_is_there_once(place, namespace, 1)
    name = trial["metadata"]["name"]
    live = yaml.safe_load(namespace.kubectl("get", "job", name, "--output=yaml"))
    pod = namespace.get("pods", f"--selector={EXPERIMENT_UID}")["items"][0]
    log = namespace.kubectl("logs", f"job/{name}")

    written: Tree = yaml.safe_load(place("render", "e.yaml", "--trial", name, "-n", namespace.name).out)
    namespace.kubectl("delete", "job", name, "--cascade=foreground", "--timeout=60s")
    # What the server makes of the manifest itself: its defaults are not ours.
    truth = namespace.kubectl("create", "--filename=-", "--dry-run=server", "--output=json", given=json.dumps(written))

    assert as_written(live) == as_written(json.loads(truth))
    author = tree["spec"]["trialTemplate"]["trialSpec"]
    assert live["metadata"]["labels"].items() >= {"team": "a"}.items()
    assert live["metadata"]["annotations"]["note"] == "b"
    assert [c["command"] for c in live["spec"]["template"]["spec"]["containers"]] == [["unused"]]
    assert len(live["spec"]["template"]["spec"]["containers"]) == len(author["spec"]["template"]["spec"]["containers"])
    assert "initContainers" not in live["spec"]["template"]["spec"]
    assert [owner["kind"] for owner in pod["metadata"]["ownerReferences"]] == ["Job"]
    assert "ownerReferences" not in live["metadata"]
    assert log == f"loss={assignments([trial])[0]['x']}\n"
