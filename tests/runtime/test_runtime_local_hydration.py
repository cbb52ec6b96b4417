"""Calling functions and commands of users, which may do anything."""

import os
import sys
import time
from pathlib import Path

import pytest

from trialmill.api.tree import Json, JsonObject
from trialmill.runtime.local.hydration import Hydrator
from trialmill.template.hydration import Hydration, HydrationError

ASKED: JsonObject = {"parameters": {"lr": 0.1}, "template": {"kind": "Job"}, "trial": {"name": "t-1"}}
TIME_LIMIT = 120.0


def by_function(folder: Path, body: str, **limits: float) -> Json:
    (folder / "made_here.py").write_text(f"def build(parameters, template, trial):\n    {body}\n")
    hydrator = Hydrator(Hydration(function="made_here:build"), str(folder), limits.get("time_limit", TIME_LIMIT))
    return hydrator(ASKED)


def by_command(folder: Path, *words: str, time_limit: float = TIME_LIMIT, size_limit: int = 10_000) -> Json:
    return Hydrator(Hydration(command=words), str(folder), time_limit, size_limit)(ASKED)


def fault(folder: Path, *words: str, time_limit: float = TIME_LIMIT) -> str:
    with pytest.raises(HydrationError) as caught:
        by_command(folder, *words, time_limit=time_limit)
    return caught.value.message


def test_a_function_is_given_the_question_and_its_answer_comes_back(tmp_path: Path) -> None:
    assert by_function(tmp_path, "return [parameters, template, trial]") == list(ASKED.values())


def test_what_a_function_prints_does_not_get_into_its_answer(tmp_path: Path) -> None:
    assert by_function(tmp_path, "print('hello'); return {'a': 1}") == {"a": 1}


def test_a_command_reads_its_standard_input_and_writes_its_standard_output(tmp_path: Path) -> None:
    assert by_command(tmp_path, "cat") == ASKED


def test_a_command_starts_in_the_folder_of_the_file_without_a_shell(tmp_path: Path) -> None:
    code = "import json, os, sys; print(json.dumps([os.getcwd(), sys.argv[1]]))"
    assert by_command(tmp_path, sys.executable, "-c", code, "$HOME; ls") == [os.path.realpath(tmp_path), "$HOME; ls"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no such lr')", "made_here:build ended with exit code 1: ValueError: no such lr"),
        ("return {1, 2}", "ended with exit code 1: TypeError: Object of type set is not JSON serializable"),
        ("return float('nan')", "ended with exit code 1: ValueError: Out of range float values"),
        ("import os; os._exit(0)", "made_here:build wrote nothing to stdout"),
    ],
    ids=["an exception", "no JSON", "not a number", "it leaves without an answer"],
)
def test_a_function_that_fails_says_so_in_one_line(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(HydrationError) as caught:
        by_function(tmp_path, body)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("/no/such/program",), "cannot be started"),
        (("false",), "false ended with exit code 1"),
        (("true",), "true wrote nothing to stdout"),
        (("echo", "hello"), "wrote no JSON"),
        (("echo", "[NaN]"), "NaN is no number of JSON"),
        (("echo", "1e999"), "1e999 is no number of JSON"),
        (("echo", "[" * 3000), "wrote no JSON"),
        (("head", "-c", "20000", "/dev/zero"), "wrote more than 10000 bytes"),
        (("cat", "/dev/zero"), "wrote more than 10000 bytes"),
        (("sh", "-c", "kill -9 $$"), "exit code -9"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_a_command_that_does_not_answer_well_is_told_about(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    assert message in fault(tmp_path, *words)


def test_a_hanging_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    for limit in (0.5, 5.0, 50.0):  # at last so long that it has begun, however busy the machine is
        message = fault(tmp_path, "sh", "-c", "sleep 1000 & echo $! > new; mv new child; wait", time_limit=limit)
        assert f"took longer than {limit:g} s and was killed" in message
        if (tmp_path / "child").exists():
            break
    child = int((tmp_path / "child").read_text())
    assert goes_away(child)


def test_a_command_that_goes_on_with_its_output_closed_ends_too(tmp_path: Path) -> None:
    assert "took longer" in fault(tmp_path, "sh", "-c", "exec >&- 2>&-; sleep 1000", time_limit=0.5)


def test_a_command_that_writes_for_ever_to_stderr_ends_too(tmp_path: Path) -> None:
    assert "took longer" in fault(tmp_path, "sh", "-c", "yes >&2", time_limit=0.5)


def goes_away(pid: int, seconds: float = TIME_LIMIT) -> bool:
    """Whether the process is gone soon: the kernel ends a killed one when it gets to it, not within the call."""
    end = time.monotonic() + seconds
    while not is_gone(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return is_gone(pid)


def is_gone(pid: int) -> bool:
    """Whether the process is no more, or waits to be reaped by whoever inherited it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "ZX"
