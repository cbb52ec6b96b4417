"""What is remembered of trials that are over: a run of ten thousand must not remember them all."""

import asyncio
from collections import deque
from contextlib import aclosing
from datetime import timedelta

from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.engine.ports import Created, Gone, Log, Synced
from trialmill.engine.records import AttemptKey
from trialmill.runtime.kubernetes.live import Live
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.testing.virtual_time import run_virtually

TRIALS = 20


def remembered(runtime: KubernetesRuntime, live: Live) -> dict[str, int]:
    """How much there is in each collection of those who hold something for each attempt or pod."""
    found: dict[str, int] = {}
    beside = [vars(live)[name] for name in ("_slow_starts", "_missing_pods", "_lanes", "_news", "_owners")]
    for holder in (runtime, live, *beside, live.sight):
        collections = {
            name: value for name, value in vars(holder).items() if isinstance(value, dict | set | list | deque)
        }
        found |= {f"{type(holder).__name__}.{name}": len(value) for name, value in collections.items()}
    return found


async def one_trial(runtime: KubernetesRuntime, number: int, grace: timedelta) -> None:
    """From its creation to where its driver has done with it."""
    key = AttemptKey("e", number, 1)
    made = await runtime.ensure(key, job("loss=1", seconds=5, name=f"trial-{number}"))
    assert isinstance(made, Created)
    await asyncio.sleep(1)
    (pod,) = await runtime.pods(key)
    if number % 2:
        async with aclosing(runtime.read(Log(key, pod.name, "main"), None)) as chunks:
            assert [chunk.data async for chunk in chunks] == [b"loss=1\n"]
    else:
        await runtime.suspend(key, made.uid, on=True)
        await runtime.remove(key, made.uid, grace)
        await asyncio.sleep(1)  # it is gone by then
    await runtime.remove(key, "", grace)


def test_nothing_is_remembered_of_trials_that_are_over() -> None:
    async def story() -> dict[str, int]:
        world = KubernetesWorld()
        gone, synced = set[AttemptKey](), asyncio.Event()
        runtime = runtime_on(world)

        async def follow() -> None:
            async with aclosing(runtime.changes("e", ())) as events:
                async for event in events:
                    if isinstance(event, Synced):
                        synced.set()
                    elif isinstance(event, Gone):
                        gone.add(event.key)

        async with world.running():
            following = asyncio.create_task(follow())
            await synced.wait()
            for grace in (timedelta(0), timedelta(seconds=30)):
                first = 0 if not grace else TRIALS
                await asyncio.gather(*(one_trial(runtime, first + number, grace) for number in range(TRIALS)))
            await asyncio.sleep(120)
            (live,) = vars(runtime)["_lives"]["e"]
            assert len(gone) == 2 * TRIALS
            found = remembered(runtime, live)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            return found

    found = run_virtually(story())
    assert len(found) > 8
    assert {name: size for name, size in found.items() if size > 3} == {}
