"""Experiments, trials and events in SQLite."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, cast

from trialmill.engine.ports import AlreadyExistsError, Change, ConflictError, Lease, NotFoundError
from trialmill.engine.records import (
    EventRecord,
    ExperimentRecord,
    ExperimentRef,
    Record,
    TrialPhase,
    TrialRecord,
)
from trialmill.store.sql import deletion, lease
from trialmill.store.sql.changes import Changes
from trialmill.store.sql.connection import Connection
from trialmill.store.sql.encoding import (
    EXPERIMENT_COLUMNS,
    TRIAL_COLUMNS,
    event_row,
    experiment_row,
    read_event,
    read_experiment,
    read_trial,
    trial_row,
)
from trialmill.store.sql.schema import trial_id, trial_ids


def _assignments(columns: str) -> str:
    return ", ".join(f"{name.strip()} = ?" for name in columns.split(","))


def _places(columns: str) -> str:
    return ", ".join("?" for _ in columns.split(","))


# The statements are constants, so that sqlite3 finds each of them prepared.
_SELECT_EXPERIMENT: Final = f"SELECT uid, namespace, name, version, {EXPERIMENT_COLUMNS} FROM experiment"  # noqa: S608
_SELECT_REF: Final = f"{_SELECT_EXPERIMENT} WHERE namespace = ? AND name = ?"
_SELECT_ANY: Final = (
    f"{_SELECT_EXPERIMENT} WHERE name = coalesce(?, name) AND namespace = coalesce(?, namespace)"
    " ORDER BY created, number"
)
_INSERT_EXPERIMENT: Final = (
    f"INSERT INTO experiment (uid, namespace, name, version, {EXPERIMENT_COLUMNS})"  # noqa: S608
    f" VALUES (?, ?, ?, 1, {_places(EXPERIMENT_COLUMNS)}) ON CONFLICT DO NOTHING"
)
_UPDATE_EXPERIMENT: Final = (
    f"UPDATE experiment SET version = version + 1, {_assignments(EXPERIMENT_COLUMNS)} WHERE uid = ? AND version = ?"  # noqa: S608
)
_SELECT_TRIAL: Final = f"SELECT id, version, {TRIAL_COLUMNS} FROM trial"  # noqa: S608
_SELECT_TRIALS: Final = f"{_SELECT_TRIAL} WHERE id BETWEEN ? AND ? ORDER BY id"
_SELECT_TRIAL_BY_NAME: Final = f"{_SELECT_TRIAL} WHERE id BETWEEN ? AND ? AND name = ?"
_INSERT_TRIAL: Final = (
    f"INSERT INTO trial (id, version, {TRIAL_COLUMNS}) VALUES (?, 1, {_places(TRIAL_COLUMNS)})"  # noqa: S608
    " ON CONFLICT DO NOTHING"
)
_UPDATE_TRIAL: Final = (
    f"UPDATE trial SET version = version + 1, {_assignments(TRIAL_COLUMNS)}"  # noqa: S608
    " WHERE id = ? AND version = ?"
)
_COUNT_PHASES: Final = "SELECT phase, count(*) FROM trial WHERE id BETWEEN ? AND ? GROUP BY phase"
_INSERT_EVENT: Final = (
    "INSERT INTO event (experiment, object, reason, message, time, warning) VALUES (?, ?, ?, ?, ?, ?)"
)
_SELECT_EVENTS: Final = (
    "SELECT object, reason, message, time, warning FROM event WHERE experiment = ? ORDER BY number DESC LIMIT ?"
)
_SELECT_UID: Final = "SELECT uid FROM experiment WHERE namespace = ? AND name = ?"
_SELECT_NUMBER: Final = "SELECT number FROM experiment WHERE uid = ?"


def number_of(raw: sqlite3.Connection, experiment_uid: str) -> int:
    """The experiment's number in this database. Raises NotFoundError."""
    row = raw.execute(_SELECT_NUMBER, (experiment_uid,)).fetchone()
    if row is None:
        raise NotFoundError(f"there is no experiment with the uid {experiment_uid}")
    return cast("int", row[0])


class SqlTrials:
    """A TrialStore. `save` and `log` are one transaction each, whatever they are given."""

    def __init__(self, connection: Connection, changes: Changes, leases: lease.Leases) -> None:
        self._connection = connection
        self._changes = changes
        self._leases = leases

    async def load(self, ref: ExperimentRef) -> tuple[ExperimentRecord, list[TrialRecord], str]:
        def work(raw: sqlite3.Connection) -> tuple[ExperimentRecord, list[TrialRecord], str]:
            experiment = _experiment(raw, ref)
            uid = experiment.uid
            rows = raw.execute(_SELECT_TRIALS, trial_ids(number_of(raw, uid)))
            return experiment, [read_trial(uid, row) for row in rows], self._changes.cursor(raw)

        return await self._connection.read(work)

    async def experiment(self, ref: ExperimentRef) -> ExperimentRecord:
        return await self._connection.read(lambda raw: _experiment(raw, ref))

    async def trial(self, experiment_uid: str, name: str) -> TrialRecord:
        def work(raw: sqlite3.Connection) -> TrialRecord:
            ids = trial_ids(number_of(raw, experiment_uid))
            row = raw.execute(_SELECT_TRIAL_BY_NAME, (*ids, name)).fetchone()
            if row is None:
                raise NotFoundError(f"the experiment has no trial {name}")
            return read_trial(experiment_uid, row)

        return await self._connection.read(work)

    async def find(self, name: str | None = None, namespace: str | None = None) -> list[ExperimentRecord]:
        return await self._connection.read(
            lambda raw: [read_experiment(row) for row in raw.execute(_SELECT_ANY, (name, namespace))]
        )

    async def counts(self, experiment_uid: str) -> Mapping[TrialPhase, int]:
        def work(raw: sqlite3.Connection) -> Mapping[TrialPhase, int]:
            rows = raw.execute(_COUNT_PHASES, trial_ids(number_of(raw, experiment_uid)))
            return Counter({TrialPhase(phase): count for phase, count in rows})

        return await self._connection.read(work)

    async def save(self, records: Sequence[Record]) -> list[Record]:
        return await self._connection.write(lambda raw: self._save(raw, records))

    def _save(self, raw: sqlite3.Connection, records: Sequence[Record]) -> list[Record]:
        saved: list[Record] = []
        numbers: dict[str, int] = {}
        for record in records:
            if isinstance(record, TrialRecord):
                uid = record.experiment_uid
                if uid not in numbers:
                    numbers[uid] = number_of(raw, uid)
                _save_trial(raw, numbers[uid], record)
            else:
                numbers[record.uid] = self._save_experiment(raw, record)
            saved.append(replace(record, version=str(int(record.version or 0) + 1)))
        for number in numbers.values():
            self._changes.record(raw, number)
        return saved

    def _save_experiment(self, raw: sqlite3.Connection, record: ExperimentRecord) -> int:
        """Save it and return its number."""
        if record.version:
            done = raw.execute(_UPDATE_EXPERIMENT, (*experiment_row(record), record.uid, int(record.version)))
            if not done.rowcount:
                raise ConflictError(f"experiment {record.name}")
            return number_of(raw, record.uid)
        if raw.execute(_SELECT_NUMBER, (record.uid,)).fetchone():
            raise ConflictError(f"experiment {record.name}")
        row = (record.uid, record.namespace, record.name, *experiment_row(record))
        done = raw.execute(_INSERT_EXPERIMENT, row)
        if not done.rowcount:
            raise AlreadyExistsError(
                f"there is already an experiment {record.name} in the namespace {record.namespace}"
            )
        number = cast("int", done.lastrowid)
        self._changes.add(raw, number, record.uid)
        return number

    async def log(self, events: Sequence[EventRecord]) -> None:
        def work(raw: sqlite3.Connection) -> None:
            for event in events:
                raw.execute(_INSERT_EVENT, (number_of(raw, event.experiment_uid), *event_row(event)))

        await self._connection.write(work)

    async def events(self, experiment_uid: str, limit: int) -> list[EventRecord]:
        def work(raw: sqlite3.Connection) -> list[EventRecord]:
            rows = raw.execute(_SELECT_EVENTS, (number_of(raw, experiment_uid), limit)).fetchall()
            return [read_event(experiment_uid, row) for row in reversed(rows)]

        return await self._connection.read(work)

    async def delete(self, experiment_uid: str) -> None:
        await deletion.delete(self._connection, self._changes, experiment_uid)

    async def acquire(self, ref: ExperimentRef, holder: str, ttl: timedelta) -> Lease:
        uid = await self._uid(ref)
        return await self._leases.acquire(uid, holder, ttl)

    async def holder(self, ref: ExperimentRef) -> str | None:
        return await self._leases.holder(await self._uid(ref))

    def watch(self, after: str) -> AsyncIterator[Change]:
        return self._changes.watch(after)

    async def _uid(self, ref: ExperimentRef) -> str:
        row = await self._connection.read(lambda raw: raw.execute(_SELECT_UID, ref).fetchone())
        if row is None:
            raise _unknown(ref)
        return cast("str", row[0])


def _experiment(raw: sqlite3.Connection, ref: ExperimentRef) -> ExperimentRecord:
    row = raw.execute(_SELECT_REF, ref).fetchone()
    if row is None:
        raise _unknown(ref)
    return read_experiment(row)


def _unknown(ref: ExperimentRef) -> NotFoundError:
    return NotFoundError(f"there is no experiment {ref.name} in the namespace {ref.namespace}")


def _save_trial(raw: sqlite3.Connection, experiment: int, record: TrialRecord) -> None:
    number = trial_id(experiment, record.index)
    if record.version:
        done = raw.execute(_UPDATE_TRIAL, (*trial_row(record), number, int(record.version)))
    else:
        done = raw.execute(_INSERT_TRIAL, (number, *trial_row(record)))
    if not done.rowcount:
        raise ConflictError(f"trial {record.name}")
