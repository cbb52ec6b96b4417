"""Forgetting an experiment, however much there is of it."""

import asyncio
import sqlite3
from typing import Final

from trialmill.store.sql.changes import Changes
from trialmill.store.sql.connection import Connection
from trialmill.store.sql.schema import trial_ids

_CHUNK: Final = 10_000
"""Rows deleted in one transaction: a few milliseconds, so that others may write in between."""

_LEFT_OVER: Final = "SELECT experiment FROM garbage LIMIT 1"
_OF_TRIALS: Final = (
    "DELETE FROM point WHERE (trial, attempt, source, seq) IN"
    " (SELECT trial, attempt, source, seq FROM point WHERE trial BETWEEN ? AND ? LIMIT ?)",
    "DELETE FROM source WHERE (trial, attempt, number) IN"
    " (SELECT trial, attempt, number FROM source WHERE trial BETWEEN ? AND ? LIMIT ?)",
    "DELETE FROM trial WHERE id IN (SELECT id FROM trial WHERE id BETWEEN ? AND ? LIMIT ?)",
)
_EVENTS: Final = "DELETE FROM event WHERE number IN (SELECT number FROM event WHERE experiment = ? LIMIT ?)"


async def delete(connection: Connection, changes: Changes, experiment_uid: str) -> None:
    """The experiment is gone in one step; its parts follow in chunks.

    After a crash in between, the next deletion of anything finishes the work.
    """
    await connection.write(lambda raw: _hide(raw, changes, experiment_uid))
    more = True
    while more:
        more = await connection.write(_sweep)
        await asyncio.sleep(0)


def _hide(raw: sqlite3.Connection, changes: Changes, experiment_uid: str) -> None:
    rows = raw.execute("DELETE FROM experiment WHERE uid = ? RETURNING number", (experiment_uid,)).fetchall()
    for (number,) in rows:
        raw.execute("INSERT INTO garbage VALUES (?)", (number,))
        raw.execute("DELETE FROM lease WHERE experiment_uid = ?", (experiment_uid,))
        changes.record(raw, number)


def _sweep(raw: sqlite3.Connection) -> bool:
    """Delete one chunk; False when nothing is left."""
    row = raw.execute(_LEFT_OVER).fetchone()
    if row is None:
        return False
    for statement in _OF_TRIALS:
        if raw.execute(statement, (*trial_ids(row[0]), _CHUNK)).rowcount:
            return True
    if raw.execute(_EVENTS, (row[0], _CHUNK)).rowcount:
        return True
    raw.execute("DELETE FROM garbage WHERE experiment = ?", row)
    return True
