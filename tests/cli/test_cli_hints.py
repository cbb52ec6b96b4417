"""Commands that messages recommend: typed as they are printed, they find what they speak of."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from trialmill.cli.hints import Hints
from trialmill.cli.main import main
from trialmill.cli.results import print_result
from trialmill.engine.records import ExperimentPhase, Outcome
from trialmill.root.lookup import experiment_of
from trialmill.root.session import Finished
from trialmill.store.sql.open import open_store
from trialmill.testing.stored import running_experiment, seed


@pytest.mark.parametrize(
    ("hints", "namespace", "options"),
    [
        pytest.param(Hints(), None, "", id="nothing was given"),
        pytest.param(Hints(), "default", "", id="the usual namespace"),
        pytest.param(Hints(), "team-a", " -n team-a", id="the file's own namespace"),
        pytest.param(Hints("team-b"), "team-a", " -n team-b", id="a namespace was given"),
        pytest.param(Hints(store="a b.db"), None, " --store 'a b.db'", id="a store with a space"),
    ],
)
def test_a_command_has_the_options_that_it_needs(hints: Hints, namespace: str | None, options: str) -> None:
    assert hints.command("describe", "x", namespace) == f"trialmill describe x{options}"


def test_a_result_tells_commands_that_find_the_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    record = replace(running_experiment(namespace="team-a"), phase=ExperimentPhase.STOPPED)
    print_result(Finished(record, (), experiment_of(record)), "x.db", Hints(store="x.db"))
    out = capsys.readouterr().out
    assert "More: trialmill describe sample -n team-a --store x.db\n" in out
    assert "Go on: trialmill resume sample -n team-a --store x.db\n" in out


@pytest.mark.parametrize(
    ("reason", "already", "command"),
    [
        pytest.param("ExperimentTimedOut", False, "resume sample", id="it timed out"),
        pytest.param("ExperimentFailed", False, "extend sample --max-failed N", id="too many failed"),
        pytest.param("ExperimentGoalReached", False, None, id="the goal was reached"),
        pytest.param("ExperimentGoalReached", True, "extend sample --past-goal", id="the goal was reached before"),
        pytest.param("ExperimentMaxTrialsReached", False, None, id="all are done"),
        pytest.param("ExperimentMaxTrialsReached", True, "extend sample --max-trials N", id="all were done before"),
        pytest.param("ExperimentSuggestionEndReached", True, None, id="nothing is left to try"),
    ],
)
def test_a_result_tells_how_its_end_is_undone(
    capsys: pytest.CaptureFixture[str], reason: str, already: bool, command: str | None
) -> None:
    record = replace(running_experiment(), phase=ExperimentPhase.SUCCEEDED, ending=Outcome(True, reason, "it ended"))
    print_result(Finished(record, (), experiment_of(record), already=already), "x.db", Hints())
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Go on")] == ([f"Go on: trialmill {command}"] if command else [])


def test_a_refusal_tells_a_command_that_finds_the_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.db"
    seed(path, running_experiment())

    async def refused() -> int:
        async with open_store(path) as stores:
            lease = await stores.trials.acquire(running_experiment().ref, "process 4711", timedelta(minutes=1))
            code = await asyncio.to_thread(main, ["delete", "sample", "-n", "default", "--store", str(path)])
            await lease.release()
            return code

    assert asyncio.run(refused()) == 1
    assert f"stop it first: trialmill stop sample -n default --store {path}\n" in capsys.readouterr().err


def test_a_name_that_is_not_there_leads_to_a_list_of_the_same_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(tmp_path / "store.db", running_experiment())
    assert main(["get", "unlike", "--store", str(tmp_path / "store.db")]) == 2
    assert f"see: trialmill list --store {tmp_path / 'store.db'}\n" in capsys.readouterr().err
