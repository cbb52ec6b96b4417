"""Which attempt a pod belongs to, where only the chain of its owners says so; and what is remembered of it."""

import asyncio

from trialmill.api.tree import JsonObject, get_string
from trialmill.engine.records import AttemptKey
from trialmill.runtime.kubernetes.owners import Owners
from trialmill.runtime.kubernetes.stamping import labels_of_key
from trialmill.testing.kube_cluster import JOB, POD
from trialmill.testing.kube_fake import FakeKubeApi


def remembered(owners: Owners) -> dict[str, int]:
    collections = {name: value for name, value in vars(owners).items() if isinstance(value, dict | set)}
    assert len(collections) == 4
    return {name: len(value) for name, value in collections.items()}


def owned_by(owner: JsonObject, name: str) -> JsonObject:
    reference: JsonObject = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": get_string(owner, "metadata", "name"),
        "uid": get_string(owner, "metadata", "uid"),
        "controller": True,
    }
    return {"metadata": {"name": name, "ownerReferences": [reference]}}


class Family:
    """A resource, a Job that it owns, and two pods of that Job."""

    def __init__(self, api: FakeKubeApi, index: int) -> None:
        cluster = api.cluster
        self.key = AttemptKey("e", index, 1)
        labelled: JsonObject = {"metadata": {"name": f"top-{index}", "labels": dict(labels_of_key(self.key))}}
        self.top = cluster.create(JOB, labelled, "default")[0]
        self.middle = cluster.create(JOB, owned_by(self.top, f"middle-{index}"), "default")[0]
        self.pods = [cluster.create(POD, owned_by(self.middle, f"p-{index}-{n}"), "default")[0] for n in range(2)]


def test_nothing_is_remembered_of_a_thousand_attempts_that_came_and_went() -> None:
    api, most = FakeKubeApi(), 0

    async def whole() -> None:
        nonlocal most
        owners = Owners(api)
        for index in range(1000):
            family = Family(api, index)
            owners.note(family.top, family.key)
            for pod in family.pods:
                assert await owners.key_of(pod) == family.key
            most = max(most, *remembered(owners).values())
            gone = [family.top, *family.pods] if index % 2 else [*family.pods, family.top]
            for object in gone:
                owners.forget(object)
        assert set(remembered(owners).values()) == {0}

    asyncio.run(whole())
    assert most == 4
    assert len(api.calls) == 2 * 1000  # the Job of each attempt: its kind, and the Job itself


def test_pods_of_others_are_forgotten_with_their_owners_when_the_last_is_gone() -> None:
    api = FakeKubeApi()

    async def whole() -> None:
        owners = Owners(api)
        owner = api.cluster.create(JOB, {"metadata": {"name": "other"}}, "default")[0]
        pods = [api.cluster.create(POD, owned_by(owner, f"p-{n}"), "default")[0] for n in range(3)]
        for pod in pods:
            assert await owners.key_of(pod) is None
        asked = len(api.calls)
        owners.forget(pods[0])
        owners.forget(pods[0])  # told twice
        assert await owners.key_of(pods[1]) is None
        assert len(api.calls) == asked
        for pod in pods[1:]:
            owners.forget(pod)
        assert set(remembered(owners).values()) == {0}

    asyncio.run(whole())


def test_a_pod_is_known_by_its_owner_though_that_is_gone_while_another_pod_of_it_is_there() -> None:
    api = FakeKubeApi()

    async def whole() -> None:
        owners, family = Owners(api), Family(api, 7)
        assert await owners.key_of(family.pods[0]) == family.key
        owners.forget(family.top)
        owners.forget(family.middle)
        api.cluster.vanish(JOB, "middle-7")
        assert await owners.key_of(family.pods[1]) == family.key

    asyncio.run(whole())
