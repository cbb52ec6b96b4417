"""Pause, stop, extend and delete from the command line."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from trialmill.cli.main import main
from trialmill.engine.ports import Stores
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, Intent, Outcome, Record, RunState, TrialPhase
from trialmill.root import control
from trialmill.store.sql.open import open_store
from trialmill.testing.stored import UID, running_experiment, seed, some_trials, trial_of


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "store.db"
    monkeypatch.setenv("TRIALMILL_STORE", str(path))
    record = running_experiment()
    seed(path, record, *some_trials(record))
    return path


def stored(path: Path) -> ExperimentRecord:
    found: list[ExperimentRecord] = []

    async def read() -> None:
        async with open_store(path) as stores:
            found.extend(await stores.trials.find("sample"))

    asyncio.run(read())
    return found[0]


def over(reason: str) -> ExperimentRecord:
    ending = Outcome(True, reason, "all 12 trials are done")
    return replace(running_experiment("ended", uid="uid-2"), phase=ExperimentPhase.SUCCEEDED, ending=ending)


class Driven:
    """Somebody else drives the experiment meanwhile."""

    def __init__(self, path: Path) -> None:
        self._opened: AbstractAsyncContextManager[Stores] = open_store(path)
        self._runner = asyncio.Runner()

    def __enter__(self) -> None:
        async def take() -> None:
            stores = await self._opened.__aenter__()
            self._lease = await stores.trials.acquire(running_experiment().ref, "process 4711", timedelta(minutes=1))

        self._runner.run(take())

    def __exit__(self, *_: object) -> None:
        async def leave() -> None:
            await self._lease.release()
            await self._opened.__aexit__(None, None, None)

        self._runner.run(leave())
        self._runner.close()


@pytest.mark.parametrize(
    ("command", "state", "past"), [("pause", RunState.PAUSE, "paused"), ("stop", RunState.STOP, "stopped")]
)
def test_a_request_is_written_down_and_may_be_repeated(
    store: Path, capsys: pytest.CaptureFixture[str], command: str, state: RunState, past: str
) -> None:
    for _ in range(2):
        assert main([command, "sample"]) == 0
        assert capsys.readouterr().out == f"experiment.kubeflow.org/sample {past}\n"
    assert stored(store).intent.state is state


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("command", "told"), [("pause", "nobody runs sample now"), ("stop", "nothing of it runs")])
def test_where_nobody_drives_the_user_is_told(capsys: pytest.CaptureFixture[str], command: str, told: str) -> None:
    main([command, "sample"])
    err = capsys.readouterr().err
    assert told in err
    assert "trialmill resume sample" in err


def test_where_nobody_drives_a_stop_comes_to_rest_by_itself(store: Path) -> None:
    main(["stop", "sample"])
    assert stored(store).phase is ExperimentPhase.STOPPED


def test_where_somebody_drives_the_holder_is_named(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Driven(store):
        assert main(["stop", "sample"]) == 0
    assert "its trials are being ended by process 4711" in capsys.readouterr().err


def test_pausing_does_not_hold_back_a_stop(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["stop", "sample"])
    assert main(["pause", "sample"]) == 0
    assert stored(store).intent.state is RunState.STOP
    assert "sample unchanged" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_an_experiment_that_is_over_stays_as_it_is(
    store: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    seed(store, over("ExperimentMaxTrialsReached"))
    assert main([command, "ended"]) == 0
    out, err = capsys.readouterr()
    assert out == "experiment.kubeflow.org/ended unchanged\n"
    assert "ended is over: all 12 trials are done" in err


def test_extending_allows_more_trials_and_says_how_to_start_them(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["extend", "sample", "--max-trials", "20"]) == 0
    out, err = capsys.readouterr()
    assert out == "experiment.kubeflow.org/sample extended to 20 trials\n"
    assert "trialmill resume sample" in err
    assert stored(store).intent.max_trials == 20
    assert main(["extend", "sample", "--max-trials", "20"]) == 0
    assert capsys.readouterr().out == "experiment.kubeflow.org/sample unchanged\n"


@pytest.mark.usefixtures("store")
def test_extending_to_less_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extend", "sample", "--max-trials", "11"]) == 2
    assert "11 is less than the 12 trials" in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_extending_without_saying_to_what_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extend", "sample"]) == 2
    assert "--max-trials, --max-failed or --past-goal" in capsys.readouterr().err


def test_fewer_trials_than_there_are_is_bad_input(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = replace(running_experiment("made", uid="uid-3"), intent=Intent(max_trials=2))
    seed(store, record, *some_trials(record))
    assert main(["extend", "made", "--max-trials", "3"]) == 2
    assert "made has 5 trials, which is more than 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reason", "options", "said"),
    [
        pytest.param("ExperimentMaxTrialsReached", "--max-trials 20", "extended to 20 trials", id="more trials"),
        pytest.param("ExperimentFailed", "--max-failed 9", "extended to 9 failures", id="more failures"),
        pytest.param("ExperimentGoalReached", "--past-goal", "extended past its goal", id="past the goal"),
        pytest.param(
            "ExperimentGoalReached",
            "--past-goal --max-trials 20",
            "extended to 20 trials past its goal",
            id="both",
        ),
        pytest.param("ExperimentTimedOut", "--max-trials 20", "extended to 20 trials", id="after a timeout"),
    ],
)
def test_what_ended_an_experiment_can_be_allowed(
    store: Path, capsys: pytest.CaptureFixture[str], reason: str, options: str, said: str
) -> None:
    seed(store, over(reason))
    assert main(["extend", "ended", *options.split()]) == 0
    out, err = capsys.readouterr()
    assert out == f"experiment.kubeflow.org/ended {said}\n"
    assert "trialmill resume ended" in err


@pytest.mark.parametrize(
    ("reason", "options", "advice"),
    [
        pytest.param(
            "ExperimentFailed",
            "--max-trials 20",
            "allow more than 0 failures with: trialmill extend ended --max-failed N",
            id="too many failed, and more trials are allowed",
        ),
        pytest.param(
            "ExperimentGoalReached",
            "--max-trials 20",
            "let it go on past its goal with: trialmill extend ended --past-goal",
            id="the goal is reached, and more trials are allowed",
        ),
        pytest.param(
            "ExperimentMaxTrialsReached",
            "--max-failed 9",
            "allow more than 0 trials with: trialmill extend ended --max-trials N",
            id="all trials are done, and more failures are allowed",
        ),
        pytest.param(
            "ExperimentSuggestionEndReached",
            "--max-trials 20",
            "nothing that it may do undoes this end",
            id="the algorithm has nothing more to suggest",
        ),
    ],
)
def test_what_does_not_undo_an_end_is_refused_with_what_would(
    store: Path, capsys: pytest.CaptureFixture[str], reason: str, options: str, advice: str
) -> None:
    ended = over(reason)
    seed(store, replace(ended, intent=Intent(max_trials=0, max_failed_trials=0)))
    assert main(["extend", "ended", *options.split()]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"trialmill: ended is over: all 12 trials are done; {advice}\n"


def test_what_is_over_and_allowed_already_is_not_said_to_be_startable(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = replace(over("ExperimentMaxTrialsReached"), intent=Intent(max_trials=1))
    seed(store, ended, trial_of(ended, 0, TrialPhase.SUCCEEDED))
    assert main(["extend", "ended", "--max-trials", "1"]) == 0
    out, err = capsys.readouterr()
    assert out == "experiment.kubeflow.org/ended unchanged\n"
    assert err == "trialmill: ended is over: all 12 trials are done\n"
    for said in ("extended to 2 trials", "unchanged"):
        assert main(["extend", "ended", "--max-trials", "2"]) == 0
        out, err = capsys.readouterr()
        assert out == f"experiment.kubeflow.org/ended {said}\n"
        assert "start it with: trialmill resume ended" in err


def test_a_change_that_another_process_overtakes_is_made_again(store: Path) -> None:
    class Overtaken:
        """A trial store in which the driver saves the experiment just before the first save of ours."""

        def __init__(self, stores: Stores) -> None:
            self._trials = stores.trials
            self.saves = 0

        def __getattr__(self, name: str) -> object:
            return getattr(self._trials, name)

        async def save(self, records: list[Record]) -> list[Record]:
            self.saves += 1
            if self.saves == 1:
                current = await self._trials.experiment(running_experiment().ref)
                await self._trials.save([replace(current, phase=ExperimentPhase.PAUSED)])
            return await self._trials.save(records)

    async def change() -> control.Changed:
        async with open_store(store) as stores:
            overtaken = Overtaken(stores)
            wrapped = replace(stores, trials=overtaken)  # type: ignore[arg-type]
            return await control.stop(wrapped, running_experiment().ref)

    assert asyncio.run(change()).changed
    assert stored(store).intent.state is RunState.STOP
    assert stored(store).phase is ExperimentPhase.PAUSED


def test_deleting_takes_the_files_along_and_leaves_other_experiments(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(store, running_experiment("other", uid="uid-2"))
    for uid in (UID, "uid-2"):
        (store.parent / "runs" / uid / "0-1" / "0-0" / "main-0").mkdir(parents=True)
    assert main(["delete", "sample"]) == 0
    assert capsys.readouterr().out == "experiment.kubeflow.org/sample deleted\n"
    assert main(["list", "-o", "name"]) == 0
    assert capsys.readouterr().out == "experiment.kubeflow.org/other\n"
    assert [folder.name for folder in (store.parent / "runs").iterdir()] == ["uid-2"]
    assert main(["delete", "sample"]) == 2


def test_nothing_is_left_on_a_cluster_by_an_experiment_of_this_machine(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["delete", "sample", "--cascade", "orphan"]) == 2
    assert "sample runs on this machine" in capsys.readouterr().err
    assert stored(store).uid == UID


def test_what_is_being_stopped_needs_no_second_stop_to_be_deleted(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Driven(store):
        assert main(["stop", "sample"]) == 0
        capsys.readouterr()
        assert main(["delete", "sample"]) == 1
    wait = "see when it has ended with: trialmill watch sample"
    assert capsys.readouterr().err == f"trialmill: sample is being stopped by process 4711; {wait}\n"


def test_what_is_driven_is_not_deleted(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Driven(store):
        assert main(["delete", "sample"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "trialmill: sample is being run by process 4711; stop it first: trialmill stop sample\n"
    assert stored(store).uid == UID
