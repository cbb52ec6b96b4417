"""`run` and `resume` as far as they get without a trial: what stands in the way, and what is told."""

from pathlib import Path

import pytest

from trialmill.cli.main import main

FILE = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: sample
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  parallelTrialCount: 2
  maxTrialCount: 4
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: "0.1", max: "0.5"}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {name: lr, reference: lr}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: x
                command: [sh, -c, "echo loss=${trialParameters.lr}"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIALMILL_STORE", raising=False)
    Path("sample.yaml").write_text(FILE)
    return "sample.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('entrypoint = "sh"', "entrypoint must be a list of strings", id="a wrong type"),
        pytest.param("entrypont = []", "unknown key 'entrypont'", id="a mistyped key"),
        pytest.param("=", "image.toml: ", id="no TOML"),
    ],
)
@pytest.mark.parametrize("command", ["run", "try"])
def test_a_wrong_image_toml_is_bad_input_and_nothing_starts(
    file: str, capsys: pytest.CaptureFixture[str], command: str, text: str, message: str
) -> None:
    Path("image").mkdir()
    Path("image/image.toml").write_text(text)
    assert main([command, file, "--image", "x=image"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "fault" not in err
    assert not Path(".trialmill").exists()
