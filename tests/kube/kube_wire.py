"""A small HTTP/1.1 server on the loopback interface, over which tests have full control: what is answered, in which
pieces, and how connections end.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from trialmill.api.tree import Json


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"


class Exchange:
    """One request that waits for its answer."""

    def __init__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.begun = False
        self._writer = writer

    @property
    def client_certificates(self) -> list[str]:
        """The serial numbers of the certificate that the client has shown."""
        shown = self._writer.get_extra_info("peercert")
        return [shown["serialNumber"]] if shown else []

    async def answer(
        self, status: int, body: "Json | bytes" = b"", headers: list[tuple[str, str]] | None = None
    ) -> None:
        """A whole answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *(headers or [])]
        self._head(status, lines)
        self._writer.write(data)
        await self._writer.drain()

    async def begin(self, status: int = 200, content_type: str = "application/json") -> None:
        """The head of an answer whose body comes in pieces."""
        self._head(status, [("Content-Type", content_type), ("Transfer-Encoding", "chunked")])
        await self._writer.drain()

    async def send(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def reset(self) -> None:
        """End the connection by RST, as a peer does that was killed."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def half_close(self) -> None:
        """Say that nothing more is sent, in the middle of whatever it was, and go on listening to the other side."""
        self._writer.write_eof()
        await asyncio.Event().wait()

    def cut(self) -> None:
        """Close the connection, in the middle of whatever it was."""
        self._writer.close()

    def _head(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.begun = True
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers)]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())


Handler = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """A server that listens. `requests` are those of which the head has come in."""

    url: str
    requests: list[Request] = field(default_factory=list)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Talk to everybody who connects to a free port of the loopback interface, until the block ends. Connections that
    break are ordinary here. The port.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serve(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on a free port of the loopback interface until the block ends."""
    served = Server("")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _read(reader):
            served.requests.append(request)
            await handler(Exchange(request, writer))

    async with listening(answer, tls) as port:
        served.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield served


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = head[0].split(" ", 2)
    headers = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)
