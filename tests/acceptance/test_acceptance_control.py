"""Ending, pausing and going on: by signals, and by commands from another process while an experiment runs."""

import json
import os
import resource
import signal
import time

import pytest
from acceptance_place import PATIENCE, Place, assignments, ends, experiment, last_condition, shell, wait_until

pytestmark = pytest.mark.examples

WAITS = (
    "echo $x >> starts; if mkdir lock.$x 2> /dev/null; then while test ! -e go; do sleep 0.02; done; fi; echo loss=$x"
)
"""A trial's first attempt waits for the file `go`; a second one ends by itself."""
STUBBORN = "trap 'touch told.$x' TERM; touch up.$x; while :; do sleep 0.05; done"
"""A trial that writes down that it was told to end, and goes on."""
PATIENT = """
import sys
from dataclasses import replace
from datetime import timedelta
from trialmill.cli.main import main
from trialmill.root import session

rules_of = session.rules_of
session.rules_of = lambda spec: replace(rules_of(spec), stop_grace=timedelta(hours=1))
sys.exit(main())
"""
"""The command, which gives trials an hour to end by themselves."""
ANSWERS = """
import sys
from pathlib import Path
from trialmill.cli.failures import guarded
from trialmill.root.interrupts import answer_interrupts

def command():
    Path("answers").touch()
    from trialmill.cli.main import main
    return main()

answer_interrupts()
sys.exit(guarded(command))
"""
"""The command, which says from when on Ctrl-C has its answer: before that, it has Python's own."""


def started(place: Place, count: int = 2) -> None:
    """Wait until so many attempts have started."""
    starts = place.folder / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) >= count)


def attempts(place: Place) -> int:
    return len((place.folder / "starts").read_text().splitlines())


# --- signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_ends_trials_gently_and_resume_gives_each_a_new_attempt_that_is_no_failure(
    place: Place, number: signal.Signals
) -> None:
    # A trial that has only begun may be told twice.
    script = f"trap 'touch gently.$x; exit 1' TERM; {WAITS}"
    place.write("e.yaml", experiment(shell(script), trials=3, maxFailedTrialCount=1))
    process = place.start("run", "e.yaml", "--seed", "5")
    started(place)

    process.send_signal(number)
    outcome = place.end_of(process, code=130)

    assert "trialmill resume e" in outcome.out + outcome.err
    place.assert_nothing_runs()
    assert len(list(place.folder.glob("gently.*"))) == 2
    status = place.experiment()["status"]
    running = next(c for c in status["conditions"] if c["type"] == "Running")
    assert (running["status"], running["reason"]) == ("False", "ExperimentStopped")
    assert not {"Failed", "Killed", "Succeeded"} & set(ends(place.trials()))

    place.write("go", "")
    assert "succeeded" in place("resume", "e").out
    assert ends(place.trials()) == ["Succeeded"] * 3
    assert place.experiment()["status"].get("trialsFailed", 0) == 0


def test_run_of_the_same_file_goes_on_after_a_signal(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=3))
    process = place.start("run", "e.yaml")
    started(place)
    process.send_signal(signal.SIGINT)
    place.end_of(process, code=130)

    place.write("go", "")
    place("run", "e.yaml")

    assert ends(place.trials()) == ["Succeeded"] * 3
    assert attempts(place) == 5


def test_a_second_signal_ends_trials_at_once_that_ignore_the_first(place: Place) -> None:
    place.write("e.yaml", experiment(shell(STUBBORN), pod={"terminationGracePeriodSeconds": 3600}))
    process = place.start("run", "e.yaml", program=PATIENT)
    wait_until(lambda: len(list(place.folder.glob("up.*"))) == 2)

    process.send_signal(signal.SIGINT)
    wait_until(lambda: len(list(place.folder.glob("told.*"))) == 2)
    process.send_signal(signal.SIGINT)
    place.end_of(process, code=130)

    place.assert_nothing_runs()


def test_a_signal_before_the_first_trial_leaves_something_that_can_be_resumed(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x"), trials=200))
    answers = place.folder / "answers"
    for delay in (0, 0.05, 0.1, 0.15, 0.2, 0.25):
        process = place.start("run", "e.yaml", program=ANSWERS)
        wait_until(answers.exists)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        place.end_of(process, code=130)
        answers.unlink()

    place("run", "e.yaml")

    assert ends(place.trials()) == ["Succeeded"] * 200


def test_a_hangup_leaves_trials_to_be_adopted(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=2))
    process = place.start("run", "e.yaml")
    started(place)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE)

    place.write("go", "")
    place("resume", "e")

    assert ends(place.trials()) == ["Succeeded"] * 2


# --- other processes


def test_a_second_run_is_told_who_drives_the_experiment(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=2))
    process = place.start("run", "e.yaml")
    started(place)

    for words in (["run", "e.yaml"], ["resume", "e"], ["delete", "e"]):
        outcome = place(*words, code=1)
        assert f"process {process.pid}" in outcome.err

    place.write("go", "")
    place.end_of(process)
    assert attempts(place) == 2


def paused(place: Place) -> None:
    place("pause", "e")
    wait_until(lambda: not is_running(place))


def is_running(place: Place) -> bool:
    """Whether the experiment is being driven and not paused, as its driver has written down."""
    conditions = place.experiment()["status"]["conditions"]
    return any(condition["type"] == "Running" and condition["status"] == "True" for condition in conditions)


def test_pause_suspends_jobs_and_resume_from_elsewhere_lets_the_run_go_on(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=6))
    process = place.start("run", "e.yaml")
    started(place)

    paused(place)
    wait_until(place.stand_still)  # a pause is written down before it is done
    place.write("go", "")
    time.sleep(0.5)  # long enough for trials to end and others to start, if they could
    assert place.experiment()["status"].get("trialsSucceeded", 0) == 0
    assert attempts(place) == 2

    assert "resumed" in place("resume", "e").out
    assert "succeeded" in place.end_of(process).out
    assert attempts(place) == 6


def test_pause_lets_pods_end_and_starts_no_new_ones(place: Place) -> None:
    tree = experiment(shell(WAITS), trials=6)
    job = tree["spec"]["trialTemplate"]["trialSpec"]
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": job["spec"]["template"]["spec"]}
    conditions = {
        "successCondition": 'status.[@this].#(phase=="Succeeded")#',
        "failureCondition": 'status.[@this].#(phase=="Failed")#',
    }
    tree["spec"]["trialTemplate"] |= {"trialSpec": pod, **conditions}
    place.write("e.yaml", tree)
    process = place.start("run", "e.yaml")
    started(place)

    paused(place)
    place.write("go", "")
    wait_until(lambda: place.experiment()["status"].get("trialsSucceeded") == 2)
    time.sleep(0.5)  # long enough for a third trial, if one were started
    assert attempts(place) == 2

    place("resume", "e")
    place.end_of(process)
    assert ends(place.trials()) == ["Succeeded"] * 6


def test_a_paused_experiment_can_be_interrupted_and_killed_and_still_goes_on(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=3))
    process = place.start("run", "e.yaml")
    started(place)
    paused(place)
    process.kill()
    process.communicate()

    process = place.start("resume", "e")
    wait_until(lambda: is_running(place))
    paused(place)
    process.send_signal(signal.SIGINT)
    place.end_of(process, code=130)
    place.assert_nothing_runs()

    place.write("go", "")
    place("resume", "e")
    assert ends(place.trials()) == ["Succeeded"] * 3
    assert attempts(place) == 5


def test_stop_ends_trials_and_the_run_says_so(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=4))
    process = place.start("run", "e.yaml")
    started(place)

    place("stop", "e")
    outcome = place.end_of(process, code=1)

    assert "stopped" in outcome.out
    place.assert_nothing_runs()
    place.write("go", "")
    place("resume", "e")
    assert ends(place.trials()) == ["Succeeded"] * 4


def test_stop_ends_the_trials_that_outlived_their_trialmill(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=4))
    process = place.start("run", "e.yaml")
    started(place)
    process.kill()
    process.communicate()
    assert place.processes()

    place("stop", "e")

    place.assert_nothing_runs()
    assert last_condition(place.experiment())["reason"] == "ExperimentStopped"
    place.write("go", "")
    place("resume", "e")
    assert ends(place.trials()) == ["Succeeded"] * 4


def test_extend_reaches_the_run_that_goes_on(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=2))
    process = place.start("run", "e.yaml")
    started(place)

    place("extend", "e", "--max-trials", "5")
    place.write("go", "")
    place.end_of(process)

    assert ends(place.trials()) == ["Succeeded"] * 5


def test_extend_works_after_the_end_and_less_than_before_is_refused(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x"), trials=3))
    place("run", "e.yaml", "--seed", "5")

    assert "less" in place("extend", "e", "--max-trials", "2", code=2).err
    place("extend", "e", "--max-trials", "6")
    assert "succeeded: all 6 trials are done" in place("run", "e.yaml").out
    assert "succeeded before: all 6 trials are done" in place("run", "e.yaml").out
    assert ends(place.trials()) == ["Succeeded"] * 6
    status = place.experiment()["status"]
    assert [c["type"] for c in status["conditions"] if c["status"] == "True"][-1] == "Succeeded"


def test_run_knows_the_stand_ins_of_the_run_before(place: Place) -> None:
    place.write("image/opt/train.sh", "echo loss=$1\n")
    command = ["sh", "/opt/train.sh", "${trialParameters.x}"]
    place.write("e.yaml", experiment(command, trials=2, container={"image": "trainer:1"}))
    place("run", "e.yaml", "--image", "trainer=image")

    assert "succeeded" in place("run", "e.yaml").out
    assert "succeeded" in place("run", "e.yaml", "--max-trials", "4").out
    assert ends(place.trials()) == ["Succeeded"] * 4


def test_delete_leaves_neither_rows_nor_files_nor_other_experiments_changed(place: Place) -> None:
    for name in ("a", "b"):
        place.write("e.yaml", experiment(shell("echo loss=$x"), name=name))
        place("run", "e.yaml")
    kept = place.experiment("b")

    place("delete", "a")

    assert place("list", "-o", "name").out.split() == ["experiment.kubeflow.org/b"]
    assert place.experiment("b") == kept
    assert len(list((place.folder / ".trialmill" / "runs").iterdir())) == 1
    assert "no experiment a" in place("get", "a", code=2).err


def test_a_name_in_two_namespaces_is_ambiguous_until_one_is_named(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x")))
    place("run", "e.yaml", "-n", "one")
    place("run", "e.yaml", "-n", "two")

    assert "-n" in place("get", "e", code=2).err
    assert place("get", "e", "-n", "two", "-o", "json").tree["metadata"]["namespace"] == "two"


# --- run again


def test_run_of_a_finished_experiment_prints_its_result_again(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo start >> starts; echo loss=$x")))
    first = place("run", "e.yaml").out.splitlines()

    again = place("run", "e.yaml").out.splitlines()

    assert again[1 : len(first)] == first[1:]
    assert again[-1].startswith("Start over: trialmill delete e")
    assert attempts(place) == 4


def test_an_edited_file_lists_its_differences_and_changes_nothing(place: Place) -> None:
    tree = experiment(shell("echo loss=$x"))
    place.write("e.yaml", tree)
    place("run", "e.yaml")
    before = place.experiment()
    tree["spec"]["objective"]["objectiveMetricName"] = "accuracy"
    tree["spec"]["parameters"][0]["feasibleSpace"]["max"] = "3"
    place.write("e.yaml", tree)

    outcome = place("run", "e.yaml", code=2)

    for words in ("spec.objective.objectiveMetricName", "accuracy", "spec.parameters[0].feasibleSpace.max", "--name"):
        assert words in outcome.err
    assert place.experiment() == before
    place("run", "e.yaml", "--name", "other")
    assert len(place("list", "-o", "name").out.split()) == 2


def test_a_file_with_more_trials_goes_on_where_it_ended(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x"), trials=2))
    place("run", "e.yaml")
    place.write("e.yaml", experiment(shell("echo loss=$x"), trials=5))

    place("run", "e.yaml")

    assert ends(place.trials()) == ["Succeeded"] * 5


# --- options


def test_max_trials_overrides_the_file(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x"), trials=9))

    place("run", "e.yaml", "--max-trials", "1")

    assert ends(place.trials()) == ["Succeeded"]


@pytest.mark.parametrize("algorithm", ["random", "sobol", "tpe"])
def test_one_seed_gives_the_same_assignments_and_another_gives_others(place: Place, algorithm: str) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x"), parallel=1, algorithm={"algorithmName": algorithm}))
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        place("run", "e.yaml", "--name", name, "--seed", seed)

    found = {name: assignments(place.trials(name)) for name in "abc"}

    assert found["a"] == found["b"] != found["c"]


def test_parallel_auto_fills_the_machine_by_what_trials_ask_for(place: Place) -> None:
    script = "touch up.$x; sleep 0.3; ls up.* | wc -l | sed s/^/loss=/; rm up.$x"
    half = {"resources": {"requests": {"cpu": f"{(os.cpu_count() or 1) / 2:g}"}}}
    place.write("e.yaml", experiment(shell(script), trials=4, parallel=1, container=half))

    place("run", "e.yaml", "--parallel", "auto")

    assert place.experiment()["spec"]["parallelTrialCount"] in (1, 2)
    assert ends(place.trials()) == ["Succeeded"] * 4


def test_a_timeout_ends_the_experiment_and_what_was_found_counts(place: Place) -> None:
    script = "mkdir lock 2> /dev/null || sleep 1000; echo loss=$x"
    place.write("e.yaml", experiment(shell(script), parallel=1))
    place("run", "e.yaml", "--max-trials", "1")

    outcome = place("run", "e.yaml", "--max-trials", "4", "--timeout", "2s")

    assert "timeout" in outcome.out
    assert last_condition(place.experiment())["reason"] == "ExperimentTimedOut"
    place.assert_nothing_runs()


def test_output_as_json_is_one_experiment_and_nothing_else(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo noise; echo loss=$x")))

    tree = place("run", "e.yaml", "-o", "json").tree

    assert (tree["apiVersion"], tree["kind"]) == ("kubeflow.org/v1beta1", "Experiment")
    assert tree["status"]["trialsSucceeded"] == 4
    best = tree["status"]["currentOptimalTrial"]
    values = {
        t["metadata"]["name"]: float(a["x"]) for t, a in zip(place.trials(), assignments(place.trials()), strict=True)
    }
    assert values[best["bestTrialName"]] == min(values.values())


# --- try


def test_try_of_a_good_job_says_so_and_leaves_no_experiment(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x")))

    outcome = place("try", "e.yaml")

    assert "ready" in outcome.out
    assert "0.5" in outcome.out
    assert not place.store.exists()


@pytest.mark.parametrize(
    ("script", "timeout", "said"),
    [
        ("echo 'out of luck' >&2; exit 3", "1h", "exited with code 3"),
        ("echo accuracy=1", "1h", "nothing like `loss="),
        ("echo loss=nan", "1h", "nan"),
        ("sleep 1000", "3s", "timeout"),
    ],
    ids=["it crashes", "it prints something else", "it prints nan", "it hangs"],
)
def test_try_of_a_bad_job_says_what_is_wrong(place: Place, script: str, timeout: str, said: str) -> None:
    place.write("e.yaml", experiment(shell(script)))

    outcome = place("try", "e.yaml", "--timeout", timeout, code=1)

    assert said in outcome.out + outcome.err
    place.assert_nothing_runs()


# --- looking on


def test_logs_follow_a_trial_to_its_end(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo first; touch up; " + WAITS), trials=1))
    process = place.start("run", "e.yaml")
    started(place, 1)

    following = place.start("logs", "e", "-f")
    time.sleep(0.5)  # so that it has something to follow
    place.write("go", "")
    lines = place.end_of(following).out.splitlines()
    place.end_of(process)

    assert (lines[0], lines[-1][:5]) == ("first", "loss=")


def test_watch_tells_each_change_and_ends_with_the_experiment(place: Place) -> None:
    place.write("e.yaml", experiment(shell(WAITS), trials=2))
    process = place.start("run", "e.yaml")
    started(place)

    watching = place.start("watch", "e")
    time.sleep(0.5)  # so that it has something to watch
    place.write("go", "")
    outcome = place.end_of(watching)
    place.end_of(process)

    assert outcome.out.count("Succeeded") >= 3


def test_a_long_run_is_looked_at_in_less_than_a_second_of_work(place: Place) -> None:
    """500 trials are done, and more are being made. What is counted is the CPU's time, which no load changes much."""
    place.write("e.yaml", experiment(shell("echo loss=$x"), trials=100_000))
    process = place.start("run", "e.yaml")
    wait_until(lambda: place.count_of_trials() > 500)

    taken = {}
    for words in (["list"], ["get", "e"], ["trials", "e"], ["describe", "e"], ["best", "e"]):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        place(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken[words[0]] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    place.end_of(process, code=130)

    assert {name: seconds for name, seconds in taken.items() if seconds > 1} == {}
    place.assert_nothing_runs()


def test_export_has_a_row_for_each_trial(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo loss=$x")))
    place("run", "e.yaml")

    rows = place("export", "e").out.splitlines()
    trees = json.loads(place("export", "e", "--format", "json").out)

    assert len(rows) == 5
    assert len(trees) == 4
