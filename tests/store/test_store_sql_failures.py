"""What goes wrong with files, disks and other processes, and what the user is told."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from trialmill.api.metric import Point
from trialmill.engine.ports import Cursor, StoreUnavailableError, StoreUnusableError
from trialmill.engine.records import AttemptKey, ExperimentRecord
from trialmill.store.sql.open import SqlStores, open_store
from trialmill.store.sql.schema import VERSION
from trialmill.testing.samples import experiment, trial

TTL = timedelta(minutes=5)


def run(path: Path, test: Callable[[SqlStores], Awaitable[None]], *, durable: bool = False) -> None:
    async def main() -> None:
        async with open_store(path, durable=durable) as stores:
            await test(stores)

    asyncio.run(main())


async def nothing(stores: SqlStores) -> None:
    assert await stores.trials.find() == []


async def save_one(stores: SqlStores) -> ExperimentRecord:
    [saved] = await stores.trials.save([experiment()])
    assert isinstance(saved, ExperimentRecord)
    return saved


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and quite a few of them\n" * 100)
    with pytest.raises(StoreUnusableError, match=r"notes\.txt is no Trialmill store: it is not a SQLite database"):
        run(path, nothing)
    assert path.read_text().startswith("these are notes")


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE trial (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusableError, match="no Trialmill store"):
        run(path, nothing)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_with_both_versions_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    run(path, nothing)
    with sqlite3.connect(path) as newer:
        newer.execute("UPDATE meta SET value = 999 WHERE key = 'schema_version'")
    newer.close()
    with pytest.raises(StoreUnusableError, match=f"schema version 999.*up to {VERSION}; use the Trialmill that"):
        run(path, nothing)


@pytest.mark.parametrize("path", ["file/store.db", "file/folder/store.db"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusableError, match=r"folder .*file.* cannot be made"):
        run(tmp_path / path, nothing)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusableError, match="cannot be opened"):
        run(tmp_path, nothing)


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    run(tmp_path / "new" / "store.db", nothing)
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_a_full_disk_undoes_the_save_and_the_store_goes_on(tmp_path: Path) -> None:
    async def test(stores: SqlStores) -> None:
        owner = await save_one(stores)
        key = AttemptKey(owner.uid, 0, 1)
        points = [Point("loss", "x" * 500, i, None, "log", i) for i in range(2000)]
        limit = stores.connection.raw.execute("PRAGMA page_count").fetchone()[0] + 10
        stores.connection.raw.execute(f"PRAGMA max_page_count = {limit}")
        with pytest.raises(StoreUnavailableError, match=r"the disk is full.*free some space"):
            await stores.metrics.append(key, "log", points, Cursor(1))
        assert await stores.metrics.read(key) == []
        assert await stores.metrics.cursors(key) == {}
        with pytest.raises(StoreUnavailableError):
            async with stores.together():
                await stores.trials.save([trial(owner.uid, 5)])
                await stores.metrics.append(key, "log", points, Cursor(1))
        assert (await stores.trials.load(owner.ref))[1] == []
        stores.connection.raw.execute("PRAGMA max_page_count = 1000000")
        await stores.metrics.append(key, "log", points, Cursor(1))
        assert await stores.metrics.read(key) == points

    run(tmp_path / "store.db", test)


def test_a_closed_store_says_so_without_a_raw_error(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_store(tmp_path / "store.db") as stores:
            pass
        with pytest.raises(StoreUnavailableError, match="closed"):
            await stores.trials.find()

    asyncio.run(main())


def test_a_save_waits_for_another_process_that_writes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def test(stores: SqlStores) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(save_one(stores))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()
        assert (await waiting).version

    run(path, test)


def test_a_read_waits_for_another_process_that_has_locked_the_whole_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    run(path, nothing)

    async def main() -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        waiting = asyncio.create_task(opened_and_read())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("ROLLBACK")
        other.close()
        await waiting

    async def opened_and_read() -> None:
        async with open_store(path) as stores:
            await nothing(stores)

    asyncio.run(main())


def test_a_long_reader_does_not_keep_anybody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def test(stores: SqlStores) -> None:
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM experiment").fetchone() == (0,)
        await save_one(stores)
        assert reader.execute("SELECT count(*) FROM experiment").fetchone() == (0,)
        reader.close()

    run(path, test)


def test_a_deletion_that_was_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    async def test(stores: SqlStores) -> None:
        owner = await save_one(stores)
        await stores.trials.save([trial(owner.uid)])
        raw = stores.connection.raw
        raw.execute("INSERT INTO garbage SELECT number FROM experiment")
        raw.execute("DELETE FROM experiment")
        await stores.trials.delete("another")
        assert raw.execute("SELECT count(*) FROM trial").fetchone() == (0,)
        assert raw.execute("SELECT count(*) FROM garbage").fetchone() == (0,)

    run(tmp_path / "store.db", test)


def test_a_durable_store_syncs_each_save(tmp_path: Path) -> None:
    async def test(stores: SqlStores) -> None:
        assert stores.connection.raw.execute("PRAGMA synchronous").fetchone() == (2,)

    run(tmp_path / "store.db", test, durable=True)


VICTIM = """
import asyncio, sys
from datetime import timedelta
from trialmill.store.sql.open import open_store
from trialmill.testing.samples import experiment, trial

async def main():
    async with open_store(sys.argv[1]) as stores:
        [owner] = await stores.trials.save([experiment()])
        await stores.trials.save([trial(owner.uid, 0)])
        await stores.trials.acquire(owner.ref, "the victim", timedelta(hours=1))
        async with stores.together():
            await stores.trials.save([trial(owner.uid, 1)])
            print("in the middle", flush=True)
            sys.stdin.read()

asyncio.run(main())
"""


@pytest.mark.crash
def test_after_a_kill_in_the_middle_what_was_saved_is_there_and_the_lease_is_free(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    assert victim.stdin is not None
    assert victim.stdout.readline() == "in the middle\n"

    async def while_it_lives(stores: SqlStores) -> None:
        assert await stores.trials.holder(experiment().ref) == "the victim"

    async def after_it_died(stores: SqlStores) -> None:
        assert [t.index for t in (await stores.trials.load(experiment().ref))[1]] == [0]
        assert await stores.trials.holder(experiment().ref) is None
        lease = await stores.trials.acquire(experiment().ref, "the heir", TTL)
        await stores.trials.save([trial(experiment().uid, 1)])
        await lease.release()

    run(path, while_it_lives)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdin.close()
    victim.stdout.close()
    run(path, after_it_died)
