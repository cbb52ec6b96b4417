"""The state of one experiment, as its driver holds it: records, and the indices that keep each decision cheap.

`apply` takes an event, brings the state up to date and says what is now true and has to be saved. It does no I/O and
reads no clock: the same events in the same order give the same state. Once the changes are durable, `desired` says
what should be the case in the world.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from trialmill.api.history import History, TrialView
from trialmill.api.metric import Observation
from trialmill.api.verdict import Stuck, Undecided, Verdict
from trialmill.engine.instructions import Instruction
from trialmill.engine.records import (
    AttemptKey,
    AttemptPhase,
    Cause,
    EventRecord,
    ExperimentRecord,
    Record,
    TrialPhase,
    TrialRecord,
)
from trialmill.engine.rules import Rules
from trialmill.engine.views import trial_view

_BY_STATUS: Final = ("condition", "heuristic")
"""Sources of verdicts on resources that no profile is known of."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an event made true: records to be saved, and lines for the story."""

    records: tuple[Record, ...] = ()
    story: tuple[EventRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """What was read so far of an attempt that is under way."""

    observation: Observation
    curve: tuple[float, ...]
    at: datetime
    """When something of it was read last."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Since when a resource looks over without a condition matching, and what it looks like."""

    since: datetime
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Waiting:
    """Since when an attempt waits in vain, and for what."""

    since: datetime
    stuck: Stuck


@dataclass(frozen=True, slots=True)
class Doubt:
    """What there is to say while no condition matches. `due` is when, None once that is past; `told`: it was said."""

    undecided: Undecided
    due: datetime | None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Concluded:
    """What a trial's attempt needs, as long as its record is this very one and the experiment pauses, or does not."""

    trial: TrialRecord
    pausing: bool
    wanted: tuple[Instruction, ...]


class State:
    """Everything known of one experiment. Only `apply` and `saved` change it."""

    def __init__(
        self,
        experiment: ExperimentRecord,
        trials: Sequence[TrialRecord],
        rules: Rules,
        curves: dict[int, tuple[float, ...]] | None = None,
    ) -> None:
        self.experiment = experiment
        self.rules = rules
        self.trials: list[TrialRecord] = []
        self.active: set[int] = set()
        """Trials that take one of the `parallelTrialCount` places."""
        self.interrupted: set[int] = set()
        """Trials whose attempt was ended by a stop of the experiment, and that go on when it is resumed."""
        self.paused: set[int] = set()
        self.counts: Counter[TrialPhase] = Counter()
        self.best: int | None = None
        """Index of the trial with the best objective value."""
        self.completed = 0
        self.promotions = 0
        self.live: dict[AttemptKey, Live] = {}
        self.unmatched: dict[AttemptKey, Unmatched] = {}
        self.waiting: dict[AttemptKey, Waiting] = {}
        self.doubts: dict[AttemptKey, Doubt] = {}
        self.failed_conditions: set[str] = set()
        """The user's conditions of which it was told that they cannot be evaluated."""
        self.trouble = ""
        """Why what runs cannot be followed at the moment; empty while it can."""
        self.in_sight_since: datetime | None = None
        """When it could be followed again, after the last time that it could not."""
        self.has_seen_an_end = False
        """Whether a resource without a profile has ever been seen to end: its conditions are right then."""
        self.unsuspendable: set[AttemptKey] = set()
        """Attempts whose resource was asked to pause and cannot."""
        self.curves = dict(curves or {})
        """The objective's finite values of finished trials, by index; kept only where early stopping needs them."""
        self.awaiting_end = False
        """The algorithm had nothing to say: it is asked again when an attempt has ended."""
        self.ends = 0
        """How many ends of attempts this driver has seen."""
        self.concluded: dict[int, Concluded] = {}
        """What was concluded of active trials, by index: nothing that could not be concluded again."""
        self._views: list[TrialView] = []
        self._history: tuple[TrialView, ...] | None = None
        self._records: dict[str, Record] = {}
        self._story: list[EventRecord] = []
        for trial in sorted(trials, key=lambda t: t.index):
            self._index(trial)

    # --- reading

    @property
    def next_suggestion(self) -> int:
        """The number of the next suggestion: trials made and promotions so far."""
        return len(self.trials) + self.promotions

    @property
    def failures(self) -> int:
        """What `maxFailedTrialCount` counts (Katib: failed trials and those without metrics)."""
        return self.counts[TrialPhase.FAILED] + self.counts[TrialPhase.METRICS_UNAVAILABLE]

    def history(self) -> History:
        """All trials as algorithms see them; the same tuple until one of them changes."""
        if self._history is None:
            self._history = tuple(self._views)
        return History(
            trials=self._history,
            maximize=self.rules.objective.maximize,
            max_trials=self.experiment.intent.max_trials,
        )

    def attempt_at(self, key: AttemptKey) -> TrialRecord | None:
        """The trial whose latest attempt has this key; None for an attempt of the past."""
        if key.experiment_uid != self.experiment.uid or not 0 <= key.trial_index < len(self.trials):
            return None
        trial = self.trials[key.trial_index]
        return trial if trial.attempts[-1].number == key.attempt else None

    def objective_value(self, trial: TrialRecord) -> float | None:
        """The value of the objective that stands for the trial, if there is one."""
        return objective_value(trial.observation, self.rules)

    # --- changing

    def put(self, record: Record) -> None:
        """Record a new truth; part of `apply`."""
        if isinstance(record, TrialRecord):
            self._index(record)
        else:
            self.experiment = record
        self._records[record.uid] = record

    def tell(self, at: datetime, subject: str, reason: str, message: str, *, warning: bool = False) -> None:
        """Add a line to the story; part of `apply`."""
        self._story.append(EventRecord(self.experiment.uid, subject, reason, message, at, warning))

    def note_end(self) -> None:
        """An attempt has ended, so the algorithm may have more to say."""
        self.ends += 1
        self.awaiting_end = False

    def take_changes(self) -> Changes:
        """What was put and told since the last call."""
        changes = Changes(tuple(self._records.values()), tuple(self._story))
        self._records = {}
        self._story = []
        return changes

    def saved(self, records: Iterable[Record]) -> None:
        """Take over the versions that the store gave to the records: they are what the state holds, saved."""
        for record in records:
            if isinstance(record, TrialRecord):
                self.trials[record.index] = record
            else:
                self.experiment = record

    def take_version(self, version: str) -> None:
        """Somebody else saved the experiment: the next save builds on theirs."""
        self.experiment = replace(self.experiment, version=version)

    def forget(self, key: AttemptKey) -> None:
        """Drop what was kept while the attempt was under way."""
        self.live.pop(key, None)
        self.unmatched.pop(key, None)
        self.waiting.pop(key, None)
        self.doubts.pop(key, None)
        self.unsuspendable.discard(key)

    def _index(self, trial: TrialRecord) -> None:
        index = trial.index
        if index < len(self.trials):
            old = self.trials[index]
            self.counts[old.phase] -= 1
            self.completed -= old.phase.is_over
            self.promotions -= promotions_of(old)
            self.trials[index] = trial
        else:
            if index > len(self.trials):
                raise ValueError(f"trial {index} of {self.experiment.name} without the one before it")
            self.trials.append(trial)
            self._views.append(trial_view(trial, None, ()))
        self.counts[trial.phase] += 1
        self.completed += trial.phase.is_over
        self.promotions += promotions_of(trial)
        at_rest = trial.attempts[-1].phase is AttemptPhase.ENDED
        _keep(self.active, index, trial.phase.is_active and not at_rest)
        self.concluded.pop(index, None)
        _keep(self.interrupted, index, trial.phase.is_active and at_rest)
        _keep(self.paused, index, trial.phase is TrialPhase.PAUSED)
        self.has_seen_an_end = self.has_seen_an_end or _has_seen_an_end(trial)
        value = self.objective_value(trial)
        self._history = None
        self._views[index] = trial_view(trial, value, self.curves.get(index, ()))
        if trial.phase.has_result and value is not None:
            self._consider_best(index, value)

    def _consider_best(self, index: int, value: float) -> None:
        best = self.objective_value(self.trials[self.best]) if self.best is not None else None
        # Of equals the first made is the best, whichever ended first: so it is the same after a restart.
        is_first = self.best is not None and value == best and index < self.best
        if best is None or is_first or self.rules.objective.is_better(value, best):
            self.best = index


def objective_value(observation: Observation | None, rules: Rules) -> float | None:
    """The objective's value by its strategy; the latest one where the strategy has none (Katib does the same)."""
    summary = observation.find(rules.objective.metric) if observation else None
    if summary is None:
        return None
    value = summary.value(rules.objective.strategy(rules.objective.metric))
    return summary.latest if value is None else value


def _has_seen_an_end(trial: TrialRecord) -> bool:
    return any(a.verdict is not None and a.verdict.source in _BY_STATUS for a in trial.attempts)


def promotions_of(trial: TrialRecord) -> int:
    if len(trial.attempts) == 1:
        return 0
    return sum(attempt.cause is Cause.PROMOTION for attempt in trial.attempts)


def _keep(members: set[int], index: int, belongs: bool) -> None:
    if belongs:
        members.add(index)
    else:
        members.discard(index)
