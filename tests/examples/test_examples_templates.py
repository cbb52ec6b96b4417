"""Every way of writing a trial template has an example that works, and a section of the page that shows it.

All of them train the same network on the same values. So those that run here, run as they are or converted, must find
the same best loss: a value that reached the training otherwise in one of them would show.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from trialmill.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "templates"
PAGE = (ROOT / "docs" / "how-to" / "templates.md").read_text(encoding="utf-8")

RUN: Final[Mapping[int, Sequence[str]]] = {
    1: ["01-trial-spec"],
    2: ["02-trial-params"],
    3: ["03-go-template", "03-go-template-config-map", "03-go-template-proposed"],
    4: ["04-env", "04-env-var"],
    5: ["05-args", "05-args-proposed"],
    6: ["06-format", "06-policy"],
    7: ["07-image-command"],
    8: ["08-known-spec", "08-fragments"],
    9: ["09-reference", "09-values-in-a-file"],
    10: ["10-config-map"],
    12: ["12-trial-template", "12-params"],
    13: ["13-job-trial-template"],
    17: ["17-hyper-tunable"],
    18: ["18-outputs"],
    19: ["19-bridge"],
    20: ["20-notebook"],
}
"""By the form's number: the examples that run on this machine."""

RENDER: Final[Mapping[int, Mapping[str, str]]] = {
    7: {"07-image-command-tfjob": "TFJob"},
    8: {"08-pytorch-job-spec": "PyTorchJob"},
    11: {
        "11-tekton-task": "TaskRun",
        "11-tekton-pipeline": "PipelineRun",
        "11-workflow-template": "Workflow",
        "11-training-runtime": "TrainJob",
    },
    13: {"13-own-template": "NightlyTrialRun"},
    15: {"15-tekton": "TaskRun", "15-tekton-pipeline": "PipelineRun"},
    16: {"16-argo": "Workflow"},
    17: {"17-hyper-tunable-object": "HyperTunable"},
    18: {"18-results-in-the-resource": "TaskRun"},
}
"""The examples of kinds that run on a cluster only, with what a trial would create."""

OTHERS: Final[Mapping[int, Sequence[str]]] = {21: ["21-from-code.py"]}
HAS_TESTS_OF_ITS_OWN: Final = 14
WITHOUT_A_NUMBER: Final = ["several-documents"]
COMPANIONS: Final = ["09-job", "19-bridge-rights"]
"""What examples refer to, and is no Experiment."""

RUNNING = [name for names in RUN.values() for name in names] + WITHOUT_A_NUMBER
RENDERING = [(name, kind) for examples in RENDER.values() for name, kind in examples.items()]
PAPERMILL = """\
#!{python}
import json, sys
source, values = json.load(open(sys.argv[1])), sys.argv[2:]
given = dict(zip(values[values.index("-p") + 1 :: 3], values[values.index("-p") + 2 :: 3]))
told = {{}}
for cell in source["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), told)
    if "parameters" in cell["metadata"].get("tags", []):
        told.update({{name: type(told[name])(value) for name, value in given.items()}})
"""
"""Stands in for papermill: runs the cells of a notebook, with the values of `-p` behind the cell of parameters."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the examples to work in, with a papermill on the PATH."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    papermill = tmp_path / "bin" / "papermill"
    papermill.parent.mkdir()
    papermill.write_text(PAPERMILL.format(python=sys.executable), encoding="utf-8")
    papermill.chmod(0o755)
    monkeypatch.setenv(
        "PATH", f"{papermill.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints, which has to succeed."""
    code = main([*words])
    out, err = capsys.readouterr()
    assert code == 0, f"{words}: {out}{err}"
    return out


def best_of(capsys: pytest.CaptureFixture[str], file: str) -> tuple[list[str], str]:
    """The best assignment, in the order of the parameters, and its loss."""
    tree: dict[str, Any] = json.loads(told(capsys, "run", file, "--seed", "1", "-o", "json"))
    status = tree["status"]
    assert (status["trialsSucceeded"], status["conditions"][-1]["type"]) == (4, "Succeeded")
    best = status["currentOptimalTrial"]
    (metric,) = best["observation"]["metrics"]
    return [assignment["value"] for assignment in best["parameterAssignments"]], metric["min"]


BEST: Final = (["0.07142318515594386", "3", "ftrl"], 0.3561)
"""Of four random trials with seed 1."""


@pytest.mark.examples
@pytest.mark.parametrize("name", RUNNING)
def test_an_example_that_runs_here_runs_converted_to_the_end_and_finds_what_all_find(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted = told(capsys, "convert", f"{name}.yaml")
    assert "trialSpec:" in converted
    (folder / "converted.yaml").write_text(converted, encoding="utf-8")
    told(capsys, "validate", "--strict", "converted.yaml")
    values, loss = best_of(capsys, "converted.yaml")
    assert values == BEST[0]
    assert float(loss) == pytest.approx(BEST[1], abs=2e-3)


@pytest.mark.parametrize("name", RUNNING)
def test_an_example_says_in_the_normal_form_what_it_says_in_its_own(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "converted.yaml").write_text(told(capsys, "convert", f"{name}.yaml"), encoding="utf-8")
    assert told(capsys, "render", "converted.yaml") == told(capsys, "render", f"{name}.yaml")


@pytest.mark.parametrize(("name", "kind"), RENDERING, ids=[name for name, _ in RENDERING])
def test_an_example_of_a_kind_for_clusters_renders_and_converts(
    name: str, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{name}.yaml"
    told(capsys, "validate", "--strict", file)
    rendered = told(capsys, "render", file)
    assert f"\nkind: {kind}\n" in rendered
    assert "trialParameters" not in rendered
    (folder / "converted.yaml").write_text(told(capsys, "convert", file), encoding="utf-8")
    told(capsys, "validate", "--strict", "converted.yaml")
    assert told(capsys, "render", "converted.yaml") == rendered


@pytest.mark.parametrize("number", [n for n in range(1, 22) if n != HAS_TESTS_OF_ITS_OWN])
def test_every_form_has_examples_and_a_section_that_demonstrates_them(number: int) -> None:
    files = [f"{name}.yaml" for name in (*RUN.get(number, ()), *RENDER.get(number, {}))]
    files += OTHERS.get(number, [])
    heading = re.search(rf"^## {number}\. .*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert files
    assert heading is not None
    assert [file for file in files if not re.search(rf"^\$ .* {re.escape(file)}\b", heading[0], re.MULTILINE)] == []


def test_every_example_is_tested() -> None:
    known = [*RUNNING, *(name for name, _ in RENDERING), *COMPANIONS]
    files = [file.stem for file in FOLDER.glob("*.yaml") if not file.name.startswith(f"{HAS_TESTS_OF_ITS_OWN}-")]
    assert sorted(files) == sorted(known)
