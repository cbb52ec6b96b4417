"""`kill -9` at any moment: every trial is there once, none is started twice, and the search goes on as if nothing
was.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from acceptance_place import Place, Tree, assignments, ends, experiment, last_condition, shell, wait_until

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("ACCEPTANCE_SEED", random.SystemRandom().randrange(10**6)))
"""Of the moments of the kills; a failure names it."""
MANY = int(os.environ.get("ACCEPTANCE_TRIALS", "2000"))
KILLS = 20


def killed_again_and_again(place: Place, words: Callable[[int], list[str]], longest: float) -> int:
    """Start the command and kill it after a random time, many times over; then let it end. How often it was killed."""
    moments = random.Random(SEED)
    killed = 0
    for number in range(KILLS):
        process = place.start(*words(number))
        time.sleep(moments.uniform(0, longest))
        if process.poll() is None:
            killed += 1
            process.send_signal(signal.SIGKILL)
            process.communicate()
        else:
            place.end_of(process)
        time.sleep(moments.choice([0, 0, 0, 0.1]))
    place(*words(KILLS))
    return killed


def assert_store_is_consistent(place: Place, trials: int) -> None:
    assert place.rows("PRAGMA integrity_check") == [("ok",)]
    assert place.rows("SELECT COUNT(*), COUNT(DISTINCT name), COUNT(DISTINCT completion) FROM trial") == [(trials,) * 3]
    assert place.rows("SELECT DISTINCT phase FROM trial") == [("Succeeded",)]
    assert place.rows("SELECT COUNT(*) FROM point WHERE trial NOT IN (SELECT id FROM trial)") == [(0,)]
    assert place.rows("SELECT MAX(completion) - MIN(completion) FROM trial") == [(trials - 1,)]


def counted(experiment_: Tree) -> dict[str, int]:
    return {name: value for name, value in experiment_["status"].items() if isinstance(value, int)}


def test_a_sequential_run_killed_at_random_moments_is_the_undisturbed_run(place: Place, tmp_path: Path) -> None:
    """Each trial writes down that it starts, and prints three values with pauses, so that it is killed in between."""
    script = 'echo $trial >> starts; for i in 1 2 3; do echo "loss=$i$x"; sleep 0.05; done'
    tree = experiment(shell(script), trials=25, parallel=1)
    undisturbed = Place(tmp_path / "undisturbed")
    undisturbed.write("e.yaml", tree)
    undisturbed("run", "e.yaml", "--seed", "7")
    place.write("e.yaml", tree)

    run, resume = ["run", "e.yaml", "--seed", "7"], ["resume", "e"]
    killed = killed_again_and_again(place, lambda n: resume if n % 3 == 2 and place.count_of_trials() else run, 0.9)

    trials = place.trials()
    names = [trial["metadata"]["name"] for trial in trials]
    told = f"ACCEPTANCE_SEED={SEED}, {killed} kills"
    assert killed > 5, told
    assert (place.folder / "starts").read_text().splitlines() == names, told
    assert ends(trials) == ["Succeeded"] * 25, told
    assert assignments(trials) == assignments(undisturbed.trials()), told
    assert points(place) == [float(f"{i}{values['x']}") for values in assignments(trials) for i in (1, 2, 3)], told
    assert counted(place.experiment()) == counted(undisturbed.experiment()), told
    assert_store_is_consistent(place, 25)
    place.assert_nothing_runs()


def points(place: Place) -> list[float]:
    """All values, in the order of trials and points, as the trials have printed them."""
    lines = [json.loads(line) for line in place("metrics", "e", "-o", "json").out.splitlines()]
    return [line["value"] for line in lines]


def test_many_short_trials_in_parallel_are_each_there_once_after_random_kills(place: Place) -> None:
    place.write("e.yaml", experiment(shell("echo $trial >> starts; echo loss=$x"), trials=MANY))

    killed = killed_again_and_again(place, lambda _: ["run", "e.yaml", "--seed", "7"], 1.2)

    trials = place.trials()
    starts = Counter((place.folder / "starts").read_text().splitlines())
    told = f"ACCEPTANCE_SEED={SEED}, {killed} kills"
    assert len(trials) == MANY, told
    assert {name: count for name, count in starts.items() if count > 1} == {}, told
    assert starts.keys() == {trial["metadata"]["name"] for trial in trials}, told
    assert len({values["x"] for values in assignments(trials)}) == MANY, told
    assert_store_is_consistent(place, MANY)
    assert place.rows("SELECT COUNT(*) FROM point") == [(MANY,)], told
    place.assert_nothing_runs()


def test_what_is_killed_with_trialmill_is_lost_and_gets_a_new_attempt_that_is_no_failure(place: Place) -> None:
    script = "mkdir lock.$x && first=1; echo $x >> starts; if test $first; then sleep 1000; fi; echo loss=$x"
    place.write("e.yaml", experiment(shell(script), trials=2, maxFailedTrialCount=1))
    process = place.start("run", "e.yaml")
    starts = place.folder / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) == 2)

    process.kill()
    place.clean()
    process.communicate()
    place("resume", "e")

    assert ends(place.trials()) == ["Succeeded"] * 2
    assert sorted(Counter(starts.read_text().splitlines()).values()) == [2, 2]
    assert last_condition(place.experiment())["reason"] == "ExperimentMaxTrialsReached"
    assert "AttemptLost" in place("describe", "e").out


def test_a_trial_that_ends_while_nobody_watches_is_collected_later(place: Place) -> None:
    place.write(
        "e.yaml", experiment(shell("touch up; while test ! -e go; do sleep 0.02; done; echo loss=$x"), trials=1)
    )
    process = place.start("run", "e.yaml")
    wait_until((place.folder / "up").exists)
    process.kill()
    process.communicate()
    assert place.processes()

    place.write("go", "")
    wait_until(lambda: not place.processes())
    place("resume", "e")

    assert ends(place.trials()) == ["Succeeded"]
    assert place.rows("SELECT COUNT(*) FROM point") == [(1,)]


def test_a_trial_that_still_runs_is_adopted_and_its_end_is_seen(place: Place) -> None:
    script = "echo start >> starts; while test ! -e go; do sleep 0.02; done; echo loss=$x"
    place.write("e.yaml", experiment(shell(script), trials=1))
    process = place.start("run", "e.yaml")
    wait_until((place.folder / "starts").exists)
    process.kill()
    process.communicate()

    again = place.start("run", "e.yaml")
    wait_until(lambda: "Driven by:    process" in place("describe", "e").out)
    place.write("go", "")
    place.end_of(again)

    assert (place.folder / "starts").read_text() == "start\n"
    assert ends(place.trials()) == ["Succeeded"]


def test_a_pause_and_a_stop_survive_a_kill(place: Place) -> None:
    place.write("e.yaml", experiment(shell("touch up.$trial; sleep 1000"), trials=2))
    process = place.start("run", "e.yaml")
    wait_until(lambda: len(list(place.folder.glob("up.*"))) == 2)
    process.kill()
    process.communicate()

    place("stop", "e")
    assert len(list(place.folder.glob("up.*"))) == 2
    place("delete", "e")

    place.assert_nothing_runs()
    assert not list((place.folder / ".trialmill" / "runs").iterdir())
    assert place.count_of_trials() == 0
