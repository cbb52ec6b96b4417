"""A relay of bytes between a client and a server that can lose connections in ways that neither side is told of.

It knows nothing of what it relays, TLS least of all, and runs in a thread of its own: so it stands before a server in
the same program as well as between two others.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class TcpProxy:
    """Relays connections to `port`. `freeze` and `half_close` are done to those that are open; later ones are sound."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.lost = 0
        """How many connections were frozen or half-closed."""
        self._upstream = port
        self._loop = asyncio.new_event_loop()
        self._to_clients: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._is_ready = threading.Event()
        self._is_over = asyncio.Event()

    def freeze(self) -> None:
        """Both sides believe that the connection is there, and nothing goes through any more."""
        self._in_loop(self._freeze)

    def half_close(self) -> None:
        """The client is told that nothing more comes, and the connection stays."""
        self._in_loop(self._half_close)

    def _in_loop(self, act: Callable[[], None]) -> None:
        async def done() -> None:
            act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    def _freeze(self) -> None:
        for is_lost in self._to_clients.values():
            self.lost += not is_lost.is_set()
            is_lost.set()

    def _half_close(self) -> None:
        for writer, is_lost in self._to_clients.items():
            if not is_lost.is_set():
                self.lost += 1
                is_lost.set()
                with suppress(OSError, RuntimeError):
                    writer.write_eof()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._is_over.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_lost = asyncio.Event()
        self._to_clients[writer] = is_lost
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            await asyncio.gather(_relay(reader, up_writer, is_lost), _relay(up_reader, writer, is_lost))
        finally:
            del self._to_clients[writer]
            for each in (writer, up_writer):
                each.close()

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def wait_until_ready(self) -> None:
        assert self._is_ready.wait(10)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._is_over.set)


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_lost: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            if is_lost.is_set():
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
        if is_lost.is_set():
            await asyncio.Event().wait()
    writer.close()


@contextmanager
def tcp_proxy(port: int) -> Iterator[TcpProxy]:
    """A relay to a port of this machine, on a free one."""
    proxy = TcpProxy(port)
    thread = threading.Thread(target=proxy.run)
    thread.start()
    try:
        proxy.wait_until_ready()
        yield proxy
    finally:
        proxy.end()
        thread.join(10)
