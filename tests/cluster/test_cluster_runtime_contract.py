"""The Kubernetes runtime keeps the contract of runtimes on a real cluster, with real containers."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from cluster_under_test import Namespace

from trialmill.api.tree import JsonObject
from trialmill.engine.ports import Runtime
from trialmill.kube.connect import connect
from trialmill.root.clock import SystemClock
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.target import KindRef, Target
from trialmill.testing.runtime import RuntimeSuite

pytestmark = pytest.mark.usefixtures("real_node")


class TestKubernetesRuntimeOnACluster(RuntimeSuite):
    @pytest.fixture(autouse=True)
    def _in_namespace(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def open(self, folder: Path) -> AbstractAsyncContextManager[Runtime]:
        return _opened(self.namespace)

    def resource(self, *, output: str = "", code: int = 0, seconds: float = 0.0) -> JsonObject:
        script = 'echo "$0"; sleep "$1"; exit "$2"'
        container: JsonObject = {
            "name": "main",
            "image": self.namespace.cluster.busybox,
            "command": ["sh", "-c", script, output, f"{seconds:g}", str(code)],
        }
        pod: JsonObject = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
        spec: JsonObject = {"backoffLimit": 0, "template": {"spec": pod}}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": spec}


@asynccontextmanager
async def _opened(namespace: Namespace) -> AsyncIterator[Runtime]:
    target = Target(namespace.name, KindRef("batch/v1", "Job"), primary_container="main")
    async with (
        connect(kubeconfig=namespace.cluster.kubeconfig) as api,
        KubernetesRuntime(api, target, SystemClock()) as runtime,
    ):
        yield runtime
