"""How commands end: exit codes, messages, and never a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import trialmill
from trialmill.cli import failures
from trialmill.cli.main import build_parser, main
from trialmill.engine.ports import HeldByError, StoreUnavailableError, StoreUnusableError
from trialmill.root.errors import InputError, RefusedError
from trialmill.testing.stored import SOURCE


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("no such thing", "try another"), 2, "trialmill: no such thing; try another\n"),
        (RefusedError("not now"), 1, "trialmill: not now\n"),
        (HeldByError("process 7"), 1, "trialmill: driven by process 7\n"),
        (StoreUnavailableError("the disk is full"), 1, "trialmill: the disk is full\n"),
        (StoreUnusableError("no folder"), 2, "trialmill: no folder\n"),
        (PermissionError(13, "Permission denied", "x.yaml"), 1, "trialmill: x.yaml: Permission denied\n"),
        (KeyboardInterrupt(), 130, "trialmill: interrupted\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    assert failures.guarded(raising(error)) == code
    assert capsys.readouterr() == ("", message)


def test_a_fault_is_one_line_that_says_where_the_traceback_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIALMILL_TRACE", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert failures.guarded(raising(KeyError("x\ny"))) == 1
    [trace] = tmp_path.iterdir()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("trialmill: this is a fault in Trialmill: KeyError")
    assert str(trace) in err
    assert "Traceback" in trace.read_text()


def test_a_fault_is_printed_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALMILL_TRACE", "1")
    assert failures.guarded(raising(ValueError("surprise"))) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("lst",),
        ("get",),
        ("list", "-o", "xml"),
        ("extend", "x", "--max-trials", "0"),
        ("extend", "x", "--max-trials", "x"),
        ("run", "f.yaml", "--seed", "-1"),
        ("run", "f.yaml", "--seed", "9223372036854775808"),
        ("extend", "x", "--max-failed", "0"),
    ],
    ids=" ".join,
)
def test_arguments_that_cannot_be_read_are_bad_input(capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: trialmill" in err


@pytest.mark.parametrize(
    "line",
    ["logs x t -f", "logs x -f t", "logs -f x t", "logs x -n ns t", "metrics x -o json t", "metrics x --store s t"],
)
def test_the_trial_may_stand_before_and_behind_options(line: str) -> None:
    args = build_parser().parse_args(line.split())
    assert (args.name, args.trial) == ("x", "t")


@pytest.mark.parametrize("line", ["logs x t -f u", "metrics x -o json t u", "get x -o json t", "logs x -f --wrong"])
def test_what_is_left_over_is_not_taken_for_a_trial(line: str) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(line.split())


def test_running_has_all_its_options() -> None:
    line = (
        "run f.yaml --name n --parallel auto --max-trials 4 --seed 1 --image a=b --image c=d --timeout 10m"
        " --durable -o json -n ns --with c.yaml --store s.db --allow-hydrate"
        " --runtime kubernetes --context c --pending-timeout 5m --printer-image i"
    )
    args = build_parser().parse_args(line.split())
    assert vars(args) == {
        "handler": "trialmill.cli.run:run_command",
        "file": "f.yaml",
        "name": "n",
        "parallel": "auto",
        "max_trials": 4,
        "seed": 1,
        "images": ["a=b", "c=d"],
        "timeout": "10m",
        "allow_hydrate": True,
        "runtime": "kubernetes",
        "context": "c",
        "pending_timeout": "5m",
        "printer_image": "i",
        "durable": True,
        "output": "json",
        "namespace": "ns",
        "companions": ["c.yaml"],
        "store": "s.db",
    }


def start(*argv: str, cwd: Path, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trialmill", *argv]
    environment = {**os.environ, "PYTHONPATH": str(Path(trialmill.__file__).parent.parent)}
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=stdout, stderr=subprocess.PIPE)


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    wrong = "".join(f"    - name: p{n}\n      parameterType: nonsense\n" for n in range(400))
    (tmp_path / "f.yaml").write_text(SOURCE.replace("  parameters:\n", f"  parameters:\n{wrong}"))
    left, written = os.pipe()
    os.close(left)  # before the first line, so that no pipe is large enough to take everything
    process = start("validate", "f.yaml", cwd=tmp_path, stdout=written)
    os.close(written)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in err, b"fault" in err) == (failures.READER_GONE, False, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_the_output_is_a_plain_line(tmp_path: Path) -> None:
    process = start("explain", cwd=tmp_path, stdout=os.open("/dev/full", os.O_WRONLY))
    _, err = process.communicate(timeout=60)
    message = b"trialmill: the output cannot be written: No space left on device\n"
    assert (process.returncode, err) == (failures.FAILED, message)


@pytest.mark.parametrize(
    ("before", "ends"),
    [pytest.param("", True, id="as usual"), pytest.param("signal.signal(2, signal.SIG_IGN)", False, id="ignored")],
)
def test_an_interrupt_while_modules_are_imported_is_a_plain_line(before: str, ends: bool) -> None:
    code = f"""
import os, signal, sys
from trialmill.cli.start import main
{before}

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "argparse":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
sys.argv = ["trialmill", "--version"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == (failures.INTERRUPTED if ends else 0)
    assert done.stderr == ("trialmill: interrupted\n" if ends else "")
    assert done.stdout.startswith("trialmill ") is not ends


def test_help_needs_no_part_of_the_engine() -> None:
    code = (
        "import sys; from trialmill.cli.main import build_parser; build_parser().format_help();"
        "print([m for m in sys.modules if m in ('asyncio', 'yaml', 'sqlite3', 'json', 'dataclasses')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
