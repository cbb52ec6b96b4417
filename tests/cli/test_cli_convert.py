"""`convert`: an Experiment in the normal form."""

from pathlib import Path

import pytest

from trialmill.cli.main import main

PROPOSED = """\
# About
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: proposed}
spec:
  parameters:
    - {name: --lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.03"}}
  trialTemplate:
    # what is tuned
    trialParams:
      - name: --lr  # the rate
    trialSpec: {kind: Job, args: ["${trialParams.--lr}"]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside}
"""


def test_the_normal_form_is_printed_with_its_comments_and_what_belongs_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(PROPOSED, encoding="utf-8")
    assert main(["convert", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# About\napiVersion: kubeflow.org/v1beta1\n")
    assert "    # what is tuned\n    trialParameters:\n      - name: lr  # the rate\n        reference: --lr\n" in out
    assert "- ${trialParameters.lr}\n" in out
    assert out.endswith("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: beside\n")
    assert "[proposed-form]" in err


def test_what_is_converted_already_comes_out_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(PROPOSED, encoding="utf-8")
    main(["convert", str(file)])
    once = capsys.readouterr().out
    file.write_text(once, encoding="utf-8")
    assert main(["convert", str(file)]) == 0
    assert capsys.readouterr() == (once, "")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PROPOSED.replace("    # what", "    trialParameters: [{name: a, reference: b}]\n    # what"), "mixed-forms"),
        ("kind: [", "yaml-syntax"),
        ("kind: Pod\n", "no-experiment"),
    ],
    ids=["two forms", "no YAML", "no Experiment"],
)
def test_what_cannot_be_converted_prints_nothing_but_why(
    text: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(text, encoding="utf-8")
    assert main(["convert", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"[{code}]" in err
