"""The work queue: a key once, never twice at a time, later after each failure."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest

from trialmill.kube.rate_limits import Backoff, TokenBucket
from trialmill.kube.work_queue import QueueClosedError, WorkQueue
from trialmill.testing.virtual_time import run_virtually


def now() -> float:
    return asyncio.get_running_loop().time()


def run(story: Coroutine[Any, Any, None]) -> None:
    run_virtually(story)


def test_a_key_that_is_added_twice_is_worked_on_once() -> None:
    async def story() -> None:
        queue = WorkQueue[str]()
        for key in ("a", "b", "a"):
            queue.add(key)
        assert [await queue.get(), await queue.get()] == ["a", "b"]
        assert len(queue) == 0

    run(story())


def test_a_key_that_is_added_while_it_is_worked_on_comes_again_afterwards() -> None:
    async def story() -> None:
        queue = WorkQueue[str]()
        queue.add("a")
        await queue.get()
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert len(queue) == 0

    run(story())


def test_no_key_is_with_two_workers_and_none_is_left() -> None:
    async def story() -> None:
        queue, chance = WorkQueue[int](), random.Random(3)
        busy: set[int] = set()
        seen_at: dict[int, float] = {}
        added_at: dict[int, float] = {}

        async def work() -> None:
            while True:
                try:
                    key = await queue.get()
                except QueueClosedError:
                    return
                assert key not in busy
                busy.add(key)
                seen_at[key] = now()
                await asyncio.sleep(chance.random())
                busy.discard(key)
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(4)]
        for _ in range(2000):
            key = chance.randrange(20)
            queue.add(key)
            added_at[key] = now()
            await asyncio.sleep(chance.random() / 20)
        await queue.close()
        await asyncio.gather(*workers)
        assert all(seen_at[key] >= added for key, added in added_at.items())

    run(story())


def test_a_worker_that_is_cancelled_passes_its_key_on() -> None:
    async def story() -> None:
        queue = WorkQueue[str]()
        first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("a")
        first.cancel()
        assert await second == "a"

    run(story())


def test_a_failure_is_retried_later_each_time_until_it_is_forgotten() -> None:
    async def story() -> None:
        queue = WorkQueue[str]()
        waits = []
        for _ in range(20):
            queue.retry("a")
            asked = now()
            assert await queue.get() == "a"
            waits.append(now() - asked)
            queue.done("a")
        assert waits[:4] == pytest.approx([0.005, 0.01, 0.02, 0.04])
        assert waits[-1] == pytest.approx(1000)
        assert queue.failures("a") == 20
        queue.forget("a")
        queue.retry("a")
        asked = now()
        await queue.get()
        assert now() - asked == pytest.approx(0.005)
        await queue.close()

    run(story())


def test_all_keys_together_are_no_faster_than_the_bucket() -> None:
    async def story() -> None:
        queue = WorkQueue[int](bucket=TokenBucket(rate=10, burst=100))
        for key in range(300):
            queue.retry(key)
        for _ in range(300):
            queue.done(await queue.get())
        assert now() == pytest.approx(20, abs=0.1)
        await queue.close()

    run(story())


def test_of_two_times_the_earlier_one_counts() -> None:
    async def story() -> None:
        queue = WorkQueue[str]()
        queue.add_after("a", 60)
        queue.add_after("b", 30)
        queue.add_after("a", 10)
        queue.add_after("a", 20)
        assert await queue.get() == "a"
        assert now() == pytest.approx(10)
        assert await queue.get() == "b"
        assert now() == pytest.approx(30)
        queue.done("a")
        taker = asyncio.create_task(queue.get())
        await asyncio.sleep(100)
        assert not taker.done()
        await queue.close()
        with pytest.raises(QueueClosedError):
            await taker

    run(story())


def test_a_closed_queue_hands_out_what_waits_and_takes_nothing_in() -> None:
    async def story() -> None:
        queue = WorkQueue[str]()
        queue.add("a")
        queue.add_after("b", 5)
        await queue.close()
        queue.add("c")
        assert await queue.get() == "a"
        with pytest.raises(QueueClosedError):
            await queue.get()

    run(story())


def test_ten_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff[str]()
    assert max(backoff.failed("a") for _ in range(10_000)) == 1000


def test_a_bucket_fills_up_again_but_not_over() -> None:
    bucket = TokenBucket(rate=2, burst=2)
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [0, 0, 0.5]
    assert [bucket.take(100), bucket.take(100), bucket.take(100)] == [0, 0, 0.5]
