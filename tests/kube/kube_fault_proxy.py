"""A proxy that stands between a client and an API server, the double or a real one, and does to the client what
networks and servers do on bad days.

What goes wrong with a request is said by a plan, a function of the request; None lets it pass. Each fault that was
done is counted.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.utils import formatdate
from enum import StrEnum

import aiohttp
from kube_api_server import status_of
from kube_wire import Exchange, Request, Server, serve
from yarl import URL

from trialmill.kube.api import ExpiredError, KubeError
from trialmill.kube.configuration import Access
from trialmill.kube.credentials import credentials_for
from trialmill.kube.tls import tls_context


class Fault(StrEnum):
    EXPIRED = "HTTP 410"
    SLOW_DOWN = "429 with Retry-After in seconds"
    SLOW_DOWN_UNTIL = "429 with Retry-After as a date"
    UNAVAILABLE = "503"
    UNAUTHORIZED = "401"
    RESET_BEFORE = "a reset before the answer"
    RESET_AFTER = "a reset after the server has acted"
    HANGS = "no answer, though the server has acted"
    STALE = "a list that was true a while ago"
    SLOW = "an answer that takes its time"
    HALF_CLOSED = "half an answer, and the sending side closed"
    # Streams alone, after some events:
    EXPIRED_INSIDE = "410 in the stream"
    ERROR_INSIDE = "500 in the stream"
    CLOSE = "a clean close at once"
    CLOSE_INSIDE = "a clean close after some events"
    RESET_INSIDE = "a reset in the stream"
    CUT_INSIDE = "a connection that is closed within an event"
    SILENCE = "a connection that stays open and says nothing more"
    DOUBLE = "every event twice"
    NO_BOOKMARKS = "no bookmarks"


PAUSE = 5
"""Seconds that are asked for: more than anybody waits after one failure unasked."""
INSIDE = [fault for fault in Fault if list(Fault).index(fault) >= list(Fault).index(Fault.EXPIRED_INSIDE)]
Plan = Callable[[Request], Fault | None]
_LAST = (Fault.DOUBLE, Fault.NO_BOOKMARKS, Fault.SLOW)
"""Done to each event for a while; then the stream ends cleanly."""
_REFUSALS = {
    Fault.EXPIRED: ExpiredError(410, "Gone", "too old resource version"),
    Fault.SLOW_DOWN: KubeError(429, "TooManyRequests", "slow down"),
    Fault.SLOW_DOWN_UNTIL: KubeError(429, "TooManyRequests", "slow down"),
    Fault.UNAVAILABLE: KubeError(503, "ServiceUnavailable", "not now"),
    Fault.UNAUTHORIZED: KubeError(401, "Unauthorized", "who are you?"),
}


class FaultProxy:
    """A handler for `kube_wire.serve`. `after` is how many events pass before a stream's fault is done. `struck` is set
    by each fault, `acted` when the server has answered and its answer is held back.
    """

    def __init__(
        self, upstream: aiohttp.ClientSession, root: str, plan: Plan, after: Callable[[], int] = lambda: 1
    ) -> None:
        self.plan = plan
        self.done = Counter[Fault]()
        self.struck = asyncio.Event()
        self.acted = asyncio.Event()
        self._after = after
        self._upstream = upstream
        self._root = root
        self._earlier: dict[str, bytes] = {}

    async def __call__(self, exchange: Exchange) -> None:
        fault = self.plan(exchange.request)
        if fault is not None and not (fault is Fault.STALE and exchange.request.target not in self._earlier):
            self.done[fault] += 1
            self.struck.set()
        if fault in _REFUSALS:
            await exchange.answer(_REFUSALS[fault].status, status_of(_REFUSALS[fault]), _pause(fault))
        elif fault is Fault.RESET_BEFORE:
            exchange.reset()
        elif exchange.request.is_watch:
            await self._stream(exchange, fault)
        else:
            await self._whole(exchange, fault)

    async def _whole(self, exchange: Exchange, fault: Fault | None) -> None:
        request = exchange.request
        if fault is Fault.STALE and request.target in self._earlier:
            await exchange.answer(200, self._earlier.pop(request.target))
            return
        async with self._asked(request) as response:
            content = await response.read()
        match fault:
            case Fault.SLOW:
                self.acted.set()
                await asyncio.sleep(0.05)  # what happens meanwhile is not in the answer
            case Fault.RESET_AFTER:
                exchange.reset()
                return
            case Fault.HANGS:
                self.acted.set()
                await asyncio.Event().wait()
            case Fault.HALF_CLOSED:
                await exchange.begin()
                await exchange.send(content[: len(content) // 2])
                await exchange.half_close()
        is_first_page = request.method == "GET" and response.ok and "continue" not in request.query
        # Kept for the next stale answer; not overwritten, for the older it is, the worse.
        if is_first_page and request.target not in self._earlier:
            self._earlier[request.target] = content
        headers = [
            (name, value) for name, value in response.headers.items() if name.lower() in ("warning", "retry-after")
        ]
        await exchange.answer(response.status, content, headers)

    async def _stream(self, exchange: Exchange, fault: Fault | None) -> None:
        async with self._asked(exchange.request) as response:
            if not response.ok:
                await exchange.answer(response.status, await response.read())
                return
            await exchange.begin()
            left = 0 if fault is Fault.CLOSE else self._after()
            left = 4 * left if fault in _LAST else left
            while fault is None or left > 0:
                line = await response.content.readline()
                if not line:
                    break
                await self._pass_on(exchange, line, fault)
                left -= 1
            await self._end(exchange, fault)

    async def _pass_on(self, exchange: Exchange, line: bytes, fault: Fault | None) -> None:
        if fault is Fault.NO_BOOKMARKS and json.loads(line)["type"] == "BOOKMARK":
            return
        if fault is Fault.SLOW:
            await asyncio.sleep(0.01)
        for _ in range(2 if fault is Fault.DOUBLE else 1):
            await exchange.send(line)

    async def _end(self, exchange: Exchange, fault: Fault | None) -> None:
        match fault:
            case Fault.EXPIRED_INSIDE | Fault.ERROR_INSIDE:
                is_expired = fault is Fault.EXPIRED_INSIDE
                error = ExpiredError(410, "Expired", "too old") if is_expired else KubeError(500, "InternalError", "oh")
                await exchange.send(json.dumps({"type": "ERROR", "object": status_of(error)}).encode() + b"\n")
                await exchange.end()
            case Fault.RESET_INSIDE:
                exchange.reset()
            case Fault.HALF_CLOSED:
                await exchange.half_close()
            case Fault.CUT_INSIDE:
                await exchange.send(b'{"type": "ADDED", "object": {"metadata": {"na')
                exchange.cut()
            case Fault.SILENCE:
                await asyncio.Event().wait()
            case _:
                await exchange.end()

    def _asked(self, request: Request) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        kept = {k: v for k, v in request.headers.items() if k in ("content-type", "accept")}
        return self._upstream.request(
            request.method, URL(self._root + request.target, encoded=True), headers=kept, data=request.body or None
        )


def _pause(fault: Fault) -> list[tuple[str, str]]:
    """The headers that ask for a pause; a date is of a clock that is a year behind."""
    if fault is Fault.SLOW_DOWN:
        return [("Retry-After", str(PAUSE))]
    if fault is Fault.SLOW_DOWN_UNTIL:
        now = time.time() - 365 * 86400
        return [("Date", formatdate(now, usegmt=True)), ("Retry-After", formatdate(now + PAUSE, usegmt=True))]
    return []


@asynccontextmanager
async def faulty(
    access: Access, plan: Plan, after: Callable[[], int] = lambda: 1
) -> AsyncIterator[tuple[FaultProxy, Server]]:
    """A proxy in front of a cluster, at an address of plain HTTP that asks for no credentials."""
    proof = await credentials_for(access).proof()
    tls = tls_context(access.server, proof.certificate)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=0),
        headers=list(proof.headers),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        read_bufsize=1 << 24,
    ) as upstream:
        proxy = FaultProxy(upstream, access.server.url, plan, after)
        async with serve(proxy) as server:
            yield proxy, server
