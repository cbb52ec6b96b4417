"""Who drives an experiment.

A store in a file has a folder of lock files beside it. The driver holds an exclusive `flock` on its experiment's file,
which the kernel takes back when the process ends, however it ends: after `kill -9` the next one can go on at once, and
no clock is involved. Where there are no such locks (a store in memory, some network file systems) a row in the
database with a time of expiry does it.
"""

import asyncio
import errno
import fcntl
import os
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from trialmill.engine.ports import HeldByError, Lease, StoreUnavailableError
from trialmill.store.sql.connection import Connection

_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_UNNAMED: Final = "another process"
_TRIES: Final = 5
_PAUSE: Final = 0.01
"""A lock that is just being given back is refused too, so one refusal is not yet an answer."""
_TRIES_WHILE_ASKED: Final = 1000
"""Asking who holds a lock takes it, together with others who ask: for microseconds, or on a busy machine for longer."""


class Leases(Protocol):
    async def acquire(self, experiment_uid: str, holder: str, ttl: timedelta) -> Lease:
        """Raises HeldByError."""

    async def holder(self, experiment_uid: str) -> str | None: ...


def leases_for(connection: Connection, folder: Path | None) -> Leases:
    """File locks in `folder` where they work, else rows; None for a store without a file."""
    if folder is not None and _has_locks(folder):
        return FileLeases(folder)
    return RowLeases(connection)


class FileLeases:
    """One lock file per experiment; it holds the name of its holder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def acquire(self, experiment_uid: str, holder: str, ttl: timedelta) -> Lease:  # noqa: ARG002
        path = self._folder / experiment_uid
        refused = asked = 0
        while refused < _TRIES and asked < _TRIES_WHILE_ASKED:
            descriptor = _open(path, os.O_RDWR | os.O_CREAT)
            if _lock(descriptor, fcntl.LOCK_EX):
                if _is_at(descriptor, path):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, holder.encode("utf-8", "backslashreplace"), 0)
                    return FileLease(holder, path, descriptor)
                refused += 1
            elif _lock(descriptor, fcntl.LOCK_SH):  # nobody holds it who drives
                asked += 1
            else:
                refused += 1
            os.close(descriptor)
            await asyncio.sleep(_PAUSE)
        raise HeldByError(_name_in(path) or _UNNAMED)

    async def holder(self, experiment_uid: str) -> str | None:
        path = self._folder / experiment_uid
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            # The file of a process that was killed is still there, but nobody holds its lock.
            return None if _lock(descriptor, fcntl.LOCK_SH) else _name_in(path) or _UNNAMED
        finally:
            os.close(descriptor)


class FileLease:
    """A lock that lives as long as its descriptor. Children do not inherit it: Python's descriptors close on exec."""

    def __init__(self, holder: str, path: Path, descriptor: int) -> None:
        self.holder = holder
        self._path = path
        self._descriptor = descriptor

    async def renew(self, ttl: timedelta) -> None:  # noqa: ARG002
        if self._descriptor < 0 or not _is_at(self._descriptor, self._path):
            raise HeldByError(_name_in(self._path) or _UNNAMED)

    async def release(self) -> None:
        if self._descriptor < 0:
            return
        # Removed under the lock; whoever has opened it meanwhile sees that it is no longer at its path.
        if _is_at(self._descriptor, self._path):
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


class RowLeases:
    """One row per experiment, valid until its time of expiry."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def acquire(self, experiment_uid: str, holder: str, ttl: timedelta) -> Lease:
        def work(raw: sqlite3.Connection) -> None:
            if (other := _row_holder(raw, experiment_uid)) is not None:
                raise HeldByError(other)
            raw.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (experiment_uid, holder, _expiry(ttl)))

        await self._connection.write(work)
        return RowLease(self._connection, experiment_uid, holder)

    async def holder(self, experiment_uid: str) -> str | None:
        return await self._connection.read(lambda raw: _row_holder(raw, experiment_uid))


class RowLease:
    def __init__(self, connection: Connection, experiment_uid: str, holder: str) -> None:
        self.holder = holder
        self._connection = connection
        self._experiment_uid = experiment_uid

    async def renew(self, ttl: timedelta) -> None:
        def work(raw: sqlite3.Connection) -> None:
            row = (_expiry(ttl), self._experiment_uid, self.holder)
            done = raw.execute("UPDATE lease SET expires = ? WHERE experiment_uid = ? AND holder = ?", row)
            if not done.rowcount:
                raise HeldByError(_row_holder(raw, self._experiment_uid) or _UNNAMED)

        await self._connection.write(work)

    async def release(self) -> None:
        row = (self._experiment_uid, self.holder)
        await self._connection.write(
            lambda raw: raw.execute("DELETE FROM lease WHERE experiment_uid = ? AND holder = ?", row).close()
        )


def _row_holder(raw: sqlite3.Connection, experiment_uid: str) -> str | None:
    row = raw.execute("SELECT holder, expires FROM lease WHERE experiment_uid = ?", (experiment_uid,)).fetchone()
    return None if row is None or row[1] <= time.time() else str(row[0])


def _expiry(ttl: timedelta) -> float:
    return time.time() + ttl.total_seconds()


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(f"the store's lock {path} cannot be used: {error.strerror}")


def _lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _name_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _has_locks(folder: Path) -> bool:
    """Whether `flock` works in the folder, which is made if it is not there."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _lock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    finally:
        os.close(descriptor)
    return True
