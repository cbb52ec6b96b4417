"""An Experiment of two trials of any kind, of which one succeeds and one fails, on the node that runs nothing."""

from typing import Any, Final

from acceptance_place import Place, Tree, assignments, ends
from cluster_place import STAND_IN, run
from cluster_under_test import ON_THE_STAND_IN, Namespace, Object

EXIT_CODE: Final = "${trialParameters.code}"
LOSS: Final = "0.25"
_NOT_READ: Final = "0.75"
_OF_ARGO: Final = {("Role", "argo-executor"), ("RoleBinding", "argo-executor")}
"""What `let_argo_report` makes."""


def pod(container: str = "main", *, counts: bool = True, exit_code: str = EXIT_CODE, **spec: Any) -> Tree:
    """A pod template. Only that of the pod that counts prints LOSS; all others print what must not be read."""
    marks = {STAND_IN + "exit-code": exit_code, STAND_IN + "log": f"loss={LOSS if counts else _NOT_READ}"}
    containers = [{"name": container, "image": "unused:1"}]
    return {"metadata": {"annotations": marks}, "spec": {"containers": containers, **ON_THE_STAND_IN, **spec}}


def two_ends(manifest: Tree, container: str = "main", **template: Any) -> Tree:
    """Trials of the manifest, of which the first is given the exit code 0 and the second 1; none stays."""
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "e"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "grid"},
            "parallelTrialCount": 2,
            "maxTrialCount": 2,
            "maxFailedTrialCount": 2,
            "parameters": [
                {"name": "code", "parameterType": "categorical", "feasibleSpace": {"list": ["0", "1"]}},
            ],
            "trialTemplate": {
                "primaryContainerName": container,
                "trialParameters": [{"name": "code", "reference": "code"}],
                "trialSpec": manifest,
                **template,
            },
        },
    }


def assert_two_ends(place: Place, namespace: Namespace, tree: Tree, *words: str) -> list[Tree]:
    """Run it: one trial succeeds and is measured, by the pod that counts, and one fails, both by what the kind's own
    controller says; the trials are returned.
    """
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", *words, code=None)
    trials = place.trials()
    by_code = dict(zip((it["code"] for it in assignments(trials)), ends(trials), strict=True))
    assert by_code == {"0": "Succeeded", "1": "Failed"}, place("describe", "e").out
    (good,) = (trial for trial, end in zip(trials, ends(trials), strict=True) if end == "Succeeded")
    assert [metric["latest"] for metric in good["status"]["observation"]["metrics"]] == [LOSS]
    return trials


def counted(place: Place) -> set[str]:
    """The pods whose output was read, without what comes before their trial's own part of the name."""
    names = [trial["metadata"]["name"] for trial in place.trials()]
    logs = [file.name.partition(".")[0] for file in place.folder.glob(".trialmill/runs/*/*/*.log")]
    return {log.removeprefix(name) for log in logs for name in names if log.startswith(name)}


def left_over(namespace: Namespace, resource: str) -> list[str]:
    """What is there of the trials and of all that controllers make for them, by kind and name."""
    kinds = f"{resource},jobs,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings"
    found: list[Object] = namespace.get(kinds)["items"]
    given = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), *_OF_ARGO}
    names = {(item["kind"], item["metadata"]["name"]) for item in found} - given
    return sorted("/".join(name) for name in names)


def assert_nothing_is_left(namespace: Namespace, resource: str) -> None:
    """What is deleted is there until the garbage collector has come by."""
    namespace.wait_for_list(resource, lambda found: not found)
    namespace.wait_for_list("pods", lambda found: not found)
    namespace.wait_for_list("services", lambda found: not found)
    assert left_over(namespace, resource) == []
