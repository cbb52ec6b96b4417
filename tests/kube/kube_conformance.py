"""Thousands of random changes under faults: is the cache the server's truth at the end, and was every end told?"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from kube_fault_proxy import INSIDE, Fault, faulty
from kube_wire import Request

from trialmill.api.tree import JsonObject, get_string
from trialmill.kube.api import KubeApi, KubeError, ResourceType
from trialmill.kube.clock import Clock
from trialmill.kube.configuration import Access, Server, User
from trialmill.kube.connection import Connection
from trialmill.kube.credentials import credentials_for
from trialmill.kube.http_api import HttpKubeApi
from trialmill.kube.object_store import Change, ChangeType, Key, key_of
from trialmill.kube.reflector import Reflector, Scope

NAMES = 60
LABELS = "conformance=yes"
TOLD = ("ADDED", "MODIFIED", "DELETED", "DELETED?", "SYNCED", "TROUBLE")
TOO_LONG = Fault.HANGS
"""It takes as long as an answer may take, each time."""
_OF_BOTH = [f for f in Fault if f not in (*INSIDE, Fault.RESET_AFTER, Fault.STALE, TOO_LONG)]
_OF_STREAMS = [*INSIDE, *_OF_BOTH]
_OF_LISTS = [*_OF_BOTH, Fault.RESET_AFTER, Fault.STALE]


class Weather:
    """Bad days at random, until it clears up. Faults come like cards: none a second time before all others came."""

    def __init__(self, chance: random.Random) -> None:
        self.is_bad = True
        self._chance = chance
        self._decks: dict[bool, list[Fault]] = {True: [], False: []}

    def __call__(self, request: Request) -> Fault | None:
        if not self.is_bad or self._chance.random() < (0.1 if request.is_watch else 0.5):
            return None
        deck = self._decks[request.is_watch]
        if not deck:
            cards = _OF_STREAMS if request.is_watch else _OF_LISTS
            deck += self._chance.sample(cards, len(cards))
        # A page other than the first can expire; a list as a whole cannot.
        if deck[-1] is Fault.EXPIRED and not request.is_watch and "continue" not in request.query:
            return None
        return deck.pop()


@dataclass(slots=True)
class Witness:
    """Follows what is told, and insists that it makes sense: no end without a beginning, no two of one name."""

    alive: dict[Key, str] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, change: Change) -> None:
        self.told[f"{change.type}{'?' * change.inferred}"] += 1
        key, uid = key_of(change.object), get_string(change.object, "metadata", "uid")
        match change.type:
            case ChangeType.ADDED:
                assert key not in self.alive
                self.alive[key] = uid
            case ChangeType.MODIFIED:
                assert self.alive[key] == uid
            case ChangeType.DELETED:
                assert self.alive.pop(key) == uid
        self.news.set()


async def change_at_random(api: KubeApi, type: ResourceType, namespace: str, count: int, chance: random.Random) -> None:
    """Create, change, relabel, delete, and create anew under the same name, `count` times."""
    for number in range(count):
        name = f"c{chance.randrange(NAMES)}"
        step: JsonObject = {"data": {"number": str(number)}}
        labels: JsonObject = {"conformance": chance.choice(["yes", "yes", "yes", "no"])}
        try:
            match chance.choice(["create", "create", "change", "change", "relabel", "delete", "again"]):
                case "create":
                    await api.create(type, {"metadata": {"name": name, "labels": labels}, **step}, namespace)
                case "change":
                    await api.patch(type, name, namespace, step)
                case "relabel":
                    await api.patch(type, name, namespace, {"metadata": {"labels": labels}})
                case "delete":
                    await api.delete(type, name, namespace)
                case _:
                    await api.delete(type, name, namespace)
                    await api.create(type, {"metadata": {"name": name, "labels": labels}, **step}, namespace)
        except KubeError as error:
            assert error.status in (404, 409)
        if chance.random() < 0.1:
            await asyncio.sleep(chance.random() / 25)


async def truth_of(api: KubeApi, type: ResourceType, namespace: str) -> dict[Key, tuple[str, str]]:
    """Uid and version of everything that is there."""
    page = await api.list_page(type, namespace, labels=LABELS, limit=0)
    assert not page.next
    return {key_of(o): _identity(o) for o in page.items}


def _identity(object: JsonObject) -> tuple[str, str]:
    return get_string(object, "metadata", "uid"), get_string(object, "metadata", "resourceVersion")


@dataclass(frozen=True, slots=True)
class Outcome:
    faults: Counter[Fault]
    told: Counter[str]


def _missing(outcome: Outcome) -> set[str]:
    """What has not happened yet, of all faults and all that can be told."""
    return {*Fault, *TOLD} - {*outcome.faults, *outcome.told, TOO_LONG}


async def conform(
    direct: KubeApi,
    access: Access,
    type: ResourceType,
    namespace: str,
    count: int,
    seed: int,
    clock: Clock,
    disturb: Callable[[random.Random], None] = lambda _: None,
) -> Outcome:
    """Change objects directly, follow them through a faulty proxy, and compare. `disturb` is called now and then."""
    chance = random.Random(seed)
    weather, witness = Weather(chance), Witness()
    async with faulty(access, weather, after=lambda: chance.randrange(12)) as (proxy, server):
        through = HttpKubeApi(
            Connection(Server(server.url), credentials_for(Access(Server(server.url), User()))), namespace
        )
        scope = Scope(type, namespace, LABELS)
        reflector = Reflector(through, scope, clock=clock, chance=chance.random, page_size=7, watch_seconds=(1, 2))
        following = asyncio.create_task(reflector.run(witness))
        try:
            rounds = 0
            while rounds < 20 or (_missing(Outcome(proxy.done, witness.told)) and rounds < 200):
                proxy.struck.clear()
                await change_at_random(direct, type, namespace, count // 20, chance)
                disturb(chance)
                # However slow the machine is: each further round brings another fault.
                if rounds >= 20:
                    async with asyncio.timeout(120):
                        await proxy.struck.wait()
                rounds += 1
            weather.is_bad = False
            truth = await truth_of(direct, type, namespace)
            async with asyncio.timeout(120):
                while {key_of(o): _identity(o) for o in reflector.store.objects()} != truth:
                    witness.news.clear()
                    news = asyncio.create_task(witness.news.wait())
                    await asyncio.wait([news, following], return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
                    if following.done():
                        following.result()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await through.close()
        # What began and has not ended is exactly what is there: so the end of everything else was told.
        assert witness.alive == {key: uid for key, (uid, _) in truth.items()}
        return Outcome(proxy.done, witness.told)


class QuickClock:
    """A clock on which five hundred seconds pass in one."""

    def now(self) -> float:
        return asyncio.get_running_loop().time() * 500

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 500)


def check(outcome: Outcome) -> None:
    """The run was a test at all: faults of all kinds, changes of all kinds."""
    assert _missing(outcome) == set()
