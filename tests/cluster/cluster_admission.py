"""A policy of admission, as an administrator makes one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cluster_under_test import Cluster, Namespace


@contextmanager
def admission(cluster: Cluster, namespace: Namespace, expression: str, message: str) -> Iterator[None]:
    """A policy that Jobs of the namespace have to meet, from the moment on when it is in force."""
    rules = [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}]
    name = namespace.name
    for kind, spec in (
        (
            "ValidatingAdmissionPolicy",
            {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": rules},
                "validations": [{"expression": expression, "message": message}],
            },
        ),
        (
            "ValidatingAdmissionPolicyBinding",
            {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}},
            },
        ),
    ):
        whole = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        cluster.kubectl("apply", "--filename=-", given=json.dumps(whole))
    try:
        _wait_until_refused(namespace)
        yield
    finally:
        kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding"
        cluster.kubectl("delete", kinds, name)


def _wait_until_refused(namespace: Namespace) -> None:
    """A policy is in force some moments after it was made."""
    spec = {
        "parallelism": 4,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}},
    }
    probe = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "probe"}, "spec": spec}
    for _ in range(100):
        try:
            namespace.kubectl("create", "--filename=-", "--dry-run=server", given=json.dumps(probe))
        except AssertionError:
            return
    raise AssertionError("the policy was never in force")
