"""Verdicts: the rules one by one, and what holds for any tree."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdict_samples import NEW, SEEN, P, condition, conditions, policy_for, resource

from trialmill.api.tree import Json, JsonObject
from trialmill.api.verdict import Verdict, VerdictMemory
from trialmill.kinds.conditions import observed_conditions, without_stale_conditions
from trialmill.kinds.profile import all_profiles
from trialmill.kinds.verdict import Policy, judge, remember, unmatched

JOB = policy_for("batch/v1", "Job")
COMPLETE = resource(conditions(condition("Complete", reason="Done", message="all pods ended")))


class TestIdentity:
    def test_what_was_never_seen_is_pending(self) -> None:
        assert judge(None, JOB, NEW).phase is P.PENDING

    def test_what_vanished_is_lost(self) -> None:
        verdict = judge(None, JOB, SEEN)

        assert (verdict.phase, verdict.reason, verdict.source) == (P.LOST, "Deleted", "identity")

    def test_what_was_replaced_is_lost_even_if_its_successor_succeeded(self) -> None:
        assert judge(COMPLETE, JOB, VerdictMemory(uid="u0")).reason == "Replaced"

    def test_the_uid_of_a_first_sight_is_remembered(self) -> None:
        assert remember(NEW, resource(), judge(resource(), JOB, NEW)) == SEEN

    @pytest.mark.parametrize(
        "later",
        [None, resource(), resource(conditions(condition("Failed"))), resource(uid="u2"), 7],
        ids=["deleted", "without status", "failed", "replaced", "not an object"],
    )
    def test_an_end_stays_whatever_comes_later(self, later: Json) -> None:
        memory = remember(NEW, COMPLETE, judge(COMPLETE, JOB, NEW))

        assert judge(later, JOB, memory).phase is P.SUCCEEDED
        assert remember(memory, later, judge(later, JOB, memory)) == memory

    def test_a_tree_that_is_no_object_is_unknown(self) -> None:
        assert judge(["x"], JOB, NEW).phase is P.UNKNOWN


class TestWords:
    def test_reason_and_message_come_from_the_matching_condition(self) -> None:
        assert judge(COMPLETE, JOB, NEW) == Verdict(P.SUCCEEDED, "Done", "all pods ended", "profile")

    def test_a_user_condition_is_named_as_the_source(self) -> None:
        policy = replace(JOB, success='status.conditions.#(type=="Complete")')

        assert judge(COMPLETE, policy, NEW).source == "condition"

    def test_a_status_speaks_where_the_match_does_not(self) -> None:
        verdict = judge(resource({"state": "error", "errorMessage": "no space"}), Policy(), NEW)

        assert (verdict.message, verdict.source) == ("no space", "heuristic")

    def test_a_failed_pod_speaks_through_its_container(self) -> None:
        ended: JsonObject = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
        status: JsonObject = {"phase": "Failed", "containerStatuses": [{"name": "train", "state": ended}]}

        verdict = judge(resource(status), policy_for("v1", "Pod"), NEW)

        assert verdict == Verdict(P.FAILED, "OOMKilled", "container train exited with code 137 (OOMKilled)", "profile")

    def test_of_several_containers_the_one_that_failed_speaks_with_its_last_line(self) -> None:
        waiting: JsonObject = {"name": "a", "state": {"waiting": {"reason": "PodInitializing"}}}
        ended: JsonObject = {"exitCode": 2, "reason": "Error", "message": "Traceback:\nValueError: lr"}
        failed: JsonObject = {"name": "b", "state": {"terminated": ended}}
        status: JsonObject = {"phase": "Failed", "containerStatuses": [waiting, failed]}

        verdict = judge(resource(status), policy_for("v1", "Pod"), NEW)

        assert verdict.message == "container b exited with code 2: ValueError: lr"

    def test_a_pod_that_waits_for_its_image_is_pending_and_says_so(self) -> None:
        waiting: JsonObject = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
        status: JsonObject = {"phase": "Pending", "containerStatuses": [{"name": "train", "state": waiting}]}

        verdict = judge(resource(status), policy_for("v1", "Pod"), NEW)

        assert verdict.phase is P.PENDING
        assert verdict.message == "container train is waiting: ImagePullBackOff: no such image"

    def test_a_crash_loop_is_still_running(self) -> None:
        waiting: JsonObject = {"waiting": {"reason": "CrashLoopBackOff"}}
        status: JsonObject = {"phase": "Running", "containerStatuses": [{"name": "train", "state": waiting}]}

        assert judge(resource(status), policy_for("v1", "Pod"), NEW).phase is P.RUNNING


class TestStaleness:
    def test_a_condition_of_its_own_generation_counts_before_that_of_the_status(self) -> None:
        fresh = condition("Complete", observedGeneration=2)
        tree = resource({"observedGeneration": 1, **conditions(fresh, condition("Failed"))}, generation=2)

        assert judge(tree, JOB, NEW).phase is P.SUCCEEDED

    def test_without_an_observed_generation_nothing_is_stale(self) -> None:
        tree = resource(conditions(condition("Complete")), generation=5)

        assert without_stale_conditions(tree) is tree

    def test_a_user_condition_does_not_see_stale_conditions(self) -> None:
        tree = resource(conditions(condition("Complete", observedGeneration=1)), generation=2)

        assert judge(tree, Policy('status.conditions.#(type=="Complete")'), NEW).phase is P.RUNNING


class TestUserConditions:
    def test_they_turn_profile_and_heuristics_off(self) -> None:
        policy = replace(JOB, success="status.[@this].#(never==1)#", failure="status.[@this].#(never==2)#")

        assert judge(COMPLETE, policy, NEW).phase is P.RUNNING

    def test_what_the_profile_knows_to_be_over_and_they_miss_is_told(self) -> None:
        policy = replace(JOB, success='status.conditions.#(type=="Succeeded")#')
        verdict = unmatched(COMPLETE, policy)

        assert verdict is not None
        assert (verdict.phase, verdict.reason) == (P.FAILED, "PolicyUnmatched")
        assert "Job t-3 is over (Succeeded)" in verdict.message
        assert "observed conditions [Complete=True]" in verdict.message

    @pytest.mark.parametrize(
        ("tree", "policy"),
        [
            (COMPLETE, JOB),
            (COMPLETE, replace(JOB, success='status.conditions.#(type=="Complete")')),
            (resource({"active": 1}), replace(JOB, success="x.#(a==1)")),
            (COMPLETE, Policy(success="x.#(a==1)")),
            (None, replace(JOB, success="x.#(a==1)")),
        ],
        ids=["no user condition", "it matches", "not over", "no profile", "no resource"],
    )
    def test_nothing_is_told_otherwise(self, tree: Json, policy: Policy) -> None:
        assert unmatched(tree, policy) is None


class TestHeuristics:
    @pytest.mark.parametrize("kind", ["Ready", "Available", "Current", "Healthy", "Running"])
    def test_success_is_never_taken_from_being_ready(self, kind: str) -> None:
        assert judge(resource({"succeeded": 1, **conditions(condition(kind))}), Policy(), NEW).phase is P.RUNNING

    def test_they_can_be_switched_off(self) -> None:
        assert judge(COMPLETE, Policy(heuristics=False), NEW).phase is P.RUNNING

    def test_a_kind_that_never_finishes_is_not_guessed_about(self) -> None:
        assert judge(COMPLETE, policy_for("apps/v1", "Deployment"), NEW).phase is P.RUNNING

    def test_finished_with_a_reason_that_sounds_failed_is_a_failure(self) -> None:
        tree = resource(conditions(condition("Finished", reason="JobFailed")))

        assert judge(tree, Policy(), NEW).phase is P.FAILED

    def test_succeeded_has_three_states(self) -> None:
        phases = [
            judge(resource(conditions(condition("Succeeded", s))), Policy(), NEW).phase
            for s in ("True", "False", "Unknown")
        ]

        assert phases == [P.SUCCEEDED, P.FAILED, P.RUNNING]

    def test_of_duplicate_types_the_last_transition_counts(self) -> None:
        late = condition("Failed", "False", lastTransitionTime="2026-01-02T00:00:00Z")
        early = condition("Failed", "True", lastTransitionTime="2026-01-01T00:00:00Z")

        assert judge(resource(conditions(late, early)), Policy(), NEW).phase is P.RUNNING

    @pytest.mark.parametrize("state", ["Validation_Failed", "timed-out", "CANCELLED", "errored"])
    def test_a_failed_state_is_read_however_it_is_spelled(self, state: str) -> None:
        assert judge(resource({"jobStatus": state}), Policy(), NEW).phase is P.FAILED


class TestSuspension:
    def test_the_path_of_the_kind_counts(self) -> None:
        tree = resource({"startTime": "x"}, spec={"runPolicy": {"suspend": True}})

        assert judge(tree, policy_for("kubeflow.org/v1", "PyTorchJob"), NEW).phase is P.SUSPENDED
        assert judge(tree, JOB, NEW).phase is P.RUNNING

    @pytest.mark.parametrize("kind", ["Suspended", "Suspending"])
    def test_a_condition_counts(self, kind: str) -> None:
        assert judge(resource(conditions(condition(kind))), JOB, NEW).phase is P.SUSPENDED

    def test_an_empty_status_says_nothing(self) -> None:
        assert judge(resource({"conditions": []}), JOB, NEW).phase is P.PENDING


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "conditions []"),
        (conditions(condition("Created"), condition("Running")), "conditions [Created=True, Running=True]"),
        ({"phase": "Done", **conditions(condition("Created"))}, 'conditions [Created=True], phase="Done"'),
        ({"state": {"phase": "Open"}}, 'state.phase="Open"'),
    ],
    ids=["nothing", "conditions", "both", "a state"],
)
def test_what_was_observed_is_put_into_words(status: Json, words: str) -> None:
    assert observed_conditions(resource(status)) == words


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=4)
KEYS = st.sampled_from(["conditions", "type", "status", "reason", "phase", "state", "observedGeneration", "x"])
STATUSES = st.recursive(
    SCALARS | st.sampled_from(["True", "False", "Failed", "Complete", "Succeeded"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
RESOURCES = STATUSES | st.fixed_dictionaries(
    {
        "metadata": STATUSES | st.fixed_dictionaries({"uid": st.sampled_from(["u1", "u2"]), "generation": SCALARS}),
        "spec": STATUSES,
        "status": STATUSES,
    }
)
OWN = Policy('status.conditions.#(type=="Trained")', "status.[@this].#(code!=0)#")
POLICIES = st.sampled_from([OWN, Policy(), *(Policy(profile=profile) for profile in all_profiles())])
CONDITIONS = st.lists(
    st.builds(condition, st.sampled_from(["Complete", "Failed", "Suspended", "X"]), st.sampled_from(["True", "False"])),
    max_size=5,
)


@given(RESOURCES, POLICIES)
def test_no_tree_raises(tree: Json, policy: Policy) -> None:
    assert isinstance(judge(tree, policy, NEW), Verdict)
    assert isinstance(observed_conditions(tree), str)
    unmatched(tree, policy)


@given(st.lists(RESOURCES, min_size=1, max_size=6), POLICIES)
def test_once_over_always_over(life: list[Json], policy: Policy) -> None:
    memory = NEW
    ends: list[Verdict] = []
    for tree in life:
        verdict = judge(tree, policy, memory)
        memory = remember(memory, tree, verdict)
        if verdict.phase.is_terminal or ends:
            ends.append(verdict)

    assert all(end == ends[0] for end in ends)


@given(CONDITIONS)
def test_failure_goes_before_success(entries: list[JsonObject]) -> None:
    tree = resource(conditions(*entries, condition("Failed")))

    assert judge(tree, JOB, NEW).phase is P.FAILED
