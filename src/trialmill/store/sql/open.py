"""Opening a store."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trialmill.engine.ports import StoreUnavailableError, StoreUnusableError
from trialmill.store.sql.changes import Changes
from trialmill.store.sql.connection import Connection
from trialmill.store.sql.lease import leases_for
from trialmill.store.sql.metrics import SqlMetrics
from trialmill.store.sql.migrations import prepare
from trialmill.store.sql.trials import SqlTrials

IN_MEMORY: Final = ":memory:"


@dataclass(frozen=True, slots=True)
class SqlStores:
    """A store of trials and metrics, on one connection."""

    trials: SqlTrials
    metrics: SqlMetrics
    connection: Connection

    def together(self) -> AbstractAsyncContextManager[None]:
        """One transaction for all calls inside; see `engine.ports.Stores`."""
        return self.connection.together()


@asynccontextmanager
async def open_store(
    path: str | os.PathLike[str], *, durable: bool = False, poll: float = 0.2
) -> AsyncIterator[SqlStores]:
    """The store in the file `path`, which is made if it is not there; `:memory:` for one that ends with its process.

    What was saved survives the end of the process, however it ends; with `durable` also a power cut, at the price of
    one fsync per save. `poll` is how often, in seconds, `watch` looks for changes by other processes. For one event
    loop and one process: do not use it after a fork. Raises StoreUnusableError where it cannot be opened.
    """
    name = os.fspath(path)
    connection = Connection(_connect(name), name)
    try:
        try:
            store_id = await prepare(connection, durable)
        except StoreUnavailableError as error:
            raise StoreUnusableError(str(error)) from error
        changes = Changes(connection, store_id, poll)
        leases = leases_for(connection, None if name == IN_MEMORY else Path(f"{name}.locks"))
        yield SqlStores(SqlTrials(connection, changes, leases), SqlMetrics(connection), connection)
    finally:
        connection.close()


def _connect(path: str) -> sqlite3.Connection:
    if path != IN_MEMORY:
        _make_folder(Path(path).parent)
    try:
        return sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        message = f"the store {path} cannot be opened: {error}; name another place for it"
        raise StoreUnusableError(message) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the store's folder {folder} cannot be made: {error.strerror}; name another place for the store"
        raise StoreUnusableError(message) from error
