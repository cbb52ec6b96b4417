"""Argo's Workflow with its real controller: a phase instead of conditions, and pods that only owners lead to."""

import pytest
from acceptance_place import Place, Tree
from cluster_two_ends import EXIT_CODE, LOSS, assert_nothing_is_left, assert_two_ends, two_ends
from cluster_under_test import Namespace

pytestmark = pytest.mark.usefixtures("real_node", "argo")


def template(name: str, image: str, code: str) -> Tree:
    """One of a workflow's templates, whose pod has a label of its own."""
    container = {"image": image, "command": ["python3", "-c", code], "args": [EXIT_CODE]}
    return {"name": name, "metadata": {"labels": {"step": name}}, "container": container}


def test_one_workflow_succeeds_and_one_fails_as_the_controller_says(place: Place, namespace: Namespace) -> None:
    image = namespace.cluster.python
    steps = [[{"name": name, "template": name}] for name in ("prepare", "train")]
    templates = [
        {"name": "all", "steps": steps},
        template("prepare", image, "print('loss=0.75')"),
        template("train", image, f"import sys; print('loss={LOSS}'); sys.exit(int(sys.argv[1]))"),
    ]
    namespace.let_argo_report("default")
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "spec": {"entrypoint": "all", "templates": templates},
    }
    assert_two_ends(place, namespace, two_ends(manifest, primaryPodLabels={"step": "train"}))
    assert_nothing_is_left(namespace, "workflows,workflowtaskresults")
