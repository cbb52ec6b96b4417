"""Experiments as Python programs write them."""

from typing import Any

from trialmill import Experiment, FeasibleSpace, choice, double, integer, maximize, param

SPACE: dict[str, FeasibleSpace] = {
    "lr": double(1e-4, 1e-1, log=True),
    "layers": integer(1, 4),
    "optimizer": choice("sgd", "adam"),
}


def job(*command: object, **spec: object) -> dict[str, Any]:
    """A Job of one container; the command uses all of SPACE where none is given."""
    words = list(command) or [f"--{name}={param(name)}" for name in SPACE]
    container = {"name": "train", "image": "train", "command": words}
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {**spec, "template": {"spec": pod}}}


def container_of(manifest: Any) -> dict[str, Any]:
    container: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return container


def sample(template: object | None = None, **others: Any) -> Experiment:
    given = {
        "name": "sample",
        "objective": maximize("accuracy"),
        "parameters": SPACE,
        "template": job() if template is None else template,
        "algorithm": "random",
        "max_trials": 3,
    }
    return Experiment(**{**given, **others})


def errors_of(experiment: Experiment) -> list[tuple[str, str]]:
    """Code and path of each error."""
    return [(p.code, p.path) for p in experiment.validate() if p.severity == "error"]
