"""Our process is killed, at random moments and at the worst one: no trial exists twice and none is lost."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest
import yaml
from acceptance_place import Outcome, Place, assignments, ends, last_condition, wait_until
from cluster_place import ATTEMPT, LONG, jobs, on_the_stand_in, start
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


def recorded(place: Place) -> int:
    """How many resources the store knows of."""
    rows: list[tuple[int]] = place.rows(
        "SELECT COUNT(*) FROM trial WHERE json_extract(attempts, '$[0].uid') IS NOT NULL"
    )
    return rows[0][0]


def test_a_death_between_the_creation_of_a_job_and_its_record(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in(trials=4, parallel=2))
    process = changed_program(_DIES, "run", "e.yaml")(place, namespace)
    process.communicate(timeout=LONG)

    assert process.returncode == -signal.SIGKILL
    assert len(jobs(namespace)) >= 1
    assert recorded(place) == 0
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
    assert recorded(place) == 0
    place.write("kubeconfig", namespace.cluster.kubeconfig.read_bytes())
    place("resume", "e", seconds=LONG)
    assert_all_succeeded_once(place, namespace, 4)


def left_by_its_pods(place: Place, namespace: Namespace, seconds: str, *, phase: str, exit_code: str = "0") -> None:
    """Two trials run, we die, and somebody deletes their Jobs without their pods once those have this phase."""
    marks = {"seconds": seconds, "exit-code": exit_code}
    place.write("e.yaml", on_the_stand_in(trials=2, parallel=2, marks=marks))
    process = start(place, namespace, "e.yaml")
    wait_until(lambda: process.poll() is not None or sum(it["status"].get("active", 0) for it in jobs(namespace)) == 2)
    wait_until(lambda: recorded(place) == 2)  # what is not recorded is made anew
    process.kill()
    process.communicate()
    namespace.wait_for_list("pods", lambda pods: [it["status"]["phase"] for it in pods] == [phase] * 2)
    namespace.kubectl("delete", "jobs", "--all", "--cascade=orphan", "--timeout=30s")


def test_jobs_that_are_gone_when_we_come_back_have_succeeded_if_their_pods_have(
    place: Place, namespace: Namespace
) -> None:
    left_by_its_pods(place, namespace, "3", phase="Succeeded")
    place("resume", "e", seconds=LONG)

    trials = place.trials()
    assert ends(trials) == ["Succeeded"] * 2
    assert jobs(namespace) == []
    assert [it["status"]["observation"]["metrics"][0]["latest"] for it in trials] == [
        assignments([it])[0]["x"] for it in trials
    ]
    assert all("its Job is gone; its pod" in last_condition(it)["message"] for it in trials)
    assert "AttemptLost" not in place("describe", "e").out


@pytest.mark.parametrize(
    ("seconds", "phase", "exit_code", "said"),
    [("never", "Running", "0", "goes on by itself"), ("3", "Failed", "7", "exited with code 7")],
    ids=["go on", "have failed"],
)
def test_jobs_that_are_gone_when_we_come_back_run_again_if_their_pods(
    place: Place, namespace: Namespace, seconds: str, phase: str, exit_code: str, said: str
) -> None:
    left_by_its_pods(place, namespace, seconds, phase=phase, exit_code=exit_code)
    process = place.start("resume", "e")
    wait_until(lambda: process.poll() is not None or len(jobs(namespace)) == 2)

    lost = [line for line in place("describe", "e").out.splitlines() if "AttemptLost" in line]
    assert len(lost) == 2
    assert all("its Job is gone; its pod" in line and said in line for line in lost)
    assert {job["metadata"]["labels"][ATTEMPT] for job in jobs(namespace)} == {"2"}


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
