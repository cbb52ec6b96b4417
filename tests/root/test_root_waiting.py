"""What several trials wait for, told once."""

from dataclasses import replace

import pytest

from trialmill.api.tree import get
from trialmill.engine.records import AttemptPhase, TrialPhase, TrialRecord
from trialmill.root.objects import trial_object
from trialmill.root.waiting import WaitNews, shared_waits, wait_of, waits_for
from trialmill.template.encode import compiled_from_json
from trialmill.testing.samples import NOON
from trialmill.testing.stored import checked, running_experiment, trial_of

RECORD = running_experiment()


def waiting(index: int, reason: str, message: str) -> TrialRecord:
    """POD in the message is the trial's own pod."""
    trial = trial_of(RECORD, index, TrialPhase.PENDING)
    return replace(trial, reason=reason, message=message.replace("POD", f"pod {trial.name}-x{index}z"))


def unschedulable(index: int, nodes: int = 3) -> TrialRecord:
    return waiting(index, "Unschedulable", f"POD cannot be scheduled: 0/{nodes} nodes are available: {nodes} too small")


def test_trials_that_wait_for_the_same_are_told_as_one() -> None:
    (shared,) = shared_waits(unschedulable(index) for index in range(50))
    first = unschedulable(0)
    assert shared.text == f"50 trials wait, Unschedulable: {first.message}"
    (alone,) = shared_waits([first])
    assert alone.text == f"trial {first.name} waits, Unschedulable: {first.message}"


def test_a_wait_is_news_once_whoever_waits_and_however_its_counts_change() -> None:
    news = WaitNews()
    assert [wait.first for wait in news.of([unschedulable(0)])] == [unschedulable(0).name]
    assert news.of([unschedulable(0), unschedulable(1)]) == []
    assert news.of([unschedulable(1, nodes=4)]) == []


def test_another_reason_is_news_and_going_back_is_none() -> None:
    news = WaitNews()
    pull, back_off = waiting(0, "ErrImagePull", "POD: no image"), waiting(0, "ImagePullBackOff", "POD: no image")
    assert [len(news.of([trial])) for trial in (pull, back_off, pull, back_off)] == [1, 1, 0, 0]


def test_images_that_differ_by_a_digit_are_two_things_to_wait_for() -> None:
    pulls = [waiting(n, "ErrImagePull", f"POD: image train:{n} not found") for n in (1, 2)]
    assert len(WaitNews().of(pulls)) == 2


def test_quotas_that_are_filled_otherwise_are_one_thing_to_wait_for() -> None:
    said = [f"exceeded quota: q, requested: pods=1, used: cpu={n}500m, limited: cpu=2" for n in (1, 2)]
    assert len(WaitNews().of([waiting(n, "QuotaExceeded", text) for n, text in enumerate(said)])) == 1


def test_once_nothing_waits_a_wait_is_news_again() -> None:
    news = WaitNews()
    runs = trial_of(RECORD, 1, TrialPhase.RUNNING)
    assert [len(news.of([trial])) for trial in (unschedulable(0), runs, unschedulable(1))] == [1, 0, 1]


@pytest.mark.parametrize("phase", [AttemptPhase.STOPPING, AttemptPhase.COLLECTING, AttemptPhase.ENDED])
def test_what_is_over_or_ended_waits_for_nothing_in_vain(phase: AttemptPhase) -> None:
    trial = unschedulable(0)
    ended = replace(trial, attempts=(replace(trial.attempt, phase=phase),))
    assert wait_of(ended) is None
    assert shared_waits([ended]) == []


def test_a_wait_is_told_by_describe_and_in_the_trials_status() -> None:
    trial = unschedulable(0)
    assert waits_for(trial, driven=True, now=NOON) == f"Unschedulable: {trial.message}"
    shown = trial_object(trial, RECORD, checked().experiment, compiled_from_json(RECORD.compiled))
    assert get(shown, "status", "waiting") == {"reason": "Unschedulable", "message": trial.message}
    fine = trial_object(
        trial_of(RECORD, 0, TrialPhase.PENDING), RECORD, checked().experiment, compiled_from_json(RECORD.compiled)
    )
    assert get(fine, "status", "waiting") is None


def test_what_is_not_made_yet_waits_for_the_cluster_where_there_is_one() -> None:
    trial = trial_of(RECORD, 0, TrialPhase.PENDING)
    pending = replace(trial, attempts=(replace(trial.attempt, phase=AttemptPhase.PENDING),))
    assert waits_for(pending, driven=True, now=NOON, on_cluster=True) == "the cluster to accept it"
