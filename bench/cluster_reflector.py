"""A reflector of the Jobs of one namespace, in a process of its own; `cluster.py reflector` starts it."""

import asyncio
import os
import resource
import sys
import time
from contextlib import aclosing

from trialmill.kube.connect import connect
from trialmill.kube.object_store import ChangeType
from trialmill.kube.reflector import Reflector, Scope

IDLE_SECONDS = 20


async def reflect(namespace: str) -> None:
    at_first, start = _megabytes(), time.perf_counter()
    async with connect(environment=os.environ) as api:
        type = await api.discover("batch/v1", "Job")
        reflector = Reflector(api, Scope(type, namespace))
        async with aclosing(reflector.changes()) as changes:
            async for change in changes:
                if change.type is ChangeType.SYNCED:
                    break
            taken = time.perf_counter() - start
            memory = f"{_megabytes():.0f} MB ({at_first:.0f} before)"
            processor = f"{time.process_time():.1f} s of processor"
            print(f"{len(reflector.store)} Jobs in {taken:.2f} s, {processor}, {memory}", flush=True)
            async for change in changes:
                if change.type is ChangeType.ADDED:
                    break
            print("seen", flush=True)
            rest = asyncio.ensure_future(anext(changes))
            before = time.process_time()
            await asyncio.sleep(IDLE_SECONDS)
            print(f"idle: {(time.process_time() - before) / IDLE_SECONDS:.2%} of a processor", flush=True)
            rest.cancel()
            await asyncio.gather(rest, return_exceptions=True)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    asyncio.run(reflect(sys.argv[1]))
