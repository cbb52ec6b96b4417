"""One SQLite connection on one event loop: transactions, waiting for other writers, and errors in plain words.

Calls run in the event loop itself, since each takes well under a millisecond; handing them to a thread would cost more
than the work. Only waiting is asynchronous: SQLite's own busy handler would block the loop, so it is off, and a
transaction that cannot begin because another process is writing is tried again after a short sleep.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from trialmill.engine.ports import StoreUnavailableError

T = TypeVar("T")

_PATIENCE: Final = 10.0
"""Seconds to wait for other processes that write."""
_CHECKPOINT_PAGES: Final = 4000
"""The log is folded into the database at 16 MB: about every 500 trials, at some 10 ms each time."""
_FIRST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.05

_batch: ContextVar[object] = ContextVar("trialmill.store.sql.batch", default=None)
"""The batch that the running code is in. Tasks that are started inside a batch belong to it."""


class Connection:
    """A connection that tasks share. Their transactions follow each other, and never mix."""

    def __init__(self, raw: sqlite3.Connection, path: str) -> None:
        self.raw = raw
        self.path = path
        self._lock = asyncio.Lock()
        self._open_batch: object = None

    async def configure(self, durable: bool) -> None:
        """Set the connection up: write-ahead log, how much is synced, when the log is folded in."""
        await self._patiently(lambda raw: _configure(raw, durable))

    def close(self) -> None:
        """Close. SQLite folds the log into the database where nobody else has it open."""
        self.raw.close()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction: all of it is durable when this returns, or nothing if it raises.

        Inside `together` it is a part of that transaction instead. `work` must not await; it raises what it likes,
        and sqlite3's errors become StoreUnavailableError.
        """
        if self._inside_batch():
            return self._part(work)
        async with self._lock:
            await self._patiently(_begin_writing)
            return self._finish(work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one consistent state of the database."""
        if self._inside_batch():
            return self._translated(work)
        async with self._lock:
            await self._patiently(_begin_reading)
            return self._finish(work)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """One transaction for all calls inside. Other tasks and processes that write wait for its end."""
        if self._inside_batch():
            yield
            return
        async with self._lock:
            await self._patiently(_begin_writing)
            self._open_batch = batch = object()
            token = _batch.set(batch)
            try:
                yield
                self._translated(self._commit)
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._open_batch = None
                _batch.reset(token)

    def _inside_batch(self) -> bool:
        return self._open_batch is not None and _batch.get() is self._open_batch

    async def _patiently(self, step: Callable[[sqlite3.Connection], None]) -> None:
        """Try until no other process is in the way; between the tries the event loop goes on."""
        pause, waited = _FIRST_PAUSE, 0.0
        while True:
            try:
                step(self.raw)
            except sqlite3.Error as error:
                if not is_busy(error) or waited >= _PATIENCE:
                    raise unavailable(error, self.path) from error
            else:
                return
            await asyncio.sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _finish(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = self._translated(work)
            self._translated(self._commit)
        except BaseException:
            self._roll_back()
            raise
        return result

    def _part(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """A call inside a batch. When it fails, its own changes are undone and the batch may go on."""
        if not self.raw.in_transaction:
            raise StoreUnavailableError(f"the store {self.path} undid these changes after an error; start them again")
        self._translated(_savepoint)
        try:
            result = self._translated(work)
        except BaseException:
            if self.raw.in_transaction:
                self._translated(_undo_savepoint)
            raise
        self._translated(_release_savepoint)
        return result

    def _translated(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self.raw)
        except sqlite3.Error as error:
            raise unavailable(error, self.path) from error

    def _commit(self, raw: sqlite3.Connection) -> None:
        raw.execute("COMMIT")

    def _roll_back(self) -> None:
        # A full disk makes SQLite roll back by itself; ROLLBACK would then be an error of its own.
        if self.raw.in_transaction:
            self._translated(_rollback)


def _configure(raw: sqlite3.Connection, durable: bool) -> None:
    [(mode,)] = raw.execute("PRAGMA journal_mode = WAL").fetchall()
    # Some network file systems cannot do WAL. SQLite then keeps its rollback journal, which needs FULL to be safe.
    raw.execute("PRAGMA synchronous = " + ("FULL" if durable or mode == "delete" else "NORMAL"))
    raw.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _begin_writing(raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN IMMEDIATE")


def _begin_reading(raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN")
    try:
        # BEGIN alone asks for nothing. The first look may find the database locked while another process closes it.
        raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.Error:
        raw.execute("ROLLBACK")
        raise


def _savepoint(raw: sqlite3.Connection) -> None:
    raw.execute("SAVEPOINT part")


def _release_savepoint(raw: sqlite3.Connection) -> None:
    raw.execute("RELEASE part")


def _undo_savepoint(raw: sqlite3.Connection) -> None:
    raw.execute("ROLLBACK TO part")
    raw.execute("RELEASE part")


def _rollback(raw: sqlite3.Connection) -> None:
    raw.execute("ROLLBACK")


def is_busy(error: sqlite3.Error) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def unavailable(error: sqlite3.Error, path: str) -> StoreUnavailableError:
    """The error in a sentence that says what happened and what helps."""
    return StoreUnavailableError(_reason(error, path))


def _reason(error: sqlite3.Error, path: str) -> str:
    match _primary_code(error):
        case sqlite3.SQLITE_FULL:
            return f"the disk is full: nothing can be added to the store {path}; free some space and try again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return f"the store {path} cannot be written: check the permissions of the file and its folder"
        case sqlite3.SQLITE_CANTOPEN:
            return f"the store {path} cannot be opened: check that its folder exists and can be written"
        case sqlite3.SQLITE_NOTADB:
            return f"{path} is no Trialmill store: it is not a SQLite database; name another file"
        case sqlite3.SQLITE_CORRUPT:
            return f"the store {path} is damaged ({error}); restore it from a copy, or name another file"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"the store {path} is busy: another process has been writing to it for {_PATIENCE:.0f} seconds"
        case sqlite3.SQLITE_IOERR:
            return f"the disk that holds the store {path} cannot be read or written ({error})"
        case _:
            return f"the store {path} failed: {error}"


def _primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without the detail in its upper bits; 0 where Python itself raised."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
