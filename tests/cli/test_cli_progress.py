"""What a run tells while it goes on."""

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import pytest

from trialmill.api.tree import JsonObject
from trialmill.cli.hints import Hints
from trialmill.cli.progress import Progress, WaitTeller
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, TrialRecord
from trialmill.engine.rules import rules_of
from trialmill.engine.state import State
from trialmill.root.lookup import experiment_of
from trialmill.testing.stored import running_experiment, some_trials


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Watched:
    """A run whose clock is turned by hand."""

    def __init__(self, stream: StringIO) -> None:
        self.time = 0.0
        self.stream = stream
        self.record = running_experiment()
        self.trials = some_trials(self.record)
        self.progress = Progress(stream, Hints(store="x.db"), lambda: self.time)

    def state(self, phase: ExperimentPhase, trials: Sequence[TrialRecord] | None = None) -> State:
        record: ExperimentRecord = replace(self.record, phase=phase)
        return State(record, self.trials if trials is None else trials, rules_of(experiment_of(record).spec))

    def open(self, phase: ExperimentPhase, *, resumed: bool = False) -> None:
        self.progress.opened(replace(self.record, phase=phase), experiment_of(self.record), resumed=resumed)

    def changed(self, at: float, state: State) -> None:
        self.time = at
        self.progress.changed(state)

    def told(self) -> list[str]:
        return self.stream.getvalue().splitlines()


PAUSED = "paused: no new trials are started; go on, from any shell, with: trialmill resume sample --store x.db"


def test_a_pause_is_said_once_with_the_command_that_ends_it() -> None:
    run = Watched(StringIO())
    run.open(ExperimentPhase.CREATED)
    for second, phase in enumerate(("Running", "Paused", "Paused", "Running")):
        run.changed(float(second), run.state(ExperimentPhase(phase)))
    assert [line for line in run.told() if "paused" in line or "going on" in line] == [PAUSED, "going on"]


@pytest.mark.parametrize(
    ("kind", "fate"),
    [("batch/v1 Job", "are suspended"), ("v1 Pod", "go on to their end"), ("example.dev/v1 Odd", "go on to their end")],
    ids=["a Job", "a Pod", "a kind that nobody knows"],
)
def test_a_pause_on_a_cluster_says_what_becomes_of_running_trials(kind: str, fate: str) -> None:
    run = Watched(StringIO())
    api_version, _, name = kind.partition(" ")
    compiled = {**run.record.compiled, "apiVersion": api_version, "kind": name}
    run.record = replace(run.record, compiled=compiled, settings={"cluster": {"context": "here"}})
    run.open(ExperimentPhase.CREATED)
    run.changed(0.0, run.state(ExperimentPhase.PAUSED, []))
    assert f"no new trials are started, those that run {fate}; go on" in run.told()[-1]


def test_a_runtime_out_of_sight_is_said_once_and_that_it_is_in_sight_again() -> None:
    run = Watched(StringIO())
    run.open(ExperimentPhase.RUNNING)
    state = run.state(ExperimentPhase.RUNNING)
    for second, trouble in enumerate(("", "no answer", "no answer", "", "")):
        state.trouble = trouble
        run.changed(float(second), state)
    assert run.told()[-2:] == ["no answer", "what runs can be followed again"]


def test_an_experiment_that_starts_suspended_does_not_wait_in_silence() -> None:
    run = Watched(StringIO())
    run.open(ExperimentPhase.CREATED)
    run.changed(0.0, run.state(ExperimentPhase.PAUSED, []))
    assert run.told() == ["experiment sample started, seed 7", PAUSED]


def test_a_paused_experiment_has_no_time_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = Watched(Terminal())
    with run.progress:
        run.open(ExperimentPhase.RUNNING)
        run.changed(0.0, run.state(ExperimentPhase.RUNNING, run.trials[:1]))
        run.changed(5.0, run.state(ExperimentPhase.PAUSED))
        run.time = 65.0
    last = run.stream.getvalue().rpartition("1m5s")[2]
    assert "paused for 1m" in last
    assert "suspended or ending" in last
    assert PAUSED in last
    assert "left" not in last


def test_time_spent_paused_says_nothing_of_the_time_left() -> None:
    run = Watched(StringIO())
    run.open(ExperimentPhase.RUNNING)
    run.changed(0.0, run.state(ExperimentPhase.RUNNING, []))
    run.changed(8.0, run.state(ExperimentPhase.PAUSED))
    run.changed(1000.0, run.state(ExperimentPhase.RUNNING))
    assert run.told()[-1].endswith("16m40s, about 24s left")


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_an_experiment_that_was_over_goes_on_only_where_its_end_is_undone(phase: str) -> None:
    run = Watched(StringIO())
    run.open(ExperimentPhase.SUCCEEDED, resumed=True)
    run.changed(0.0, run.state(ExperimentPhase(phase), []))
    assert run.told() == (["going on with experiment sample"] if phase == "Running" else [])


def waiting(trial: TrialRecord) -> TrialRecord:
    return replace(trial, reason="Unschedulable", message=f"pod {trial.name}-abc cannot be scheduled: no node fits")


def test_without_a_terminal_a_wait_is_told_when_it_begins_and_counted_after_that() -> None:
    run = Watched(StringIO())
    run.open(ExperimentPhase.CREATED)
    trials = [waiting(trial) if not trial.phase.is_over else trial for trial in run.trials]
    run.changed(0.0, run.state(ExperimentPhase.RUNNING, trials[:4]))
    for second in range(1, 12):
        run.changed(float(second), run.state(ExperimentPhase.RUNNING, trials))
    name = trials[3].name
    told = [line for line in run.told() if "wait" in line]
    assert told[0] == f"trial {name} waits, Unschedulable: pod {name}-abc cannot be scheduled: no node fits"
    assert [line for line in told[1:] if "2 waiting (Unschedulable)" in line] == told[1:]
    assert len(told) == 2


def test_on_a_terminal_what_is_waited_for_is_shown_as_long_as_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = Watched(Terminal())
    with run.progress:
        run.open(ExperimentPhase.RUNNING)
        run.changed(0.0, run.state(ExperimentPhase.RUNNING, [*run.trials[:3], waiting(run.trials[3])]))
    assert f"trial {run.trials[3].name} waits, Unschedulable" in run.stream.getvalue()


@pytest.mark.parametrize("settings", [{}, {"cluster": {"context": "lab"}}], ids=["here", "there"])
def test_what_a_second_ctrl_c_does_is_said_with_the_first(settings: JsonObject) -> None:
    run = Watched(StringIO())
    run.record = replace(run.record, settings=settings)
    run.open(ExperimentPhase.RUNNING)
    run.progress.stopping(at_once=False)
    run.progress.stopping(at_once=True)
    first, second = run.told()[-2:]
    assert ("leave now, while the cluster goes on ending them" in first) == bool(settings)
    assert second == ("leaving: the cluster goes on ending the trials" if settings else "ending trials at once")


def test_of_a_trial_that_is_tried_nothing_is_told_but_what_it_waits_for() -> None:
    run, stream = Watched(StringIO()), StringIO()
    teller = WaitTeller(stream)
    for trial in (run.trials[3], waiting(run.trials[3]), waiting(run.trials[3])):
        teller.changed(run.state(ExperimentPhase.RUNNING, [*run.trials[:3], trial]))
    (told,) = stream.getvalue().splitlines()
    assert told.startswith(f"trial {run.trials[3].name} waits, Unschedulable: ")
