"""Hostile files: a sentence each, in bounded time and memory. They are read by a process of its own, with a limit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from hostile_samples import HARMLESS, HOSTILE

LIMIT: Final = 500 * 1024 * 1024
SECONDS: Final = 120
"""Far more than any of them takes, even on a busy machine; what hangs takes longer."""
_WORKER: Final = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from trialmill.cli.main import main
try:
    code = main(sys.argv[2:])
except SystemExit as error:
    code = error.code
print(json.dumps({"code": code, "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), file=sys.stderr)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory hold on Linux only")


def _run(*command: str) -> tuple[int, int, str, str]:
    """Exit code, peak memory in bytes, stdout and stderr of a command in a process that may use so much memory."""
    words = [sys.executable, "-c", _WORKER, str(LIMIT), *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    *error, last = done.stderr.splitlines() or [""]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    told = json.loads(last)
    return told["code"], told["kilobytes"] * 1024, done.stdout, "\n".join(error)


def _file(folder: Path, content: str | bytes) -> str:
    path = folder / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_read_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    file = _file(tmp_path, HOSTILE[name]())

    code, memory, out, _ = _run("validate", file)

    assert code in (0, 2)
    assert memory < LIMIT
    assert len(out) < 5_000_000


@pytest.mark.parametrize("command", ["render", "convert"])
@pytest.mark.parametrize(
    "name", ["a bomb of aliases", "deep JSON", "a huge text", "noise", "many Experiments", "a huge list"]
)
def test_a_hostile_file_is_refused_by_other_commands_too(name: str, command: str, tmp_path: Path) -> None:
    file = _file(tmp_path, HOSTILE[name]())

    code, _, _, _ = _run(command, file)

    assert code in (0, 2)


@pytest.mark.parametrize("name", HARMLESS)
def test_an_unusual_file_is_read_as_any_other(name: str, tmp_path: Path) -> None:
    file = _file(tmp_path, HARMLESS[name]())

    code, _, out, _ = _run("validate", file)

    assert (code, out) == (0, "")


def test_the_limit_is_one() -> None:
    script = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({LIMIT}, {LIMIT})); bytearray({LIMIT})"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)

    assert "MemoryError" in done.stderr
