"""What a run shows while it goes on, on stderr: a live table on a terminal, else a line now and then."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self, TextIO

from trialmill.api.experiment import Experiment
from trialmill.api.space import format_value
from trialmill.cli.hints import Hints
from trialmill.cli.output import has_colour, plain, short_duration
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, TrialPhase, TrialRecord
from trialmill.engine.state import State
from trialmill.metrics.values import format_metric
from trialmill.root.creating import Difference, cluster_of, is_suspended_by_pause
from trialmill.root.session import Session
from trialmill.root.waiting import WaitNews, shared_waits

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

_PICTURES: Final = 4
"""Pictures a second on a terminal: time passes there though nothing else happens."""
_WAITS: Final = 3
"""Different things that trials wait for, in a picture."""
_REPORT: Final = 10.0
"""Seconds between two lines elsewhere."""


class Progress(Session):
    """Looks on while an experiment runs, and costs it next to nothing."""

    def __init__(self, stream: TextIO, hints: Hints, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._hints = hints
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._live: Live | None = None
        self._next = 0.0
        self._began = clock()
        self._done_before = 0
        self._best: int | None = None
        self._experiment: Experiment | None = None
        self._record: ExperimentRecord | None = None
        self._state: State | None = None
        self._note = ""
        self._waits = WaitNews()
        self._was_over = False
        self._trouble = ""
        self._paused_since: float | None = None
        self._paused_for = 0.0
        """Seconds in which nothing was to go on: they say nothing of how long the rest takes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def opened(self, record: ExperimentRecord, experiment: Experiment, *, resumed: bool) -> None:
        self._experiment = experiment
        self._record = record
        self._began = self._clock()
        self._was_over = resumed and record.phase.is_over
        if resumed and not self._was_over:
            self._say(f"going on with experiment {record.name}")
        elif not resumed:
            self._say(f"experiment {record.name} started, seed {record.seed}")

    def counts_changed(self, changes: Sequence[Difference]) -> None:
        for change in changes:
            stored, given = ("unlimited" if count is None else count for count in (change.stored, change.given))
            self._say(f"{change.path} is {given} now, it was {stored}")

    def changed(self, state: State) -> None:
        now = self._clock()
        if self._state is None:
            self._done_before = state.completed
        self._state = state
        if self._was_over and not state.experiment.phase.is_over:
            self._was_over = False
            self._say(f"going on with experiment {state.experiment.name}")
        self._note_pause(state.experiment, now)
        self._note_trouble(state)
        for wait in self._waits.of(_under_way(state)):
            if not self._is_terminal:  # the table shows them as long as they last
                self._say(wait.text)
        if not self._is_terminal:
            self._report(state, now)
        elif self._live is None and state.trials:
            self._live = self._open()

    def stopping(self, *, at_once: bool) -> None:
        on_cluster = self._record is not None and cluster_of(self._record) is not None
        if at_once:
            self._say("leaving: the cluster goes on ending the trials" if on_cluster else "ending trials at once")
        elif self._record is not None:
            go_on = self._hints.command("resume", self._record.name, self._record.namespace)
            again = "leave now, while the cluster goes on ending them" if on_cluster else "at once"
            self._say(f"stopping: trials are being ended (Ctrl-C again: {again}); go on with: {go_on}")

    def _note_pause(self, record: ExperimentRecord, now: float) -> None:
        """Say that the experiment pauses, and how it goes on, or that it does."""
        paused = record.phase is ExperimentPhase.PAUSED
        if paused and self._paused_since is None:
            self._paused_since = now
            go_on = self._hints.command("resume", record.name, record.namespace)
            fate = "are suspended" if is_suspended_by_pause(record) else "go on to their end"
            others = f", those that run {fate}" if cluster_of(record) is not None else ""
            self._say(f"paused: no new trials are started{others}; go on, from any shell, with: {go_on}")
        elif not paused and self._paused_since is not None:
            self._paused_for += now - self._paused_since
            self._paused_since = None
            if record.phase is ExperimentPhase.RUNNING:
                self._say("going on")

    def _note_trouble(self, state: State) -> None:
        """Say why nothing is seen, once each time."""
        if state.trouble != self._trouble:
            self._trouble = state.trouble
            self._say(state.trouble or "what runs can be followed again")

    # --- lines

    def _report(self, state: State, now: float) -> None:
        if state.best is not None and state.best != self._best:
            self._best = state.best
            self._say(self._best_line(state))
        if now >= self._next:
            if self._next:
                self._say(f"{self._counts_line(state)}  {self._time_line(state)}")
            self._next = now + _REPORT

    def _say(self, text: str) -> None:
        if self._live is not None:
            self._note = text
        else:
            print(plain(text), file=self._stream, flush=True)

    def _counts_line(self, state: State) -> str:
        counts = state.counts
        failed = counts[TrialPhase.FAILED] + counts[TrialPhase.METRICS_UNAVAILABLE]
        limit = state.experiment.intent.max_trials
        parts = [
            f"{state.completed}{f' of {limit}' if limit else ''} trials done",
            f"{len(state.active)} {'running' if self._paused_since is None else 'suspended or ending'}",
            f"{failed} failed",
        ]
        if counts[TrialPhase.EARLY_STOPPED]:
            parts.append(f"{counts[TrialPhase.EARLY_STOPPED]} stopped early")
        waiting = Counter[str]()
        for wait in shared_waits(_under_way(state)):
            waiting[wait.wait.reason] += wait.count
        parts += [f"{count} waiting ({reason})" for reason, count in waiting.items()]
        return ", ".join(parts)

    def _time_line(self, state: State) -> str:
        now = self._clock()
        limit = state.experiment.intent.max_trials
        done = state.completed - self._done_before
        text = short_duration(timedelta(seconds=now - self._began))
        if self._paused_since is not None:
            return f"{text}, paused for {short_duration(timedelta(seconds=now - self._paused_since))}"
        taken = now - self._began - self._paused_for
        if limit and done > 0 and limit > state.completed:
            left = taken / done * (limit - state.completed)
            text += f", about {short_duration(timedelta(seconds=left))} left"
        return text

    def _best_line(self, state: State) -> str:
        if state.best is None or self._experiment is None:
            return "no result yet"
        trial = state.trials[state.best]
        value = state.objective_value(trial)
        name = self._experiment.spec.objective.metric
        assignment = " ".join(f"{k}={_short(format_value(v))}" for k, v in trial.assignments.items())
        return f"best {name} {format_metric(value or 0.0)}: {assignment} ({trial.name})"

    # --- the live table

    def _open(self) -> "Live":
        # 85 ms: by now the first trials are running.
        from rich.console import Console
        from rich.live import Live

        live = Live(
            console=Console(file=self._stream, no_color=not has_colour(self._stream)),
            get_renderable=self._picture,
            refresh_per_second=_PICTURES,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live

    def _picture(self) -> "RenderableType":
        """What there is to see now. Called by a thread of the table's own, which only reads."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        state = self._state
        if state is None:
            return ""
        limit = state.experiment.intent.max_trials
        top = Table.grid(padding=(0, 2))
        top.add_row(
            Text(state.experiment.name, style="bold"),
            ProgressBar(total=limit, completed=state.completed, width=30) if limit else "",
            Text(self._time_line(state), style="dim"),
        )
        lines = [Text(self._counts_line(state)), Text(plain(self._best_line(state)), style="green")]
        waits = shared_waits(_under_way(state))
        lines += [Text(plain(wait.text), style="yellow") for wait in waits[:_WAITS]]
        if self._note:
            lines.append(Text(plain(self._note), style="yellow"))
        return Group(top, *lines)


class WaitTeller(Session):
    """Says nothing but what trials wait for: for one that is tried, and whose result is all there is to see."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waits = WaitNews()

    def changed(self, state: State) -> None:
        for wait in self._waits.of(_under_way(state)):
            print(plain(wait.text), file=self._stream, flush=True)


def _under_way(state: State) -> Iterator[TrialRecord]:
    # A copy: the table is drawn by a thread of its own.
    return (state.trials[index] for index in sorted(state.active))


def _short(text: str) -> str:
    """Six digits are enough to look at."""
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:g}" if len(text) > 8 else text
