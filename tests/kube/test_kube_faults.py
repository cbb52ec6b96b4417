"""Each of the reflector's rules once more, over real connections with real faults in them."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest
from kube_api_server import ApiServer, status_of
from kube_fault_proxy import INSIDE, PAUSE, Fault, faulty
from kube_wire import Exchange, Request, serve

from trialmill.api.tree import JsonObject, get_string
from trialmill.kube import connection, http_api
from trialmill.kube.api import KubeError
from trialmill.kube.configuration import Access, Server, User
from trialmill.kube.connection import Connection
from trialmill.kube.credentials import credentials_for
from trialmill.kube.http_api import HttpKubeApi
from trialmill.kube.object_store import Change, ChangeType
from trialmill.kube.reflector import Reflector, Scope
from trialmill.testing.kube_cluster import CONFIG_MAP
from trialmill.testing.kube_fake import FakeKubeApi

PATIENCE = 120.0
"""Seconds that a story may take, however busy the machine is; what needs longer hangs."""


class QuickClock:
    """A clock on which a hundred seconds pass in one."""

    def now(self) -> float:
        return asyncio.get_running_loop().time() * 100

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


def client(url: str) -> HttpKubeApi:
    access = Access(Server(url), User())
    return HttpKubeApi(Connection(access.server, credentials_for(access)), "default")


def thing(name: str) -> JsonObject:
    return {"metadata": {"name": name}}


def once(
    fault: Fault, *, watch: bool, nth: int = 1, struck: Callable[[], None] = lambda: None
) -> Callable[[Request], Fault | None]:
    """This fault for the nth list or watch, none for the others. A reset strikes the HTTP library's second try too.
    `struck` is called when the fault is done.
    """
    seen, last = 0, nth + (fault is Fault.RESET_BEFORE)

    def plan(request: Request) -> Fault | None:
        nonlocal seen
        if request.is_watch is not watch:
            return None
        seen += 1
        if not nth <= seen <= last:
            return None
        struck()
        return fault

    return plan


LISTS = [fault for fault in Fault if fault not in (*INSIDE, Fault.EXPIRED, Fault.STALE)]
LISTED_ANEW = {Fault.EXPIRED, Fault.EXPIRED_INSIDE}
WATCHES = [fault for fault in Fault if fault not in (Fault.RESET_AFTER, Fault.STALE, Fault.HANGS)]


async def follow_to_the_end(
    double: FakeKubeApi, url: str, *, page_size: int = 500, seconds: float = 1.0
) -> tuple[list[str], Reflector]:
    """What a reflector tells of a story: `a` and `b` are there, `c` comes, `a` goes, `last` comes."""
    told: list[str] = []
    for name in ("a", "b"):
        double.cluster.create(CONFIG_MAP, thing(name), "default")
    async with client(url) as api:
        lasting = (seconds, seconds)
        reflector = Reflector(api, Scope(CONFIG_MAP), clock=QuickClock(), page_size=page_size, watch_seconds=lasting)
        async with asyncio.timeout(PATIENCE), aclosing(reflector.changes()) as changes:
            async for change in changes:
                told.append(_words(change))
                if told[-1] == "SYNCED" and told.count("SYNCED") == 1:
                    double.cluster.create(CONFIG_MAP, thing("c"), "default")
                    double.cluster.delete(CONFIG_MAP, "a", "default")
                    double.cluster.create(CONFIG_MAP, thing("last"), "default")
                if told[-1] == "ADDED last":
                    break
    return told, reflector


def _words(change: Change) -> str:
    return f"{change.type} {get_string(change.object, 'metadata', 'name')}{'?' * change.inferred}".strip()


def tell(
    fault: Fault,
    *,
    watch: bool,
    page_size: int = 500,
    nth: int = 1,
    seconds: float = 1.0,
    struck: Callable[[], None] = lambda: None,
) -> tuple[list[str], list[Request]]:
    """The story with one fault in it; what was told, and the requests that were made."""

    async def main() -> tuple[list[str], list[Request]]:
        double = FakeKubeApi()
        async with serve(ApiServer(double)) as upstream:
            access = Access(Server(upstream.url), User())
            async with faulty(access, once(fault, watch=watch, nth=nth, struck=struck)) as (proxy, server):
                told, reflector = await follow_to_the_end(double, server.url, page_size=page_size, seconds=seconds)
                assert proxy.done == {fault: 1 + (fault is Fault.RESET_BEFORE)}
                names = sorted(get_string(o, "metadata", "name") for o in reflector.store.objects())
                assert names == ["b", "c", "last"]
                return told, server.requests

    return asyncio.run(main())


@pytest.mark.parametrize("fault", LISTS)
def test_a_list_that_fails_is_made_again(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault is Fault.HANGS:
        monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.3)
    # From then on there is time enough: on a busy machine a good answer may take as long as that.
    told, requests = tell(fault, watch=False, struck=monkeypatch.undo)
    assert [word for word in told if not word.startswith("TROUBLE")] == [
        "ADDED a",
        "ADDED b",
        "SYNCED",
        "ADDED c",
        "DELETED a",
        "ADDED last",
    ]
    expected = {Fault.SLOW: 1, Fault.RESET_BEFORE: 3}
    assert sum(not request.is_watch for request in requests) == expected.get(fault, 2)


@pytest.mark.parametrize("fault", [Fault.EXPIRED, Fault.RESET_BEFORE])
def test_a_page_that_fails_restarts_the_list(fault: Fault) -> None:
    told, requests = tell(fault, watch=False, page_size=1, nth=2)
    assert told[-6:] == ["ADDED a", "ADDED b", "SYNCED", "ADDED c", "DELETED a", "ADDED last"]
    lists = ["continue" in request.query for request in requests if not request.is_watch]
    assert lists == [False, True, *([True] if fault is Fault.RESET_BEFORE else []), False, True]


@pytest.mark.parametrize("fault", WATCHES)
def test_a_watch_that_fails_goes_on_or_leads_to_a_new_list(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault is Fault.SILENCE:
        monkeypatch.setattr(http_api, "_GRACE", timedelta(seconds=1))
    told, requests = tell(fault, watch=True)
    lists = sum(not request.is_watch for request in requests)
    ends = [word for word in told if word.startswith("DELETED")]
    assert len(ends) == 1
    assert lists == (2 if fault in LISTED_ANEW else 1)
    assert told.count("ADDED c") == 1
    inferred = fault in LISTED_ANEW
    assert ends == ["DELETED a?" if inferred else "DELETED a"]


def test_a_watch_that_is_silent_is_opened_again_from_the_same_place_and_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_api, "_SILENT_WATCH", timedelta(seconds=2))
    told, requests = tell(Fault.SILENCE, watch=True, seconds=60.0)
    assert told == ["ADDED a", "ADDED b", "SYNCED", "ADDED c", "DELETED a", "ADDED last"]
    first, second = [request.query for request in requests if request.is_watch][:2]
    assert int(first["resourceVersion"]) < int(second["resourceVersion"])  # one event had come


@pytest.mark.parametrize(
    "fault", [Fault.CLOSE, Fault.EXPIRED, Fault.EXPIRED_INSIDE, Fault.RESET_BEFORE, Fault.SLOW_DOWN]
)
def test_a_server_that_always_fails_is_not_asked_without_pause(fault: Fault) -> None:
    async def main() -> tuple[int, float]:
        double, clock, asked_again, watches = FakeKubeApi(), QuickClock(), asyncio.Event(), 0

        def plan(request: Request) -> Fault | None:
            nonlocal watches
            watches += request.is_watch
            if watches > 2:
                asked_again.set()
            return fault if request.is_watch else None

        async with serve(ApiServer(double)) as upstream:
            access = Access(Server(upstream.url), User())
            async with faulty(access, plan, after=lambda: 0) as (_, server), client(server.url) as api:
                reflector = Reflector(api, Scope(CONFIG_MAP), clock=clock)
                started = clock.now()
                task = asyncio.create_task(reflector.run(lambda _: None))
                await asyncio.sleep(1)
                async with asyncio.timeout(PATIENCE):
                    await asked_again.wait()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return len(server.requests), clock.now() - started

    requests, seconds = asyncio.run(main())
    tries = 2 if fault is Fault.RESET_BEFORE else 1
    assert requests <= tries * (seconds + 5)


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.SLOW_DOWN_UNTIL])
@pytest.mark.parametrize("watch", [False, True], ids=["a list", "a watch"])
def test_the_pause_that_a_server_asks_for_is_kept(fault: Fault, watch: bool) -> None:
    asked: list[float] = []

    async def main() -> None:
        double = FakeKubeApi()

        def plan(request: Request) -> Fault | None:
            if request.is_watch is not watch:
                return None
            asked.append(QuickClock().now())
            return fault if len(asked) == 1 else None

        async with serve(ApiServer(double)) as upstream:
            access = Access(Server(upstream.url), User())
            async with faulty(access, plan) as (_, server):
                await follow_to_the_end(double, server.url)

    asyncio.run(main())
    assert asked[1] - asked[0] >= PAUSE


def test_what_happens_while_a_list_is_under_way_is_told_by_the_watch() -> None:
    async def main() -> list[str]:
        double = FakeKubeApi()
        for name in ("a", "b"):
            double.cluster.create(CONFIG_MAP, thing(name), "default")
        async with serve(ApiServer(double)) as upstream:
            access = Access(Server(upstream.url), User())
            async with faulty(access, once(Fault.SLOW, watch=False)) as (proxy, server), client(server.url) as api:
                listed = asyncio.create_task(_told_until(api, "ADDED c"))
                await proxy.acted.wait()
                double.cluster.delete(CONFIG_MAP, "a", "default")
                double.cluster.create(CONFIG_MAP, thing("c"), "default")
                return await listed

    assert asyncio.run(main()) == ["ADDED a", "ADDED b", "SYNCED", "DELETED a", "ADDED c"]


async def _told_until(api: HttpKubeApi, last: str) -> list[str]:
    told: list[str] = []
    reflector = Reflector(api, Scope(CONFIG_MAP), clock=QuickClock())
    async with asyncio.timeout(PATIENCE), aclosing(reflector.changes()) as changes:
        async for change in changes:
            told.append(_words(change))
            if told[-1] == last:
                break
    return told


@pytest.mark.parametrize("renewed", [True, False], ids=["and is renewed", "and stays so"])
def test_a_token_that_expires_while_a_watch_is_open(renewed: bool, tmp_path: Path) -> None:
    """The open stream goes on, as with an API server; the next one needs a new token, and no list is made anew."""
    token = tmp_path / "token"
    token.write_text("first")
    valid = "Bearer first"

    async def main() -> tuple[list[str], list[Request]]:
        nonlocal valid
        double = FakeKubeApi()
        double.cluster.create(CONFIG_MAP, thing("a"), "default")
        inner, is_watched = ApiServer(double), asyncio.Event()

        async def guarded(exchange: Exchange) -> None:
            if exchange.request.headers.get("authorization") != valid:
                await exchange.answer(401, status_of(KubeError(401, "Unauthorized", "Unauthorized")))
            else:
                if exchange.request.is_watch:
                    is_watched.set()
                await inner(exchange)

        async with serve(guarded) as server:
            access = Access(Server(server.url), User(token_file=token))
            api = HttpKubeApi(Connection(access.server, credentials_for(access)), "default")
            following = asyncio.create_task(_told_until(api, "ADDED b" if renewed else "TROUBLE"))
            await is_watched.wait()
            valid = "Bearer second"
            if renewed:
                token.write_text("second")
            double.cut_watches()
            double.cluster.create(CONFIG_MAP, thing("b"), "default")
            told = await following
            await api.close()
            return told, server.requests

    told, requests = asyncio.run(main())
    assert told == ["ADDED a", "SYNCED", "ADDED b" if renewed else "TROUBLE"]
    assert sum(not request.is_watch for request in requests) == 1


def test_a_list_from_the_past_is_put_right_by_the_watch() -> None:
    async def main() -> list[str]:
        double = FakeKubeApi()
        double.cluster.create(CONFIG_MAP, thing("a"), "default")
        lists = 0

        def plan(request: Request) -> Fault | None:
            nonlocal lists
            lists += not request.is_watch
            if request.is_watch:
                return Fault.EXPIRED_INSIDE if lists == 1 else None
            return Fault.STALE if lists == 2 else None

        told: list[str] = []
        async with serve(ApiServer(double)) as upstream:
            access = Access(Server(upstream.url), User())
            async with faulty(access, plan, after=lambda: 2) as (proxy, server), client(server.url) as api:
                reflector = Reflector(api, Scope(CONFIG_MAP), clock=QuickClock())
                async with asyncio.timeout(PATIENCE), aclosing(reflector.changes()) as changes:
                    async for change in changes:
                        told.append(_words(change))
                        if change.type is ChangeType.SYNCED and lists == 1:
                            double.cluster.create(CONFIG_MAP, thing("b"), "default")
                            double.cluster.delete(CONFIG_MAP, "a", "default")
                        if told.count("DELETED a") == 2:
                            break
                assert [get_string(o, "metadata", "name") for o in reflector.store.objects()] == ["b"]
                assert proxy.done[Fault.STALE] == 1
        return told

    first, second = ["ADDED a", "SYNCED", "ADDED b", "DELETED a"], ["DELETED b?", "ADDED a", "SYNCED"]
    assert asyncio.run(main()) == [*first, *second, "ADDED b", "DELETED a"]
