"""Requests to one API server with one user's credentials, over aiohttp: errors mapped, credentials renewed once.

HTTP/1.1: each watch and each followed log has a connection of its own; ordinary requests share a few. Connections are
probed by the system (TCP keep-alive), so that a peer which vanished without a word is noticed in about a minute, also
where silence is normal. A GET or DELETE whose kept connection turns out to be closed is sent once more, on a new one.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from trialmill.api.tree import Json
from trialmill.kube.api import SilentError, UnreachableError
from trialmill.kube.configuration import Server
from trialmill.kube.credentials import ClientCertificate, Credentials, Proof
from trialmill.kube.proxy_connector import connector_through, proxy_of_requests
from trialmill.kube.statuses import refusal, warnings_of
from trialmill.kube.tls import tls_context
from trialmill.kube.unreachable import CONNECT_SECONDS, mapped

ANSWER_SECONDS: Final = 65.0
"""The API server itself gives up on an ordinary request after 60."""
AT_ONCE: Final = 16
"""Ordinary requests under way; each needs a connection."""
_LINE: Final = 1 << 16
"""Bytes of a header's line: warnings quote fields and values, which can be long."""
_READ: Final = 1 << 18
_UNAUTHORIZED: Final = 401
_KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
)
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its JSON and its warnings."""

    body: Json
    warnings: tuple[str, ...]


class Connection:
    """One server, one user. `proxy` is the address of the proxy that leads there, empty for none."""

    def __init__(self, server: Server, credentials: Credentials, proxy: str = "", agent: str = "trialmill") -> None:
        self.server = server
        self._credentials = credentials
        self._proxy = proxy
        self._agent = agent
        self._session: aiohttp.ClientSession | None = None
        self._shown: ClientCertificate | None = None
        self._replaced: list[aiohttp.ClientSession] = []
        self._places = asyncio.Semaphore(AT_ONCE)

    async def request(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Json = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A whole answer of status 2xx. Raises KubeError and UnreachableError."""
        timeout = aiohttp.ClientTimeout(
            total=CONNECT_SECONDS + ANSWER_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS
        )
        async with self._places, self._opened(method, path, query, body, headers, timeout) as response:
            with mapped(self.server.url):
                content = await response.read()
            return Answer(self._parsed(content), warnings_of(response.headers.getall("warning", [])))

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        *,
        silence: float | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of status 2xx whose body is still to come. `silence`: seconds without a byte that are too many."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        async with self._opened(method, path, query, body, headers, timeout) as response:
            yield response

    @asynccontextmanager
    async def _opened(
        self,
        method: str,
        path: str,
        query: Query,
        body: Json,
        headers: Mapping[str, str] | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- the library's
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        kind = {} if content is None else {"Content-Type": "application/json"}
        sent = list((kind | dict(headers or {})).items())
        proof = await self._credentials.proof()
        response = await self._send(proof, method, path, query, content, sent, timeout)
        try:
            if response.status == _UNAUTHORIZED:
                renewed = await self._credentials.renewed(proof)
                if renewed is not None:
                    response.close()
                    response = await self._send(renewed, method, path, query, content, sent, timeout)
            if not 200 <= response.status < 300:
                with mapped(self.server.url):
                    text = await response.read()
                raise refusal(response.status, response.headers, text)
            yield response
        finally:
            # What has been read to its end has given its connection back; anything else must not be used again.
            response.close()

    async def chunks(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises UnreachableError where it is cut short, SilentError after too much silence."""
        with mapped(self.server.url):
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            except TimeoutError as error:
                raise SilentError(f"{self.server.url}: nothing came for too long") from error

    def _parsed(self, content: bytes) -> Json:
        try:
            tree: Json = json.loads(content)
        except ValueError:
            # A login page of some gateway, for one.
            raise UnreachableError(f"{self.server.url}: the answer is no JSON, so it is no API server's") from None
        return tree

    async def close(self) -> None:
        sessions = [*self._replaced, *([self._session] if self._session else [])]
        self._replaced, self._session = [], None
        for each in sessions:
            await each.close()

    async def _send(
        self,
        proof: Proof,
        method: str,
        path: str,
        query: Query,
        content: bytes | None,
        headers: Sequence[tuple[str, str]],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- the library's
    ) -> aiohttp.ClientResponse:
        address = f"{self.server.url}{path}?{urlencode(query)}" if query else self.server.url + path
        session = self._session_for(proof)
        try:
            with mapped(self.server.url):
                return await session.request(
                    method,
                    URL(address, encoded=True),
                    data=content,
                    headers=[*headers, *proof.headers],
                    timeout=timeout,
                    allow_redirects=False,
                )
        except ValueError:
            # An address or a header that the library will not send. Its words may quote it, and so may a traceback.
            raise UnreachableError(f"{self.server.url}: the request cannot be sent") from None

    def _session_for(self, proof: Proof) -> aiohttp.ClientSession:
        """The session that shows the proof's certificate. Streams that are open on older ones go on."""
        if self._session is not None and proof.certificate == self._shown:
            return self._session
        if self._session is not None:
            self._replaced.append(self._session)
        self._shown = proof.certificate
        self._session = aiohttp.ClientSession(
            connector=self._connector(tls_context(self.server, proof.certificate)),
            proxy=proxy_of_requests(self._proxy),
            headers={"User-Agent": self._agent, "Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ,
            max_line_size=_LINE,
            max_field_size=_LINE,
        )
        return self._session

    def _connector(self, tls: ssl.SSLContext) -> aiohttp.BaseConnector:
        through = connector_through(self._proxy, tls)
        # No limit: it would let a watch wait for a log to end.
        return through or aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=30, socket_factory=_probed)


def _probed(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    for option in _KEEP_ALIVE:
        made.setsockopt(*option)
    return made
