"""Which experiment was saved when, so that others notice."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final, cast

from trialmill.engine.ports import Change, CursorExpiredError
from trialmill.store.sql.connection import Connection

_RECORD: Final = "UPDATE change SET seq = (SELECT seq + 1 FROM change WHERE experiment = 0) WHERE experiment IN (0, ?)"
_SINCE: Final = "SELECT uid, seq FROM change WHERE seq > ? AND experiment > 0 ORDER BY seq"


class Changes:
    """Numbers the saves of one store. Cursors are `<id of the store>:<number of a save>`."""

    def __init__(self, connection: Connection, store_id: str, poll: float) -> None:
        self._connection = connection
        self._store_id = store_id
        self._poll = poll
        self._listeners: set[asyncio.Event] = set()

    def add(self, raw: sqlite3.Connection, experiment: int, uid: str) -> None:
        """Have changes of a new experiment recorded."""
        raw.execute("INSERT INTO change (experiment, uid, seq) VALUES (?, ?, 0)", (experiment, uid))

    def record(self, raw: sqlite3.Connection, experiment: int) -> None:
        """Note, within a transaction, that something of the experiment is being saved."""
        raw.execute(_RECORD, (experiment,))
        # Those who wake up now still wait for the end of the transaction.
        for event in self._listeners:
            event.set()

    def cursor(self, raw: sqlite3.Connection) -> str:
        return self._at(_last(raw))

    def _at(self, seq: int) -> str:
        return f"{self._store_id}:{seq}"

    async def watch(self, after: str) -> AsyncIterator[Change]:
        """At once for what this process saves, within `poll` seconds for others; an experiment that changes often is
        told at most once in that time.
        """
        seq = await self._connection.read(lambda raw: self._read_cursor(raw, after))
        saved = asyncio.Event()
        self._listeners.add(saved)
        try:
            while True:
                saved.clear()
                found = await self._connection.read(partial(_since, seq))
                for uid, seq in found:
                    yield Change(uid, self._at(seq))
                if found:
                    await asyncio.sleep(self._poll)
                else:
                    await _wait(saved, self._poll)
        finally:
            self._listeners.discard(saved)

    def _read_cursor(self, raw: sqlite3.Connection, cursor: str) -> int:
        if not cursor:
            return 0
        store_id, _, seq = cursor.partition(":")
        if store_id != self._store_id or not seq.isdecimal() or int(seq) > _last(raw):
            raise CursorExpiredError("the cursor belongs to another state of the store; load everything again")
        return int(seq)


def _last(raw: sqlite3.Connection) -> int:
    [(seq,)] = raw.execute("SELECT seq FROM change WHERE experiment = 0").fetchall()
    return cast("int", seq)


def _since(seq: int, raw: sqlite3.Connection) -> list[tuple[str, int]]:
    return raw.execute(_SINCE, (seq,)).fetchall() if _last(raw) > seq else []


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
