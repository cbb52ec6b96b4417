"""A proxy for tests that opens tunnels, by CONNECT and by SOCKS 5, and says what it was asked for.

Whatever the name that is asked for, the tunnel leads to one server of the test: names are the proxy's to resolve.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kube_wire import listening

_SOCKS: int = 5
_NO_PROOF, _PASSWORD, _REFUSED = 0, 2, 255


@dataclass(slots=True)
class Tunnels:
    """`asked`: the address and the user of each tunnel, in order. Nobody but `user` ("name:password") gets one."""

    address: str
    user: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)


@asynccontextmanager
async def tunnels_to(url: str, *, user: str = "", tls: ssl.SSLContext | None = None) -> AsyncIterator[Tunnels]:
    """Listen on a free port of the loopback interface; `tls` is what the proxy itself is reached by."""
    target, tunnels = urlsplit(url), Tunnels("", user)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await _agree(tunnels, reader, writer):
            return
        answers, far = await asyncio.open_connection(target.hostname, target.port)
        try:
            await asyncio.gather(_pump(reader, far), _pump(answers, writer))
        finally:
            far.close()

    async with listening(talk, tls) as port:
        tunnels.address = f"127.0.0.1:{port}"
        yield tunnels


async def _agree(tunnels: Tunnels, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    first = await reader.readexactly(1)
    ask = _socks if first[0] == _SOCKS else _connect
    return await ask(tunnels, reader, writer)


async def _connect(tunnels: Tunnels, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """`CONNECT host:port HTTP/1.1`, of which the first letter is read."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    proof = headers.get("proxy-authorization", "").removeprefix("Basic ")
    user = base64.b64decode(proof).decode()
    tunnels.asked.append((lines[0].split(" ")[1], user))
    if user != tunnels.user:
        writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return False
    writer.write(b"HTTP/1.1 200 Go on\r\n\r\n")
    return True


async def _socks(tunnels: Tunnels, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """RFC 1928 and 1929, of which the version is read."""
    offered = await reader.readexactly((await reader.readexactly(1))[0])
    way = _PASSWORD if tunnels.user else _NO_PROOF
    if way not in offered:
        writer.write(bytes([_SOCKS, _REFUSED]))
        return False
    writer.write(bytes([_SOCKS, way]))
    user = ""
    if way == _PASSWORD:
        await reader.readexactly(1)
        name, password = await _text(reader), await _text(reader)
        user = f"{name}:{password}"
        writer.write(bytes([1, user != tunnels.user]))
    *_, kind = await reader.readexactly(4)
    host = await _text(reader) if kind == 3 else ".".join(str(byte) for byte in await reader.readexactly(4))
    port = int.from_bytes(await reader.readexactly(2))
    tunnels.asked.append((f"{host}:{port}", user))
    writer.write(bytes([_SOCKS, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    return user == tunnels.user


async def _text(reader: asyncio.StreamReader) -> str:
    return (await reader.readexactly((await reader.readexactly(1))[0])).decode()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        sink.write(data)
        await sink.drain()
    sink.close()
