"""Runs in whose middle something happens: how they begin, what is recorded of them, and that all came out well."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from acceptance_place import Place, Tree, ends, wait_until
from cluster_place import assert_each_trial_is_there_once, on_the_stand_in, start
from cluster_under_test import Namespace

NewPlace = Callable[[str], tuple[Place, Namespace]]
Start = Callable[[Place, Namespace], "subprocess.Popen[str]"]
_MAIN = "from trialmill.cli.main import main\nraise SystemExit(main())\n"


def together(stories: Sequence[Callable[[], None]]) -> None:
    """Play stories side by side, for they mostly wait. The first that fails is shown."""
    with ThreadPoolExecutor(len(stories)) as pool:
        for played in [pool.submit(story) for story in stories]:
            played.result()


def begin(
    place: Place,
    namespace: Namespace,
    *,
    trials: int = 8,
    seconds: str = "1",
    failed: int = 1,
    parallel: int = 4,
    started: Start | None = None,
) -> "subprocess.Popen[str]":
    """Start an experiment, and come back when one of its trials is over."""
    tree = on_the_stand_in(trials=trials, parallel=parallel, marks={"seconds": seconds}, maxFailedTrialCount=failed)
    return begin_with(place, namespace, tree, started=started)


def begin_with(
    place: Place, namespace: Namespace, tree: Tree, *, over: int = 1, started: Start | None = None
) -> "subprocess.Popen[str]":
    """The same with an Experiment of one's own; come back when so many trials have succeeded."""
    place.write("e.yaml", tree)
    process: subprocess.Popen[str] = (started or (lambda *where: start(*where, "e.yaml")))(place, namespace)
    wait_until(lambda: process.poll() is not None or succeeded(place) >= over)
    assert process.poll() is None, process.communicate()
    return process


def succeeded(place: Place) -> int:
    """How many trials the store says have succeeded."""
    if not place.count_of_trials():
        return 0
    count: int = place.rows("SELECT COUNT(*) FROM trial WHERE phase = 'Succeeded'")[0][0]
    return count


def assert_all_succeeded_once(place: Place, namespace: Namespace, count: int) -> None:
    """No trial exists twice, none is lost, and no line of output was read twice."""
    assert ends(assert_each_trial_is_there_once(place, namespace, count)) == ["Succeeded"] * count
    assert place.rows("SELECT COUNT(*) FROM point") == [(count,)]


def changed_program(change: str, *words: str, **variables: str) -> Start:
    """A run by a program that something was changed in: `change` is Python that goes before its start."""

    def started(place: Place, namespace: Namespace) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", change + _MAIN, *words, "--runtime", "kubernetes", "-n", namespace.name]
        process = subprocess.Popen(
            command,
            cwd=place.folder,
            env={**place.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        place.started.append(process)
        return process

    return started
