"""Running from Python: real trials, which are over at once."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sdk_samples import SPACE, job, sample

import trialmill
from trialmill import EditedError, Experiment, ExperimentWarning, InputError, TrialResult, double, param

ECHO = f"echo accuracy={param('lr')}; : {param('layers')} {param('optimizer')}"


def echo(**others: Any) -> Experiment:
    """Each trial's accuracy is its lr."""
    return sample(job("sh", "-c", ECHO), seed=1, **others)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("TRIALMILL_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    yield


def test_a_run_returns_what_came_of_it(tmp_path: Path) -> None:
    result = echo().run()
    assert result.succeeded
    assert (result.name, result.namespace, len(result.trials)) == ("sample", "default", 3)
    best = max(result.trials, key=lambda trial: float(trial.assignment["lr"]))
    assert result.best == best
    assert result.assignment == best.assignment
    assert best.value == best.metrics["accuracy"] == best.assignment["lr"]
    assert isinstance(best.assignment["layers"], int)
    assert best.succeeded
    assert best.seconds is not None
    assert any(f"accuracy={best.value}" in log.read_text() for log in best.directory.glob("*.log"))
    assert (tmp_path / ".trialmill" / "store.db").exists()


def test_rows_are_for_data_frames() -> None:
    result = echo().run()
    rows = result.to_rows()
    assert [row["trial"] for row in rows] == [trial.name for trial in result.trials]
    assert list(rows[0]) == [
        "trial", "status", "lr", "layers", "optimizer", "accuracy", "created", "started", "finished", "seconds",
        "reason", "message",
    ]  # fmt: skip
    assert rows[0]["lr"] == rows[0]["accuracy"] == result.trials[0].value


def test_a_trials_manifest_is_what_was_created() -> None:
    result = echo().run()
    assert result.best is not None
    manifest: Any = result.manifest()
    assert manifest["metadata"]["name"] == result.best.name
    assert f"accuracy={result.best.value!r};" in manifest["spec"]["template"]["spec"]["containers"][0]["command"][2]
    first: Any = result.manifest(result.trials[0])
    assert first["metadata"]["name"] == result.trials[0].name


def test_a_run_in_a_notebook_blocks_the_same() -> None:
    async def cell() -> int:
        return len(echo().run(progress=True).trials)

    assert asyncio.run(cell()) == 3


def test_a_run_in_a_thread_leaves_signals_alone() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(echo().run().trials)))
    thread.start()
    thread.join(120)
    assert found == [3]


def test_a_file_that_was_written_runs_like_the_experiment_itself() -> None:
    made = echo()
    again = Experiment.from_yaml(made.to_yaml())
    assert [t.assignment for t in made.run(store="a.db").trials] == [
        t.assignment for t in again.run(store="b.db").trials
    ]


def test_progress_hears_of_each_trial_once_also_over_two_runs() -> None:
    heard: list[TrialResult] = []
    first = echo().run(progress=heard.append)
    assert {trial.name for trial in heard} == {trial.name for trial in first.trials}
    assert all(trial.value is not None for trial in heard)
    second = echo(max_trials=5).run(progress=heard.append)
    assert [t.name for t in second.trials[:3]] == [t.name for t in first.trials]
    assert sorted(trial.index for trial in heard) == [0, 1, 2, 3, 4]


def test_an_error_in_progress_ends_the_run_and_comes_back() -> None:
    def fail(trial: TrialResult) -> None:
        raise LookupError(trial.name)

    with pytest.raises(LookupError, match="sample-"):
        echo(max_trials=50, parallel_trials=1).run(progress=fail)
    assert len(echo(max_trials=50, parallel_trials=1).result().trials) < 50


def test_another_experiment_of_the_same_name_is_refused() -> None:
    echo().run()
    with pytest.raises(EditedError) as caught:
        echo(parameters={**SPACE, "lr": double(0.2, 0.3)}).run()
    assert {difference.given for difference in caught.value.differences} >= {"0.2", "0.3"}


def test_the_result_is_there_for_a_later_program() -> None:
    ran = echo().run(store="s.db")
    later = echo().result(store="s.db")
    assert later.best == ran.best
    assert later.to_rows() == ran.to_rows()
    with pytest.raises(InputError, match="no store"):
        echo().result(store="other.db")


def test_options_count() -> None:
    result = echo().run(max_trials=2, parallel="auto", seed=9, timeout=60)
    assert len(result.trials) == 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"timeout": "soon"}, "timeout: 'soon' is no length of time"),
        ({"timeout": 0}, "longer than nothing"),
        ({"images": {"train": "nowhere"}}, "nowhere is not a folder"),
    ],
    ids=["timeout", "no time", "image"],
)
def test_an_option_that_means_nothing_is_refused(options: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        echo().run(**options)


def test_warnings_are_pythons() -> None:
    with pytest.warns(ExperimentWarning, match="placeholder-lookalike"):
        sample(job("sh", "-c", f"{ECHO} # ${{trialParameter.lr}}")).run()


def test_a_failed_trial_says_why() -> None:
    template = job("sh", "-c", f"{ECHO}; exit 3", backoffLimit=0)
    failing = sample(template, max_failed_trials=0, parallel_trials=1)  # others would be ended by the first failure
    result = failing.run()
    assert (result.succeeded, result.best, result.assignment) == (False, None, None)
    assert result.trials[0].status == "Failed"
    with pytest.raises(ValueError, match="no best trial"):
        result.manifest()


@pytest.mark.parametrize("notebook", [False, True], ids=["script", "notebook"])
def test_ctrl_c_ends_trials_gently_and_keeps_the_experiment_resumable(notebook: bool, tmp_path: Path) -> None:
    program = f"""
        import asyncio, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from sdk_samples import job, sample
        from trialmill import param
        words = " ".join(str(param(name)) for name in ("lr", "layers", "optimizer"))
        made = sample(job("sh", "-c", f"echo started >> started; exec sleep 3000 # {{words}}"), seed=1)
        async def cell():
            made.run()
        try:
            asyncio.run(cell()) if {notebook} else made.run()
        except KeyboardInterrupt as error:
            print("stopped:", error)
        result = made.result()
        print(result.status, len(result.trials))
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(trialmill.__file__).parents[1])}
    words = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            while not (tmp_path / "started").exists():
                assert process.poll() is None
                threading.Event().wait(0.02)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert out.splitlines() == ["stopped: experiment sample was stopped; run it again to go on", "Stopped 3"]
