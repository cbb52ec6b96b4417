"""Requests to one API server with one user's credentials, over httpx2: errors mapped, credentials renewed once.

HTTP/1.1: each watch and each followed log has a connection of its own; ordinary requests share a few. Connections are
probed by the system (TCP keep-alive), so that a peer which vanished without a word is noticed in about a minute, also
where silence is normal.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from trialmill.api.tree import Json
from trialmill.kube.api import UnreachableError
from trialmill.kube.configuration import KubeConfigError, Server
from trialmill.kube.credentials import ClientCertificate, Credentials, Proof
from trialmill.kube.statuses import refusal, warnings_of
from trialmill.kube.tls import tls_context

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 65.0
"""The API server itself gives up on an ordinary request after 60."""
AT_ONCE: Final = 16
"""Ordinary requests under way. Each needs a connection, and all connections are looked at for each request: with 64 a
trial took half as much processor time again.
"""
_UNAUTHORIZED: Final = 401
_KEEP_ALIVE: Final = tuple(
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
)
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its JSON and its warnings."""

    body: Json
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Clients:
    """Two pools, since looking for a free connection costs the more the more there are: streams have as many as are
    asked for (a limit would let a watch wait for a log to end), requests a few.
    """

    requests: httpx2.AsyncClient
    streams: httpx2.AsyncClient

    async def close(self) -> None:
        await self.requests.aclose()
        await self.streams.aclose()


class Connection:
    """One server, one user. `proxy` is the address of the proxy that leads there, empty for none."""

    def __init__(self, server: Server, credentials: Credentials, proxy: str = "", agent: str = "trialmill") -> None:
        self.server = server
        self._credentials = credentials
        self._proxy = proxy
        self._agent = agent
        self._clients: _Clients | None = None
        self._shown: ClientCertificate | None = None
        self._replaced: list[_Clients] = []
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
        async with (
            self._places,
            self._opened(method, path, query, body, headers, silence=ANSWER_SECONDS, lasts=False) as response,
        ):
            with _mapped(self.server.url):
                await response.aread()
            return Answer(self._parsed(response.content), warnings_of(response.headers.get_list("warning")))

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
    ) -> AsyncIterator[httpx2.Response]:
        """An answer of status 2xx whose body is still to come. `silence`: seconds without a byte that are too many."""
        async with self._opened(method, path, query, body, headers, silence=silence, lasts=True) as response:
            yield response

    @asynccontextmanager
    async def _opened(
        self,
        method: str,
        path: str,
        query: Query,
        body: Json,
        headers: Mapping[str, str] | None,
        *,
        silence: float | None,
        lasts: bool,
    ) -> AsyncIterator[httpx2.Response]:
        """`lasts`: the answer is a stream."""
        proof = await self._credentials.proof()

        async def send(proof: Proof) -> httpx2.Response:
            clients = self._clients_for(proof)
            client = clients.streams if lasts else clients.requests
            return await self._send(client, proof, method, path, query, body, headers, silence)

        response = await send(proof)
        try:
            if response.status_code == _UNAUTHORIZED:
                renewed = await self._credentials.renewed(proof)
                if renewed is not None:
                    await response.aclose()
                    response = await send(renewed)
            if not response.is_success:
                with _mapped(self.server.url):
                    await response.aread()
                raise refusal(response.status_code, response.headers, response.content)
            yield response
        finally:
            await response.aclose()

    async def chunks(self, response: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises UnreachableError where it is cut short or silent for too long."""
        with _mapped(self.server.url):
            async for chunk in response.aiter_bytes():
                yield chunk

    def _parsed(self, content: bytes) -> Json:
        try:
            tree: Json = json.loads(content)
        except ValueError:
            # A login page of some gateway, for one.
            raise UnreachableError(f"{self.server.url}: the answer is no JSON, so it is no API server's") from None
        return tree

    async def close(self) -> None:
        clients = [*self._replaced, *([self._clients] if self._clients else [])]
        self._replaced, self._clients = [], None
        for each in clients:
            await each.close()

    async def _send(
        self,
        client: httpx2.AsyncClient,
        proof: Proof,
        method: str,
        path: str,
        query: Query,
        body: Json,
        headers: Mapping[str, str] | None,
        silence: float | None,
    ) -> httpx2.Response:
        timeout = httpx2.Timeout(CONNECT_SECONDS, read=silence, write=ANSWER_SECONDS, pool=None)
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        extensions = {"sni_hostname": self.server.tls_name} if self.server.tls_name else {}
        request = client.build_request(
            method,
            self.server.url + path,
            params=list(query) or None,
            content=content,
            headers=[*({"Content-Type": "application/json"} | dict(headers or {})).items(), *proof.headers],
            timeout=timeout,
            extensions=extensions,
        )
        with _mapped(self.server.url):
            return await client.send(request, stream=True)

    def _clients_for(self, proof: Proof) -> _Clients:
        """The clients that show the proof's certificate. Streams that are open on older ones go on."""
        if self._clients is not None and proof.certificate == self._shown:
            return self._clients
        if self._clients is not None:
            self._replaced.append(self._clients)
        self._shown = proof.certificate
        tls = tls_context(self.server, proof.certificate)
        self._clients = _Clients(self._client(tls), self._client(tls))
        return self._clients

    def _client(self, tls: ssl.SSLContext) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=self._transport(tls),
            headers={"User-Agent": self._agent, "Accept": "application/json"},
            follow_redirects=False,
            trust_env=False,
        )

    def _transport(self, tls: ssl.SSLContext) -> httpx2.AsyncHTTPTransport:
        try:
            return httpx2.AsyncHTTPTransport(
                verify=tls,
                trust_env=False,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=AT_ONCE, keepalive_expiry=30),
                proxy=self._proxy or None,
                socket_options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *_KEEP_ALIVE],
            )
        except ImportError:
            raise KubeConfigError(
                "a SOCKS proxy leads to the cluster, and the package for it is not installed",
                "pip install 'trialmill[kubernetes]'",
            ) from None
        except (ValueError, httpx2.InvalidURL):
            raise KubeConfigError("the address of the proxy to the cluster is not usable") from None


class _mapped:  # noqa: N801 -- used like a function, and cheaper than a generator
    """Turns what httpx2 raises into UnreachableError, with the server's address and no more than a cause."""

    __slots__ = ("_server",)

    def __init__(self, server: str) -> None:
        self._server = server

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, httpx2.TransportError | httpx2.DecodingError | httpx2.InvalidURL | OSError):
            raise UnreachableError(f"{self._server}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    match error:
        case httpx2.ConnectTimeout():
            return f"no connection within {CONNECT_SECONDS:g} seconds"
        case httpx2.ReadTimeout():
            return "no answer for too long"
        case httpx2.ProxyError():
            return f"the proxy refused: {error}"
        case _:
            return str(error) or type(error).__name__
