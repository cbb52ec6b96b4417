"""Resources that are made beside a trial's own."""

import asyncio
from pathlib import Path

from trialmill.api.tree import JsonObject
from trialmill.engine.ports import Created, Log, Rejected
from trialmill.runtime.local.runtime import LocalRuntime
from trialmill.testing.runtime import KEY, ended, true_conditions

CONFIG: JsonObject = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "trial-config"},
    "data": {"values.txt": "loss=0.5\n"},
}
JOB: JsonObject = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "trial"},
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "main",
                        "image": "example",
                        "command": ["cat", "/config/values.txt"],
                        "volumeMounts": [{"name": "config", "mountPath": "/config"}],
                    }
                ],
                "volumes": [{"name": "config", "configMap": {"name": "trial-config"}}],
            }
        }
    },
}


async def printed(runtime: LocalRuntime) -> bytes:
    (pod,) = await runtime.pods(KEY)
    return b"".join([chunk.data async for chunk in runtime.read(Log(KEY, pod.name, "main"), None)])


def test_a_part_is_there_for_the_resource_that_refers_to_it_and_again_after_a_restart(tmp_path: Path) -> None:
    async def first() -> None:
        async with LocalRuntime(tmp_path, base=tmp_path) as runtime:
            assert await runtime.check(JOB, (CONFIG,)) == []
            assert isinstance(await runtime.ensure(KEY, JOB, (CONFIG,)), Created)
            assert true_conditions(await ended(runtime, KEY)) >= {"Complete"}
            assert await printed(runtime) == b"loss=0.5\n"

    async def later() -> None:
        async with LocalRuntime(tmp_path, base=tmp_path) as runtime:
            assert await printed(runtime) == b"loss=0.5\n"

    asyncio.run(first())
    asyncio.run(later())


def test_without_its_part_the_resource_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalRuntime(tmp_path, base=tmp_path) as runtime:
            assert [p.code for p in await runtime.check(JOB)] == ["config-map-missing"]

    asyncio.run(story())


def test_a_resource_that_nothing_can_be_made_of_is_rejected_even_where_nobody_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalRuntime(tmp_path, base=tmp_path, lower=lambda *_: None) as runtime:
            rejected = await runtime.ensure(KEY, JOB)
            assert isinstance(rejected, Rejected)
            assert rejected.reason == "cannot-run-here"

    asyncio.run(story())
