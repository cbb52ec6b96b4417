"""`explain`: one code, or all of them."""

import json

import pytest

from trialmill.check.explanations import explanations
from trialmill.cli.main import main


def test_a_code_is_explained_with_a_wrong_and_a_right_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "min-above-max"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("min-above-max\n\n`min` of a feasible space is larger than its `max`.\n")
    assert 'Wrong, in the space:\n\n    min: "0.2"\n' in shown
    assert shown.index("Wrong, ") < shown.index("Right, ")


def test_the_brackets_of_a_message_may_be_copied_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "[required]"]) == 0
    assert capsys.readouterr().out.startswith("required\n")


def test_an_unknown_code_is_bad_input_and_the_like_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "min-above-mx"]) == 2
    assert capsys.readouterr() == ("", "trialmill: there is no code 'min-above-mx'; did you mean min-above-max?\n")


def test_a_code_like_no_other_gets_the_command_that_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "zzzzzzzz"]) == 2
    assert "`trialmill explain` lists all" in capsys.readouterr().err


def test_without_a_code_all_are_listed_in_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(explanations()) + 1
    assert [line.split()[0] for line in lines[1:]] == list(explanations())


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "min-above-max", "-o", "json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert main(["explain", "-o", "json"]) == 0
    every = json.loads(capsys.readouterr().out)
    assert one in every
    assert one["wrong"] == {"place": "in the space", "yaml": 'min: "0.2"\n'}


def test_what_no_file_shows_has_no_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "file-not-found", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["wrong"] is None
