"""`run` and `resume` as far as they get without a trial: what stands in the way, and what is told."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from trialmill.api.metric import MetricSummary, Observation
from trialmill.cli.hints import Hints
from trialmill.cli.main import main
from trialmill.cli.progress import Progress
from trialmill.cli.results import print_result
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, Intent, TrialPhase
from trialmill.root.creating import Options, changed_counts, new_record
from trialmill.root.lookup import experiment_of
from trialmill.root.prepare import prepare
from trialmill.root.session import Finished
from trialmill.testing.samples import NOON
from trialmill.testing.stored import seed, trial_of

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


@pytest.fixture
def stored(file: str) -> ExperimentRecord:
    """The file's experiment, all of whose four trials are done."""
    checked = prepare([file]).checked
    assert checked is not None
    record = replace(new_record(checked, Options(base=".", seed=7), NOON), phase=ExperimentPhase.SUCCEEDED)
    seed(Path(".trialmill/store.db"), record, *(trial_of(record, index, TrialPhase.SUCCEEDED) for index in range(4)))
    return record


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("old", "new", "options"),
    [
        pytest.param("maxTrialCount: 4", "maxTrialCount: 2", "", id="in the file"),
        pytest.param("", "", "--max-trials 2", id="as an option"),
    ],
)
def test_fewer_trials_than_there_are_cannot_be_asked_for(
    file: str, capsys: pytest.CaptureFixture[str], old: str, new: str, options: str
) -> None:
    Path(file).write_text(FILE.replace(old, new) if old else FILE)
    assert main(["run", file, *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "trialmill: sample has 4 trials already, and maxTrialCount is to be 2; allow 4 or more\n"
    assert main(["get", "sample", "-o", "json"]) == 0
    assert '"maxTrialCount": 4' in capsys.readouterr().out


@pytest.mark.usefixtures("stored")
def test_another_seed_than_that_of_the_first_run_is_a_difference(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", file, "--seed", "5"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "  --seed: stored 7, now 5\n" in err


def test_counts_that_are_other_than_before_are_said() -> None:
    stream = io.StringIO()
    old, new = Intent(max_trials=4, max_failed_trials=2), Intent(parallel_trials=5, max_trials=8)
    Progress(stream, Hints()).counts_changed(changed_counts(old, new))
    assert stream.getvalue().splitlines() == [
        "parallelTrialCount is 5 now, it was 3",
        "maxTrialCount is 8 now, it was 4",
        "maxFailedTrialCount is unlimited now, it was 2",
    ]


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


def test_a_warning_of_the_file_is_not_said_again_of_this_machine(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    added = ("livenessProbe: {exec: {command: [look]}}", "resources: {limits: {nvidia.com/gpu: 99}}")
    Path(file).write_text(FILE + "".join(f"                {line}\n" for line in added))
    assert main(["run", file]) == 2
    err = capsys.readouterr().err
    assert "99 GPUs are asked for" in err
    assert err.count("livenessProbe has no effect here") == 1


def test_a_store_that_cannot_be_opened_is_bad_input_and_says_what_helps(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", file, "--store", f"{file}/store.db"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == "trialmill: the store's folder sample.yaml cannot be made: File exists; name another place for the store\n"
    )


@pytest.mark.parametrize(
    ("options", "path"),
    [(["--name", "Not_A_Name"], "metadata.name"), (["-n", "Not_A_Name"], "metadata.namespace")],
    ids=["a name", "a namespace"],
)
def test_a_wrong_name_on_the_command_line_is_not_blamed_on_a_line_of_the_file(
    file: str, capsys: pytest.CaptureFixture[str], options: list[str], path: str
) -> None:
    assert main(["run", file, *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {path}: ")
    assert "sample.yaml" not in err


def test_a_result_cannot_steer_the_terminal(stored: ExperimentRecord, capsys: pytest.CaptureFixture[str]) -> None:
    trial = trial_of(stored, 0, TrialPhase.SUCCEEDED, 0.5)
    observed = Observation((MetricSummary("loss", 0.5, 0.5, 0.5),))
    trial = replace(trial, assignments={"optimizer": "\x1b[31m\nadam"}, observation=observed)
    print_result(Finished(stored, (trial,), experiment_of(stored)), "x.db", Hints())
    out = capsys.readouterr().out
    assert "  assignment  optimizer= [31m adam\n" in out
    assert "\x1b" not in out
