"""A kind whose fields only its cluster knows is tuned by plain placeholders: no `as`, each value of its type."""

import json
from typing import Any

import pytest
from acceptance_place import Place, Tree, ends
from cluster_kinds import Controller, define, defined, experiment_of, wait_until_published
from cluster_place import assert_each_trial_is_there_once, jobs, run
from cluster_under_test import Cluster, Namespace, Object

pytestmark = pytest.mark.usefixtures("stand_in")

EITHER = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
SPEC: Object = {
    "type": "object",
    "required": ["x", "given"],
    "properties": {
        "x": {"type": "number"},
        "given": {"type": "string", "default": "by the definition"},
        "whole": {"type": "integer"},
        "flag": {"type": "boolean"},
        "port": EITHER,
        "text": {"type": "string"},
        "steps": {"type": "array", "items": {"type": "integer"}},
        "shape": {"type": "array", "items": {"type": "number"}},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
        "inner": {
            "type": "object",
            "properties": {
                "pool": {"type": "array", "items": {"type": "object", "properties": {"depth": {"type": "integer"}}}}
            },
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
FREE: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PARAMETERS: list[Any] = [
    {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0.25", "max": "0.75"}},
    {"name": "size", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}},
    {"name": "quick", "parameterType": "categorical", "feasibleSpace": {"list": ["true", "false"]}},
    {"name": "shape", "parameterType": "categorical", "feasibleSpace": {"list": ["[1, 2.5]", "[]"]}},
]
TUNED: Object = {
    "x": "${trialParameters.x}",
    "whole": "${trialParameters.size}",
    "flag": "${trialParameters.quick}",
    "port": "${trialParameters.size}",
    "text": "${trialParameters.size}",
    "steps": [1, "${trialParameters.size}"],
    "limits": {"a": "${trialParameters.size}"},
    "inner": {"pool": [{"depth": "${trialParameters.size}"}]},
}


def tuned(kind: str, **more: Any) -> Tree:
    """An Experiment of the kind, each of whose fields is a placeholder."""
    tree = experiment_of(kind, successWhen={"jsonpath": "{.status.phase}", "value": "Fine"})
    names = [parameter["name"] for parameter in PARAMETERS if parameter["name"] in json.dumps({**TUNED, **more})]
    tree["spec"]["parameters"] = [parameter for parameter in PARAMETERS if parameter["name"] in names]
    tree["spec"]["trialTemplate"]["trialParameters"] = [{"name": name, "reference": name} for name in names]
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"] = {**TUNED, **more}
    return tree


def specs(namespace: Namespace, resource: str) -> list[Object]:
    return [object["spec"] for object in jobs(namespace, resource)]


def expected(spec: Object) -> Object:
    """What the spec of a trial has to be by its own number and size."""
    size = int(spec["text"])
    return {
        "x": float(spec["x"]),
        "whole": size,
        "flag": bool(spec["flag"]),
        "port": size,
        "text": str(size),
        "steps": [1, size],
        "limits": {"a": size},
        "inner": {"pool": [{"depth": size}]},
    }


def types_of(value: Any) -> Any:
    match value:
        case dict():
            return {name: types_of(below) for name, below in value.items()}
        case list():
            return [types_of(below) for below in value]
    return type(value)


def test_plain_placeholders_become_what_the_definition_says(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    tree = tuned("Gearbox", shape="${trialParameters.shape}")
    tree["spec"]["trialTemplate"]["trialParameters"][-1]["as"] = "json"  # a list in one value
    with defined(cluster, "Gearbox", SPEC) as gearboxes:
        wait_until_published(cluster, "Gearbox", SPEC)
        place.write("e.yaml", tree)
        with Controller(namespace, gearboxes, "Fine"):
            outcome = run(place, namespace, "e.yaml")
        trials = assert_each_trial_is_there_once(place, namespace, 3, resource=gearboxes)
        made = specs(namespace, gearboxes)

    assert ends(trials) == ["Succeeded"] * 3
    assert "fields-unknown" not in outcome.err
    for spec in made:
        assert spec.pop("given") == "by the definition"
        assert spec.pop("shape") in ([1, 2.5], [])
        assert spec == expected(spec)
        assert types_of(spec) == types_of(expected(spec))


def test_a_definition_that_changes_leaves_the_types_of_an_experiment_alone(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    tree = tuned("Flywheel")
    tree["spec"] |= {"maxTrialCount": 1, "parallelTrialCount": 1}
    place.write("e.yaml", tree)
    with defined(cluster, "Flywheel", SPEC) as flywheels:
        wait_until_published(cluster, "Flywheel", SPEC)
        with Controller(namespace, flywheels, "Fine"):
            run(place, namespace, "e.yaml")
            define(cluster, "Flywheel", FREE)
            wait_until_published(cluster, "Flywheel", FREE)
            run(place, namespace, "e.yaml", "--max-trials", "2")
        trials = assert_each_trial_is_there_once(place, namespace, 2, resource=flywheels)
        made = specs(namespace, flywheels)

    assert ends(trials) == ["Succeeded"] * 2
    for spec in made:
        spec.pop("given", None)
        assert types_of(spec) == types_of(expected(spec))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        pytest.param("wohle", "${trialParameters.size}", "did you mean 'whole'?", id="a slip"),
        pytest.param("unheard", "of", "the cluster's own definition of Sprocket does not have it", id="an unknown one"),
    ],
)
def test_an_unknown_field_is_found_in_the_file(
    place: Place, namespace: Namespace, cluster: Cluster, field: str, value: str, said: str
) -> None:
    tree = tuned("Sprocket", **{field: value})
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"].pop("whole")
    place.write("e.yaml", tree)
    with defined(cluster, "Sprocket", SPEC):
        wait_until_published(cluster, "Sprocket", SPEC)
        outcome = run(place, namespace, "e.yaml", code=2)

    lines = (place.folder / "e.yaml").read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if f"{field}:" in line)
    assert f"e.yaml:{number}:" in outcome.err
    assert said in outcome.err
    assert not place.store.exists()
