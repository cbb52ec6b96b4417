"""The kinds that every cluster has."""

import pytest
from acceptance_place import Place, Tree
from cluster_two_ends import assert_nothing_is_left, assert_two_ends, pod, two_ends
from cluster_under_test import Namespace

pytestmark = pytest.mark.usefixtures("stand_in")

_POD = pod(restartPolicy="Never")
KINDS: dict[str, Tree] = {
    "a Job": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": _POD}},
    "a Pod": {"apiVersion": "v1", "kind": "Pod", **_POD},
}


@pytest.mark.parametrize("manifest", KINDS.values(), ids=KINDS)
def test_a_trial_succeeds_and_one_fails_as_the_cluster_says_of(
    place: Place, namespace: Namespace, manifest: Tree
) -> None:
    assert_two_ends(place, namespace, two_ends(manifest))
    assert_nothing_is_left(namespace, f"{manifest['kind'].lower()}s")
