"""What is converted stamps out the same resources, keeps its comments, and stays as it is when converted again."""

import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from trialmill.api.problem import Severity
from trialmill.api.space import Categorical, Discrete, Double, Integer, Space, Value
from trialmill.api.tree import Json
from trialmill.check.documents import Checked
from trialmill.root.converting import convert
from trialmill.root.prepare import prepare
from trialmill.template.compiled import TrialContext
from trialmill.template.render import render, render_parts

_ROOT = Path(__file__).parents[2]
_FILES = [
    *sorted((_ROOT / "examples" / "templates").glob("*.yaml")),
    _ROOT / "examples" / "digits" / "experiment.yaml",
    *sorted((_ROOT / "tests" / "forms" / "v1alpha3").glob("*.yaml")),
]
FILES = [file for file in _FILES if "kind: Experiment" in file.read_text(encoding="utf-8")]
AWKWARD = ["", "a b", "'", '"', "\n", "${trial.name}", "{{x}}", "# no comment", "- x: [", "ü\u2028", "1e3", "yes", "\\"]


def _value(dimension: object, chance: random.Random) -> Value:
    match dimension:
        case Double(low=low, high=high):
            return chance.uniform(low, high)
        case Integer(low=low, high=high):
            return chance.randint(low, high)
        case Discrete(values=values):
            return chance.choice(values)
        case Categorical(choices=choices):
            return chance.choice([*choices, *AWKWARD])
    raise AssertionError(dimension)


def _resources(checked: Checked, assignments: Mapping[str, Value]) -> list[Json]:
    context = TrialContext(assignments, "exp-1", "team", 1, 42, "exp", {"trial": "exp-1"})
    return [render(checked.template, context), *render_parts(checked.template, context)]


def _checked(file: Path) -> Checked:
    prepared = prepare([str(file)], allow_hydrate=True)
    assert prepared.checked is not None, [str(p) for p in prepared.problems if p.severity is not Severity.NOTE]
    return prepared.checked


def _assignments(space: Space, chance: random.Random) -> dict[str, Value]:
    return {dimension.name: _value(dimension, chance) for dimension in space.dimensions}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_converted_file_stamps_out_the_same_resources(file: Path, tmp_path: Path) -> None:
    before = _checked(file)
    shutil.copy(_ROOT / "examples" / "templates" / "hydrate_example.py", tmp_path)
    again = tmp_path / file.name
    again.write_text(convert([str(file)]).text, encoding="utf-8")
    after = _checked(again)

    assert after.space == before.space
    assert (after.policy, after.primary_container) == (before.policy, before.primary_container)
    assert after.experiment.spec.collector == before.experiment.spec.collector
    chance = random.Random(file.stem)
    for _ in range(25):
        assignments = _assignments(before.space, chance)
        assert _resources(after, assignments) == _resources(before, assignments)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_converted_file_converts_to_itself(file: Path, tmp_path: Path) -> None:
    once = convert([str(file)]).text
    again = tmp_path / file.name
    again.write_text(once, encoding="utf-8")

    assert convert([str(again)]).text == once


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_converted_file_keeps_the_comments_of_the_experiment(file: Path) -> None:
    text = file.read_text(encoding="utf-8").partition("\n---\n")[0]
    comments = [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]

    converted = convert([str(file)]).text

    assert [comment for comment in comments if comment not in converted] == []
