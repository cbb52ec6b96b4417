"""Kinds that nothing of ours knows: a CustomResourceDefinition written for a test, and a controller for it."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acceptance_place import Tree
from cluster_place import STAND_IN, on_the_stand_in
from cluster_under_test import ON_THE_STAND_IN, Cluster, Namespace, Object

GROUP = "tests.trialmill.dev"


ONE_NUMBER: Object = {"type": "object", "properties": {"x": {"type": "number"}}}


def definition(kind: str, spec: Object = ONE_NUMBER) -> Object:
    """A kind whose status is one word and what a condition has; its spec knows `x`, a number, and nothing else, or what
    `spec` says.
    """
    plural = f"{kind.lower()}s"
    condition = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    status = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"phase": {"type": "string"}, "conditions": {"type": "array", "items": condition}},
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def own(kind: str) -> str:
    """A name that no other process of the same test run gives to a kind: each takes its own away when it is done."""
    return kind + os.environ.get("PYTEST_XDIST_WORKER", "")


@contextmanager
def defined(cluster: Cluster, kind: str, spec: Object = ONE_NUMBER) -> Iterator[str]:
    """The kind is there, and its objects can be made; what kubectl calls them. Its schema follows a moment later."""
    name = define(cluster, kind, spec)
    try:
        yield name
    finally:
        cluster.kubectl("delete", f"crd/{name}", "--wait=false", "--ignore-not-found")


def define(cluster: Cluster, kind: str, spec: Object) -> str:
    """Define the kind, or define it anew."""
    whole = definition(kind, spec)
    name: str = whole["metadata"]["name"]
    cluster.kubectl("apply", "--filename=-", given=json.dumps(whole))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=100s")
    return name


def wait_until_published(cluster: Cluster, kind: str, spec: Object) -> None:
    """The cluster's OpenAPI document has this spec of the kind: the server makes it in its own time."""
    name = f"{'.'.join(reversed(GROUP.split('.')))}.v1.{kind}"
    for _ in range(150):
        try:
            document = json.loads(cluster.kubectl("get", f"--raw=/openapi/v3/apis/{GROUP}/v1"))
        except AssertionError:  # not there at all yet
            document = {}
        schema = document.get("components", {}).get("schemas", {}).get(name, {})
        if schema.get("properties", {}).get("spec") == spec:
            return
        time.sleep(0.2)
    raise AssertionError(f"the schema of {kind} was never published")


def experiment_of(kind: str, **template: Any) -> Tree:
    """Trials of the kind. `template` goes into the trial template: its conditions."""
    tree = on_the_stand_in(trials=3)
    tree["spec"]["trialTemplate"] |= template
    tree["spec"]["trialTemplate"]["trialParameters"][0]["as"] = "number"
    tree["spec"]["trialTemplate"]["trialSpec"] = {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "spec": {"x": "${trialParameters.x}"},
    }
    return tree


class Controller:
    """Gives each object a pod that prints its `x` as `loss`, and then a phase: Running, and at last `done`."""

    def __init__(self, namespace: Namespace, resource: str, done: str) -> None:
        self._namespace = namespace
        self._resource = resource
        self._done = done
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Controller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=120)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                pods = {pod["metadata"]["name"]: pod for pod in self._namespace.get("pods")["items"]}
                for object in self._namespace.get(self._resource)["items"]:
                    self._reconcile(object, pods.get(object["metadata"]["name"]))
                time.sleep(0.3)
        except BaseException as error:
            self._failure = error

    def _reconcile(self, object: Object, pod: Object | None) -> None:
        phase = object.get("status", {}).get("phase")
        if "deletionTimestamp" in object["metadata"] or phase == self._done:
            return
        if pod is None:
            self._namespace.apply(_pod_of(object))
        elif pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            self._set_phase(object, self._done)
        elif phase is None:
            self._set_phase(object, "Running")

    def _set_phase(self, object: Object, phase: str) -> None:
        body = json.dumps({"status": {"phase": phase}})
        name = object["metadata"]["name"]
        self._namespace.kubectl(
            "patch", self._resource, name, "--subresource=status", "--type=merge", f"--patch={body}"
        )


def _pod_of(object: Object) -> Object:
    metadata = object["metadata"]
    owner = {key: object[key] for key in ("apiVersion", "kind")} | {key: metadata[key] for key in ("name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": metadata["name"],
            "ownerReferences": [{**owner, "controller": True}],
            "annotations": {STAND_IN + "log": f"loss={object['spec']['x']}"},
        },
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "unused:1"}], **ON_THE_STAND_IN},
    }
