"""Ctrl-C at moments where Python's own answer gets lost or turns into another error."""

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import asyncio, os, signal, sys, weakref
from trialmill.cli.failures import guarded
from trialmill.root.interrupts import answer_interrupts, run_in_loop

answer_interrupts()

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def command():
    {body}
    return 0

sys.exit(guarded(command))
"""
INTERRUPTED = (130, "trialmill: interrupted\n")

NAMED_LATE = """
import os, signal

class Field:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGINT)

class Owner:
    field = Field()
"""
"""Python 3.11 makes a RuntimeError of whatever is raised there."""
LOST = """
import os, signal, weakref

class Thing: ...

thing = Thing()
kept = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
del thing
"""
"""What is raised in the callback of a weak reference is printed and forgotten."""
BROKEN = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    import json
except BaseException:
    raise ImportError("cannot import name 'x'") from None
"""


def ended(folder: Path, body: str) -> tuple[int, str]:
    code = START.replace("{body}", body)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "module",
    [NAMED_LATE, LOST, BROKEN],
    ids=["turned into a RuntimeError", "lost in a callback", "turned into an ImportError"],
)
def test_an_interrupt_in_an_import_ends_the_command_in_one_line(tmp_path: Path, module: str) -> None:
    (tmp_path / "imported.py").write_text(module)
    assert ended(tmp_path, "import imported") == INTERRUPTED


def test_an_interrupt_elsewhere_runs_what_cleans_up(tmp_path: Path) -> None:
    body = """try:
        interrupt()
        import time; time.sleep(60)
    finally:
        open("cleaned", "w").close()"""
    assert ended(tmp_path, body) == INTERRUPTED
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize(
    "body",
    [
        "try: interrupt()\n    except KeyboardInterrupt: raise RuntimeError('of another name')",
        "lost = weakref.ref(r := type('T', (), {})(), lambda _: interrupt())"
        "\n    del r\n    run_in_loop(asyncio.sleep(60))",
        "try: interrupt()\n    except KeyboardInterrupt: pass\n    run_in_loop(asyncio.sleep(60))",
    ],
    ids=["another error", "lost before a loop", "swallowed before a loop"],
)
def test_an_interrupt_that_got_lost_is_remembered(tmp_path: Path, body: str) -> None:
    code, said = ended(tmp_path, body)
    assert (code, said.splitlines()[-1]) == (130, "trialmill: interrupted")


def test_what_runs_in_a_loop_is_cancelled_and_may_give_back_what_it_holds(tmp_path: Path) -> None:
    body = """async def work():
        try:
            interrupt()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            open("given back", "w").close()
    run_in_loop(work())"""
    assert ended(tmp_path, body) == INTERRUPTED
    assert (tmp_path / "given back").exists()


def test_a_loop_that_waits_in_its_selector_is_woken(tmp_path: Path) -> None:
    body = "signal.signal(signal.SIGALRM, lambda *_: interrupt())\n    signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
    assert ended(tmp_path, f"{body}    run_in_loop(asyncio.sleep(60))") == INTERRUPTED


def test_an_interrupt_that_a_running_loop_does_not_heed_ends_it_the_second_time(tmp_path: Path) -> None:
    body = """async def work():
        interrupt()
        try: await asyncio.sleep(60)
        except asyncio.CancelledError: pass
        interrupt()
    run_in_loop(work())"""
    assert ended(tmp_path, body) == INTERRUPTED


def test_a_program_with_a_handler_of_its_own_keeps_it(tmp_path: Path) -> None:
    body = """signal.signal(signal.SIGINT, lambda *_: open("own", "w").close())
    run_in_loop(asyncio.sleep(0))
    interrupt()"""
    assert ended(tmp_path, body) == (0, "")
    assert (tmp_path / "own").exists()
