"""The same promises of the double in memory and of the client by HTTP; `tests/cluster` has them of a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kube_api_server import ApiServer
from kube_wire import serve

from trialmill.kube.api import KubeApi
from trialmill.kube.configuration import Access, Server, User
from trialmill.kube.connection import Connection
from trialmill.kube.credentials import credentials_for
from trialmill.kube.http_api import HttpKubeApi
from trialmill.testing.kube_api import KubeApiSuite, Story
from trialmill.testing.kube_fake import FakeKubeApi
from trialmill.testing.virtual_time import run_virtually


class TestInMemory(KubeApiSuite):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[KubeApi]:
        yield FakeKubeApi()

    def play(self, story: Story) -> None:
        async def whole() -> None:
            await story(FakeKubeApi())

        run_virtually(whole())


class TestByHttp(KubeApiSuite):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[KubeApi]:
        async with serve(ApiServer(FakeKubeApi())) as server:
            access = Access(Server(server.url), User())
            async with HttpKubeApi(Connection(access.server, credentials_for(access)), "default") as api:
                yield api
