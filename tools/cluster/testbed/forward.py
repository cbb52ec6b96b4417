"""Lets what listens in the cluster's network namespace be reached from outside.

A socket stays in the network namespace in which it was made. These were made outside, before the namespace was; this
process runs inside, takes what arrives on them, and connects it with an address inside. The machine's own network is
left as it is.

    python -m testbed.forward SOCKET=HOST:PORT ...
"""

import asyncio
import socket
import sys

_CHUNK = 1 << 18


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except ConnectionError:
        target.close()


async def _serve(listening: socket.socket, host: str, port: int) -> asyncio.Server:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port, limit=_CHUNK)
        except OSError:
            writer.transport.abort()  # as if nobody listened
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer), return_exceptions=True)
        inner_writer.close()
        writer.close()

    return await asyncio.start_server(connect, sock=listening, limit=_CHUNK)


async def _main(pairs: list[str]) -> None:
    servers = []
    for pair in pairs:
        descriptor, _, address = pair.partition("=")
        host, _, port = address.rpartition(":")
        servers.append(await _serve(socket.socket(fileno=int(descriptor)), host, int(port)))
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
