"""Metric points in SQLite, and how far each source was read."""

import math
import sqlite3
from collections.abc import Collection, Sequence
from typing import Final, cast

from trialmill.api.metric import Point
from trialmill.engine.ports import Cursor
from trialmill.engine.records import AttemptKey
from trialmill.store.sql.connection import Connection
from trialmill.store.sql.encoding import Row, storable
from trialmill.store.sql.schema import trial_id
from trialmill.store.sql.trials import number_of

_SELECT_SOURCES: Final = (
    "SELECT number, name, position, token, gap FROM source WHERE trial = ? AND attempt = ? ORDER BY name"
)
_FIND_SOURCE: Final = "SELECT number FROM source WHERE trial = ? AND attempt = ? AND name = ?"
_INSERT_SOURCE: Final = """
INSERT INTO source (trial, attempt, number, name, position, token, gap)
SELECT ?1, ?2, coalesce(max(number) + 1, 0), ?3, ?4, ?5, ?6 FROM source WHERE trial = ?1 AND attempt = ?2
"""
# A gap that was recorded stays: a later read without one does not bring the lost bytes back.
_UPDATE_SOURCE: Final = """
UPDATE source SET position = ?4, token = ?5, gap = coalesce(nullif(?6, ''), gap)
WHERE trial = ?1 AND attempt = ?2 AND name = ?3
"""
_INSERT_POINT: Final = """
INSERT OR IGNORE INTO point (trial, attempt, source, seq, name, step, time, value, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT_POINTS: Final = """
SELECT seq, name, step, time, value, text FROM point WHERE trial = ? AND attempt = ? AND source = ? ORDER BY seq
"""
_LARGEST: Final = 2**63


class SqlMetrics:
    """A MetricStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def append(
        self, key: AttemptKey, source: str, points: Sequence[Point], cursor: Cursor, gap: str = ""
    ) -> None:
        def work(raw: sqlite3.Connection) -> None:
            trial, attempt = _place(raw, key)
            number = _save_source(raw, (trial, attempt, storable(source)), cursor, storable(gap))
            raw.executemany(_INSERT_POINT, [(trial, attempt, number, *_point_row(point)) for point in points])

        await self._connection.write(work)

    async def read(self, key: AttemptKey, names: Collection[str] | None = None) -> list[Point]:
        def work(raw: sqlite3.Connection) -> list[Point]:
            place = _place(raw, key)
            return [
                _read_point(source, row)
                for number, source, *_ in raw.execute(_SELECT_SOURCES, place).fetchall()
                for row in raw.execute(_SELECT_POINTS, (*place, number))
                if names is None or row[1] in names
            ]

        return await self._connection.read(work)

    async def cursors(self, key: AttemptKey) -> dict[str, Cursor]:
        return {name: Cursor(position, token) for _, name, position, token, _ in await self._sources(key)}

    async def gaps(self, key: AttemptKey) -> dict[str, str]:
        return {name: gap for _, name, _, _, gap in await self._sources(key) if gap}

    async def _sources(self, key: AttemptKey) -> list[Row]:
        return await self._connection.read(lambda raw: raw.execute(_SELECT_SOURCES, _place(raw, key)).fetchall())


def _place(raw: sqlite3.Connection, key: AttemptKey) -> tuple[int, int]:
    return trial_id(number_of(raw, key.experiment_uid), key.trial_index), key.attempt


def _save_source(raw: sqlite3.Connection, identity: tuple[int, int, str], cursor: Cursor, gap: str) -> int:
    """Remember how far it was read; returns its number."""
    row = raw.execute(_FIND_SOURCE, identity).fetchone()
    values = (*identity, cursor.offset, storable(cursor.token), gap)
    if row is not None:
        raw.execute(_UPDATE_SOURCE, values)
        return cast("int", row[0])
    raw.execute(_INSERT_SOURCE, values)
    return cast("int", raw.execute(_FIND_SOURCE, identity).fetchone()[0])


def _point_row(point: Point) -> Row:
    value = point.value
    step = point.step if -_LARGEST <= point.step < _LARGEST else str(point.step)
    if isinstance(value, str):
        return point.seq, storable(point.name), step, point.time, None, storable(value)
    # SQLite keeps nan as null; it takes infinities.
    return point.seq, storable(point.name), step, point.time, value, None


def _read_point(source: str, row: Row) -> Point:
    seq, name, step, time, value, text = row
    if value is None:
        value = math.nan if text is None else text
    return Point(name, value, int(step), time, source, seq)
