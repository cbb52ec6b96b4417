"""Running from Python: a blocking call, wherever it is made."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from trialmill.api.experiment import Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problem
from trialmill.check.documents import Checked
from trialmill.engine.ports import HeldByError
from trialmill.engine.records import ExperimentRecord, TrialRecord
from trialmill.engine.state import State
from trialmill.root.creating import ClusterChoice, Options
from trialmill.root.errors import InputError, NextStep, RefusedError
from trialmill.root.interrupts import run_anywhere
from trialmill.root.session import Finished, Session, as_before, check_before, parallel_that_fits
from trialmill.root.waiting import WaitNews
from trialmill.sdk.result import TrialResult, trial_result

Progress: TypeAlias = Callable[[TrialResult], object]
T = TypeVar("T")


class Looker(Session):
    """Tells about each trial when it is over, and lets another thread ask for the end.

    `progress` True prints that, and what trials wait for. What `progress` raises ends the experiment gently, and is
    kept in `error`.
    """

    def __init__(self, progress: Progress | bool, runs: Path) -> None:
        self.error: Exception | None = None
        self._progress = print_trial if progress is True else progress or None
        self._waits = WaitNews() if progress is True else None
        self._runs = runs
        self._experiment: Experiment | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None] | None = None
        self._asked = 0
        self._known: int | None = None
        self._open: set[int] = set()

    def stop(self) -> None:
        """Ask for the end, from any thread, as Ctrl-C does: the first time gently, then at once."""
        if self._loop is None or self._stop is None:
            self._asked += 1
        else:
            self._loop.call_soon_threadsafe(self._stop)

    def opened(self, record: ExperimentRecord, experiment: Experiment, *, resumed: bool) -> None:
        del record, resumed
        self._experiment = experiment

    def driven(self, stop: Callable[[], None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), stop
        for _ in range(self._asked):
            stop()

    def changed(self, state: State) -> None:
        if self._progress is None:
            return
        if self._waits is not None:
            for wait in self._waits.of(state.trials[index] for index in sorted(state.active)):
                print(wait.text, file=sys.stderr, flush=True)
        if self._known is None:  # trials of an earlier session are no news
            self._known = 0
            self._open = {trial.index for trial in state.trials if not trial.phase.is_over}
        else:
            self._open.update(range(self._known, len(state.trials)))
        self._known = len(state.trials)
        for index in sorted(self._open):
            if state.trials[index].phase.is_over:
                self._open.discard(index)
                self._tell(state.trials[index])

    def _tell(self, trial: TrialRecord) -> None:
        if self._progress is None or self._experiment is None or self.error is not None:
            return
        try:
            self._progress(trial_result(trial, self._experiment, self._runs))
        except Exception as error:
            self.error = error
            self.stop()


def print_trial(trial: TrialResult) -> None:
    """One line about a trial that is over, on stderr."""
    value = "no result" if trial.value is None else f"{next(iter(trial.metrics))} {trial.value:g}"
    assignment = " ".join(f"{name}={entry}" for name, entry in trial.assignment.items())
    print(f"{trial.name}: {trial.status}, {value}: {assignment}", file=sys.stderr, flush=True)


def drive(name: str, work: Callable[[], Coroutine[Any, Any, Finished]], looker: Looker) -> Finished:
    """Run to the end. Raises what `progress` raised, KeyboardInterrupt after a gentle end, RefusedError."""
    try:
        finished = wait_for(work, looker.stop)
    except HeldByError as error:
        steps = [NextStep("look on with", "watch", name), NextStep("end it with", "stop", name)]
        raise RefusedError(f"experiment {name} is {error}", steps=steps) from error
    if looker.error is not None:
        raise looker.error
    if finished.interrupted:
        raise KeyboardInterrupt(f"experiment {name} was stopped; run it again to go on")
    return finished


def wait_for(work: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], None]) -> T:
    """What the coroutine returns. A thread of its own runs it where an event loop runs here already, as in a notebook.

    Ctrl-C then calls `stop`, and the wait goes on. Elsewhere the coroutine sees to signals itself.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with _ctrl_c(stop):
        return run_anywhere(work())


@contextmanager
def _ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at Ctrl-C. The loop around us is blocked: its own handler would wait for a turn that never comes."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: stop())  # noqa: ARG005
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def place_of(
    runtime: str,
    *,
    context: str | None,
    pending_timeout: timedelta | None,
    printer_image: str | None,
    images: object,
) -> tuple[ClusterChoice | None, str | None, SchemaSource | None]:
    """The cluster that is meant, the namespace of its context, and who knows its kinds; None for this machine. Raises
    InputError.
    """
    if runtime == "local":
        given = {"context": context, "pending_timeout": pending_timeout, "printer_image": printer_image}
        for name, value in given.items():
            if value is not None:
                raise InputError(f"{name} is for clusters", 'add runtime="kubernetes"')
        return None, None, None
    if runtime != "kubernetes":
        raise InputError(f"runtime is {runtime!r}", 'give "local" or "kubernetes"')
    if images:
        raise InputError("images are for this machine", "a cluster pulls images by their names")
    from trialmill.root.clusters import chosen_cluster, cluster_schema

    choice = ClusterChoice(context or "", printer_image=printer_image or "", pending_timeout=pending_timeout)
    cluster, usual_namespace = chosen_cluster(choice, os.environ)
    return cluster, usual_namespace, cluster_schema(cluster)


def parallel_of(given: int | str | None, checked: Checked, cluster: ClusterChoice | None) -> int | None:
    """How many trials run at a time; None where nothing was said. Raises InputError."""
    if given != "auto":
        return None if given is None else int(given)
    if cluster is not None:
        raise InputError('parallel="auto" fills this machine', "give a number of trials for a cluster")
    return parallel_that_fits(checked)


def check(store: str, checked: Checked, options: Options) -> list[Problem]:
    """What keeps the trials from running where they are to run; nothing is asked of an experiment that is over."""

    async def look() -> list[Problem]:
        same, known, is_over = await as_before(store, checked, options)
        return [] if is_over else await check_before(same, known)

    return wait_for(look, lambda: None)


def folders(images: Mapping[str, str | os.PathLike[str]] | None) -> dict[str, str]:
    """Folders that stand in for images. Raises InputError for what is no folder."""
    found = {}
    for name, folder in (images or {}).items():
        if not Path(folder).is_dir():
            raise InputError(f"images[{name!r}]: {folder} is not a folder")
        found[name] = str(Path(folder).absolute())
    return found
