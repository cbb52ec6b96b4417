"""What a pod says of a resource that is gone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.experiment import TrialTemplate, When
from trialmill.api.tree import Json, JsonObject
from trialmill.api.verdict import Verdict, VerdictPhase
from trialmill.kinds.orphans import judge_by_pod
from trialmill.kinds.profile import profile_of
from trialmill.kinds.verdict import Policy, policy_of_template

JOB = profile_of("batch/v1", "Job")
ONE = Policy(profile=JOB, one_pod=True)
SAID = "its Job is gone; its pod p succeeded"


def pod(phase: str = "Succeeded", labels: JsonObject | None = None, **metadata: Json) -> JsonObject:
    return {"metadata": {"name": "p", "labels": labels or {}, **metadata}, "status": {"phase": phase}}


def test_the_success_of_the_one_pod_is_that_of_its_job() -> None:
    assert judge_by_pod(pod(), ONE, "u1", SAID) == Verdict(VerdictPhase.SUCCEEDED, "PodSucceeded", SAID, "pod")


@pytest.mark.parametrize("label", ["batch.kubernetes.io/controller-uid", "controller-uid"])
def test_a_pod_of_this_very_job_counts_and_that_of_another_does_not(label: str) -> None:
    assert judge_by_pod(pod(labels={label: "u1"}), ONE, "u1", SAID) is not None
    assert judge_by_pod(pod(labels={label: "u2"}), ONE, "u1", SAID) is None
    assert judge_by_pod(pod(labels={label: "u2"}), ONE, "", SAID) is not None  # its answer was lost: which is not known


def test_conditions_that_only_write_the_default_out_change_nothing() -> None:
    assert JOB is not None
    policy = replace(ONE, success=JOB.success, failure=JOB.failure)
    assert judge_by_pod(pod(), policy, "u1", SAID) is not None


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        pytest.param(None, ONE, id="there is no pod"),
        pytest.param(pod("Failed"), ONE, id="it failed, and another might have been made"),
        pytest.param(pod("Running"), ONE, id="it runs"),
        pytest.param(pod(deletionTimestamp="2026-01-01T00:00:00Z"), ONE, id="it is being deleted"),
        pytest.param(pod(), replace(ONE, one_pod=False), id="it is one of several"),
        pytest.param(pod(), replace(ONE, success="status.[@this].#(succeeded>0)#"), id="own success condition"),
        pytest.param(pod(), replace(ONE, failure=When(cel="object.status.failed > 0")), id="own failure condition"),
        pytest.param(pod(), Policy(one_pod=True), id="an unknown kind"),
    ],
)
def test_nothing_is_concluded_where(found: Json, policy: Policy) -> None:
    assert judge_by_pod(found, policy, "u1", SAID) is None


@pytest.mark.parametrize(
    ("spec", "needs_one"),
    [
        ({}, True),
        ({"completions": 1}, True),
        ({"completions": 1, "parallelism": 3}, True),  # no more pods run than are still needed
        ({"parallelism": 1}, True),
        ({"parallelism": 3}, False),  # a work queue: all of them have to end
        ({"completions": 2}, False),
        ({"completions": "${trialParameters.pods}"}, False),
        ({"parallelism": "${trialParameters.pods}"}, False),
    ],
    ids=str,
)
def test_a_job_needs_one_pod_where_its_template_says_so(spec: JsonObject, needs_one: bool) -> None:
    template = TrialTemplate({"apiVersion": "batch/v1", "kind": "Job", "spec": spec})
    assert policy_of_template(template, JOB).one_pod is needs_one


@pytest.mark.parametrize(
    ("version", "kind"), [("kubeflow.org/v1", "PyTorchJob"), ("jobset.x-k8s.io/v1alpha2", "JobSet")]
)
def test_kinds_of_several_pods_are_never_judged_by_one(version: str, kind: str) -> None:
    template = TrialTemplate({"apiVersion": version, "kind": kind, "spec": {}})
    assert not policy_of_template(template, profile_of(version, kind)).one_pod


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_no_tree_raises(tree: Json) -> None:
    pods: list[Json] = [tree, {"metadata": tree, "status": {"phase": "Succeeded"}}, {"metadata": {"labels": tree}}]
    for found in pods:
        judge_by_pod(found, ONE, "u1", SAID)
    policy_of_template(TrialTemplate(tree), JOB)
    policy_of_template(TrialTemplate({"spec": tree}), JOB)
