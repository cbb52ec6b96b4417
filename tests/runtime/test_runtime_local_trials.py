"""What real trials do, and what becomes of them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from local_workloads import (
    JOB,
    PATIENCE,
    POD,
    POD_NAME,
    container,
    open_runtime,
    outcome,
    output_of,
    play,
    run_to_end,
)

from trialmill.engine.ports import Created, Exists, Log, Snapshot
from trialmill.engine.records import AttemptKey
from trialmill.kinds.plan import Resources, RunId
from trialmill.runtime.local.run import Run
from trialmill.runtime.local.runtime import LocalRuntime
from trialmill.runtime.local.slots import Slots
from trialmill.testing.runtime import KEY, ended, remove, told, true_conditions

SLEEP = "sleep 1000"
GRACE = timedelta(hours=1)
"""So long that nobody waits for its end."""


def state_of(pid: int) -> str:
    """R or S for alive, T for stopped, X for one that is dead or gone."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return "X" if state == "Z" else state


def becomes(pid: int, state: str) -> bool:
    """Whether a process reaches a state: signals take a moment to arrive."""
    deadline = time.monotonic() + PATIENCE
    while state_of(pid) != state:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def comes(file: Path) -> None:
    """Wait for a file that another process makes."""
    deadline = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} never came"
        time.sleep(0.002)


async def first_line(runtime: LocalRuntime, key: AttemptKey = KEY) -> str:
    """The first line of output, as soon as it is there."""
    await told(runtime, lambda event: isinstance(event, Snapshot) and event.key == key)
    text = ""
    async for chunk in runtime.read(Log(key, POD_NAME, "main"), None):
        text += chunk.data.decode()
        if "\n" in text:
            return text.splitlines()[0]
    raise AssertionError(f"no line in {text!r}")


@pytest.mark.parametrize(
    ("script", "condition", "evidence"),
    [
        pytest.param("exit 0", "Complete", "", id="exits with 0 and says nothing"),
        pytest.param("exit 3", "Failed", "code=3", id="exits with a code"),
        pytest.param("kill -SEGV $$", "Failed", "code=139", id="crashes"),
        pytest.param("kill -KILL 0", "Failed", "code=137", id="kills its whole group"),
        pytest.param("kill -KILL $PPID", "Failed", "code=137", id="kills the shell around it"),
        pytest.param("kill -TERM 0; exit 5", "Failed", "code=143", id="ends its whole group"),
        pytest.param('rm -rf "$(dirname "$TRIALMILL_RUN")"', "Complete", "", id="deletes its own directory"),
        pytest.param(
            'rm -rf "$(dirname "$TRIALMILL_RUN")"; exit 4', "Failed", "code=4", id="deletes its directory and fails"
        ),
        pytest.param("head -c 100000 /dev/urandom", "Complete", "", id="prints garbage"),
        pytest.param("exec 9>&-", "Complete", "", id="closes descriptors"),
    ],
)
def test_a_trial_ends_with_a_reason_whatever_it_does(
    tmp_path: Path, script: str, condition: str, evidence: str
) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("sh", "-c", script)) as runtime:
            await runtime.ensure(KEY, JOB)
            snapshot = await ended(runtime, KEY)
            assert true_conditions(snapshot) == {condition}
            assert evidence in snapshot.evidence

    play(story())


def test_output_is_read_though_the_directory_was_deleted(tmp_path: Path) -> None:
    script = 'echo before; rm -rf "$(dirname "$TRIALMILL_RUN")"; echo after'
    assert outcome(tmp_path, container("sh", "-c", script)) == ({"Complete"}, "before\nafter\n")


def test_millions_of_bytes_are_read_whole(tmp_path: Path) -> None:
    _, output = outcome(tmp_path, container("head", "-c", "5000000", "/dev/zero"))
    assert len(output) == 5_000_000


def test_standard_error_is_part_of_the_log_in_its_place(tmp_path: Path) -> None:
    assert outcome(tmp_path, container("sh", "-c", "echo 1; echo 2 >&2; echo 3"))[1] == "1\n2\n3\n"


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert outcome(tmp_path, container("cat")) == ({"Complete"}, "")


def test_a_shell_builtin_is_no_command_but_the_program_of_that_name_is(tmp_path: Path) -> None:
    assert outcome(tmp_path, container("echo", "-n", "a\\tb"))[1] == "a\\tb"
    conditions, _ = outcome(tmp_path / "other", container("exit", "0"))
    assert conditions == {"Failed"}


def test_arguments_arrive_as_they_are_written(tmp_path: Path) -> None:
    words = ["$HOME", "a b", "'", '"', "*", "line\nbreak", "", "\\"]
    _, output = outcome(tmp_path, container(sys.executable, "-c", "import sys; print(sys.argv[1:])", *words))
    assert output == f"{words}\n"


def test_the_shell_around_it_adds_no_variables(tmp_path: Path) -> None:
    before = set(os.environ)
    _, output = outcome(tmp_path, container(sys.executable, "-c", "import os; print(*os.environ)"))
    added = set(output.split()) - before
    assert added <= {"TRIALMILL_RUN", "KATIB_TRIAL_NAME", "PYTHONUNBUFFERED", "PWD", "OLDPWD", "LC_CTYPE"}


def test_signals_that_python_ignores_have_their_default_again(tmp_path: Path) -> None:
    _, output = outcome(tmp_path, container("grep", "SigIgn", "/proc/self/status"))
    ignored = int(output.split()[1], 16)
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


def test_children_that_outlive_the_command_are_ended(tmp_path: Path) -> None:
    script = f"{SLEEP} & echo $!; setsid {SLEEP} & echo $!; sleep 0.1"
    conditions, output = outcome(tmp_path, container("sh", "-c", script))
    assert conditions == {"Complete"}
    in_group, in_own_session = map(int, output.split())
    assert becomes(in_group, "X")
    assert becomes(in_own_session, "X")


def test_a_child_without_an_environment_is_ended_too(tmp_path: Path) -> None:
    """Every process looks so in the moment in which it becomes another program."""
    begun = '[ "$(cat /proc/$!/comm)" = sleep ]'
    script = f"setsid env -i {SLEEP} & until {begun}; do sleep 0.01; done; echo $!"
    conditions, output = outcome(tmp_path, container("sh", "-c", script))
    assert conditions == {"Complete"}
    assert becomes(int(output), "X")


def test_a_trial_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("sh", "-c", f"trap '' TERM; echo $$; {SLEEP}; {SLEEP}")) as runtime:
            await runtime.ensure(KEY, JOB)
            pid = int(await first_line(runtime))
            await remove(runtime, KEY, timedelta(seconds=0.1))
            assert becomes(pid, "X")

    play(story())


def test_a_trial_may_clean_up_within_its_grace(tmp_path: Path) -> None:
    async def story() -> None:
        # One that has only begun may be told twice.
        script = f"trap 'trap \"\" TERM; echo cleaned; exit' TERM; echo ready; {SLEEP} & wait"
        async with open_runtime(tmp_path, container("sh", "-c", script), grace=GRACE) as runtime:
            await runtime.ensure(KEY, JOB)
            await first_line(runtime)
            await remove(runtime, KEY, GRACE)
            assert await output_of(runtime) == "ready\ncleaned\n"

    play(story())


def test_a_signal_that_comes_before_the_command_is_not_lost(tmp_path: Path) -> None:
    """The shell around the command keeps signals to itself until it has become it: for long on a busy machine."""
    shell = f"trap ': > lost' TERM; : > up; until [ -e go ]; do :; done; {SLEEP}; exit 0"
    wrapper = subprocess.Popen(["sh", "-c", shell], cwd=tmp_path, start_new_session=True)

    async def story() -> None:
        run = Run(RunId(POD, "main", 0), str(tmp_path / "run"), 0.0, wrapper.pid, os.open(os.devnull, os.O_RDONLY))
        await asyncio.to_thread(comes, tmp_path / "up")
        run.stop(asyncio.get_running_loop(), GRACE.total_seconds(), now=1000.0)
        await asyncio.to_thread(comes, tmp_path / "lost")
        (tmp_path / "go").touch()
        await asyncio.to_thread(wrapper.wait, PATIENCE)
        run.close()

    play(story())


def test_less_grace_the_second_time_shortens_the_first(tmp_path: Path) -> None:
    async def story() -> None:
        stubborn = container("sh", "-c", f"trap '' TERM; echo up; {SLEEP}")
        async with open_runtime(tmp_path, stubborn, grace=GRACE) as runtime:
            await runtime.ensure(KEY, JOB)
            await first_line(runtime)
            await runtime.remove(KEY, "", GRACE)
            await remove(runtime, KEY, timedelta(0))

    play(story())


def test_one_trial_that_hangs_does_not_keep_others(tmp_path: Path) -> None:
    async def story() -> None:
        script = f'[ "$KATIB_TRIAL_NAME" = good ] && exit 0; {SLEEP}'
        async with open_runtime(tmp_path, container("sh", "-c", script)) as runtime:
            await runtime.ensure(KEY, JOB)
            good = AttemptKey(KEY.experiment_uid, 1, 1)
            await runtime.ensure(good, {**JOB, "metadata": {"name": "good"}})
            assert true_conditions(await ended(runtime, good)) == {"Complete"}
            await remove(runtime, KEY)

    play(story())


def test_a_removed_attempt_is_not_run_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("sh", "-c", "echo ran >> count")) as runtime:
            await run_to_end(runtime)
            await remove(runtime, KEY)
            assert isinstance(await runtime.ensure(KEY, JOB), Exists)
        async with open_runtime(tmp_path, container("sh", "-c", "echo ran >> count")) as runtime:
            assert isinstance(await runtime.ensure(KEY, JOB), Exists)

    play(story())
    assert (tmp_path / "count").read_text() == "ran\n"


def test_a_suspended_trial_stands_still_and_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("sh", "-c", "echo $$; read x < gate; echo on")) as runtime:
            os.mkfifo(tmp_path / "gate")
            await runtime.ensure(KEY, JOB)
            pid = int(await first_line(runtime))
            assert await runtime.suspend(KEY, "", True)
            assert becomes(pid, "T")
            assert await runtime.suspend(KEY, "", False)
            (tmp_path / "gate").write_text("go\n")
            assert true_conditions(await ended(runtime, KEY)) == {"Complete"}
            assert not await runtime.suspend(KEY, "", True)

    play(story())


def test_a_suspended_trial_can_be_removed_gently(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("sh", "-c", f"echo up; {SLEEP}"), grace=GRACE) as runtime:
            await runtime.ensure(KEY, JOB)
            await first_line(runtime)
            await runtime.suspend(KEY, "", True)
            await remove(runtime, KEY, GRACE)

    play(story())


def test_attempts_wait_for_their_slot_with_an_empty_status(tmp_path: Path) -> None:
    async def story() -> None:
        one_cpu = {"resources": Resources(cpu=1), "slots": Slots(cpu=1, memory=0)}
        async with open_runtime(tmp_path, container("sh", "-c", "read x < gate"), **one_cpu) as runtime:
            os.mkfifo(tmp_path / "gate")
            second = AttemptKey(KEY.experiment_uid, 1, 1)
            assert isinstance(await runtime.ensure(KEY, JOB), Created)
            assert isinstance(await runtime.ensure(second, JOB), Created)
            waiting = await told(runtime, lambda event: isinstance(event, Snapshot) and event.key == second)
            assert isinstance(waiting, Snapshot)
            assert waiting.resource["status"] == {}
            await asyncio.to_thread((tmp_path / "gate").write_text, "1\n")
            assert true_conditions(await ended(runtime, KEY)) == {"Complete"}
            await asyncio.to_thread((tmp_path / "gate").write_text, "2\n")
            assert true_conditions(await ended(runtime, second)) == {"Complete"}

    play(story())


def test_gpus_are_handed_out_one_by_one(tmp_path: Path) -> None:
    a = container("sh", "-c", "echo $CUDA_VISIBLE_DEVICES; read x < gate-a", name="main", resources=Resources(gpus=1))
    b = container("sh", "-c", "echo $CUDA_VISIBLE_DEVICES; read x < gate-b", name="second", resources=Resources(gpus=1))

    async def story() -> None:
        slots = Slots(cpu=1, memory=0, gpus=("4", "7"))
        async with open_runtime(tmp_path, a, b, resources=Resources(gpus=2), slots=slots) as runtime:
            for gate in ("gate-a", "gate-b"):
                os.mkfifo(tmp_path / gate)
            await runtime.ensure(KEY, JOB)
            for gate in ("gate-a", "gate-b"):
                await asyncio.to_thread((tmp_path / gate).write_text, "1\n")
            await ended(runtime, KEY)
            assert await output_of(runtime, container="main") == "4\n"
            assert await output_of(runtime, container="second") == "7\n"

    play(story())


def test_ending_the_runtime_leaves_the_processes_alone(tmp_path: Path) -> None:
    async def story() -> int:
        async with open_runtime(tmp_path, container("sh", "-c", f"echo $$; {SLEEP}")) as runtime:
            await runtime.ensure(KEY, JOB)
            return int(await first_line(runtime))

    pid = play(story())
    assert state_of(pid) != "X"
    os.killpg(os.getpgid(pid), signal.SIGKILL)


def test_an_argument_that_is_too_long_fails_with_a_plain_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("echo", "x" * 200_000)) as runtime:
            (problem,) = await runtime.check(JOB)
            assert problem.code == "argument-too-long"
            await runtime.ensure(KEY, JOB)
            assert "too long" in (await ended(runtime, KEY)).evidence

    play(story())


def test_where_there_are_no_process_descriptors_threads_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert outcome(tmp_path, container("sh", "-c", "echo loss=1; exit 3")) == ({"Failed"}, "loss=1\n")


def test_an_attempt_is_deleted_with_its_logs(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, container("echo", "loss=1")) as runtime:
            await run_to_end(runtime)
            await remove(runtime, KEY)
            assert await output_of(runtime) == "loss=1\n"
            runtime.delete(KEY)
            assert await output_of(runtime) == ""
            assert await runtime.pods(KEY) == []

    play(story())


def test_attempts_that_are_ended_as_soon_as_they_begin_do_not_wait_for_the_kill(tmp_path: Path) -> None:
    """A signal that comes between the wrapper's shell and the command is lost: one in six on a busy machine."""

    async def story() -> None:
        async with open_runtime(tmp_path, container("sleep", "1000"), grace=GRACE) as runtime:
            for index in range(40):
                key = AttemptKey("x", index, 1)
                await runtime.ensure(key, {**JOB, "metadata": {"name": f"t{index}"}})
                await asyncio.sleep(0.002 * (index % 5))
                await remove(runtime, key, GRACE)

    play(story())
