"""What the command line says about clusters before any is asked."""

import json
from pathlib import Path

import pytest

from trialmill.check.documents import Checked
from trialmill.cli import clusters
from trialmill.cli.failures import BAD_INPUT, OK
from trialmill.cli.main import main
from trialmill.root.clusters import Found
from trialmill.root.creating import ClusterChoice

EXPERIMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: tuned}
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  maxTrialCount: 4
  parameters:
  - {name: x, parameterType: double, feasibleSpace: {min: "0", max: "1"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{name: x, reference: x}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers: [{name: main, image: i, args: ["${trialParameters.x}"]}]
"""
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u, namespace: team}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "config").write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.yaml").write_text(EXPERIMENT, encoding="utf-8")
    return "e.yaml"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == BAD_INPUT
    return capsys.readouterr().err


def test_a_check_asks_about_the_printer_that_a_run_would_have(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ClusterChoice] = []

    async def check_there(checked: Checked, choice: ClusterChoice) -> Found:
        asked.append(choice)
        return Found("https://127.0.0.1:1", "v1.34.4", ())

    monkeypatch.setattr(clusters, "check_there", check_there)
    assert main(["check-cluster", file, "--printer-image", "registry.example/sh:1"]) == OK
    assert [choice.printer_image for choice in asked] == ["registry.example/sh:1"]


@pytest.mark.parametrize("option", ["--context here", "--pending-timeout 5m", "--printer-image sh"])
def test_an_option_for_clusters_needs_one(file: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "add --runtime kubernetes" in said(capsys, "run", file, *option.split())


def test_a_folder_in_place_of_an_image_is_for_this_machine(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--image is for this machine" in said(capsys, "run", file, "--runtime", "kubernetes", "--image", "a=.")


def test_filling_the_machine_is_for_this_machine(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--parallel auto" in said(capsys, "run", file, "--runtime", "kubernetes", "--parallel", "auto")


def test_an_unknown_context_names_those_there_are(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "run", file, "--runtime", "kubernetes", "--context", "nowhere")
    assert "no context 'nowhere'" in printed
    assert "here" in printed


def test_a_cluster_out_of_reach_stops_a_run_in_one_sentence(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "run", file, "--runtime", "kubernetes")
    assert "https://127.0.0.1:1 does not answer" in printed
    assert "nothing was started" in printed


def test_a_cluster_out_of_reach_is_what_a_check_says(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cluster-unreachable" in said(capsys, "check-cluster")
    assert "cluster-unreachable" in said(capsys, "check-cluster", file)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("run", "e.yaml", "--runtime", "kubernetes"), id="a run"),
        pytest.param(("try", "e.yaml", "--runtime", "kubernetes"), id="a trial"),
        pytest.param(("check-cluster", "e.yaml"), id="a check"),
    ],
)
def test_that_a_cluster_does_not_tell_the_fields_of_a_kind_is_one_note_beside_the_rest(
    file: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    text = EXPERIMENT.replace("batch/v1", "example.dev/v1").replace("kind: Job", "kind: Widget")
    Path(file).write_text(text, encoding="utf-8")
    printed = said(capsys, *words)
    assert printed.count("note: ") == printed.count("[fields-unknown]") == 1
    assert "the fields of Widget are not known: the cluster does not tell its schemas" in printed
    assert "cluster-unreachable" in printed


@pytest.mark.parametrize("namespace", ["..", ".", "a/b", "A", "x y", "ü"])
def test_a_namespace_that_cannot_be_is_refused_before_anybody_is_asked(
    file: str, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no namespace can be called so" in said(capsys, "check-cluster", "--namespace", namespace)


def test_a_wrong_file_is_json_too_where_that_is_asked_for(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).write_text(EXPERIMENT.replace("random", "randon"), encoding="utf-8")
    assert main(["check-cluster", file, "-o", "json"]) == BAD_INPUT
    printed = json.loads(capsys.readouterr().out)
    assert [problem["code"] for problem in printed["problems"]] == ["unknown-algorithm"]
    assert (printed["server"], printed["errors"]) == ("", 1)
