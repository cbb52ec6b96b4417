"""Wrong input through the real command: all of it is said at once, nothing is started, nothing left in the store."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from acceptance_place import PATIENCE, Outcome, Place, Tree, experiment, shell

GOOD = yaml.safe_dump(experiment(shell("echo loss=$x")), sort_keys=False)

ALIASES = "".join([f"a{i}: &a{i} [{', '.join(9 * [f'*a{i - 1}' if i else 'x'])}]\n" for i in range(20)])
"""Nine to the power of twenty values."""


def refused(place: Place, content: str | bytes | Tree, command: str = "run") -> Outcome:
    """What is said of a file that cannot be run. Nothing of it remains."""
    place.write("e.yaml", content)
    outcome = place(command, "e.yaml", code=2)
    assert outcome.out == ""
    assert "nothing was started" in outcome.err
    assert not (place.folder / ".trialmill").exists()
    return outcome


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("a: [1, 2\nb: 3\n", "e.yaml:"),
        ("just words", "e.yaml:1"),
        ("- apiVersion: kubeflow.org/v1beta1\n", "list"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n", "Experiment"),
        ("kind: Experiment\nmetadata:\n\tname: e\n", "tab"),
        (b"\x7fELF\x02\x01\x01\0\0\0" + bytes(range(256)) * 100, "e.yaml"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le")[:99], "e.yaml"),
        (GOOD.replace("kubeflow.org/v1beta1", "kubeflow.org/v1alpha2"), "v1beta1"),
        (ALIASES, "alias"),
        ("!!python/object/apply:os.system ['touch hacked']", "tag"),
        ("[" * 5000, "e.yaml"),
        ("{a: " * 3000, "e.yaml"),
    ],
    ids=[
        "empty",
        "only a comment",
        "not YAML",
        "words",
        "a list",
        "another kind",
        "a tab",
        "binary",
        "half of UTF-16",
        "an old version",
        "aliases",
        "a tag",
        "brackets without end",
        "braces without end",
    ],
)
@pytest.mark.parametrize("command", ["run", "try"])
def test_what_is_no_experiment_is_refused(place: Place, content: str | bytes, said: str, command: str) -> None:
    assert said.lower() in refused(place, content, command).err.lower()
    assert not (place.folder / "hacked").exists()


def test_50_megabytes_are_refused_at_once_for_their_size(place: Place) -> None:
    outcome = refused(place, b"x: 1\n" * 10_000_000)

    assert "large" in outcome.err or "MB" in outcome.err or "bytes" in outcome.err
    assert len(outcome.err) < 2000


def changed(**changes: Any) -> Tree:
    """The good experiment with other values at some dotted paths of its spec."""
    tree = experiment(shell("echo loss=$x"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = tree["spec"]
        for parent in parents:
            place = place[int(parent[1:])] if parent[0] == "_" else place[parent]
        place[last] = value
    return tree


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (changed(algorithm={"algorithmName": "randon"}), ["randon", "random"]),
        (changed(parameters___0__feasibleSpace={"min": "1", "max": "0"}), ["min", "max"]),
        (changed(trialTemplate__primaryContainerName="mian"), ["mian", "main"]),
        (
            changed(parallelTrialCount=0, maxTrialCount=-1, maxFailedTrialCount=-2),
            ["parallel", "maxTrial", "maxFailed"],
        ),
        (changed(objective={"type": "maximise", "objectiveMetricName": ""}), ["maximise", "objectiveMetricName"]),
    ],
    ids=["an unknown algorithm", "swapped bounds", "another container", "counts", "the objective"],
)
def test_each_problem_is_named_with_its_line(place: Place, tree: Tree, said: list[str]) -> None:
    outcome = refused(place, tree)

    assert [word for word in said if word not in outcome.err] == []
    assert "e.yaml:" in outcome.err


def test_all_problems_are_told_at_once(place: Place) -> None:
    tree = changed(
        algorithm={"algorithmName": "randon"},
        parameters___0__feasibleSpace={"min": "1", "max": "0"},
        trialTemplate__primaryContainerName="mian",
        maxTrialCount=0,
    )
    tree["spec"]["parameters"].append(
        {"name": "unused", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "2"}}
    )
    tree["spec"]["trialTemplate"]["trialParameters"].append({"name": "other", "reference": "nothing"})
    template = tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    template["containers"][0]["command"].append("${trialParameters.undeclared}")
    template["containers"][0]["comand"] = ["x"]

    err = refused(place, tree).err

    wanted = ["randon", "feasibleSpace", "mian", "maxTrialCount", "unused", "nothing", "undeclared", "comand"]
    assert [word for word in wanted if word not in err] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "no-such-file.yaml"], "no-such-file.yaml"),
        (["run", "."], "."),
        (["run", "e.yaml", "--parallel", "0"], "--parallel"),
        (["run", "e.yaml", "--parallel", "many"], "--parallel"),
        (["run", "e.yaml", "--max-trials", "0"], "--max-trials"),
        (["run", "e.yaml", "--timeout", "soon"], "--timeout"),
        (["run", "e.yaml", "--timeout", "0s"], "--timeout"),
        (["run", "e.yaml", "--timeout", "-3m"], "--timeout"),
        (["run", "e.yaml", "--image", "any"], "NAME=DIR"),
        (["run", "e.yaml", "--image", "any=nowhere"], "nowhere"),
        (["run", "e.yaml", "--name", "Not A Name"], "Not A Name"),
        (["run", "e.yaml", "--seed", "x"], "--seed"),
        (["run", "e.yaml", "--with", "absent.yaml"], "absent.yaml"),
        (["get", "e"], "no store"),
        (["nonsense"], "nonsense"),
        ([], "COMMAND"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_refused(place: Place, words: list[str], said: str) -> None:
    place.write("e.yaml", GOOD)

    outcome = place(*words, code=2)

    assert said in outcome.err
    assert not (place.folder / ".trialmill").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["no-such-program", "${trialParameters.x}"],
        ["/no/such/program", "${trialParameters.x}"],
        ["./absent.sh", "${trialParameters.x}"],
    ],
    ids=["by name", "by path", "beside the file"],
)
def test_a_command_that_does_not_exist_is_refused_before_the_start(place: Place, command: list[str]) -> None:
    err = refused(place, experiment(command)).err
    assert command[0] in err
    line = (place.folder / "e.yaml").read_text().splitlines().index(f"              - {command[0]}")
    assert f"e.yaml:{line}:" in err or f"e.yaml:{line + 1}:" in err


def test_a_file_from_stdin_is_checked_and_run_like_any_other(place: Place) -> None:
    assert "empty" in place("run", "-", stdin="", code=2).err
    assert "succeeded" in place("run", "-", stdin=GOOD).out


# --- places that cannot be written


def test_a_store_below_a_file_cannot_be_made_and_nothing_starts(place: Place) -> None:
    place.write("e.yaml", GOOD)
    place.write("file", "")

    outcome = place("run", "e.yaml", "--store", "file/below/store.db", code=2)

    assert "file" in outcome.err
    assert not (place.folder / ".trialmill").exists()


def test_runs_below_a_file_make_every_trial_fail_with_that_reason(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x"), maxFailedTrialCount=1))
    place.write(".trialmill/runs", "")

    outcome = place("run", "e.yaml", code=1)

    assert "runs" in outcome.out + outcome.err
    place.assert_nothing_runs()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"\0" * 5000], ids=["text", "zeros"])
def test_a_store_that_is_no_database_is_refused(place: Place, content: bytes) -> None:
    place.write("e.yaml", GOOD)
    place.write(".trialmill/store.db", content)

    for words in (["run", "e.yaml"], ["list"]):
        assert "store.db" in place(*words, code=2).err
    assert place.store.read_bytes() == content


def test_a_store_from_a_newer_version_is_left_alone(place: Place) -> None:
    place.write("e.yaml", GOOD)
    place("run", "e.yaml")
    with closing(sqlite3.connect(place.store)) as connection, connection:
        connection.execute("UPDATE meta SET value = 99 WHERE key LIKE '%version%'")
    before = place.store.read_bytes()

    for words in (["run", "e.yaml"], ["list"], ["get", "e"], ["delete", "e"]):
        assert "newer" in place(*words, code=2).err
    assert place.store.read_bytes() == before


def test_a_full_disk_ends_a_run_with_a_plain_line_and_the_store_stays_whole(place: Place) -> None:
    """The whole story in a mount namespace of its own: a disk of 1 MB that fills up, then is made larger."""
    if sys.platform != "linux" or shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    place.write("e.yaml", experiment(shell("echo loss=$x; head -c 20000 /dev/zero"), trials=200))
    disk = place.folder / "disk"
    disk.mkdir()
    run = " ".join([*place.command("run", "e.yaml", "--store", "disk/store.db")])
    listed = " ".join(place.command("trials", "e", "--store", "disk/store.db", "-o", "name"))
    script = f"""
        mount -t tmpfs -o size=1m none disk || exit 77
        {run}; echo "ended $?"
        mount -o remount,size=100m disk
        {run}; echo "ended $?"
        {listed} | wc -l
    """
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a small disk")
    assert "Traceback" not in done.stderr
    assert "fault in Trialmill" not in done.stderr, done.stderr
    ended = [line for line in done.stdout.splitlines() if line.startswith("ended")]
    assert ended == ["ended 1", "ended 0"], done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "200"
    assert "full" in done.stderr or "No space left" in done.stderr
    place.assert_nothing_runs()


def test_a_reader_that_goes_away_is_no_fault(place: Place) -> None:
    place.write("e.yaml", experiment(shell("seq 100000; echo loss=$x"), trials=1))
    place("run", "e.yaml")
    command = " ".join(place.command("logs", "e"))

    done = subprocess.run(
        ["sh", "-c", f"{command} | head -n 1"],
        cwd=Path(place.folder),
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )

    assert done.stdout == "1\n"
    assert "Traceback" not in done.stderr
