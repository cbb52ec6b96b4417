"""The reflector's cache equals the server's truth, whatever happened in between."""

import asyncio
import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from kube_api_server import ApiServer
from kube_conformance import Outcome, conform
from kube_fault_proxy import Fault
from kube_wire import serve

from trialmill.kube import http_api
from trialmill.kube.configuration import Access, Server, User
from trialmill.kube.connect import connect
from trialmill.kube.kubeconfig import find_access
from trialmill.testing.kube_cluster import CONFIG_MAP, NAMESPACE
from trialmill.testing.kube_fake import FakeKubeApi


class QuickClock:
    """A clock on which five hundred seconds pass in one."""

    def now(self) -> float:
        return asyncio.get_running_loop().time() * 500

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 500)


def check(outcome: Outcome) -> None:
    """The run was a test at all: faults of all kinds, changes of all kinds."""
    assert set(outcome.faults) == set(Fault)
    assert {"ADDED", "MODIFIED", "DELETED", "DELETED?", "SYNCED", "TROUBLE"} <= set(outcome.told)


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_api, "_GRACE", timedelta(seconds=0.1))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_cache_is_the_truth_after_thousands_of_changes_under_faults(seed: int) -> None:
    async def main() -> Outcome:
        double = FakeKubeApi()

        def disturb(chance: random.Random) -> None:
            if chance.random() < 0.4:
                double.cluster.compact()
                double.expire_pages()
            if chance.random() < 0.3:
                double.cut_watches()

        async with serve(ApiServer(double)) as upstream:
            access = Access(Server(upstream.url), User())
            return await conform(double, access, CONFIG_MAP, "default", 3000, seed, QuickClock(), disturb)

    check(asyncio.run(main()))


@pytest.mark.skipif(
    os.environ.get("TRIALMILL_TEST_CLUSTER") != "kubeconfig",
    reason="the cache was not compared with a real server: TRIALMILL_TEST_CLUSTER=kubeconfig and KUBECONFIG name one",
)
def test_the_cache_is_the_truth_of_a_real_server_too() -> None:
    async def main() -> Outcome:
        access = find_access(environment=os.environ, home=Path.home())
        name = f"trialmill-conformance-{os.getpid()}"
        async with connect() as api:
            await api.create(NAMESPACE, {"metadata": {"name": name}})
            try:
                return await conform(api, access, CONFIG_MAP, name, 2000, 1, QuickClock())
            finally:
                await api.delete(NAMESPACE, name)

    outcome = asyncio.run(main())
    check(outcome)
