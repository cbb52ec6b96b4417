"""What the command line shows of stored experiments: tables, Katib's objects, exit codes."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from trialmill.api.metric import Point
from trialmill.cli.main import main
from trialmill.engine.names import trial_name
from trialmill.engine.records import EventRecord, ExperimentPhase, ExperimentRef, Outcome, TrialPhase
from trialmill.store.sql.trials import SqlTrials
from trialmill.testing.samples import minute
from trialmill.testing.stored import UID, running_experiment, seed, some_trials, trial_of

NAMES = [trial_name("sample", UID, index) for index in range(5)]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that commands find by themselves, with one experiment that nobody drives."""
    path = tmp_path / "store.db"
    monkeypatch.setenv("TRIALMILL_STORE", str(path))
    record = running_experiment()
    points = [
        Point("accuracy", 0.5, 0, 1_700_000_000.25, "log", 0),
        Point("accuracy", 0.8, 1, None, "log", 1),
        Point("loss", math.nan, 0, None, "log", 2),
    ]
    event = EventRecord(record.uid, NAMES[2], "TrialFailed", "exit code 1\x1b[2J\nand more", minute(25), warning=True)
    seed(path, record, *some_trials(record), points=points, events=[event])
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*argv: str) -> Ran:
        code = main(argv)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.mark.usefixtures("store")
def test_list_has_a_row_for_each_experiment(run: Run) -> None:
    ran = run("list")
    header, row = rows(ran.out)
    assert header == ["NAME", "NAMESPACE", "STATUS", "SUCCEEDED", "RUNNING", "FAILED", "MAX", "BEST", "AGE"]
    assert row[:-1] == ["sample", "default", "Interrupted", "2", "1", "1", "12", "0.9"]
    assert (ran.code, ran.err) == (0, "")


def test_list_goes_through_all_namespaces_or_one(run: Run, store: Path) -> None:
    seed(store, running_experiment("other", "team-a", "uid-2"))
    assert [row[0] for row in rows(run("list").out)] == ["NAME", "sample", "other"]
    assert [row[0] for row in rows(run("list", "-n", "team-a").out)] == ["NAME", "other"]


def test_list_of_an_empty_store_prints_no_table(run: Run, store: Path) -> None:
    store.unlink()
    seed(store)
    ran = run("list")
    assert (ran.code, ran.out, ran.err) == (0, "", "trialmill: no experiments\n")


def test_an_experiment_that_cannot_be_read_does_not_hide_the_others(run: Run, store: Path) -> None:
    seed(store, replace(running_experiment("broken", uid="uid-2"), source={"kind": "Experiment"}))
    ran = run("list")
    assert [row[0] for row in rows(ran.out)] == ["NAME", "sample", "broken"]
    assert "experiment broken cannot be read" in ran.err
    assert run("get", "broken", "-o", "json").code == 2


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("argv", "kind"),
    [(("get", "sample"), "Experiment"), (("list",), "ExperimentList"), (("trials", "sample"), "TrialList")],
)
def test_json_and_yaml_are_the_same_katib_object(run: Run, argv: tuple[str, ...], kind: str) -> None:
    shown = run(*argv, "-o", "json").json()
    assert (shown["apiVersion"], shown["kind"]) == ("kubeflow.org/v1beta1", kind)
    assert yaml.safe_load(run(*argv, "-o", "yaml").out) == shown


@pytest.mark.usefixtures("store")
def test_names_are_printed_as_kubectl_prints_them_and_are_read_back(run: Run) -> None:
    assert run("list", "-o", "name").out == "experiment.kubeflow.org/sample\n"
    assert run("get", "experiment.kubeflow.org/sample", "-o", "name").out == "experiment.kubeflow.org/sample\n"
    assert run("trials", "sample", "-o", "name").out.splitlines() == [f"trial.kubeflow.org/{name}" for name in NAMES]
    assert run("best", "sample", "-o", "name").out == f"trial.kubeflow.org/{NAMES[1]}\n"


@pytest.mark.usefixtures("store")
def test_trials_are_a_row_each_with_assignments_and_metrics(run: Run) -> None:
    table = rows(run("trials", "sample").out)
    header = ["NAME", "STATUS", "lr", "layers", "batch", "optimizer", "accuracy", "loss", "DURATION", "REASON"]
    assert table[0] == header
    assert table[2] == [NAMES[1], "Succeeded", "0.05", "3", "64.5", "1e-3", "0.9", "nan", "5m", "-"]
    assert table[3] == [NAMES[2], "Failed", "0.05", "3", "64.5", "1e-3", "-", "-", "5m", "BackoffLimitExceeded"]
    assert table[5] == [NAMES[4], "Pending", "0.05", "3", "64.5", "1e-3", "-", "-", "-", "-"]


@pytest.mark.usefixtures("store")
def test_best_prints_parameters_for_programs(run: Run) -> None:
    ran = run("best", "sample", "-o", "params")
    assert ran.json() == {"lr": 0.05, "layers": 3, "batch": 64.5, "optimizer": "1e-3"}
    assert ran.out.count("\n") == 1


@pytest.mark.usefixtures("store")
def test_best_prints_the_manifest_so_that_kubernetes_reads_back_the_same(run: Run) -> None:
    text = run("best", "sample", "-o", "manifest").out
    assert list(yaml.safe_load(text)) == ["apiVersion", "kind", "metadata", "spec"]
    assert "value: '1e-3'" in text  # bare, Kubernetes would read a number
    assert "parallelism: 3" in text


def test_best_of_nothing_says_so_and_fails(run: Run, store: Path) -> None:
    seed(store, running_experiment("other", uid="uid-2"))
    ran = run("best", "other", "-o", "params")
    assert (ran.code, ran.out) == (1, "")
    assert "no trial of other has ended with a value of accuracy" in ran.err


@pytest.mark.usefixtures("store")
def test_metrics_are_one_json_line_per_point(run: Run) -> None:
    lines = [json.loads(line) for line in run("metrics", "sample", "-o", "json").out.splitlines()]
    assert lines == [
        {
            "trial": NAMES[0],
            "attempt": 1,
            "name": "accuracy",
            "value": 0.5,
            "step": 0,
            "time": "2023-11-14T22:13:20.250000Z",
        },
        {"trial": NAMES[0], "attempt": 1, "name": "accuracy", "value": 0.8, "step": 1, "time": None},
        {"trial": NAMES[0], "attempt": 1, "name": "loss", "value": "nan", "step": 0, "time": None},
    ]


@pytest.mark.usefixtures("store")
def test_metrics_of_one_trial_are_its_own(run: Run) -> None:
    assert len(run("metrics", "sample", NAMES[0]).out.splitlines()) == 4
    silent = run("metrics", "sample", NAMES[1])
    assert (silent.code, silent.out) == (0, "")
    assert f"{NAMES[1]} has reported nothing" in silent.err


@pytest.mark.usefixtures("store")
def test_csv_has_one_row_per_trial(run: Run) -> None:
    table = list(csv.DictReader(io.StringIO(run("export", "sample").out)))
    assert [row["trial"] for row in table] == NAMES
    assert table[1] == {
        "trial": NAMES[1],
        "status": "Succeeded",
        "lr": "0.05",
        "layers": "3",
        "batch": "64.5",
        "optimizer": "1e-3",
        "accuracy": "0.9",
        "loss": "nan",
        "created": "2026-03-01T12:10:00Z",
        "started": "2026-03-01T12:10:00Z",
        "finished": "2026-03-01T12:15:00Z",
        "seconds": "300",
        "reason": "TrialSucceeded",
        "message": "",
    }


def test_csv_keeps_messages_whatever_they_hold(run: Run, store: Path) -> None:
    record = running_experiment("other", uid="uid-2")
    message = 'first, "quoted"\nsecond line; = 1'
    seed(store, record, replace(trial_of(record, 0, TrialPhase.FAILED), message=message))
    [row] = csv.DictReader(io.StringIO(run("export", "other").out))
    assert row["message"] == message


@pytest.mark.usefixtures("store")
def test_exported_json_has_numbers_as_numbers(run: Run) -> None:
    found = run("export", "sample", "--format", "json").json()
    assert found[0]["assignments"] == {"lr": 0.05, "layers": 3, "batch": 64.5, "optimizer": "1e-3"}
    assert found[0]["metrics"] == {"accuracy": 0.8, "loss": "nan"}
    assert (found[3]["finished"], found[3]["seconds"]) == (None, None)


@pytest.mark.usefixtures("store")
def test_describe_tells_the_whole_story(run: Run) -> None:
    text = run("describe", "sample").out
    for expected in (
        "Interrupted: it was under way when its process ended; go on with: trialmill resume sample",
        "maximize accuracy, goal 0.99; also loss",
        "random (seed 7)",
        "12 trials, 2 at a time, 3 failures",
        "lr: double from 0.01 to 0.1, uniform",
        "optimizer: categorical, one of sgd, 1e-3",
        "5: 1 Pending, 1 Running, 2 Succeeded, 1 Failed",
        f"{NAMES[1]}: accuracy=0.9, loss=nan",
        "somebody to drive the experiment again",
        "BackoffLimitExceeded",
        f"/runs/{UID}/1-1/ is the best trial",
        "exit code 1 [2J and more",
    ):
        assert expected in text
    assert "\x1b" not in text


def test_a_name_in_several_namespaces_is_ambiguous_until_one_is_chosen(run: Run, store: Path) -> None:
    seed(store, running_experiment("sample", "team-b", "uid-2"))
    ran = run("get", "sample")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "trialmill: 2 experiments are named sample; choose one with -n: default, team-b\n"
    assert run("get", "sample", "-n", "team-b", "-o", "json").json()["metadata"]["uid"] == "uid-2"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("get", "smaple"), "there is no experiment smaple; did you mean sample?"),
        (("get", "else"), "there is no experiment else; see: trialmill list"),
        (("get", "sample", "-n", "team-c"), "no experiment sample in the namespace team-c; it is in default"),
        (("metrics", "sample", f"{NAMES[0]}x"), f"has no trial {NAMES[0]}x; did you mean {NAMES[0]}?"),
        (("logs", "sample", "nothing-like-it"), "see: trialmill trials sample"),
    ],
)
def test_an_unknown_name_is_bad_input_and_what_was_meant_is_guessed(
    run: Run, argv: tuple[str, ...], message: str
) -> None:
    ran = run(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


COMMANDS = (
    ("get", "x"),
    ("describe", "x"),
    ("trials", "x"),
    ("best", "x"),
    ("metrics", "x"),
    ("logs", "x"),
    ("watch", "x"),
    ("export", "x"),
    ("pause", "x"),
    ("stop", "x"),
    ("extend", "x", "--max-trials", "3"),
    ("delete", "x"),
)


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: argv[0])
def test_without_a_store_none_is_made(run: Run, tmp_path: Path, argv: tuple[str, ...]) -> None:
    path = tmp_path / "nowhere" / "store.db"
    ran = run(*argv, "--store", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"trialmill: no store at {path}; run an experiment first, or name the store with --store\n"
    assert not path.parent.exists()


def test_a_list_without_a_store_is_empty_and_makes_none(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "store.db"
    ran = run("list", "--store", str(path))
    assert (ran.code, ran.out, ran.err) == (0, "", "trialmill: no experiments\n")
    ran = run("list", "--store", str(path), "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json() == {"apiVersion": "kubeflow.org/v1beta1", "kind": "ExperimentList", "items": []}
    assert not path.parent.exists()


def test_the_store_of_the_working_directory_is_the_default(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIALMILL_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert "no store at .trialmill/store.db;" in run("get", "sample").err
    seed(tmp_path / ".trialmill" / "store.db", running_experiment())
    assert run("list", "-o", "name").out == "experiment.kubeflow.org/sample\n"


def test_a_file_that_is_no_store_is_an_error_without_a_traceback(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("notes, and quite a few of them\n" * 100)
    ran = run("list", "--store", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert "is no Trialmill store" in ran.err


@pytest.mark.usefixtures("store")
def test_watch_tells_an_end_that_is_saved_while_it_asks_who_drives(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def holder(trials: SqlTrials, ref: ExperimentRef) -> str | None:
        """The driver saves the end and leaves, in the moment in which `watch` asks."""
        record = await trials.experiment(ref)
        if not record.phase.is_over:
            ending = Outcome(True, "ExperimentMaxTrialsReached", "all 12 trials are done")
            await trials.save([replace(record, phase=ExperimentPhase.SUCCEEDED, ending=ending)])
        return None

    monkeypatch.setattr(SqlTrials, "holder", holder)
    ran = run("watch", "sample")
    assert ran.out.splitlines()[-1].endswith("sample  Succeeded ExperimentMaxTrialsReached: all 12 trials are done")
    assert ran.err == ""


@pytest.mark.usefixtures("store")
def test_watch_ends_where_nobody_drives(run: Run) -> None:
    ran = run("watch", "sample")
    states = [line.split("  ")[1:] for line in ran.out.splitlines()]
    assert states[0] == [NAMES[0], "Succeeded accuracy=0.8"]
    assert states[2] == [NAMES[2], "Failed BackoffLimitExceeded exit code 1"]
    assert states[-1] == ["sample", "Running"]
    assert ran.code == 0
    assert "nobody runs sample now; go on with: trialmill resume sample" in ran.err


def log_of(store: Path, index: int, text: bytes, *, container: str = "main", pod: str = "0-0") -> None:
    attempt = store.parent / "runs" / UID / f"{index}-1"
    attempt.mkdir(parents=True, exist_ok=True)
    (attempt / f"{pod}.{container}-0.log").write_bytes(text)
    (attempt / f"{pod}.{container}-0.exit").write_text("0\n")


def test_logs_are_those_of_the_best_trial(store: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log_of(store, 0, b"worse\n")
    log_of(store, 1, b"epoch 1\n\xff\xfe no text\n")
    assert main(["logs", "sample"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"epoch 1\n\xff\xfe no text\n"
    assert f"the best trial, {NAMES[1]}".encode() in err


def test_logs_of_several_pods_are_told_apart(store: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log_of(store, 3, b"one\n")
    log_of(store, 3, b"two\n", pod="0-1")
    log_of(store, 3, b"beside\n", container="helper")
    assert main(["logs", "sample", NAMES[3]]) == 0
    expected = b"==> pod 0-0, container main <==\none\n==> pod 0-1, container main <==\ntwo\n"
    assert capfdbinary.readouterr().out == expected
    assert main(["logs", "sample", NAMES[3], "-c", "helper"]) == 0
    assert capfdbinary.readouterr().out == b"beside\n"


def test_following_a_log_ends_where_nothing_can_be_added(
    store: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    log_of(store, 0, b"done\n")
    log_of(store, 3, b"half\n")
    assert main(["logs", "sample", NAMES[0], "-f"]) == 0
    assert capfdbinary.readouterr().out == b"done\n"
    assert main(["logs", "sample", NAMES[3], "-f"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"half\n"
    assert b"nobody runs sample now" in err


def test_a_container_that_is_not_there_is_named_with_those_that_are(
    store: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    log_of(store, 0, b"x\n")
    assert main(["logs", "sample", NAMES[0], "-c", "train"]) == 0
    assert b"no output of container train; there are main" in capfdbinary.readouterr().err


def test_the_run_before_a_restart_can_be_asked_for(store: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log_of(store, 3, b"crashed\n")
    attempt = store.parent / "runs" / UID / "3-1"
    (attempt / "0-0.main-1.log").write_bytes(b"again\n")
    log_of(store, 3, b"steady\n", container="helper")
    assert main(["logs", "sample", NAMES[3], "--previous"]) == 0
    assert capfdbinary.readouterr().out == b"crashed\n"
    assert main(["logs", "sample", NAMES[3], "-p", "--all-containers"]) == 0
    assert capfdbinary.readouterr().out == b"crashed\n"
    assert main(["logs", "sample", NAMES[3], "-p", "-c", "helper"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert b"no container of" in err
    assert b"was restarted" in err


def test_all_containers_of_a_trial_here_have_titles(store: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log_of(store, 3, b"one\n")
    log_of(store, 3, b"beside\n", container="helper")
    assert main(["logs", "sample", NAMES[3], "--all-containers"]) == 0
    expected = b"==> pod 0-0, container helper <==\nbeside\n==> pod 0-0, container main <==\none\n"
    assert capfdbinary.readouterr().out == expected


def test_what_trials_wait_for_is_said_beside_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setenv("TRIALMILL_STORE", str(tmp_path / "store.db"))
    record = running_experiment()
    waits = {"reason": "Unschedulable", "message": "pod p cannot be scheduled: no node fits"}
    trials = [replace(trial_of(record, index, TrialPhase.PENDING), **waits) for index in (0, 1)]  # type: ignore[arg-type]
    seed(tmp_path / "store.db", record, *trials)
    for command in ("trials", "get"):
        ran = run(command, "sample")
        assert ran.err == f"trialmill: 2 trials wait, Unschedulable: {waits['message']}\n"
        assert "2 trials wait" not in ran.out
    assert run("trials", "sample").out.count("Unschedulable") == 2
    assert run("get", "sample", "-o", "json").err == ""
