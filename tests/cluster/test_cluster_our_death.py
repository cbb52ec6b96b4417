"""Our process is killed, at random moments and at the worst one: no trial exists twice and none is lost."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest
import yaml
from acceptance_place import Outcome, Place, wait_until
from cluster_place import LONG, jobs, on_the_stand_in, start
from cluster_runs import assert_all_succeeded_once, changed_program
from cluster_under_test import Namespace
from kube_fault_proxy import Fault, faulty
from kube_wire import Request

from trialmill.kube.kubeconfig import find_access

pytestmark = pytest.mark.usefixtures("stand_in")

SEED = int(os.environ.get("ACCEPTANCE_SEED", random.SystemRandom().randrange(10**6)))
"""Of the moments of the kills; a failure names it."""
_DIES = """
import os, signal
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime

made = KubernetesRuntime.ensure

async def ensure(self, *arguments, **named):
    answer = await made(self, *arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
    return answer

KubernetesRuntime.ensure = ensure
"""


def nothing_recorded(place: Place) -> bool:
    """Whether the store knows of no resource."""
    rows: list[tuple[int]] = place.rows(
        "SELECT COUNT(*) FROM trial WHERE json_extract(attempts, '$[0].uid') IS NOT NULL"
    )
    return rows == [(0,)]


def test_a_death_between_the_creation_of_a_job_and_its_record(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in(trials=4, parallel=2))
    process = changed_program(_DIES, "run", "e.yaml")(place, namespace)
    process.communicate(timeout=LONG)

    assert process.returncode == -signal.SIGKILL
    assert len(jobs(namespace)) >= 1
    assert nothing_recorded(place)
    place("resume", "e", seconds=LONG)
    assert_all_succeeded_once(place, namespace, 4)


def test_a_death_before_the_answer_to_a_creation_that_was_carried_out(place: Place, namespace: Namespace) -> None:
    """A proxy lets the request through and keeps the answer to itself: what we died of knowing nothing."""
    place.write("e.yaml", on_the_stand_in(trials=4, parallel=2))

    def plan(request: Request) -> Fault | None:
        is_creation = request.method == "POST" and request.path.endswith("/jobs") and "dryRun" not in request.query
        return Fault.HANGS if is_creation else None

    async def main() -> None:
        access = find_access(kubeconfig=namespace.cluster.kubeconfig, environment={}, home=Path("/"))
        async with faulty(access, plan) as (proxy, server):
            config = yaml.safe_load(namespace.cluster.kubeconfig.read_text())
            for cluster in config["clusters"]:
                cluster["cluster"] = {"server": server.url}
            place.write("kubeconfig", config)
            through = Place(place.folder, {"KUBECONFIG": str(place.folder / "kubeconfig")}, started=place.started)
            process = start(through, namespace, "e.yaml")
            async with asyncio.timeout(LONG):
                await proxy.acted.wait()
            process.kill()
            await asyncio.to_thread(process.communicate)

    asyncio.run(main())
    assert len(jobs(namespace)) >= 1
    assert nothing_recorded(place)
    place.write("kubeconfig", namespace.cluster.kubeconfig.read_bytes())
    place("resume", "e", seconds=LONG)
    assert_all_succeeded_once(place, namespace, 4)


@pytest.mark.crash
def test_deaths_at_random_moments(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in(trials=12, parallel=4, marks={"seconds": "1"}))
    moments = random.Random(SEED)
    killed = 0
    process = start(place, namespace, "e.yaml", "--seed", "5")
    while killed < 8:
        wait_until(place.count_of_trials)
        time.sleep(moments.uniform(0.2, 2.5))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        killed += 1
        process = place.start("resume", "e")
    outcome: Outcome = place.end_of(process, code=None, seconds=LONG)

    assert killed > 2, f"ACCEPTANCE_SEED={SEED}"
    assert outcome.code == 0, f"ACCEPTANCE_SEED={SEED}: {outcome}"
    assert_all_succeeded_once(place, namespace, 12)
