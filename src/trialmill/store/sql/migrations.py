"""Bringing a database to this version of the schema."""

import secrets
import sqlite3
from typing import cast

from trialmill.engine.ports import StoreUnavailableError
from trialmill.store.sql.connection import Connection
from trialmill.store.sql.schema import STEPS, VERSION


async def prepare(connection: Connection, durable: bool) -> str:
    """Make the database ours and current; returns the store's id.

    Raises StoreUnavailableError for a database that a newer Trialmill made, or that is none of ours; that one is left
    as it was.
    """
    path = connection.path
    version = await connection.read(lambda raw: schema_version(raw, path))
    await connection.configure(durable)
    if version < VERSION:
        await connection.write(lambda raw: _migrate(raw, path))
    return await connection.read(lambda raw: cast("str", _meta(raw, "store_id")))


def _migrate(raw: sqlite3.Connection, path: str) -> None:
    version = schema_version(raw, path)  # again, since another process may have been first
    for step in STEPS[version:]:
        for statement in _statements(step):
            raw.execute(statement)
    if version == 0:
        raw.execute("INSERT INTO meta VALUES ('store_id', ?)", (secrets.token_hex(8),))
    raw.execute("INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)", (VERSION,))


def schema_version(raw: sqlite3.Connection, path: str) -> int:
    """The database's version; 0 for an empty one. Raises StoreUnavailableError for one that cannot be used."""
    tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0
    version = _meta(raw, "schema_version") if {"meta", "trial"} <= tables else None
    if not isinstance(version, int):
        raise StoreUnavailableError(f"{path} is a SQLite database, but no Trialmill store; name another file")
    if version > VERSION:
        raise StoreUnavailableError(
            f"the store {path} has schema version {version}, and this Trialmill knows versions up to {VERSION};"
            " use the Trialmill that wrote it or a newer one, or name another store"
        )
    return version


def _meta(raw: sqlite3.Connection, key: str) -> object:
    row = raw.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _statements(script: str) -> list[str]:
    """The script's statements; `executescript` would commit the transaction that is open."""
    found, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
