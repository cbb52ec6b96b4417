"""Katib's own examples, where they are at hand."""

import os
from pathlib import Path

import pytest
from check_samples import check

from trialmill.api.problem import Severity

_FOLDER = os.environ.get("KATIB_EXAMPLES", "")
_FILES = sorted(Path(_FOLDER).glob("*.yaml")) if _FOLDER else []
_BROKEN = "pipeline-run.yaml"

pytestmark = pytest.mark.skipif(not _FILES, reason="KATIB_EXAMPLES names no folder with Katib's examples")


@pytest.mark.parametrize("file", [f for f in _FILES if f.name != _BROKEN], ids=lambda file: file.name)
def test_an_example_of_katib_has_nothing_wrong_and_at_most_something_unavailable(file: Path) -> None:
    _, problems = check(file.read_text())

    assert {p.severity for p in problems} <= {Severity.UNAVAILABLE}


@pytest.mark.parametrize("file", [f for f in _FILES if f.name == _BROKEN], ids=lambda file: file.name)
def test_the_example_that_cannot_work_is_refused_for_its_true_reasons(file: Path) -> None:
    checked, problems = check(file.read_text())

    assert checked is None
    assert [p.path.rpartition(".trialTemplate.")[2] for p in problems if p.severity is Severity.ERROR] == [
        "trialParameters[0].name",
        "trialSpec.spec.params[0].value",
    ]
    assert "placeholder-lookalike" in [p.code for p in problems]
