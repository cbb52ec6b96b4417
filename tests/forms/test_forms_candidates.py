"""The fields of a manifest that could be tuned."""

import pytest

from trialmill.api.load import load_documents
from trialmill.api.tree import Json
from trialmill.forms.candidates import candidates
from trialmill.forms.field_paths import parse_path

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: train, labels: {version: "1"}}
spec:
  parallelism: 2
  suspend: false
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: train
          command: [sh, -c, run]
          args: [--lr=0.01, --epochs, "3", --verbose, --opt, sgd, --shift, "-1", "--path=${HOME}", -v]
          env: [{name: MOMENTUM, value: "0.9"}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
          ports: [{containerPort: 80}]
          resources: {limits: {cpu: "2", nvidia.com/gpu: 1}, requests: {cpu: 500m}}
        - name: side
          args: [--lr=1]
status: {active: 1}
"""
MAIN = "spec.template.spec.containers[name=main]"


def tree_of(text: str) -> Json:
    return load_documents(text.encode(), "job.yaml", [])[0].tree


def test_options_variables_counts_and_amounts_are_found_with_their_types_and_values() -> None:
    found = {c.path: (c.name, str(c.type), c.value) for c in candidates(tree_of(JOB))}
    assert found == {
        "spec.parallelism": ("parallelism", "integer", "2"),
        "spec.suspend": ("suspend", "boolean", "false"),
        f"{MAIN}.args[--lr]": ("lr", "number", "0.01"),
        f"{MAIN}.args[--epochs]": ("epochs", "integer", "3"),
        f"{MAIN}.args[--opt]": ("opt", "string", "sgd"),
        f"{MAIN}.args[--shift]": ("shift", "integer", "-1"),
        f"{MAIN}.args[--path]": ("path", "string", "${HOME}"),
        f"{MAIN}.env[name=MOMENTUM].value": ("MOMENTUM", "number", "0.9"),
        f"{MAIN}.resources.limits.cpu": ("cpu", "quantity", "2"),
        f"{MAIN}.resources.limits['nvidia.com/gpu']": ("nvidia.com/gpu", "quantity", "1"),
        f"{MAIN}.resources.requests.cpu": ("requests-cpu", "quantity", "500m"),
        "spec.template.spec.containers[name=side].args[--lr]": ("side-lr", "integer", "1"),
    }


def test_every_path_is_one() -> None:
    assert all(parse_path(candidate.path) for candidate in candidates(tree_of(JOB)))


def test_a_kind_that_nobody_knows_has_its_numbers_too() -> None:
    robot = "apiVersion: example.org/v1\nkind: Robot\nspec: {speed: 1.5, arms: [{reach: 3}], name: bob}\n"
    assert [(c.path, c.value) for c in candidates(tree_of(robot))] == [
        ("spec.speed", "1.5"),
        ("spec.arms[0].reach", "3"),
    ]


@pytest.mark.parametrize("tree", [None, [], "text", {}, {"spec": None}])
def test_what_is_no_manifest_has_none(tree: Json) -> None:
    assert candidates(tree) == []
