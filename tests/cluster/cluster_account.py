"""A user of a real cluster who may do no more than a Role says."""

from collections.abc import Sequence
from typing import Any

import yaml
from acceptance_place import Place
from cluster_under_test import Namespace


def as_account(place: Place, namespace: Namespace, rules: Sequence[Any]) -> Place:
    """The same folder for a user who may do only this: a ServiceAccount with a Role."""
    meta = {"name": "tuner", "namespace": namespace.name}
    namespace.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    rbac = "rbac.authorization.k8s.io"
    namespace.apply({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": list(rules)})
    namespace.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "tuner"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )
    config = yaml.safe_load(namespace.cluster.kubeconfig.read_text())
    config["users"] = [{"name": u["name"], "user": {"token": token_of(namespace)}} for u in config["users"]]
    file = place.folder / "kubeconfig-of-tuner"
    file.write_text(yaml.safe_dump(config))
    return Place(place.folder, {"KUBECONFIG": str(file)}, started=place.started)


def token_of(namespace: Namespace) -> str:
    return namespace.kubectl("create", "token", "tuner").strip()
