"""The scripts that print files with metrics, as they run: in a shell of this machine, until they are told to end."""

import subprocess
import time
from pathlib import Path

import pytest
from kubernetes_world import job

from trialmill.api.tree import get_list
from trialmill.kinds.profile import profile_of
from trialmill.runtime.kubernetes.file_printer import with_printers

LONG = 120.0
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="tells by /proc when the script waits")


class Printer:
    """The script, from when it has looked at the file for the first time."""

    def __init__(self, file: Path, *, whole: bool) -> None:
        changed = with_printers(job(), profile_of("batch/v1", "Job"), "main", [str(file)], "busybox", whole=whole)
        command = [str(word) for word in get_list(changed, *_PRINTER, "command")]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        deadline = time.monotonic() + LONG
        while not children.read_text().strip():  # its `sleep` between two looks
            assert time.monotonic() < deadline, "it never looked"

    def read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.read(count)

    def end(self) -> bytes:
        """The rest of what it prints, on both streams: a pod's log does not tell them apart."""
        self._process.terminate()
        printed, _ = self._process.communicate(timeout=LONG)
        assert self._process.returncode == 0
        return printed


_PRINTER = ("spec", "template", "spec", "initContainers", 0)


@pytest.mark.parametrize("whole", [False, True], ids=["lines", "whole"])
def test_nothing_is_said_of_a_file_that_is_not_there(tmp_path: Path, whole: bool) -> None:
    assert Printer(tmp_path / "metrics.log", whole=whole).end() == b""


def test_lines_are_printed_as_they_are_added_and_the_rest_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "metrics.log"
    file.write_bytes(b"loss=1\n")
    printer = Printer(file, whole=False)
    assert printer.read(7) == b"loss=1\n"
    with file.open("ab") as more:
        more.write(b"loss=2\n")
    assert printer.end() == b"loss=2\n"


def test_of_whole_files_what_is_there_in_the_end_is_printed(tmp_path: Path) -> None:
    """Written anew with as many bytes, a file does not grow."""
    file = tmp_path / "results.yaml"
    file.write_bytes(b"loss: 0.5\n")
    printer = Printer(file, whole=True)
    file.write_bytes(b"loss: 0.4\n")
    assert printer.end() == b"loss: 0.4\n"
