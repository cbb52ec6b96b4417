"""Which rights a run needs, and the Role that gives them."""

from trialmill.kube.api import ResourceType
from trialmill.runtime.kubernetes.rights import needed, roles
from trialmill.testing.kube_cluster import CONFIG_MAP, JOB

TRAIN_JOB = ResourceType("trainer.kubeflow.org", "v1alpha1", "TrainJob", "trainjobs", namespaced=True)
SHARED = ResourceType("example.dev", "v1", "Pool", "pools", namespaced=False)


def test_a_job_needs_itself_its_pods_and_their_output() -> None:
    rights = needed(JOB)
    assert [right.name for right in rights] == ["jobs.batch", "pods", "pods/log"]
    assert not any(set(right.verbs) & {"update", "patch", "deletecollection", "*"} for right in rights)


def test_what_is_made_with_a_trial_is_patched_to_name_its_owner() -> None:
    _, part, *_ = needed(JOB, [CONFIG_MAP])
    assert part.resource == "configmaps"
    assert {"create", "delete", "patch"} <= set(part.verbs)


def test_what_a_pod_is_found_through_is_read() -> None:
    rights = needed(TRAIN_JOB, between=(("jobset.x-k8s.io", "jobsets"), ("batch", "jobs")))
    assert [(right.name, right.verbs) for right in rights[1:3]] == [
        ("jobsets.jobset.x-k8s.io", ("get",)),
        ("jobs.batch", ("get",)),
    ]


def test_the_role_has_a_rule_for_each_right_and_no_wildcard() -> None:
    (role,) = roles(needed(JOB, [CONFIG_MAP]), "team-a")
    assert role["kind"] == "Role"
    assert role["metadata"] == {"name": "trialmill", "namespace": "team-a"}
    assert len(role["rules"]) == 4  # type: ignore[arg-type]
    assert "*" not in str(role)


def test_a_kind_without_a_namespace_needs_a_cluster_role() -> None:
    role, cluster_role = roles(needed(SHARED), "team-a")
    assert (role["kind"], cluster_role["kind"]) == ("Role", "ClusterRole")
    assert "namespace" not in str(cluster_role["metadata"])
    assert "pools" in str(cluster_role["rules"])
    assert "pools" not in str(role["rules"])
