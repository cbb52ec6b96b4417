"""Trialmill is killed at any moment: what runs is adopted, what is over is told, and nothing runs twice."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from local_workloads import JOB, PATIENCE, POD, container, open_runtime, output_of, play

from trialmill.engine.ports import Created, Exists, Gone, Snapshot, Synced
from trialmill.kinds.plan import Exited, RunId
from trialmill.runtime.local import layout
from trialmill.runtime.local.manifests import Manifest, Manifests
from trialmill.runtime.local.recovery import Alive, Done, Other, examine
from trialmill.runtime.local.wrapper import read_code, wrapped
from trialmill.testing.runtime import KEY, ended, remove, told, true_conditions

COUNTS = container("sh", "-c", 'echo ran >> "$0"', "count")


def recorded_run(folder: Path, log: str = "") -> Path:
    """The stem of a run whose attempt was recorded, as far as a crash let it come."""
    attempt = layout.attempt_directory(str(folder / "runs"), KEY)
    Path(attempt).mkdir(parents=True)
    Manifests(str(folder / "runs"), KEY.experiment_uid).write(KEY, Manifest(JOB, 1000.0))
    stem = layout.run_stem(attempt, RunId(POD, "main", 0), 0)
    Path(layout.log_of(stem)).write_text(log)
    return Path(stem)


def of(stem: Path, name: str) -> Path:
    """One of the files of a run."""
    return stem.with_name(f"{stem.name}.{name}")


def times_run(folder: Path) -> int:
    count = folder / "count"
    return len(count.read_text().splitlines()) if count.exists() else 0


def test_a_complete_exit_means_done(tmp_path: Path) -> None:
    stem = recorded_run(tmp_path, "loss=1\n")
    of(stem, "run").write_text("started 123456\nexit 0\n")

    async def story() -> None:
        async with open_runtime(tmp_path, COUNTS) as runtime:
            assert true_conditions(await ended(runtime, KEY)) == {"Complete"}
            assert await output_of(runtime) == "loss=1\n"
            assert isinstance(await runtime.ensure(KEY, JOB), Exists)

    play(story())
    assert times_run(tmp_path) == 0


@pytest.mark.parametrize(
    "exit", ["", "exit ", "exit 13"], ids=["no exit", "half an exit", "an exit without its line break"]
)
def test_started_alone_means_lost(tmp_path: Path, exit: str) -> None:
    stem = recorded_run(tmp_path)
    of(stem, "run").write_text("started 123456\n" + exit)

    async def story() -> None:
        async with open_runtime(tmp_path, COUNTS) as runtime:
            assert isinstance(await runtime.ensure(KEY, JOB), Exists)
            assert await told(runtime, lambda event: not isinstance(event, Snapshot)) == Synced()
        async with open_runtime(tmp_path, COUNTS) as runtime:
            assert await told(runtime, lambda _: True) == Synced()

    play(story())
    assert times_run(tmp_path) == 0


def test_neither_lock_nor_started_is_fenced_and_started_anew_once(tmp_path: Path) -> None:
    stem = recorded_run(tmp_path)

    async def story() -> None:
        async with open_runtime(tmp_path, COUNTS) as runtime:
            assert true_conditions(await ended(runtime, KEY)) == {"Complete"}

    play(story())
    assert of(stem, "run").read_text() == "fenced\n"
    late = subprocess.run(wrapped(str(stem), str(tmp_path), ["/bin/sh", "-c", "echo late >> count"]), check=False)
    assert late.returncode == 125
    assert times_run(tmp_path) == 1


def test_a_crash_before_the_manifest_was_complete_leaves_nothing(tmp_path: Path) -> None:
    attempt = Path(layout.attempt_directory(str(tmp_path / "runs"), KEY))
    attempt.mkdir(parents=True)
    (attempt.parent / "manifests.jsonl").write_text('{"attempt":"0-1","created":1,"resou')

    async def story() -> None:
        async with open_runtime(tmp_path, COUNTS) as runtime:
            assert await told(runtime, lambda _: True) == Synced()
            assert isinstance(await runtime.ensure(KEY, JOB), Created)
            await ended(runtime, KEY)

    play(story())
    assert times_run(tmp_path) == 1


def test_a_running_trial_is_adopted_and_its_end_is_told(tmp_path: Path) -> None:
    waits = container("sh", "-c", "echo up >> count; read x < gate; echo down; exit 7")
    os.mkfifo(tmp_path / "gate")

    async def before() -> None:
        async with open_runtime(tmp_path, waits) as runtime:
            await runtime.ensure(KEY, JOB)

    async def after() -> None:
        async with open_runtime(tmp_path, waits) as runtime:
            first = await told(runtime, lambda _: True)
            assert isinstance(first, Snapshot)
            assert first.resource["status"] == {"active": 1}
            (tmp_path / "gate").write_text("go\n")
            snapshot = await ended(runtime, KEY)
            assert true_conditions(snapshot) == {"Failed"}
            assert "code=7" in snapshot.evidence
            assert await output_of(runtime) == "down\n"

    play(before())
    play(after())
    assert times_run(tmp_path) == 1


def test_an_adopted_trial_can_be_removed(tmp_path: Path) -> None:
    stubborn = container("sh", "-c", "trap '' TERM; sleep 1000; sleep 1000")

    async def before() -> None:
        async with open_runtime(tmp_path, stubborn) as runtime:
            await runtime.ensure(KEY, JOB)

    async def after() -> None:
        async with open_runtime(tmp_path, stubborn) as runtime:
            assert isinstance(await remove(runtime, KEY), Gone)

    play(before())
    play(after())


def test_an_adopted_trial_whose_shell_was_killed_is_lost_when_its_command_has_ended(tmp_path: Path) -> None:
    waits = container("sh", "-c", "echo $PPID > shell; read x < gate")
    os.mkfifo(tmp_path / "gate")

    async def before() -> None:
        async with open_runtime(tmp_path, waits) as runtime:
            await runtime.ensure(KEY, JOB)

    async def after() -> None:
        async with open_runtime(tmp_path, waits) as runtime:
            assert isinstance(await told(runtime, lambda _: True), Snapshot)
            while not (tmp_path / "shell").exists() or not (tmp_path / "shell").read_text():
                time.sleep(0.01)  # noqa: ASYNC251 - the other process is what is waited for
            os.kill(int((tmp_path / "shell").read_text()), signal.SIGKILL)
            (tmp_path / "gate").write_text("go\n")
            gone = await told(runtime, lambda event: isinstance(event, Gone))
            assert isinstance(gone, Gone)
            assert "exit code" in gone.message

    play(before())
    play(after())


def test_what_a_finished_run_left_behind_is_ended(tmp_path: Path) -> None:
    stem = recorded_run(tmp_path)
    daemon = subprocess.Popen(
        ["sleep", "1000"], start_new_session=True, pass_fds=[lock := os.open(of(stem, "log"), os.O_RDWR)]
    )
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)
    of(stem, "run").write_text(f"started {daemon.pid}\nexit 0\n")

    async def story() -> None:
        async with open_runtime(tmp_path, COUNTS) as runtime:
            await ended(runtime, KEY)

    play(story())
    assert daemon.wait(timeout=PATIENCE) == -signal.SIGKILL


def test_a_group_is_not_signalled_when_the_lock_is_free(tmp_path: Path) -> None:
    stem = recorded_run(tmp_path)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        of(stem, "run").write_text(f"started {stranger.pid}\nexit 0\n")

        async def story() -> None:
            async with open_runtime(tmp_path, COUNTS) as runtime:
                await ended(runtime, KEY)
                await remove(runtime, KEY)

        play(story())
        assert stranger.poll() is None
        stranger.kill()


def test_a_run_is_examined_in_the_order_of_the_protocol(tmp_path: Path) -> None:
    stem = tmp_path / "0-0.main-0"
    of(stem, "log").touch()
    assert examine(str(stem), 5.0) is Other.FENCED
    assert examine(str(stem), 5.0) is Other.FENCED
    of(stem, "run").write_text("started 77\n")
    assert examine(str(stem), 5.0) is Other.LOST
    with of(stem, "log").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        alive = examine(str(stem), 5.0)
        assert isinstance(alive, Alive)
        assert alive.group == 77
        of(stem, "run").write_text("started 77\nexit 3\n")
        done = examine(str(stem), 5.0)
        assert isinstance(done, Done)
        assert done.leftover == 77
    done = examine(str(stem), 5.0)
    assert isinstance(done, Done)
    assert isinstance(done.exited, Exited)
    assert (done.exited.code, done.leftover) == (3, None)


def test_the_shell_leaves_the_code_as_exit_and_as_its_own(tmp_path: Path) -> None:
    done = subprocess.run(wrapped(str(tmp_path), "/", ["/bin/sh", "-c", "exit 42"]), check=False)
    assert (done.returncode, read_code(str(tmp_path))) == (42, 42)


CONTROLLER = """
import asyncio, sys
from pathlib import Path
from local_workloads import JOB, container, open_runtime
from trialmill.engine.ports import Gone, Snapshot
from trialmill.engine.records import AttemptKey

folder, count = Path(sys.argv[1]), int(sys.argv[2])
script = 'echo "$KATIB_TRIAL_NAME" >> "$0"; sleep 0.02'

async def main():
    async with open_runtime(folder, container("sh", "-c", script, str(folder / "count"))) as runtime:
        waiting = set(range(count))
        lost = set()
        for index in range(count):
            await runtime.ensure(AttemptKey("x", index, 1), {**JOB, "metadata": {"name": f"t{index}"}})
        async for event in runtime.changes("x", [AttemptKey("x", index, 1) for index in range(count)]):
            if isinstance(event, Gone):
                lost.add(event.key.trial_index)
            elif isinstance(event, Snapshot) and event.resource["status"].get("conditions"):
                waiting.discard(event.key.trial_index)
            if not waiting - lost:
                break

asyncio.run(main())
"""


@pytest.mark.crash
def test_killed_at_random_moments_no_trial_runs_twice_and_all_end(tmp_path: Path) -> None:
    count, chance = 300, random.Random(7)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", CONTROLLER, str(tmp_path), str(count)]
    kills = 0
    for _ in range(12):
        controller = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
        try:
            assert controller.wait(timeout=0.1 + chance.random() * 0.3) == 0
            break
        except subprocess.TimeoutExpired:
            controller.kill()
            controller.wait()
            kills += 1
    else:
        assert (
            subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, timeout=PATIENCE, check=False).returncode
            == 0
        )
    assert kills > 0
    names = (tmp_path / "count").read_text().split()
    assert len(names) == len(set(names))
    assert set(names) <= {f"t{index}" for index in range(count)}
    lost = [d for d in (tmp_path / "runs" / "x").iterdir() if (d / "removed").exists()]
    assert len(names) >= count - len(lost)
