"""Conditional parameters and derived values, from the file to what is stored."""

import csv
import io
import json
from pathlib import Path

import pytest

from trialmill.cli.main import main

pytestmark = pytest.mark.examples

FILE = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: branches}
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: ALGORITHM}
  parallelTrialCount: 1
  maxTrialCount: 40
  parameters:
    - name: optimizer
      parameterType: categorical
      feasibleSpace: {list: [sgd, adam]}
    - name: momentum
      parameterType: discrete
      feasibleSpace: {list: ["0.5", "0.9"]}
      activeWhen: {parameter: optimizer, equals: sgd}
    - name: num-layers
      parameterType: int
      feasibleSpace: {min: "1", max: "3"}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {name: optimizer, reference: optimizer}
      - {name: momentum, reference: momentum}
      - {name: units, value: 'parameters["num-layers"] * 8'}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: alpine
                command: [sh, -c, 'echo "args=$* env=${MOMENTUM-none}"; echo "loss=$2"', sh]
                args: [--units, "${trialParameters.units}", "${trialParameters.optimizer}", --momentum,
                       "${trialParameters.momentum}"]
                env:
                  - {name: MOMENTUM, value: "${trialParameters.momentum}"}
"""


@pytest.mark.parametrize("algorithm", ["grid", "random", "tpe"])
def test_each_branch_runs_with_what_is_active_in_it_and_is_stored_so(
    algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIALMILL_STORE", raising=False)
    Path("branches.yaml").write_text(FILE.replace("ALGORITHM", algorithm))
    assert main(["run", "branches.yaml", "--seed", "3"]) == 0
    capsys.readouterr()

    assert main(["trials", "branches", "-o", "json"]) == 0
    trials = json.loads(capsys.readouterr().out)["items"]
    assigned = [{a["name"]: a["value"] for a in trial["spec"]["parameterAssignments"]} for trial in trials]
    assert len(assigned) == 9, "three numbers of layers, with sgd's two momentums and with adam"
    assert all(("momentum" in each) == (each["optimizer"] == "sgd") for each in assigned)

    for trial, values in zip(trials, assigned, strict=True):
        main(["logs", "branches", trial["metadata"]["name"]])
        told = capsys.readouterr().out
        units = int(values["num-layers"]) * 8
        if "momentum" in values:
            assert f"args=--units {units} sgd --momentum {values['momentum']} env={values['momentum']}" in told
        else:
            assert f"args=--units {units} adam env=none" in told

    assert main(["export", "branches"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["momentum"] for row in rows if row["optimizer"] == "adam"} == {""}


def test_an_inactive_value_that_a_user_sets_is_told_to_have_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("branches.yaml").write_text(FILE.replace("ALGORITHM", "random"))
    assert main(["render", "branches.yaml", "--set", "optimizer=adam", "--set", "momentum=0.9"]) == 0
    out, err = capsys.readouterr()
    assert "--momentum" not in out
    assert "momentum is inactive with these values; it counts only while optimizer is sgd" in err
