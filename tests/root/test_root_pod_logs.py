"""Reading what pods print: which outputs are meant, and all of them as they come."""

import asyncio
from dataclasses import replace

import pytest

from trialmill.api.tree import JsonObject
from trialmill.engine.records import AttemptKey, TrialPhase, TrialRecord
from trialmill.root.clock import SystemClock
from trialmill.root.errors import InputError, RefusedError
from trialmill.root.pod_logs import PodLogs, Wanted, chosen
from trialmill.runtime.kubernetes.pod_outputs import ContainerOutput, PodOutputs
from trialmill.runtime.kubernetes.stamping import labels_of_key
from trialmill.runtime.kubernetes.target import KindRef, Target
from trialmill.testing.kube_cluster import POD, FakeCluster
from trialmill.testing.kube_fake import FakeKubeApi
from trialmill.testing.stored import UID, running_experiment, trial_of

KEY = AttemptKey(UID, 0, 1)
TRIAL = trial_of(running_experiment(), 0, TrialPhase.RUNNING)


def output(pod: str, container: str, *, counts: bool = False, is_init: bool = False, real: str = "") -> ContainerOutput:
    return ContainerOutput(pod, container, real or container, is_init, counts)


MASTER = [output("m", "prepare", is_init=True, counts=True), output("m", "main", counts=True)]
WORKER = [output("w", "main"), output("w", "proxy")]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), ["m/main"]),
        (Wanted("main"), ["m/main", "w/main"]),
        (Wanted("proxy"), ["w/proxy"]),
        (Wanted("prepare"), ["m/prepare"]),
        (Wanted(all_containers=True), ["m/prepare", "m/main", "w/main", "w/proxy"]),
    ],
    ids=["what counts", "one name in all pods", "another", "an init container", "all"],
)
def test_the_outputs_that_are_meant(wanted: Wanted, expected: list[str]) -> None:
    found = chosen([*MASTER, *WORKER], wanted, "main", "t")
    assert [f"{each.pod}/{each.container}" for each in found] == expected


def test_a_container_may_be_called_as_its_pod_calls_it() -> None:
    step = output("p", "train", real="step-train")
    assert chosen([step], Wanted("train"), "", "t") == chosen([step], Wanted("step-train"), "", "t") == [step]


def test_before_its_pods_have_started_the_first_is_taken() -> None:
    waiting = [output("a", "main"), output("b", "main")]
    assert chosen(waiting, Wanted(), "main", "t") == waiting[:1]


def test_a_container_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(InputError, match=r"t has no container nope; it has prepare \(init\), main, proxy"):
        chosen([*MASTER, *WORKER], Wanted("nope"), "main", "t")


class World:
    """One trial with a pod of an init container and two others."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.api = FakeKubeApi(self.cluster)
        self.target = Target("default", KindRef("batch/v1", "Job"), primary_container="main")
        self.logs = PodLogs(PodOutputs(self.api, self.target, SystemClock()), "main")

    def add_pod(self, name: str, *, ended: bool = False) -> None:
        containers: list[JsonObject] = [{"name": "main"}, {"name": "helper"}]
        spec: JsonObject = {
            "restartPolicy": "Never",
            "initContainers": [{"name": "prepare"}],
            "containers": [*containers],
        }
        pod: JsonObject = {"metadata": {"name": name, "labels": dict(labels_of_key(KEY))}, "spec": spec}
        self.cluster.create(POD, pod, "default")
        for container in ("prepare", "main", "helper"):
            self.api.write_log(name, f"{container} of {name}\n".encode(), container)
        self.set_state(name, ended=ended)

    def set_state(self, name: str, *, ended: bool) -> None:
        over: JsonObject = {"terminated": {"exitCode": 0, "containerID": "c://1"}}
        state: JsonObject = over if ended else {"running": {}}
        statuses: list[JsonObject] = [{"name": c, "state": state, "containerID": "c://1"} for c in ("main", "helper")]
        status: JsonObject = {
            "phase": "Succeeded" if ended else "Running",
            "initContainerStatuses": [{"name": "prepare", "state": over, "containerID": "c://1"}],
            "containerStatuses": [*statuses],
        }
        self.cluster.set_status(POD, name, status)
        self.api.pod_logs.end(("default", name, "prepare"))
        for container in ("main", "helper") if ended else ():
            self.api.pod_logs.end(("default", name, container))


async def printed(world: World, wanted: Wanted) -> list[tuple[str, bytes]]:
    found = await world.logs.find(TRIAL, wanted)
    return [(piece.title, piece.data) async for piece in world.logs.printed(found, wanted)]


def test_every_container_of_every_pod_is_read_one_after_the_other() -> None:
    world = World()
    for name in ("p", "q"):
        world.add_pod(name)
    told = asyncio.run(printed(world, Wanted(all_containers=True)))
    names = [(pod, container) for pod in "pq" for container in ("prepare", "main", "helper")]
    assert told == [(f"pod {p}, container {c}", f"{c} of {p}\n".encode()) for p, c in names]


def test_the_run_before_a_restart_is_read_where_there_was_one() -> None:
    world = World()
    world.add_pod("p")
    world.api.pod_logs.restart(("default", "p", "main"))
    world.api.write_log("p", b"again\n", "main")
    assert asyncio.run(printed(world, Wanted("main", previous=True))) == [("pod p, container main", b"main of p\n")]
    with pytest.raises(RefusedError, match='previous terminated container "helper"'):
        asyncio.run(printed(world, Wanted("helper", previous=True)))


def test_a_trial_without_pods_has_no_outputs() -> None:
    assert asyncio.run(World().logs.find(TRIAL, Wanted("nope"))) == []


def test_all_is_followed_to_its_end_also_what_begins_later() -> None:
    world = World()
    world.add_pod("p")
    looks = 0

    async def look() -> tuple[TrialRecord, bool]:
        nonlocal looks
        looks += 1
        if looks == 2:
            world.add_pod("q", ended=True)
            world.api.write_log("p", b"more\n", "main")
            world.set_state("p", ended=True)
        return replace(TRIAL, phase=TrialPhase.RUNNING), looks < 2

    async def follow() -> dict[str, bytes]:
        told: dict[str, bytes] = {}
        async for piece in world.logs.followed(Wanted(all_containers=True), look):
            told[piece.title] = told.get(piece.title, b"") + piece.data
        return told

    told = asyncio.run(follow())
    assert len(told) == 6
    assert told["pod p, container main"] == b"main of p\nmore\n"
    assert told["pod q, container helper"] == b"helper of q\n"
