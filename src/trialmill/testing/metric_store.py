"""What every MetricStore must do, as a class of tests to subclass; see `trial_store`."""

import asyncio
import math
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialmill.api.metric import Point
from trialmill.engine.ports import Cursor, NotFoundError, Stores
from trialmill.engine.records import AttemptKey
from trialmill.testing.samples import experiment, trial

SOURCE = "sample-0/train"
UID = experiment().uid
KEY = AttemptKey(UID, 0, 1)


def points_of(source: str = SOURCE) -> st.SearchStrategy[list[Point]]:
    """Any points that a collector may find in a source: any number, any text, any step."""
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    point = st.tuples(text, st.floats() | text, st.integers(), st.none() | st.floats(0, 4e9))
    return st.lists(point, max_size=5).map(
        lambda found: [Point(name, value, step, time, source, i) for i, (name, value, step, time) in enumerate(found)]
    )


def point(seq: int, source: str = SOURCE, *, name: str = "accuracy", value: float | str = 0.5) -> Point:
    return Point(name, value, seq, 1.5, source, seq)


class MetricStoreSuite:
    """Subclass it, name the subclass `Test...`, and say how a store is opened."""

    @abstractmethod
    def stores(self) -> AbstractAsyncContextManager[Stores]:
        """A store that is new and empty in each test."""

    def run(self, test: Callable[[Stores], Awaitable[None]]) -> None:
        """Run an asynchronous test on a new store that has one experiment with two trials."""

        async def main() -> None:
            async with self.stores() as stores:
                await stores.trials.save([experiment()])
                await stores.trials.save([trial(UID, 0), trial(UID, 1)])
                await test(stores)

        asyncio.run(main())

    @given(points_of())
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    def test_any_points_come_back_as_they_were_appended(self, points: list[Point]) -> None:
        async def main() -> None:
            async with self.stores() as stores:
                # The examples share a store where it outlives its opening, so each has an experiment of its own.
                owner = experiment(f"sample-{len(await stores.trials.find())}")
                await stores.trials.save([owner, trial(owner.uid)])
                key = AttemptKey(owner.uid, 0, 1)
                await stores.metrics.append(key, SOURCE, points, Cursor(1))
                assert_same(await stores.metrics.read(key), points)

        asyncio.run(main())

    @pytest.mark.parametrize(
        "value",
        [0.0, 1e308, 5e-324, 0.1 + 0.2, math.nan, math.inf, -math.inf, "", "conv,pool", "ünï\u0000\U0001f600"],
        ids=repr,
    )
    def test_every_value_comes_back(self, value: float | str) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, SOURCE, [point(0, value=value)], Cursor(1))
            assert_same(await stores.metrics.read(KEY), [point(0, value=value)])

        self.run(test)

    @pytest.mark.parametrize("step", [0, -1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30], ids=str)
    def test_every_step_comes_back(self, step: int) -> None:
        async def test(stores: Stores) -> None:
            points = [Point("loss", 1.0, step, None, SOURCE, 0)]
            await stores.metrics.append(KEY, SOURCE, points, Cursor(1))
            assert await stores.metrics.read(KEY) == points

        self.run(test)

    def test_appending_the_same_again_changes_nothing(self) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, SOURCE, [point(0), point(1)], Cursor(10))
            await stores.metrics.append(KEY, SOURCE, [point(0, value=9.9), point(1), point(2)], Cursor(20, "b"))
            assert await stores.metrics.read(KEY) == [point(0), point(1), point(2)]
            assert await stores.metrics.cursors(KEY) == {SOURCE: Cursor(20, "b")}

        self.run(test)

    def test_points_are_read_by_source_and_seq_and_by_name(self) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, "b", [point(10, "b"), point(2, "b", name="loss")], Cursor(1))
            await stores.metrics.append(KEY, "a", [point(0, "a")], Cursor(2))
            assert [(p.source, p.seq) for p in await stores.metrics.read(KEY)] == [("a", 0), ("b", 2), ("b", 10)]
            assert await stores.metrics.read(KEY, ["loss"]) == [point(2, "b", name="loss")]
            assert await stores.metrics.read(KEY, []) == []

        self.run(test)

    def test_attempts_and_trials_are_kept_apart(self) -> None:
        async def test(stores: Stores) -> None:
            keys = [KEY, AttemptKey(UID, 0, 2), AttemptKey(UID, 1, 1)]
            for number, key in enumerate(keys):
                await stores.metrics.append(key, SOURCE, [point(number)], Cursor(number))
            for number, key in enumerate(keys):
                assert await stores.metrics.read(key) == [point(number)]
                assert await stores.metrics.cursors(key) == {SOURCE: Cursor(number)}

        self.run(test)

    def test_a_position_without_points_is_kept_and_may_go_back(self) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, SOURCE, [], Cursor(2**40, "node-1"))
            assert await stores.metrics.cursors(KEY) == {SOURCE: Cursor(2**40, "node-1")}
            await stores.metrics.append(KEY, SOURCE, [], Cursor(0, "node-2"))
            assert await stores.metrics.cursors(KEY) == {SOURCE: Cursor(0, "node-2")}

        self.run(test)

    def test_a_gap_stays_until_a_newer_one(self) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, "a", [], Cursor(1))
            assert await stores.metrics.gaps(KEY) == {}
            await stores.metrics.append(KEY, "a", [], Cursor(2), "the log was rotated")
            await stores.metrics.append(KEY, "a", [], Cursor(3))
            assert await stores.metrics.gaps(KEY) == {"a": "the log was rotated"}
            await stores.metrics.append(KEY, "a", [], Cursor(4), "the pod is gone")
            assert await stores.metrics.gaps(KEY) == {"a": "the pod is gone"}

        self.run(test)

    def test_nothing_was_read_of_an_attempt_without_points(self) -> None:
        async def test(stores: Stores) -> None:
            assert await stores.metrics.read(KEY) == []
            assert await stores.metrics.cursors(KEY) == {}

        self.run(test)

    def test_many_points_at_once(self) -> None:
        async def test(stores: Stores) -> None:
            points = [point(seq, value=seq / 7) for seq in range(20_000)]
            await stores.metrics.append(KEY, SOURCE, points, Cursor(1))
            assert await stores.metrics.read(KEY) == points

        self.run(test)

    def test_a_deleted_experiment_takes_no_points(self) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, SOURCE, [point(0)], Cursor(1))
            await stores.trials.delete(UID)
            with pytest.raises(NotFoundError):
                await stores.metrics.append(KEY, SOURCE, [point(1)], Cursor(2))

        self.run(test)

    def test_points_of_a_deleted_experiment_do_not_come_back_with_its_name(self) -> None:
        async def test(stores: Stores) -> None:
            await stores.metrics.append(KEY, SOURCE, [point(0)], Cursor(1))
            await stores.trials.delete(UID)
            await stores.trials.save([experiment()])
            assert await stores.metrics.read(KEY) == []
            assert await stores.metrics.cursors(KEY) == {}

        self.run(test)

    def test_points_and_the_end_of_a_trial_may_be_saved_together(self) -> None:
        async def test(stores: Stores) -> None:
            current = await stores.trials.trial(UID, trial(UID).name)
            async with stores.together():
                await stores.metrics.append(KEY, SOURCE, [point(0)], Cursor(1))
                [saved] = await stores.trials.save([current])
            assert await stores.metrics.read(KEY) == [point(0)]
            assert await stores.trials.trial(UID, trial(UID).name) == saved

        self.run(test)


def assert_same(found: list[Point], expected: list[Point]) -> None:
    """Equal, where nan equals nan. Whether -0.0 keeps its sign is left to the store."""
    assert [_comparable(p) for p in found] == [_comparable(p) for p in expected]


def _comparable(point: Point) -> Point:
    return replace(point, value="nan, the number") if point.value != point.value else point
