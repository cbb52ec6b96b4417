"""`validate` and `render`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.problem import Problem, Severity
from trialmill.api.yaml_text import yaml_text
from trialmill.api.yaml_tree import documents_of
from trialmill.cli.main import main
from trialmill.cli.validate import problem_text
from trialmill.engine.records import TrialPhase
from trialmill.testing.stored import SOURCE, running_experiment, seed, trial_of

ELSEWHERE = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: elsewhere}
spec:
  objective: {type: maximize, objectiveMetricName: accuracy}
  algorithm: {algorithmName: random}
  maxTrialCount: 3
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.1"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{name: lr, reference: lr}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            volumes: [{name: data, emptyDir: {}}]
            containers:
              - name: main
                image: train
                command: COMMAND
                volumeMounts: [{name: data, mountPath: /data}]
"""
ELSEWHERE_LINE = 24


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("sample.yaml")
    path.write_text(SOURCE)
    return path


def broken(file: Path, old: str, new: str) -> str:
    assert old in SOURCE
    file.write_text(SOURCE.replace(old, new))
    return str(file)


def test_a_good_file_has_no_problems(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr() == ("", "sample.yaml: no problems\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("[no-such-program-here, '${trialParameters.lr}']", "command-cannot-start"),
        ("[python3, /no/such/train.py, '${trialParameters.lr}']", "script-missing"),
        ("[sh, -c, 'cat /data/x; train ${trialParameters.lr}']", "path-not-private"),
    ],
)
@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_what_run_would_refuse_on_this_machine_is_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, code: str, strict: list[str]
) -> None:
    file = tmp_path / "elsewhere.yaml"
    file.write_text(ELSEWHERE.replace("COMMAND", command))
    assert main(["validate", *strict, "-o", "json", str(file)]) == 0
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["code"], problem["severity"], problem["line"]) == (code, "note", ELSEWHERE_LINE)
    assert problem["message"].startswith("`run` would refuse this on this machine: ")


def test_nothing_is_said_of_this_machine_where_the_file_has_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "elsewhere.yaml"
    text = ELSEWHERE.replace("COMMAND", "[no-such-program-here, '${trialParameters.lr}']")
    file.write_text(text.replace("type: maximize", "type: maximise"))
    assert main(["validate", str(file)]) == 2
    assert "on this machine" not in capsys.readouterr().out


def test_a_problem_is_shown_with_its_line_and_a_caret(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", broken(file, "type: maximize", "type: maximise")]) == 2
    out, err = capsys.readouterr()
    first, line, caret = out.splitlines()
    assert first.startswith("sample.yaml:9:11: error: spec.objective.type: ")
    assert "maximize" in first
    assert line == "    9 |     type: maximise"
    assert caret == "      |           ^"
    assert err == "sample.yaml: 1 error\n"


def test_all_problems_of_all_files_are_shown_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["validate", broken(file, "maxTrialCount: 12", "maxTrialCount: -1"), "missing.yaml"])
    out, err = capsys.readouterr()
    assert "missing.yaml: error: there is no such file [file-not-found]" in out
    assert "spec.maxTrialCount" in out
    assert err.startswith("2 files: ")


def test_json_has_the_problems_and_how_many(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", broken(file, "type: maximize", "type: maximise"), "-o", "json"]) == 2
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert (shown["errors"], shown["warnings"], len(shown["problems"])) == (1, 0, 1)
    [problem] = shown["problems"]
    assert problem["path"] == "spec.objective.type"
    assert (problem["file"], problem["line"], problem["column"]) == ("sample.yaml", 9, 11)
    assert problem["severity"] == "error"
    assert err == ""


@pytest.mark.usefixtures("file")
def test_each_problem_in_json_has_all_ten_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "missing.yaml", "-o", "json"]) == 2
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem == {
        "code": "file-not-found",
        "severity": "error",
        "file": "missing.yaml",
        "line": 0,
        "column": 0,
        "path": "",
        "message": "there is no such file",
        "found": "",
        "expected": "",
        "remedy": "",
    }


def test_strict_makes_errors_of_warnings(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = broken(file, "  name: sample\n", "  name: sample\n  colour: red\n")
    assert main(["validate", odd, "-o", "json"]) == 0
    loose = json.loads(capsys.readouterr().out)
    assert main(["validate", odd, "--strict", "-o", "json"]) == 2
    strict = json.loads(capsys.readouterr().out)
    assert (loose["errors"], loose["warnings"]) == (0, 1)
    assert (strict["errors"], strict["warnings"]) == (1, 0)


def test_what_this_release_lacks_is_no_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", broken(file, "algorithmName: random", "algorithmName: darts"), "--strict"]) == 0
    out, err = capsys.readouterr()
    assert "unavailable: spec.algorithm.algorithmName" in out
    assert "1 not available in this release" in err


def test_a_long_line_is_cut_around_the_mark() -> None:
    lines = {"f.yaml": ("x" * 300 + "HERE" + "y" * 300,)}
    problem = Problem("code", Severity.ERROR, "wrong", file="f.yaml", line=1, column=301)
    _, line, caret = problem_text(problem, lines).splitlines()
    assert line[caret.index("^") :].startswith("HERE")
    assert len(line) < 180


def test_a_tab_before_the_mark_does_not_move_it() -> None:
    problem = Problem("code", Severity.ERROR, "wrong", file="f.yaml", line=1, column=4)
    _, line, caret = problem_text(problem, {"f.yaml": ("a:\tb",)}).splitlines()
    assert line[caret.index("^")] == "b"


def test_colour_wraps_the_severity_and_changes_no_word() -> None:
    problem = Problem("code", Severity.WARNING, "wrong", file="f.yaml", line=1, column=1, path="spec", remedy="mend it")
    coloured = problem_text(problem, {}, colour=True)
    assert "\x1b[" in coloured
    bare = coloured
    for code in ("\x1b[1;33m", "\x1b[1m", "\x1b[0m"):
        bare = bare.replace(code, "")
    assert bare == str(problem)


# --- render


def rendered(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    assert main(["render", "sample.yaml", *argv]) == 0
    manifest: dict[str, object] = yaml.safe_load(capsys.readouterr().out)
    return manifest


def container(manifest: object) -> dict[str, object]:
    found: dict[str, object] = manifest["spec"]["template"]["spec"]["containers"][0]  # type: ignore[index]
    return found


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("argv", "rate"),
    [
        ((), "0.055"),
        (("--corner", "min"), "0.01"),
        (("--corner", "max"), "0.1"),
        (("--set", "lr=0.02"), "0.02"),
        (("--corner", "max", "--set", "lr=0.02"), "0.02"),
    ],
)
def test_values_come_from_the_command_line_else_the_corner_else_the_middle(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], rate: str
) -> None:
    assert container(rendered(capsys, *argv))["command"] == ["sh", "-c", "echo accuracy=$0", rate]


@pytest.mark.usefixtures("file")
def test_json_is_the_same_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    manifest = rendered(capsys)
    main(["render", "sample.yaml", "-o", "json"])
    assert json.loads(capsys.readouterr().out) == manifest
    assert list(manifest) == ["apiVersion", "kind", "metadata", "spec"]


@pytest.mark.usefixtures("file")
def test_a_value_outside_the_range_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "sample.yaml", "--set", "lr=5", "--set", "optimizer=adam", "--set", "batch=32.0"]) == 0
    out, err = capsys.readouterr()
    assert container(yaml.safe_load(out))["env"] == [
        {"name": "BATCH", "value": "32"},
        {"name": "OPTIMIZER", "value": "adam"},
    ]
    assert err.splitlines() == [
        "trialmill: warning: lr is a double from 0.01 to 0.1; no trial would get 5",
        "trialmill: warning: optimizer is one of sgd, 1e-3; no trial would get adam",
    ]


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer=3", "no parameter layer; did you mean layers?"),
        ("q=3", "no parameter q; there are lr, layers, batch, optimizer"),
        ("lr", "--set lr: expected NAME=VALUE"),
        ("lr=fast", "'fast' is no value of lr"),
        ("lr=nan", "'nan' is no value of lr"),
        ("layers=1.5", "'1.5' is no value of layers"),
        ("batch=many", "'many' is no value of batch"),
    ],
)
def test_a_value_that_means_nothing_is_bad_input(capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    assert main(["render", "sample.yaml", "--set", text]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_a_file_with_errors_is_not_rendered(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", broken(file, "type: maximize", "type: maximise")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "spec.objective.type" in err


@pytest.mark.usefixtures("file")
def test_another_name_is_used_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    manifest = rendered(capsys, "--name", "other", "-n", "team-a")
    assert manifest["metadata"] == {
        "name": "other-sample",
        "namespace": "team-a",
        "labels": {
            "team": "vision",
            "katib.kubeflow.org/experiment": "other",
            "katib.kubeflow.org/trial": "other-sample",
        },
    }


@pytest.mark.usefixtures("file")
def test_another_name_is_checked_like_the_files_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "sample.yaml", "--name", "No Name"]) == 2
    assert "metadata.name" in capsys.readouterr().err


@pytest.mark.usefixtures("file")
def test_a_stored_trial_is_rendered_from_the_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = running_experiment()
    trial = trial_of(record, 0, TrialPhase.RUNNING)
    seed(tmp_path / "s.db", record, trial)
    manifest = rendered(capsys, "--trial", trial.name, "--store", str(tmp_path / "s.db"))
    assert manifest["metadata"]["name"] == trial.name  # type: ignore[index]
    assert main(["render", "sample.yaml", "--trial", trial.name, "--set", "lr=1"]) == 2


@pytest.mark.usefixtures("file")
def test_a_stored_trial_is_found_in_the_namespace_that_its_run_had_from_elsewhere(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    record = replace(running_experiment(), namespace="team")
    trial = trial_of(record, 0, TrialPhase.RUNNING)
    seed(tmp_path / "s.db", record, trial)
    assert rendered(capsys, "--trial", trial.name, "--store", str(tmp_path / "s.db"))


# --- YAML

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff\x85"),
    max_size=12,
) | st.sampled_from(["1e-3", "0o17", "y", "NO", "1:30", "0x1F", "", "~", "- a", "a: b", "# c", " x ", "2001-01-01"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(tree=TREES.map(lambda tree: {"tree": tree}))
def test_yaml_reads_back_as_kubernetes_reads_it(tree: dict[str, object]) -> None:
    problems: list[Problem] = []
    [document] = documents_of(yaml_text(tree), "x.yaml", problems)  # type: ignore[arg-type]
    assert problems == []
    assert document.tree == tree


@pytest.mark.parametrize("text", ["a\nb\n", "a\nb", "  indented\nfirst\n", "trailing  \nspace\n", "\n", "tab\there\n"])
def test_text_of_several_lines_reads_back_the_same(text: str) -> None:
    [document] = documents_of(yaml_text({"text": text}), "x.yaml", [])
    assert document.tree == {"text": text}


def test_files_with_an_experiment_each_are_checked_each_on_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"{name}.yaml" for name in ("one", "two")]
    for file in files:
        file.write_text(f"apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {{name: {file.stem}}}\n")

    assert main(["validate", *map(str, files)]) == 2

    out = capsys.readouterr().out
    assert "several-experiments" not in out
    assert [out.count(f"{file}:1:1: error: spec: spec is missing") for file in files] == [1, 1]
