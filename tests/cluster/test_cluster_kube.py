"""The client and the reflector on a real API server: the same promises as the double's, and the same faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cluster_under_test import Cluster, Namespace
from kube_conformance import Outcome, QuickClock, check, conform

from trialmill.kube import http_api
from trialmill.kube.api import KubeApi
from trialmill.kube.connect import connect
from trialmill.kube.kubeconfig import find_access
from trialmill.testing.kube_api import KubeApiSuite
from trialmill.testing.kube_cluster import CONFIG_MAP, NAMESPACE


class TestClient(KubeApiSuite):
    @pytest.fixture(autouse=True)
    def _on(self, cluster: Cluster) -> None:
        self.kubeconfig = cluster.kubeconfig

    @asynccontextmanager
    async def open(self) -> AsyncIterator[KubeApi]:
        name = f"contract-{uuid4().hex[:8]}"
        async with connect(namespace=name, kubeconfig=self.kubeconfig) as api:
            await api.create(NAMESPACE, {"metadata": {"name": name}})
            try:
                yield api
            finally:
                await api.delete(NAMESPACE, name)


def test_the_cache_is_the_truth_after_thousands_of_changes_under_faults(
    cluster: Cluster, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_api, "_GRACE", timedelta(seconds=0.1))

    async def main() -> Outcome:
        access = find_access(kubeconfig=cluster.kubeconfig, environment={}, home=Path("/"))
        async with connect(kubeconfig=cluster.kubeconfig) as api:
            return await conform(api, access, CONFIG_MAP, namespace.name, 2000, 1, QuickClock())

    check(asyncio.run(main()))
