"""What a trial waits for in vain is in its record, so that any other process can tell."""

from dataclasses import replace
from datetime import timedelta

import pytest

from trialmill.api.history import NewTrial
from trialmill.api.verdict import Stuck, Verdict, VerdictPhase
from trialmill.engine.events import (
    Event,
    Opened,
    ResourceAccepted,
    ResourceChanged,
    ResourceDelayed,
    ResourceGone,
    SuggestionsArrived,
    TimerFired,
)
from trialmill.engine.machine import apply
from trialmill.engine.records import AttemptKey, AttemptPhase, TrialRecord
from trialmill.engine.rules import rules_of
from trialmill.engine.state import State
from trialmill.root.lookup import experiment_of
from trialmill.testing.samples import NOON
from trialmill.testing.stored import UID, running_experiment

KEY = AttemptKey(UID, 0, 1)
PULL = Stuck("ErrImagePull", "pod p: container main cannot start: no such image", timedelta(minutes=10))


def changed(stuck: Stuck | None, phase: VerdictPhase = VerdictPhase.PENDING) -> ResourceChanged:
    return ResourceChanged(NOON, KEY, "u", Verdict(phase), None, stuck)


def after(*events: Event) -> tuple[TrialRecord, list[str]]:
    """The trial after these events, and the reasons in the story."""
    record = running_experiment()
    state = State(record, [], rules_of(experiment_of(record).spec))
    story: list[str] = []
    first = SuggestionsArrived(NOON, 0, (NewTrial({"lr": 0.1}),))
    for event in (Opened(NOON), first, *events):
        story += [told.reason for told in apply(state, event).story]
    return state.trials[0], story


def test_what_keeps_a_trial_from_starting_is_its_reason() -> None:
    trial, story = after(ResourceAccepted(NOON, KEY, "u"), changed(PULL))
    assert (trial.reason, trial.message) == (PULL.reason, PULL.message)
    assert story.count("ErrImagePull") == 1


@pytest.mark.parametrize(
    "then",
    [
        changed(None),
        changed(None, VerdictPhase.RUNNING),
        changed(None, VerdictPhase.SUCCEEDED),
        ResourceGone(NOON, KEY, "u"),
    ],
    ids=["it can start", "it runs", "it is over", "it is gone"],
)
def test_a_wait_that_has_ended_is_no_reason_any_more(then: Event) -> None:
    trial, _ = after(ResourceAccepted(NOON, KEY, "u"), changed(PULL), then)
    assert (trial.reason, trial.message) == ("", "")


@pytest.mark.parametrize(("waited", "minutes"), [(0, 10), (30, 9.5)], ids=["at once", "half a minute late"])
def test_a_wait_counts_from_its_beginning_however_late_it_is_told(waited: int, minutes: float) -> None:
    stuck = replace(PULL, waited=timedelta(seconds=waited))
    later = replace(changed(stuck), at=NOON + timedelta(minutes=1))
    record = running_experiment()
    state = State(record, [], rules_of(experiment_of(record).spec))
    first = SuggestionsArrived(NOON, 0, (NewTrial({"lr": 0.1}),))
    for event in (Opened(NOON), first, ResourceAccepted(NOON, KEY, "u"), changed(stuck), later):
        apply(state, event)
    due = NOON + timedelta(minutes=minutes)
    apply(state, TimerFired(due - timedelta(seconds=1)))
    assert state.trials[0].attempt.phase is AttemptPhase.PENDING
    apply(state, TimerFired(due))
    assert state.trials[0].attempt.phase not in (AttemptPhase.PENDING, AttemptPhase.RUNNING)


def test_a_resource_that_is_not_made_yet_has_a_reason_and_one_line_in_the_story() -> None:
    delays = [ResourceDelayed(NOON, KEY, "QuotaExceeded", f"exceeded quota: used: pods={n}") for n in (5, 4)]
    trial, story = after(*delays)
    assert (trial.reason, trial.message) == ("QuotaExceeded", "exceeded quota: used: pods=4")
    assert story.count("QuotaExceeded") == 1


@pytest.mark.parametrize("then", [ResourceAccepted(NOON, KEY, "u"), changed(None)], ids=["answer", "look"])
def test_a_resource_that_is_made_at_last_waits_no_more(then: Event) -> None:
    trial, _ = after(ResourceDelayed(NOON, KEY, "QuotaExceeded", "exceeded quota"), then)
    assert (trial.reason, trial.message, trial.attempt.resource_uid) == ("", "", "u")


def test_a_late_delay_changes_nothing_of_a_resource_that_is_there() -> None:
    trial, story = after(ResourceAccepted(NOON, KEY, "u"), ResourceDelayed(NOON, KEY, "Unreachable", "reset"))
    assert trial.reason == ""
    assert "Unreachable" not in story
