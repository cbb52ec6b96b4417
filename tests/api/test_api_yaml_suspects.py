"""The line that is to blame for a mistake in the syntax: the one that is indented wrongly, or that is no entry."""

import pytest

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem
from trialmill.api.yaml_suspects import suspect

GOOD = """\
spec:
  objective:
    type: minimize
    goal: 0.1
    names:
      - one
      - two
  algorithm:
    name: random
    seed: 1
  count: 3
"""
CASES = {
    "one space less": ("    type:", "   type:", 3, "move it 1 space to the right"),
    "two spaces less": ("    type:", "  type:", 3, "move it 2 spaces to the right"),
    "a parent too far to the right": ("  objective:", "    objective:", 2, "move it 2 spaces to the left"),
    "an item too far to the left": ("      - two", "    - two", 7, "move it 2 spaces to the right"),
    "a parent in the first column": ("  algorithm:", "algorithm:", 8, "move it 2 spaces to the right"),
    "the last line": ("  count: 3", "   count: 3", 11, "move it 1 space to the left"),
    "no colon": ("    type: minimize", "    type minimize", 3, "put a colon behind type"),
    "no space": ("    type: minimize", "    type:minimize", 3, "put a space behind the colon"),
    "a sign in front": ("    goal:", "!   goal:", 4, "check the characters it begins with"),
}


def problems_of(text: str) -> list[Problem]:
    problems: list[Problem] = []
    load_documents(text.encode(), "file.yaml", problems)
    return problems


@pytest.mark.parametrize(("old", "new", "line", "remedy"), CASES.values(), ids=CASES)
def test_the_line_that_is_wrong_is_blamed(old: str, new: str, line: int, remedy: str) -> None:
    (problem,) = problems_of(GOOD.replace(old, new, 1))

    assert (problem.code, problem.line, problem.remedy) == ("yaml-syntax", line, remedy)


def test_where_no_single_line_explains_it_nobody_is_blamed() -> None:
    assert suspect(["a: b: c"], 1) is None
    assert suspect([], 3) is None


def test_a_text_of_several_lines_is_no_suspect() -> None:
    assert problems_of("a:\n  b: one\n    two\n  c: 1\n") == []
