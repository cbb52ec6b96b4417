"""A random walk over events, in any order, stale, repeated and impossible ones too: what must hold after each step."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.experiment import Objective, ObjectiveType, Retry
from trialmill.api.history import Budget, Decision, NewTrial, Promotion, Suggestion
from trialmill.api.metric import MetricSummary, Observation
from trialmill.api.verdict import Stuck, Undecided, Verdict, VerdictPhase
from trialmill.engine.events import (
    CollectionFinished,
    Event,
    IntentChanged,
    Opened,
    PointsArrived,
    ResourceAccepted,
    ResourceChanged,
    ResourceDelayed,
    ResourceGone,
    ResourceRejected,
    ResourceSuspended,
    StopDecided,
    SuggestionsArrived,
    SuggestionsExhausted,
    SuggestionsFailed,
    TimerFired,
)
from trialmill.engine.instructions import Ask, Collect, Ensure, Remove, SetTimer, Suspend
from trialmill.engine.machine import apply, desired
from trialmill.engine.records import (
    AttemptKey,
    AttemptPhase,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    Record,
    RunState,
    TrialPhase,
    TrialRecord,
)
from trialmill.engine.rules import Rules
from trialmill.engine.state import State
from trialmill.testing.virtual_time import START

RULES: Final = Rules(
    Objective(ObjectiveType.MINIMIZE, "loss", goal=0.5),
    retry=Retry(1, timedelta(seconds=5)),
    active_deadline=timedelta(seconds=40),
    timeout=timedelta(seconds=600),
    lost_limit=2,
)
Numbers: TypeAlias = tuple[int, int, int]
"""Three drawn numbers, from which each kind of event takes what it needs."""


def observed(number: int) -> Observation:
    """Nothing for 0, else a loss above the goal; at times the goal."""
    if number == 0:
        return Observation()
    value = 0.1 if number == 9 else float(1 + number % 3)
    return Observation((MetricSummary("loss", value, value, value),))


@dataclass
class Walk:
    """A state, what was saved of it, and the time."""

    now: datetime = START
    saved: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        record = ExperimentRecord("e1", "default", "walk", {}, {}, 7, START, intent=Intent(RunState.RUN, 2, 5))
        self.state = State(record, [], RULES)
        self.saved[record.uid] = record

    def apply(self, event: Event) -> None:
        before = _facts(self.state)
        changes = apply(self.state, event)
        self.saved.update((record.uid, record) for record in changes.records)
        _check_step(before, _facts(self.state), self.state)
        _check_counts(self.state)
        _check_instructions(self.state, self.now)
        self._check_what_was_saved()

    def _check_what_was_saved(self) -> None:
        """A restart finds the same state in the records that were to be saved."""
        experiment = self.saved["e1"]
        assert isinstance(experiment, ExperimentRecord)
        again = State(experiment, [r for r in self.saved.values() if isinstance(r, TrialRecord)], RULES)
        state = self.state
        assert again.experiment == state.experiment
        assert again.trials == state.trials
        assert again.counts == state.counts
        for name in ("active", "interrupted", "paused", "best", "completed", "promotions", "next_suggestion"):
            assert getattr(again, name) == getattr(state, name), name

    def move(self, kind: str, numbers: Numbers) -> None:
        """One event, or the two that end an attempt."""
        if kind == "ends":
            key = self.key(numbers[0])
            phase = VerdictPhase.FAILED if numbers[1] == 1 else VerdictPhase.SUCCEEDED
            self.apply(ResourceChanged(self.now, key, uid_of(key), Verdict(phase)))
            self.apply(CollectionFinished(self.now, key, observed(numbers[2]), ()))
        else:
            self.apply(_EVENTS[kind](self, numbers))

    def key(self, number: int) -> AttemptKey:
        """Mostly the latest attempt of a trial; at times one of the past, or of no trial."""
        if not self.state.trials or number == 9:
            return AttemptKey("e1" if number % 2 else "e2", len(self.state.trials), 1)
        trial = self.state.trials[number % len(self.state.trials)]
        return trial.key if number < 8 else trial.key._replace(attempt=1)

    def uid(self, key: AttemptKey, number: int) -> str:
        return "another" if number == 8 else uid_of(key)


def uid_of(key: AttemptKey) -> str:
    return f"r-{key.trial_index}-{key.attempt}"


# --- events


def _intent(walk: Walk, n: Numbers) -> Event:
    state = (RunState.RUN, RunState.RUN, RunState.PAUSE, RunState.STOP)[n[0] % 4]
    return IntentChanged(walk.now, Intent(state, 1 + n[1] % 3, (None, 3, 5, 7)[n[2] % 4], (None, 2)[n[1] % 2]))


def _suggestions(walk: Walk, n: Numbers) -> Event:
    state = walk.state
    items: list[Suggestion] = [
        Promotion(index, Budget("epochs", 9, final=n[1] % 2 == 0)) for index in sorted(state.paused)[: n[0] % 3]
    ]
    budget = Budget("epochs", 1) if n[1] % 2 else None
    parent = 0 if n[1] == 3 and state.trials else None
    items += [NewTrial({"lr": 0.1}, budget, parent)] * (n[2] % 4)
    return SuggestionsArrived(walk.now, state.next_suggestion - (n[0] == 9), tuple(items))


def _changed(walk: Walk, n: Numbers) -> Event:
    key = walk.key(n[0])
    phase = [VerdictPhase.RUNNING, VerdictPhase.SUCCEEDED, *VerdictPhase][n[1] % 10]
    unmatched = Verdict(VerdictPhase.FAILED, "PolicyUnmatched") if n[2] == 1 and not phase.is_terminal else None
    stuck = Stuck("Unschedulable", "words", timedelta(seconds=n[2])) if n[0] % 3 == 1 else None
    undecided = Undecided("words", looks_over=n[1] % 2 == 0) if n[2] == 2 and not phase.is_terminal else None
    verdict = Verdict(phase, "Reason", "words")
    return ResourceChanged(walk.now, key, walk.uid(key, n[2]), verdict, unmatched, stuck, undecided=undecided)


def _gone(walk: Walk, n: Numbers) -> Event:
    key = walk.key(n[0])
    return ResourceGone(walk.now, key, "" if n[1] % 2 else walk.uid(key, n[2]))


_EVENTS: Final[dict[str, Callable[[Walk, Numbers], Event]]] = {
    "opened": lambda walk, _: Opened(walk.now),
    "intent": _intent,
    "suggestions": _suggestions,
    "exhausted": lambda walk, _: SuggestionsExhausted(walk.now, "all tried"),
    "failed": lambda walk, _: SuggestionsFailed(walk.now, "words"),
    "accepted": lambda walk, n: ResourceAccepted(walk.now, walk.key(n[0]), uid_of(walk.key(n[0]))),
    "rejected": lambda walk, n: ResourceRejected(walk.now, walk.key(n[0]), "Refused", "words"),
    "delayed": lambda walk, n: ResourceDelayed(walk.now, walk.key(n[0]), "QuotaExceeded", "words"),
    "changed": _changed,
    "gone": _gone,
    "suspended": lambda walk, n: ResourceSuspended(walk.now, walk.key(n[0]), n[1] % 2 == 0, refused=n[2] == 1),
    "points": lambda walk, n: PointsArrived(walk.now, walk.key(n[0]), observed(n[1]), ()),
    "decided": lambda walk, n: StopDecided(walk.now, walk.key(n[0]), list(Decision)[n[1] % 3]),
    "collected": lambda walk, n: CollectionFinished(walk.now, walk.key(n[0]), observed(n[1]), ()),
    "timer": lambda walk, _: TimerFired(walk.now),
}
_OFTEN: Final = ("suggestions", "accepted", "changed", "collected", "ends", "ends", "timer")
_DIGIT: Final = st.integers(0, 9)
MOVES: Final = st.lists(
    st.tuples(
        st.sampled_from([*_OFTEN, *_OFTEN, *(kind for kind in _EVENTS if kind != "failed")]),
        st.tuples(_DIGIT, _DIGIT, _DIGIT),
        st.sampled_from([0, 0, 0, 1, 10, 50]),
    ),
    max_size=60,
)


# --- what must hold


@dataclass(frozen=True)
class Facts:
    """What later steps may not undo."""

    active: int
    trials: tuple[TrialRecord, ...]


def _facts(state: State) -> Facts:
    return Facts(len(state.active), tuple(state.trials))


def _check_step(before: Facts, after: Facts, state: State) -> None:
    intent = state.experiment.intent
    assert after.active <= max(before.active, intent.parallel_trials)
    if len(after.trials) > len(before.trials):
        assert intent.max_trials is None or len(after.trials) <= intent.max_trials
    for old, new in zip(before.trials, after.trials, strict=False):
        if old.phase.is_over:
            assert new == old
        for past, present in zip(old.attempts, new.attempts, strict=False):
            if past.phase is AttemptPhase.ENDED:
                assert present == past


def _check_counts(state: State) -> None:
    trials = state.trials
    for phase in TrialPhase:
        assert state.counts[phase] == sum(trial.phase is phase for trial in trials)
    over = [trial for trial in trials if trial.phase.is_over]
    assert sorted(trial.completion for trial in over if trial.completion is not None) == list(range(len(over)))
    assert all(trial.completion is None for trial in trials if not trial.phase.is_over)
    for trial in trials:
        assert [attempt.number for attempt in trial.attempts] == list(range(1, len(trial.attempts) + 1))
        assert all(attempt.phase is AttemptPhase.ENDED for attempt in trial.attempts[:-1])
        assert not trial.phase.is_over or trial.attempt.phase is AttemptPhase.ENDED
    results = [trial for trial in over if trial.phase.has_result]
    values = {trial.index: value for trial in results if (value := state.objective_value(trial)) is not None}
    assert state.best == min(values, key=lambda index: (values[index], index), default=None)


def _check_instructions(state: State, now: datetime) -> None:
    wanted = desired(state, now)
    assert wanted == desired(state, now)
    if state.experiment.phase.is_over:
        assert wanted == []
        assert not state.active
        return
    keys = {i.key for i in wanted if isinstance(i, Ensure | Remove | Suspend | Collect)}
    assert keys <= {state.trials[index].key for index in state.active}
    has_timer = any(isinstance(i, SetTimer) for i in wanted)
    for index in state.active:
        waits = state.trials[index].attempt.not_before is not None and has_timer
        assert state.trials[index].key in keys or waits or state.experiment.intent.state is RunState.PAUSE


@given(MOVES)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_the_rules_hold_and_nothing_hangs(moves: list[tuple[str, Numbers, int]]) -> None:
    walk = Walk()
    walk.apply(Opened(walk.now))
    for kind, numbers, seconds in moves:
        walk.now += timedelta(seconds=seconds)
        walk.move(kind, numbers)
    _see_it_through(walk)


def _see_it_through(walk: Walk) -> None:
    """In a world that does as it is told, every experiment comes to its end."""
    intent = replace(walk.state.experiment.intent, state=RunState.RUN, max_trials=8)
    walk.apply(IntentChanged(walk.now, intent))
    for _ in range(200):
        wanted = desired(walk.state, walk.now)
        if not wanted:
            break
        for event in [event for instruction in wanted for event in _obeyed(walk, instruction)]:
            walk.apply(event)
        timers = [i.at for i in wanted if isinstance(i, SetTimer)]
        if timers and not any(isinstance(i, Ask | Ensure | Remove) for i in wanted):
            walk.now = max(walk.now, timers[0])
            walk.apply(TimerFired(walk.now))
    assert walk.state.experiment.phase in (ExperimentPhase.SUCCEEDED, ExperimentPhase.FAILED)
    assert all(trial.phase.is_over for trial in walk.state.trials)


def _obeyed(walk: Walk, instruction: object) -> list[Event]:
    now = walk.now
    match instruction:
        case Ask(first, count):
            return [SuggestionsArrived(now, first, (NewTrial({"lr": 0.1}),) * count)]
        case Ensure(key):
            return [ResourceAccepted(now, key, uid_of(key))]
        case Remove(key, uid):
            return [ResourceGone(now, key, uid)]
        case Suspend(key, on):
            return [ResourceSuspended(now, key, on)]
        case Collect(key, True):
            return [CollectionFinished(now, key, observed(3), ())]
        case Collect(key, False):
            uid = walk.state.trials[key.trial_index].attempt.resource_uid
            return [ResourceChanged(now, key, uid, Verdict(VerdictPhase.SUCCEEDED))] if uid else []
        case _:
            return []


def test_an_algorithm_that_failed_ends_the_walk() -> None:
    walk = Walk()
    walk.apply(Opened(walk.now))
    walk.move("suggestions", (0, 0, 2))
    walk.move("failed", (0, 0, 0))
    _see_it_through(walk)
    assert walk.state.experiment.phase is ExperimentPhase.FAILED
