"""What every TrialStore must do, as a class of tests to subclass.

class TestMyTrialStore(TrialStoreSuite):
    def stores(self) -> AbstractAsyncContextManager[Stores]:
        return open_my_store()
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from trialmill.engine.ports import (
    AlreadyExistsError,
    Change,
    ConflictError,
    CursorExpiredError,
    HeldByError,
    NotFoundError,
    Stores,
)
from trialmill.engine.records import (
    EventRecord,
    ExperimentRecord,
    ExperimentRef,
    Intent,
    Record,
    RunState,
    TrialPhase,
    TrialRecord,
)
from trialmill.testing.samples import experiment, full_experiment, full_trial, minute, trial

TTL = timedelta(minutes=5)
PATIENCE = 60.0
"""Seconds until a change that does not come fails a test."""


class TrialStoreSuite:
    """Subclass it, name the subclass `Test...`, and say how a store is opened."""

    @abstractmethod
    def stores(self) -> AbstractAsyncContextManager[Stores]:
        """A store that is new and empty in each test; it should look for changes by others every few milliseconds."""

    def second(self) -> AbstractAsyncContextManager[Stores] | None:
        """The store of this test, opened once more as another process would; None where that cannot be."""
        return None

    def run(self, test: Callable[[Stores], Awaitable[None]]) -> None:
        """Run an asynchronous test on a new store."""

        async def main() -> None:
            async with self.stores() as stores:
                await test(stores)

        asyncio.run(main())

    def run_with_second(self, test: Callable[[Stores, Stores], Awaitable[None]]) -> None:
        """Run a test on two openings of one store; skipped where there can be only one."""

        async def main() -> None:
            async with self.stores() as stores:
                if (other := self.second()) is None:
                    pytest.skip("this store cannot be opened twice")
                async with other as others:
                    await test(stores, others)

        asyncio.run(main())

    # --- saving and loading

    @pytest.mark.parametrize("record", [experiment(), full_experiment()], ids=["plain", "every field set"])
    def test_an_experiment_comes_back_as_it_was_saved(self, record: ExperimentRecord) -> None:
        async def test(stores: Stores) -> None:
            [saved] = await stores.trials.save([record])
            assert saved == replace(record, version=saved.version)
            assert saved.version
            assert await stores.trials.experiment(record.ref) == saved
            assert (await stores.trials.load(record.ref))[:2] == (saved, [])

        self.run(test)

    @pytest.mark.parametrize("make", [trial, full_trial], ids=["plain", "every field set"])
    def test_a_trial_comes_back_as_it_was_saved(self, make: Callable[[str], TrialRecord]) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            record = make(parent.uid)
            [saved] = await stores.trials.save([record])
            assert saved == replace(record, version=saved.version)
            assert await stores.trials.trial(parent.uid, record.name) == saved
            assert (await stores.trials.load(parent.ref))[1] == [saved]

        self.run(test)

    def test_every_field_of_a_saved_record_can_be_replaced(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            [first] = await stores.trials.save([trial(parent.uid, 3)])
            later = replace(full_trial(parent.uid, 3), uid=first.uid, name=f"sample-{3:08x}", version=first.version)
            [second] = await stores.trials.save([later])
            assert (await stores.trials.load(parent.ref))[1] == [second]
            full = replace(full_experiment(), uid=parent.uid, namespace=parent.namespace, name=parent.name)
            [changed] = await stores.trials.save([replace(full, version=parent.version)])
            assert await stores.trials.experiment(parent.ref) == changed

        self.run(test)

    def test_trials_are_loaded_by_index_and_apart_from_those_of_others(self) -> None:
        async def test(stores: Stores) -> None:
            one, two = await _saved(stores, "one"), await _saved(stores, "two")
            await stores.trials.save([trial(one.uid, i) for i in (2, 0, 1)])
            await stores.trials.save([trial(two.uid, 7)])
            assert [t.index for t in (await stores.trials.load(one.ref))[1]] == [0, 1, 2]
            assert [t.index for t in (await stores.trials.load(two.ref))[1]] == [7]
            with pytest.raises(NotFoundError):
                await stores.trials.trial(one.uid, trial(two.uid, 7).name)

        self.run(test)

    def test_saving_nothing_is_allowed(self) -> None:
        async def test(stores: Stores) -> None:
            assert await stores.trials.save([]) == []

        self.run(test)

    # --- refusals

    def test_a_record_that_was_changed_meanwhile_is_not_overwritten(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            [first] = await stores.trials.save([trial(parent.uid)])
            [newer, newer_parent] = await stores.trials.save([first, replace(parent, intent=Intent(RunState.STOP))])
            stale: list[Record] = [first, parent, trial(parent.uid)]
            for record in stale:
                with pytest.raises(ConflictError):
                    await stores.trials.save([record])
            loaded, trials, _ = await stores.trials.load(parent.ref)
            assert (loaded, trials) == (newer_parent, [newer])

        self.run(test)

    def test_a_version_serves_once(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            [first] = await stores.trials.save([trial(parent.uid)])
            [second] = await stores.trials.save([first])
            [third] = await stores.trials.save([second])
            assert len({first.version, second.version, third.version}) == 3

        self.run(test)

    def test_a_taken_name_is_refused_in_its_namespace_only(self) -> None:
        async def test(stores: Stores) -> None:
            await _saved(stores)
            with pytest.raises(AlreadyExistsError):
                await stores.trials.save([experiment(uid="another")])
            await stores.trials.save([experiment(namespace="elsewhere")])

        self.run(test)

    def test_what_is_not_there_is_not_found(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            nobody = ExperimentRef("default", "nobody")
            for attempt in (
                stores.trials.load(nobody),
                stores.trials.experiment(nobody),
                stores.trials.trial(parent.uid, "nobody"),
                stores.trials.trial("no-such-uid", "nobody"),
                stores.trials.acquire(nobody, "me", TTL),
                stores.trials.holder(nobody),
                stores.trials.save([trial("no-such-uid")]),
            ):
                with pytest.raises(NotFoundError):
                    await attempt

        self.run(test)

    # --- reading

    def test_experiments_are_found_by_name_and_namespace_oldest_first(self) -> None:
        async def test(stores: Stores) -> None:
            records = [experiment("b", minutes=3), experiment("a", "x", minutes=2), experiment("a", minutes=1)]
            await stores.trials.save(records)

            async def found(name: str | None = None, namespace: str | None = None) -> list[tuple[str, str]]:
                return [(e.namespace, e.name) for e in await stores.trials.find(name, namespace)]

            assert await found() == [("default", "a"), ("x", "a"), ("default", "b")]
            assert await found("a") == [("default", "a"), ("x", "a")]
            assert await found(None, "default") == [("default", "a"), ("default", "b")]
            assert await found("b", "x") == []

        self.run(test)

    def test_counts_follow_the_phases_of_the_trials(self) -> None:
        async def test(stores: Stores) -> None:
            parent, other = await _saved(stores), await _saved(stores, "other")
            first, *_ = await stores.trials.save([trial(parent.uid, i) for i in range(3)])
            await stores.trials.save([trial(other.uid)])
            assert isinstance(first, TrialRecord)
            await stores.trials.save([replace(first, phase=TrialPhase.SUCCEEDED)])
            counts = await stores.trials.counts(parent.uid)
            assert {p: n for p, n in counts.items() if n} == {TrialPhase.PENDING: 2, TrialPhase.SUCCEEDED: 1}

        self.run(test)

    def test_events_are_the_newest_in_the_order_they_were_logged(self) -> None:
        async def test(stores: Stores) -> None:
            parent, other = await _saved(stores), await _saved(stores, "other")
            story = [EventRecord(parent.uid, "sample", f"R{i}", f"m {i}", minute(9 - i), i == 2) for i in range(4)]
            await stores.trials.log(story[:1])
            await stores.trials.log([EventRecord(other.uid, "other", "X", "x", minute(0)), *story[1:]])
            assert await stores.trials.events(parent.uid, 100) == story
            assert await stores.trials.events(parent.uid, 2) == story[2:]

        self.run(test)

    def test_a_deleted_experiment_leaves_nothing_and_its_name_is_free(self) -> None:
        async def test(stores: Stores) -> None:
            parent, other = await _saved(stores), await _saved(stores, "other")
            await stores.trials.save([trial(parent.uid), trial(other.uid)])
            await stores.trials.log([EventRecord(parent.uid, "sample", "R", "m", minute(0))])
            await stores.trials.delete(parent.uid)
            await stores.trials.delete(parent.uid)
            assert [e.name for e in await stores.trials.find()] == ["other"]
            assert len((await stores.trials.load(other.ref))[1]) == 1
            again = await _saved(stores)
            assert (await stores.trials.load(again.ref))[1] == []
            assert await stores.trials.events(again.uid, 10) == []

        self.run(test)

    # --- several calls together

    def test_calls_together_are_all_kept(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            async with stores.together(), stores.together():
                [first] = await stores.trials.save([trial(parent.uid)])
                await stores.trials.log([EventRecord(parent.uid, "sample", "R", "m", minute(0))])
                with pytest.raises(ConflictError):
                    await stores.trials.save([trial(parent.uid)])
            assert (await stores.trials.load(parent.ref))[1] == [first]
            assert len(await stores.trials.events(parent.uid, 10)) == 1

        self.run(test)

    def test_a_store_goes_on_after_a_block_that_raised(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            with pytest.raises(ZeroDivisionError):
                async with stores.together():
                    await stores.trials.save([trial(parent.uid, 0)])
                    raise ZeroDivisionError
            await stores.trials.save([trial(parent.uid, 1)])
            assert 1 in [t.index for t in (await stores.trials.load(parent.ref))[1]]

        self.run(test)

    def test_other_tasks_may_save_while_a_block_is_open(self) -> None:
        async def test(stores: Stores) -> None:
            parent, inside = await _saved(stores), asyncio.Event()

            async def other() -> None:
                await inside.wait()
                await stores.trials.save([trial(parent.uid, 1)])

            task = asyncio.create_task(other())
            async with stores.together():
                await stores.trials.save([trial(parent.uid, 0)])
                inside.set()
                await asyncio.sleep(0)
                await stores.trials.save([trial(parent.uid, 2)])
            await task
            assert len((await stores.trials.load(parent.ref))[1]) == 3

        self.run(test)

    # --- leases

    def test_one_holder_at_a_time(self) -> None:
        async def test(stores: Stores) -> None:
            parent, other = await _saved(stores), await _saved(stores, "other")
            assert await stores.trials.holder(parent.ref) is None
            lease = await stores.trials.acquire(parent.ref, "first", TTL)
            assert lease.holder == "first"
            assert await stores.trials.holder(parent.ref) == "first"
            with pytest.raises(HeldByError, match="first") as refused:
                await stores.trials.acquire(parent.ref, "second", TTL)
            assert refused.value.holder == "first"
            assert await stores.trials.holder(other.ref) is None
            await lease.renew(TTL)
            await lease.release()
            await lease.release()
            assert await stores.trials.holder(parent.ref) is None
            await (await stores.trials.acquire(parent.ref, "second", TTL)).release()

        self.run(test)

    def test_a_lease_holds_against_other_processes(self) -> None:
        async def test(stores: Stores, others: Stores) -> None:
            parent = await _saved(stores)
            lease = await stores.trials.acquire(parent.ref, "first", TTL)
            assert await others.trials.holder(parent.ref) == "first"
            with pytest.raises(HeldByError):
                await others.trials.acquire(parent.ref, "second", TTL)
            await lease.release()
            await (await others.trials.acquire(parent.ref, "second", TTL)).release()

        self.run_with_second(test)

    # --- watching

    def test_own_saves_are_told_after_the_cursor(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            _, _, cursor = await stores.trials.load(parent.ref)
            changes = stores.trials.watch(cursor)
            await stores.trials.save([trial(parent.uid)])
            change = await _next(changes)
            assert change.experiment_uid == parent.uid
            assert change.cursor != cursor
            later = stores.trials.watch(change.cursor)
            other = await _saved(stores, "other")
            assert (await _next(later)).experiment_uid == other.uid

        self.run(test)

    def test_a_waiting_watcher_is_told_of_deletions_too(self) -> None:
        async def test(stores: Stores) -> None:
            parent = await _saved(stores)
            _, _, cursor = await stores.trials.load(parent.ref)
            waiting = asyncio.create_task(_next(stores.trials.watch(cursor)))
            await asyncio.sleep(0)
            await stores.trials.delete(parent.uid)
            assert (await waiting).experiment_uid == parent.uid

        self.run(test)

    def test_saves_by_other_processes_are_seen(self) -> None:
        async def test(stores: Stores, others: Stores) -> None:
            parent = await _saved(stores)
            _, _, cursor = await others.trials.load(parent.ref)
            waiting = asyncio.create_task(_next(others.trials.watch(cursor)))
            await asyncio.sleep(0)
            await stores.trials.save([replace(parent, intent=Intent(RunState.STOP))])
            assert (await waiting).experiment_uid == parent.uid
            assert (await others.trials.experiment(parent.ref)).intent.state is RunState.STOP

        self.run_with_second(test)

    def test_a_foreign_cursor_has_expired(self) -> None:
        async def test(stores: Stores) -> None:
            await _saved(stores)
            with pytest.raises(CursorExpiredError):
                await _next(stores.trials.watch("of-no-store:1"))

        self.run(test)


async def _saved(stores: Stores, name: str = "sample") -> ExperimentRecord:
    [saved] = await stores.trials.save([experiment(name)])
    assert isinstance(saved, ExperimentRecord)
    return saved


async def _next(changes: AsyncIterator[Change]) -> Change:
    """The next change; the iteration is closed after it."""
    async with asyncio.timeout(PATIENCE):
        change = await anext(changes)
    close = getattr(changes, "aclose", None)
    if close is not None:
        await close()
    return change
