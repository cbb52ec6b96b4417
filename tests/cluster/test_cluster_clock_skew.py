"""It is another hour here than at the API server, before or after: no deadline, no wait and no reading of a log is
decided by comparing the two clocks, and a trial's times are all of one clock, ours.

The whole program has the other time, by a library that is loaded before it; monotonic time goes on as it did.
"""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from acceptance_place import Place, Tree, ends, last_condition, wait_until
from cluster_place import LONG, assert_each_trial_is_there_once, on_the_stand_in, start
from cluster_runs import NewPlace, together
from cluster_under_test import Namespace, NoClusterError, other_time

pytestmark = pytest.mark.usefixtures("stand_in")

NEAR = timedelta(minutes=5)


@pytest.fixture(params=[1, -1], ids=["an hour ahead", "an hour behind"])
def skew(request: pytest.FixtureRequest) -> timedelta:
    hours: int = request.param
    return timedelta(hours=hours)


def there(place: Place, skew: timedelta) -> Place:
    """The folder in which it is another hour."""
    try:
        library = other_time()
    except NoClusterError as reason:
        pytest.skip(f"nothing was tested with another time of day: {reason}")
    # The cluster's certificates are younger than an hour: for who is behind they are not valid yet.
    config: Tree = yaml.safe_load(Path(place.variables["KUBECONFIG"]).read_text())
    for each in config["clusters"]:
        each["cluster"] = {"server": each["cluster"]["server"], "insecure-skip-tls-verify": True}
    place.write("kubeconfig", config)
    faked = {"LD_PRELOAD": library, "FAKETIME": f"{skew.total_seconds():+.0f}s", "DONT_FAKE_MONOTONIC": "1"}
    return Place(place.folder, {"KUBECONFIG": str(place.folder / "kubeconfig"), **faked}, started=place.started)


def the_time(place: Place) -> datetime:
    """What time it is there."""
    said = subprocess.run(
        [*place.command()[:1], "-c", "import time; print(time.time())"],
        env=place.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return datetime.fromtimestamp(float(said.stdout), UTC)


def began(place: Place, namespace: Namespace, name: str, tree: Tree, *words: str) -> "subprocess.Popen[str]":
    place.write(f"{name}.yaml", tree)
    process: subprocess.Popen[str] = start(place, namespace, f"{name}.yaml", *words)
    return process


def waiting(name: str, **given: object) -> Tree:
    """An experiment of one trial that ends only by a deadline."""
    tree = on_the_stand_in(name=name, trials=1, marks={"seconds": "never"}, maxFailedTrialCount=1)
    tree["spec"]["trialTemplate"] |= {"retain": False, **given}
    return tree


def test_it_is(more_places: NewPlace, skew: timedelta) -> None:
    stories = (times_are_of_one_clock, deadlines_come_neither_early_nor_late, a_log_that_is_taken_up_again_is_read_once)

    def play(story: Callable[[Place, Namespace, timedelta], None]) -> None:
        place, namespace = more_places(story.__name__)
        story(there(place, skew), namespace, skew)

    together([partial(play, story) for story in stories])


def times_are_of_one_clock(there: Place, namespace: Namespace, skew: timedelta) -> None:
    before = the_time(there)
    assert abs(before - datetime.now(UTC) - skew) < NEAR, "the program has the other time"
    tree = on_the_stand_in(trials=4, marks={"seconds": "2"})
    tree["spec"]["trialTemplate"]["activeDeadlineSeconds"] = 60
    there.end_of(began(there, namespace, "e", tree), seconds=LONG)

    for trial in assert_each_trial_is_there_once(there, namespace, 4):
        assert ends([trial]) == ["Succeeded"]
        started, finished = (datetime.fromisoformat(trial["status"][key]) for key in ("startTime", "completionTime"))
        assert before - timedelta(seconds=1) <= started <= finished <= before + NEAR
        assert timedelta(seconds=1) <= finished - started < timedelta(seconds=30)
    assert there.rows("SELECT COUNT(*) FROM point") == [(4,)]


def deadlines_come_neither_early_nor_late(there: Place, namespace: Namespace, _: timedelta) -> None:
    """The template's own, the Job's own, and that of a pod which no node takes; all at once, to save time."""
    unplaced = waiting("unplaced")
    pod = unplaced["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"trialmill.dev/no-such": "node"}
    jobs_own = waiting("jobs-own")
    jobs_own["spec"]["trialTemplate"]["trialSpec"]["spec"]["activeDeadlineSeconds"] = 4
    processes = [
        began(there, namespace, "ours", waiting("ours", activeDeadlineSeconds=4)),
        began(there, namespace, "jobs-own", jobs_own),
        began(there, namespace, "unplaced", unplaced, "--pending-timeout", "4s"),
    ]
    for process in processes:
        there.end_of(process, code=1, seconds=LONG)

    for name, words in (
        ("ours", "it ran longer than 4 s"),
        ("jobs-own", "DeadlineExceeded"),
        ("unplaced", "cannot be scheduled"),
    ):
        (trial,) = there.trials(name)
        status = trial["status"]
        assert words in str(last_condition(trial)), name
        since = datetime.fromisoformat(status.get("startTime") or trial["metadata"]["creationTimestamp"])
        lasted = datetime.fromisoformat(status["completionTime"]) - since
        assert timedelta(seconds=3) <= lasted < timedelta(seconds=40), name


def a_log_that_is_taken_up_again_is_read_once(there: Place, namespace: Namespace, _: timedelta) -> None:
    """After a kill the rest of the output is asked for since a time: the server's."""
    tree = on_the_stand_in(log="loss=1\nloss=${trialParameters.x}", trials=3, parallel=3, marks={"seconds": "8"})
    process = began(there, namespace, "e", tree)
    wait_until(lambda: there.count_of_trials() == 3 and there.rows("SELECT COUNT(*) FROM point") == [(6,)])
    process.kill()
    process.communicate()
    there("resume", "e", seconds=LONG)

    assert ends(assert_each_trial_is_there_once(there, namespace, 3)) == ["Succeeded"] * 3
    assert there.rows("SELECT COUNT(*) FROM point") == [(6,)]
