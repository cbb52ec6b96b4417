"""Single events: what they may not do, and what is kept when two write at the same moment."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rehearsal import Rehearsal

from trialmill.api.experiment import Objective, ObjectiveType, When
from trialmill.api.history import Budget, Decision, NewTrial, Promotion
from trialmill.api.metric import MetricSummary, Observation
from trialmill.api.tree import JsonObject
from trialmill.api.verdict import ConditionError, Stuck, Undecided, Verdict, VerdictPhase
from trialmill.engine.deadlines import attempt_due
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
    RuntimeTroubled,
    StopDecided,
    SuggestionsArrived,
    TimerFired,
)
from trialmill.engine.instructions import Collect, SetTimer
from trialmill.engine.judging import Judge
from trialmill.engine.ledger import Ledger
from trialmill.engine.machine import apply, desired
from trialmill.engine.ports import Gone, Snapshot, Stores
from trialmill.engine.records import AttemptKey, AttemptPhase, EventRecord, Intent, RunState, TrialPhase
from trialmill.engine.rules import Rules
from trialmill.engine.state import State
from trialmill.engine.transitions import InvalidTransitionError, promote_trial
from trialmill.kinds.profile import profile_of
from trialmill.kinds.verdict import Policy
from trialmill.testing.samples import experiment
from trialmill.testing.virtual_time import START

RECORD = experiment(uid="e1")
KEY = AttemptKey("e1", 0, 1)
RULES = Rules(Objective(ObjectiveType.MINIMIZE, "loss"))
SUCCEEDED = Verdict(VerdictPhase.SUCCEEDED)


def running() -> State:
    """One trial whose resource `r` is running."""
    state = State(replace(RECORD, intent=Intent(RunState.RUN, 1, 3)), [], RULES)
    for event in (
        Opened(START),
        SuggestionsArrived(START, 0, (NewTrial({"lr": 0.1}),)),
        ResourceAccepted(START, KEY, "r", {"process": 1}),
        ResourceChanged(START, KEY, "r", Verdict(VerdictPhase.RUNNING)),
    ):
        apply(state, event)
    assert state.trials[0].phase is TrialPhase.RUNNING
    return state


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(ResourceChanged(START, KEY, "another", SUCCEEDED), id="a verdict on another resource"),
        pytest.param(ResourceGone(START, KEY, "another"), id="the end of another resource"),
        pytest.param(ResourceAccepted(START, KEY, "another", {"process": 2}), id="a second acceptance"),
        pytest.param(ResourceDelayed(START, KEY, "QuotaExceeded", "no room"), id="a delay of what is there"),
        pytest.param(RuntimeTroubled(START, "Unreachable", "no answer"), id="a runtime out of sight"),
        pytest.param(ResourceChanged(START, KEY._replace(attempt=2), "r", SUCCEEDED), id="an attempt to come"),
        pytest.param(ResourceGone(START, KEY._replace(trial_index=1), ""), id="a trial to come"),
        pytest.param(ResourceGone(START, KEY._replace(trial_index=-1), ""), id="no trial"),
        pytest.param(ResourceGone(START, KEY._replace(experiment_uid="e2"), ""), id="another experiment"),
        pytest.param(CollectionFinished(START, KEY, Observation(), ()), id="metrics of what is not over"),
        pytest.param(StopDecided(START, KEY, Decision.GO), id="a decision to go on"),
        pytest.param(SuggestionsArrived(START, 0, (NewTrial({"lr": 0.2}),)), id="an answer of the past"),
        pytest.param(IntentChanged(START, Intent(RunState.RUN, 1, 3)), id="the same intent"),
        pytest.param(Opened(START), id="another opening"),
    ],
)
def test_an_event_that_does_not_fit_changes_nothing(event: Event) -> None:
    state = running()
    wanted = desired(state, START)
    assert apply(state, event).records == ()
    assert desired(state, START) == wanted


def test_a_refusal_of_what_is_over_comes_too_late() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", SUCCEEDED))
    assert apply(state, ResourceRejected(START, KEY, "Refused", "")).records == ()


def test_what_an_attempt_needs_is_concluded_anew_only_when_its_trial_has_changed() -> None:
    state = running()
    (before,) = (each for each in desired(state, START) if isinstance(each, Collect))
    later = START + timedelta(hours=1)
    assert any(each is before for each in desired(state, later))
    apply(state, ResourceChanged(later, KEY, "r", SUCCEEDED))
    assert [each for each in desired(state, later) if isinstance(each, Collect)] == [Collect(KEY, final=True)]
    apply(state, CollectionFinished(later, KEY, Observation(), ()))
    assert 0 not in state.concluded


def test_what_a_runtime_notes_of_a_resource_is_kept_though_the_resource_was_seen_before_it_answered() -> None:
    state = State(replace(RECORD, intent=Intent(RunState.RUN, 1, 3)), [], RULES)
    for event in (
        Opened(START),
        SuggestionsArrived(START, 0, (NewTrial({"lr": 0.1}),)),
        ResourceChanged(START, KEY, "r", Verdict(VerdictPhase.RUNNING)),
        ResourceAccepted(START, KEY, "r", {"process": 1}),
    ):
        apply(state, event)
    attempt = state.trials[0].attempt
    assert (attempt.resource_uid, attempt.handle, attempt.phase) == ("r", {"process": 1}, AttemptPhase.RUNNING)
    assert apply(state, ResourceAccepted(START, KEY, "r")).records == ()


def test_an_ended_attempt_hears_nothing_more() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", Verdict(VerdictPhase.FAILED)))
    apply(state, CollectionFinished(START, KEY, Observation(), ()))
    assert state.trials[0].attempt.phase is AttemptPhase.ENDED
    for event in (ResourceGone(START, KEY, "r"), ResourceChanged(START, KEY, "r", SUCCEEDED)):
        assert apply(state, event).records == ()
    assert state.trials[0].phase is TrialPhase.FAILED


def test_a_trial_that_is_not_taken_yet_says_what_it_waits_for_until_it_is() -> None:
    state = State(replace(RECORD, intent=Intent(RunState.RUN, 1, 3)), [], RULES)
    apply(state, Opened(START))
    apply(state, SuggestionsArrived(START, 0, (NewTrial({"lr": 0.1}),)))
    story: list[EventRecord] = []
    for message in ("2 of 2 are used", "2 of 2 are used", "3 of 3 are used"):
        story += apply(state, ResourceDelayed(START, KEY, "QuotaExceeded", message)).story
    assert (state.trials[0].reason, state.trials[0].message) == ("QuotaExceeded", "3 of 3 are used")
    assert [(e.reason, e.message, e.warning) for e in story] == [("QuotaExceeded", "2 of 2 are used", True)]
    assert not apply(state, ResourceDelayed(START, KEY, "QuotaExceeded", "3 of 3 are used")).records
    apply(state, ResourceAccepted(START, KEY, "r"))
    assert (state.trials[0].reason, state.trials[0].message) == ("", "")


def test_a_trial_without_metrics_says_what_could_not_be_read() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", SUCCEEDED))
    apply(state, CollectionFinished(START, KEY, Observation(), (), "the file /m may not be read by user 7"))
    (trial,) = state.trials
    assert trial.phase is TrialPhase.METRICS_UNAVAILABLE
    assert trial.message.endswith("; the file /m may not be read by user 7")


def test_a_resource_that_is_stuck_says_so_with_its_trial_until_it_gets_on() -> None:
    state = running()
    verdict = Verdict(VerdictPhase.RUNNING)
    stuck = Stuck("NoPods", "no pod has been made", timedelta(hours=1))
    apply(state, ResourceChanged(START, KEY, "r", verdict, stuck=stuck))
    assert (state.trials[0].reason, state.trials[0].message) == ("NoPods", "no pod has been made")
    apply(state, ResourceChanged(START, KEY, "r", verdict))
    assert (state.trials[0].reason, state.trials[0].message) == ("", "")


def test_another_patience_begins_when_its_reason_does() -> None:
    """A pod that no node had room for is not given up at once when it has got one and its image's registry hiccups."""
    state = running()
    full = Stuck("Unschedulable", "no node has room", timedelta(hours=1))
    pull, backs_off = (Stuck(reason, reason, timedelta(minutes=10)) for reason in ("ErrImagePull", "ImagePullBackOff"))
    story: list[EventRecord] = []
    for minute, stuck in ((0, full), (30, pull), (35, backs_off)):
        at = START + timedelta(minutes=minute)
        story += apply(state, ResourceChanged(at, KEY, "r", Verdict(VerdictPhase.RUNNING), stuck=stuck)).story
    assert attempt_due(state, state.trials[0]) == START + timedelta(minutes=40)
    assert [line.reason for line in story] == ["Unschedulable", "ErrImagePull"]


def test_a_wait_ends_with_its_attempt() -> None:
    state = running()
    stuck = Stuck("NoPods", "no pod has been made", timedelta(hours=1))
    apply(state, ResourceChanged(START, KEY, "r", Verdict(VerdictPhase.RUNNING), stuck=stuck))
    apply(state, ResourceGone(START, KEY, "r"))
    assert (state.trials[0].reason, state.trials[0].message) == ("", "")


RUNNING = Verdict(VerdictPhase.RUNNING)
NOT_YET = Undecided("no condition has matched: it says Other")
LOOKS_OVER = Undecided("it looks succeeded: it says Completed", looks_over=True)


def undecided(at: int, words: Undecided | None, index: int = 0) -> ResourceChanged:
    return ResourceChanged(START + timedelta(seconds=at), AttemptKey("e1", index, 1), "r", RUNNING, undecided=words)


def told_at(state: State, seconds: int) -> list[tuple[str, str, bool]]:
    story = apply(state, TimerFired(START + timedelta(seconds=seconds))).story
    return [(line.reason, line.message, line.warning) for line in story]


def test_that_no_condition_has_matched_is_told_once_after_some_minutes() -> None:
    state = running()
    apply(state, undecided(0, NOT_YET))
    assert SetTimer(START + timedelta(minutes=5)) in desired(state, START)
    assert told_at(state, 299) == []
    assert told_at(state, 300) == [("ConditionsUnmatched", NOT_YET.message, True)]
    assert (state.trials[0].reason, state.trials[0].message) == ("ConditionsUnmatched", NOT_YET.message)
    newer = Undecided("no condition has matched: it says Another")
    apply(state, undecided(301, newer))
    assert state.trials[0].message == newer.message
    assert told_at(state, 10_000) == []
    assert not any(isinstance(i, SetTimer) for i in desired(state, START))


def test_what_looks_over_is_told_soon_and_goes_on() -> None:
    state = running()
    apply(state, undecided(0, LOOKS_OVER))
    assert told_at(state, 29) == []
    assert told_at(state, 30) == [("ConditionsUnmatched", LOOKS_OVER.message, True)]
    assert state.trials[0].phase is TrialPhase.RUNNING


def test_what_ends_after_all_waits_for_nothing_any_more() -> None:
    state = running()
    apply(state, undecided(0, LOOKS_OVER))
    told_at(state, 30)
    apply(state, ResourceChanged(START, KEY, "r", SUCCEEDED))
    assert (state.trials[0].reason, state.trials[0].message) == ("", "")
    assert told_at(state, 59) == []


def test_a_trial_that_takes_long_is_not_doubted_once_the_end_of_another_was_seen() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", replace(SUCCEEDED, source="condition")))
    apply(state, CollectionFinished(START, KEY, Observation(), ()))
    apply(state, SuggestionsArrived(START, 1, (NewTrial({"lr": 0.2}),)))
    apply(state, ResourceAccepted(START, AttemptKey("e1", 1, 1), "r"))
    apply(state, undecided(0, NOT_YET, index=1))
    assert told_at(state, 301) == []
    assert state.trials[1].reason == ""
    apply(state, undecided(302, LOOKS_OVER, index=1))
    assert told_at(state, 333) == [("ConditionsUnmatched", LOOKS_OVER.message, True)]


def test_a_judge_says_of_an_unknown_kind_what_its_conditions_do_not_see() -> None:
    resource: JsonObject = {"kind": "W", "metadata": {"name": "w", "uid": "r"}, "status": {"phase": "Completed"}}
    judge = Judge(Policy(success='status.[@this].#(phase=="Fine")#'))
    event = judge.hear(Snapshot(KEY, "r", resource), "r", START)
    assert event is not None
    assert event.undecided is not None
    assert event.undecided.looks_over
    assert judge.hear(Snapshot(KEY, "r", resource), "r", START) is None
    over = judge.hear(Snapshot(KEY, "r", {**resource, "status": {"phase": "Fine"}}), "r", START)
    assert over is not None
    assert (over.verdict.phase, over.undecided) == (VerdictPhase.SUCCEEDED, None)


def erring(index: int, *conditions: str, error: str = "no overload") -> ResourceChanged:
    errors = tuple(ConditionError(condition, error) for condition in conditions)
    return ResourceChanged(START, AttemptKey("e1", index, 1), "r", RUNNING, errors=errors)


def test_a_condition_that_cannot_be_evaluated_is_told_once_for_the_whole_experiment() -> None:
    state = running()
    apply(state, IntentChanged(START, Intent(RunState.RUN, 2, 3)))
    apply(state, SuggestionsArrived(START, 1, (NewTrial({"lr": 0.2}),)))
    first, second = "failureWhen cel object.a > 3", "successWhen cel object.b > 3"
    story: list[EventRecord] = []
    for event in (
        erring(0, first),
        erring(0, first, error="other words"),
        erring(1, first),
        ResourceChanged(START, KEY, "r", RUNNING),
        erring(1, first, second),
    ):
        story += apply(state, event).story
    assert [(line.object, line.reason, line.message, line.warning) for line in story] == [
        (state.trials[0].name, "ConditionError", f"{first} cannot be evaluated, and so is not met: no overload", True),
        (state.trials[1].name, "ConditionError", f"{second} cannot be evaluated, and so is not met: no overload", True),
    ]


def test_the_error_of_a_condition_is_told_before_the_end_that_another_sees() -> None:
    state = running()
    story = apply(state, replace(erring(0, "failureWhen cel object.a > 3"), verdict=SUCCEEDED)).story
    assert [line.reason for line in story] == ["ConditionError"]
    assert state.trials[0].phase is TrialPhase.COLLECTING


def test_a_judge_says_which_condition_cannot_be_evaluated_once_there_is_something_to_evaluate_it_on() -> None:
    resource: JsonObject = {"kind": "Job", "metadata": {"name": "w", "uid": "r"}}
    judge = Judge(Policy(When(cel="object.status.phase > 3"), profile=profile_of("batch/v1", "Job")))
    fresh = judge.hear(Snapshot(KEY, "r", resource), "r", START)
    assert fresh is not None
    assert fresh.errors == ()
    event = judge.hear(Snapshot(KEY, "r", {**resource, "status": {"phase": "Done"}}), "r", START)
    assert event is not None
    assert [error.condition for error in event.errors] == ["successWhen cel object.status.phase > 3"]
    assert "string, int64" in event.errors[0].error
    assert judge.hear(Snapshot(KEY, "r", {**resource, "status": {"phase": "Over"}}), "r", START) is None


BY_POD = Verdict(VerdictPhase.SUCCEEDED, "PodSucceeded", "its Job is gone; its pod p succeeded", "pod")


def observed(value: float) -> Observation:
    return Observation((MetricSummary("loss", value, value, value),))


def test_a_trial_whose_pod_alone_tells_of_its_success_succeeds_with_its_metrics() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", BY_POD))
    apply(state, CollectionFinished(START, KEY, observed(0.5), ()))
    (trial,) = state.trials
    assert (trial.phase, trial.message) == (TrialPhase.SUCCEEDED, BY_POD.message)


def test_a_trial_whose_pod_tells_of_its_success_and_has_no_metrics_left_runs_again() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", BY_POD))
    story = apply(state, CollectionFinished(START, KEY, Observation(), (), "its log is gone")).story
    (trial,) = state.trials
    assert (trial.phase, [attempt.cause for attempt in trial.attempts]) == (TrialPhase.PENDING, ["First", "Lost"])
    words = "its Job is gone; its pod p succeeded, but left no value of metric loss; its log is gone"
    assert [(line.reason, line.message) for line in story] == [("AttemptLost", words)]
    assert trial.attempts[0].verdict == replace(BY_POD, phase=VerdictPhase.LOST, message=words)


@pytest.mark.parametrize(
    ("gone", "phase"),
    [
        (Gone(KEY, "", "its Job is gone; its pod p succeeded", {"status": {"phase": "Succeeded"}}), "Succeeded"),
        (Gone(KEY, "r", "it was deleted; its pod p succeeded", {"status": {"phase": "Succeeded"}}), "Succeeded"),
        (Gone(KEY, "", "its Job is gone; its pod p failed: why", {"status": {"phase": "Failed"}}), "Lost"),
        (Gone(KEY, "r", "it was deleted"), "Lost"),
        (Gone(KEY, "another", "it was deleted", {"status": {"phase": "Succeeded"}}), None),
    ],
    ids=["unseen", "seen", "a failed pod", "no pod", "another resource"],
)
def test_a_judge_takes_the_word_of_the_one_pod_of_a_job_that_is_gone(gone: Gone, phase: str | None) -> None:
    state = running()
    apply(state, Judge(Policy(profile=profile_of("batch/v1", "Job"), one_pod=True)).gone(gone, "r", START))
    verdict = state.trials[0].attempt.verdict
    assert (verdict and (str(verdict.phase), verdict.message)) == (phase and (phase, gone.message))


def test_a_runtime_out_of_sight_is_told_and_that_it_is_in_sight_again() -> None:
    state = running()
    events = [RuntimeTroubled(START, "", ""), RuntimeTroubled(START, "Unreachable", "no answer")]
    events.append(RuntimeTroubled(START, "", ""))
    story = [(line.object, line.reason, line.warning) for event in events for line in apply(state, event).story]
    assert story == [(RECORD.name, "Unreachable", True), (RECORD.name, "InSightAgain", False)]
    assert state.trouble == ""


def phase_of(state: State) -> TrialPhase:
    return state.trials[0].phase


TROUBLE = RuntimeTroubled(START, "Unreachable", "no answer")
CLEAR_AT = START + timedelta(hours=5)


def test_metrics_of_a_trial_that_ends_out_of_sight_are_waited_for_until_it_can_be_read() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", SUCCEEDED))
    apply(state, TROUBLE)
    assert not any(isinstance(each, SetTimer) for each in desired(state, START))
    apply(state, TimerFired(CLEAR_AT))
    assert phase_of(state) is TrialPhase.COLLECTING
    apply(state, RuntimeTroubled(CLEAR_AT, "", ""))
    apply(state, TimerFired(CLEAR_AT + RULES.collection_deadline / 2))
    assert phase_of(state) is TrialPhase.COLLECTING
    apply(state, TimerFired(CLEAR_AT + RULES.collection_deadline))
    assert phase_of(state) is TrialPhase.METRICS_UNAVAILABLE


def test_what_looked_stuck_is_not_given_up_unseen() -> None:
    state = running()
    stuck = Stuck("Unschedulable", "no node", timedelta(hours=1))
    apply(state, ResourceChanged(START, KEY, "r", Verdict(VerdictPhase.RUNNING), stuck=stuck))
    apply(state, TROUBLE)
    apply(state, TimerFired(CLEAR_AT))
    assert phase_of(state) is TrialPhase.RUNNING
    apply(state, RuntimeTroubled(CLEAR_AT, "", ""))
    apply(state, TimerFired(CLEAR_AT + timedelta(minutes=59)))
    assert phase_of(state) is TrialPhase.RUNNING
    apply(state, TimerFired(CLEAR_AT + timedelta(hours=1)))
    assert phase_of(state) is TrialPhase.COLLECTING


def test_who_wants_to_stop_need_not_wait_until_what_runs_can_be_seen() -> None:
    state = running()
    apply(state, TROUBLE)
    apply(state, IntentChanged(START, Intent(RunState.STOP, 1, 3)))
    assert phase_of(state) is TrialPhase.STOPPING
    apply(state, TimerFired(START + RULES.stop_grace + RULES.stop_deadline))
    assert phase_of(state) is TrialPhase.COLLECTING


def test_an_impossible_transition_tells_the_story_of_its_trial() -> None:
    state = running()
    with pytest.raises(
        InvalidTransitionError, match=r"only a paused trial .* is Running, its attempts: 1 First Running"
    ):
        promote_trial(state, Promotion(0, Budget("epochs", 3)), START)


def test_of_equals_the_first_made_is_the_best_also_after_a_restart() -> None:
    state = State(replace(RECORD, intent=Intent(RunState.RUN, 2, 3)), [], RULES)
    apply(state, Opened(START))
    apply(state, SuggestionsArrived(START, 0, (NewTrial({"lr": 0.1}), NewTrial({"lr": 0.2}))))
    for index in (1, 0):
        key = KEY._replace(trial_index=index)
        apply(state, ResourceChanged(START, key, "r", SUCCEEDED))
        apply(state, CollectionFinished(START, key, Observation((MetricSummary("loss", 1.0, 1.0, 1.0),)), ()))
    assert state.best == 0
    assert State(state.experiment, state.trials, RULES).best == 0


def test_another_resource_in_its_place_means_that_the_attempt_is_lost() -> None:
    judge = Judge(Policy(profile=profile_of("batch/v1", "Job")))
    snapshot = Snapshot(KEY, "another", {"metadata": {"uid": "another"}, "status": {"active": 1}})
    event = judge.hear(snapshot, "r", START)
    assert event is not None
    assert (event.uid, event.verdict.phase, event.verdict.reason) == ("r", VerdictPhase.LOST, "Replaced")


def test_a_snapshot_that_says_nothing_new_is_no_event() -> None:
    judge = Judge(Policy(profile=profile_of("batch/v1", "Job")))
    snapshot = Snapshot(KEY, "r", {"metadata": {"uid": "r"}, "status": {"active": 1}})
    assert judge.hear(snapshot, "", START) is not None
    assert judge.hear(snapshot, "r", START) is None
    judge.forget(KEY)
    assert judge.hear(snapshot, "r", START) is not None


def test_what_a_door_wrote_meanwhile_is_kept_in_the_store_and_told() -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        record, trials, _ = await stores.trials.load(rehearsal.record.ref)
        state = State(record, trials, RULES)
        ledger = Ledger(stores, state)
        ledger.add(apply(state, Opened(START)))
        await rehearsal.want(stores, max_trials=9)
        theirs = await ledger.save()
        stored = await stores.trials.experiment(record.ref)
        assert stored.intent.max_trials == 9
        assert theirs == stored.intent
        assert stored.conditions == state.experiment.conditions
        assert state.experiment.version == stored.version
        assert ledger.is_empty
        assert await ledger.save() is None

    Rehearsal().run(story)


def test_reading_that_gets_on_is_waited_for_and_what_is_cut_off_is_said() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", SUCCEEDED))
    seen = Observation((MetricSummary("loss", 0.9, 0.9, 0.9, "0.9"),))
    for seconds in (50, 100, 150):
        apply(state, PointsArrived(START + timedelta(seconds=seconds), KEY, seen, ()))
        apply(state, TimerFired(START + timedelta(seconds=seconds + 9)))
        assert state.trials[0].phase is TrialPhase.COLLECTING

    apply(state, TimerFired(START + timedelta(seconds=210)))

    assert state.trials[0].phase is TrialPhase.SUCCEEDED
    assert "not read to the end" in state.trials[0].message


def test_reading_has_an_end_however_it_gets_on() -> None:
    state = running()
    apply(state, ResourceChanged(START, KEY, "r", SUCCEEDED))
    for minutes in range(1, 62):
        apply(state, PointsArrived(START + timedelta(minutes=minutes, seconds=-1), KEY, Observation(), ()))
        apply(state, TimerFired(START + timedelta(minutes=minutes)))
    assert state.trials[0].phase is TrialPhase.METRICS_UNAVAILABLE
