"""Stores that earlier versions wrote are opened, and leases in rows, which only stores without locks use."""

import asyncio
import fcntl
import os
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from trialmill.api.metric import Point
from trialmill.engine.ports import Cursor, HeldByError
from trialmill.engine.records import AttemptKey, EventRecord, ExperimentRecord
from trialmill.store.sql import lease
from trialmill.store.sql.open import open_store
from trialmill.store.sql.schema import VERSION
from trialmill.testing.samples import experiment, full_experiment, full_trial, minute


def test_a_store_of_version_1_is_opened_with_all_that_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = sqlite3.connect(path)
    old.executescript((Path(__file__).parent / "store-version-1.sql").read_text(encoding="utf-8"))
    old.close()

    async def main() -> None:
        async with open_store(path) as stores:
            record = replace(full_experiment(), version="1")
            trial = replace(full_trial(record.uid), message="stopped by 'rule'", version="1")
            key = AttemptKey(record.uid, 3, 2)
            assert (await stores.trials.load(record.ref))[:2] == (record, [trial])
            assert await stores.trials.events(record.uid, 9) == [
                EventRecord(record.uid, "full", "Created", "made", minute(0), True)
            ]
            assert await stores.metrics.read(key) == [Point("loss", 0.5, 1, 2.0, "pod/main", 0)]
            assert await stores.metrics.cursors(key) == {"pod/main": Cursor(10, "t")}
            assert await stores.metrics.gaps(key) == {"pod/main": "gap"}
            version = stores.connection.raw.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
            assert version == (VERSION,)

    asyncio.run(main())


def test_two_processes_that_open_a_new_store_agree_on_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_store(path) as one, open_store(path) as two:
            [saved] = await one.trials.save([experiment()])
            assert isinstance(saved, ExperimentRecord)
            _, _, cursor = await one.trials.load(saved.ref)
            assert (await two.trials.load(saved.ref))[2] == cursor

    asyncio.run(main())


def test_a_lease_in_a_row_ends_with_its_time() -> None:
    async def main() -> None:
        async with open_store(":memory:") as stores:
            await stores.trials.save([experiment()])
            ref = experiment().ref
            late = await stores.trials.acquire(ref, "first", timedelta(0))
            assert await stores.trials.holder(ref) is None
            heir = await stores.trials.acquire(ref, "second", timedelta(hours=1))
            with pytest.raises(HeldByError, match="second"):
                await late.renew(timedelta(hours=1))
            await late.release()
            await heir.renew(timedelta(hours=1))
            assert await stores.trials.holder(ref) == "second"

    asyncio.run(main())


def test_who_only_asks_for_the_holder_keeps_nobody_from_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine an answer may take longer than somebody who wants the lease is patient."""
    monkeypatch.setattr(lease, "_PAUSE", 0)

    async def main() -> None:
        async with open_store(tmp_path / "store.db") as stores:
            await stores.trials.save([experiment()])
            asking = os.open(tmp_path / "store.db.locks" / experiment().uid, os.O_RDONLY | os.O_CREAT)
            fcntl.flock(asking, fcntl.LOCK_SH)
            wanted = asyncio.create_task(stores.trials.acquire(experiment().ref, "first", timedelta(hours=1)))
            for _ in range(20):
                await asyncio.sleep(0)
            os.close(asking)
            await (await wanted).release()

    asyncio.run(main())


def test_a_lock_file_that_was_taken_away_ends_the_lease(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_store(tmp_path / "store.db") as stores:
            await stores.trials.save([experiment()])
            early = await stores.trials.acquire(experiment().ref, "first", timedelta(hours=1))
            (tmp_path / "store.db.locks" / experiment().uid).unlink()
            heir = await stores.trials.acquire(experiment().ref, "second", timedelta(hours=1))
            with pytest.raises(HeldByError, match="second"):
                await early.renew(timedelta(hours=1))
            await early.release()
            assert await stores.trials.holder(experiment().ref) == "second"
            await heir.release()

    asyncio.run(main())
