"""The reflector's cache equals the server's truth, whatever happened in between."""

import asyncio
import random
from datetime import timedelta

import pytest
from kube_api_server import ApiServer
from kube_conformance import Outcome, QuickClock, check, conform
from kube_wire import serve

from trialmill.kube import http_api
from trialmill.kube.configuration import Access, Server, User
from trialmill.testing.kube_cluster import CONFIG_MAP
from trialmill.testing.kube_fake import FakeKubeApi


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
