"""The reflector's rules, one by one, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from trialmill.api.tree import JsonObject, get_string
from trialmill.kube.api import ExpiredError, KubeApi, KubeError, Page, ResourceType
from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.object_store import Change, ChangeType
from trialmill.kube.reflector import Reflector, Scope
from trialmill.testing.kube_cluster import CONFIG_MAP, FakeCluster
from trialmill.testing.kube_fake import UNREACHABLE, FakeKubeApi
from trialmill.testing.virtual_time import run_virtually

EXPIRED = ExpiredError(410, "Expired", "too old resource version")
FORBIDDEN = KubeError(403, "Forbidden", "may not")


def thing(name: str, **labels: str) -> JsonObject:
    return {"metadata": {"name": name, "labels": dict(labels)}}


class Follower:
    """A reflector at work, and all that it told."""

    def __init__(self, api: KubeApi, scope: Scope, chance: float = 0.0, page_size: int = 500) -> None:
        self.told: list[Change] = []
        self.times: list[float] = []
        self.reflector = Reflector(api, scope, chance=lambda: chance, page_size=page_size)

    def tell(self, change: Change) -> None:
        self.told.append(change)
        self.times.append(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def following(self) -> Any:
        task = asyncio.create_task(self.reflector.run(self.tell))
        try:
            await asyncio.sleep(0.001)
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def words(self) -> list[str]:
        return [f"{c.type} {get_string(c.object, 'metadata', 'name')}{'?' * c.inferred}".strip() for c in self.told]


def follow(api: KubeApi, namespace: str = "", labels: str = "", chance: float = 0.0, page_size: int = 500) -> Any:
    return Follower(api, Scope(CONFIG_MAP, namespace, labels), chance, page_size).following()


def calls(api: FakeKubeApi, verb: str) -> int:
    return sum(call.verb == verb for call in api.calls)


def run(story: Callable[[FakeKubeApi], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        api = FakeKubeApi()
        for name in ("a", "b"):
            api.cluster.create(CONFIG_MAP, thing(name), "default")
        await story(api)

    run_virtually(main())


def test_a_list_then_what_changes_after_it() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            assert view.words() == ["ADDED a", "ADDED b", "SYNCED"]
            api.cluster.create(CONFIG_MAP, thing("c"), "default")
            api.cluster.patch(CONFIG_MAP, "a", "default", {"data": {"x": "1"}})
            api.cluster.delete(CONFIG_MAP, "b", "default")
            await asyncio.sleep(1)
            assert view.words()[3:] == ["ADDED c", "MODIFIED a", "DELETED b"]
            assert not view.told[-1].inferred

    run(story)


def test_namespace_and_labels_choose_what_is_seen() -> None:
    async def story(api: FakeKubeApi) -> None:
        api.cluster.create(CONFIG_MAP, thing("c", team="x"), "default")
        async with follow(api, labels="team=x") as labelled, follow(api, namespace="elsewhere") as elsewhere:
            assert labelled.words() == ["ADDED c", "SYNCED"]
            assert elsewhere.words() == ["SYNCED"]
            api.cluster.patch(CONFIG_MAP, "c", "default", {"metadata": {"labels": {"team": "y"}}})
            await asyncio.sleep(1)
            assert labelled.words()[2:] == ["DELETED c"]

    run(story)


def test_a_list_of_many_pages_is_taken_over_as_a_whole() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api, page_size=1) as view:
            assert view.words() == ["ADDED a", "ADDED b", "SYNCED"]
            assert calls(api, "list") == 2

    run(story)


class ExpiringPages(FakeKubeApi):
    """Each page's token has expired when it is used."""

    async def list_page(self, *args: Any, **options: Any) -> Page:
        page = await super().list_page(*args, **options)
        self.expire_pages()
        return page


def test_a_page_token_that_expires_restarts_the_list_and_in_the_end_asks_for_all_at_once() -> None:
    async def story() -> None:
        api = ExpiringPages()
        for name in ("a", "b"):
            api.cluster.create(CONFIG_MAP, thing(name), "default")
        async with follow(api, page_size=1) as view:
            await asyncio.sleep(5)
            assert view.words() == ["ADDED a", "ADDED b", "SYNCED"]
            assert calls(api, "list") == 5

    run_virtually(story())


@pytest.mark.parametrize("fault", ["in the stream", "as HTTP 410"])
def test_an_expired_version_leads_to_a_new_list_and_to_the_ends_that_were_missed(fault: str) -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            if fault == "as HTTP 410":
                api.fail("watch", EXPIRED)
            api.cut_watches(EXPIRED if fault == "in the stream" else None)
            api.cluster.delete(CONFIG_MAP, "a", "default")
            api.cluster.create(CONFIG_MAP, thing("c"), "default")
            api.cluster.compact()
            await asyncio.sleep(5)
            assert sorted(view.words()[3:6]) == ["ADDED c", "DELETED a?", "SYNCED"]
            assert calls(api, "list") == 2
            assert view.reflector.trouble is None
            assert ChangeType.TROUBLE not in {c.type for c in view.told}

    run(story)


def test_a_server_that_always_says_expired_is_asked_less_and_less() -> None:
    async def story(api: FakeKubeApi) -> None:
        api.fail("watch", EXPIRED, times=10_000)
        async with follow(api):
            await asyncio.sleep(3600)
            assert calls(api, "list") < 100

    run(story)


def test_the_same_name_with_a_new_uid_is_an_end_and_a_beginning_also_across_a_list() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            api.cut_watches(EXPIRED)
            api.cluster.delete(CONFIG_MAP, "a", "default")
            api.cluster.create(CONFIG_MAP, thing("a"), "default")
            api.cluster.compact()
            await asyncio.sleep(5)
            assert view.words()[3:] == ["DELETED a?", "ADDED a", "SYNCED"]

    run(story)


def test_bookmarks_move_the_version_and_nothing_else() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            for number in range(50):
                api.cluster.create(FakeCluster().types[1], {"metadata": {"name": f"n{number}"}})
            api.send_bookmarks()
            await asyncio.sleep(1)
            api.cluster.compact()
            api.cut_watches()
            await asyncio.sleep(5)
            api.cluster.create(CONFIG_MAP, thing("c"), "default")
            await asyncio.sleep(1)
            assert view.words()[3:] == ["ADDED c"]
            assert calls(api, "list") == 1

    run(story)


def test_a_stream_that_the_server_ends_goes_on_from_the_same_place() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            api.cut_watches()
            api.cluster.create(CONFIG_MAP, thing("c"), "default")
            await asyncio.sleep(5)
            assert view.words()[3:] == ["ADDED c"]
            assert (calls(api, "list"), calls(api, "watch")) == (1, 2)

    run(story)


class ClosingAtOnce(FakeKubeApi):
    """Every stream ends as soon as it has begun."""

    async def watch(self, *args: Any, **options: Any) -> Any:
        async with aclosing(super().watch(*args, **{**options, "timeout": timedelta(0)})) as events:
            async for event in events:
                yield event


def test_streams_that_end_at_once_are_opened_about_once_a_second() -> None:
    async def story() -> None:
        api = ClosingAtOnce()
        async with follow(api):
            await asyncio.sleep(60)
            assert 40 <= calls(api, "watch") <= 61

    run_virtually(story())


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_retry_after_is_honoured(verb: str) -> None:
    async def story(api: FakeKubeApi) -> None:
        api.fail(verb, KubeError(429, "TooManyRequests", "slow down", retry_after=timedelta(seconds=30)))
        async with follow(api):
            await asyncio.sleep(29)
            assert calls(api, verb) == 1
            await asyncio.sleep(2)
            assert calls(api, verb) == 2

    run(story)


def test_a_broken_connection_is_opened_again_from_the_same_place() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            api.cut_watches(UNREACHABLE)
            api.cluster.create(CONFIG_MAP, thing("c"), "default")
            await asyncio.sleep(10)
            assert view.words()[3:] == ["TROUBLE", "ADDED c"]
            assert (calls(api, "list"), calls(api, "watch")) == (1, 2)
            assert view.reflector.trouble is None

    run(story)


def test_a_server_that_is_away_for_a_minute_is_found_soon_after() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            api.fail("watch", UNREACHABLE, times=10_000)
            api.cut_watches(UNREACHABLE)
            await asyncio.sleep(60)
            assert str(view.reflector.trouble) == str(UNREACHABLE)
            assert view.words()[3:] == ["TROUBLE"]
            assert calls(api, "watch") < 25
            api._faults.clear()
            api.cluster.create(CONFIG_MAP, thing("c"), "default")
            await asyncio.sleep(7)
            assert view.words()[4:] == ["ADDED c"]

    run(story)


def test_a_server_that_comes_back_with_another_history_is_listed_soon() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            api.fail("watch", UNREACHABLE, times=12)
            api.fail("watch", EXPIRED)
            api.cut_watches(UNREACHABLE)
            api.cluster.delete(CONFIG_MAP, "a", "default")
            while calls(api, "watch") < 14:  # noqa: ASYNC110 -- virtual time
                await asyncio.sleep(0.1)
            await asyncio.sleep(2)
            assert view.words()[-2:] == ["DELETED a?", "SYNCED"]
            assert view.reflector.trouble is None

    run(story)


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_refusal_is_told_once_and_tried_for_ever(verb: str) -> None:
    async def story(api: FakeKubeApi) -> None:
        api.denied.add((verb, "configmaps"))
        async with follow(api) as view:
            await asyncio.sleep(600)
            assert view.words().count("TROUBLE") == 1
            assert isinstance(view.reflector.trouble, KubeError)
            assert 8 <= calls(api, verb) <= 25
            api.denied.clear()
            await asyncio.sleep(61)
            api.send_bookmarks()
            await asyncio.sleep(1)
            assert view.words()[-1] == "SYNCED"
            assert view.reflector.trouble is None

    run(story)


def test_credentials_that_are_gone_are_trouble_not_the_end() -> None:
    async def story(api: FakeKubeApi) -> None:
        api.fail("list", KubeConfigError("the exec plugin 'aws' failed (exit code 1)"), times=3)
        async with follow(api) as view:
            await asyncio.sleep(20)
            assert view.words() == ["TROUBLE", "ADDED a", "ADDED b", "SYNCED"]

    run(story)


def test_a_kind_that_goes_away_and_comes_back_is_listed_anew() -> None:
    kind = ResourceType("example.com", "v1", "Thing", "things")

    async def story(api: FakeKubeApi) -> None:
        api.cluster.install(kind)
        api.cluster.create(kind, thing("x"), "default")
        view = Follower(api, Scope(kind))
        async with view.following():
            api.cut_watches(UNREACHABLE)
            api.cluster.uninstall(kind)
            await asyncio.sleep(30)
            api.cluster.install(kind)
            await asyncio.sleep(61)
            assert view.words()[-2:] == ["DELETED x?", "SYNCED"]

    run(story)


def test_every_object_is_told_again_after_some_hours_without_a_request() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api) as view:
            await asyncio.sleep(11 * 3600)
            assert view.words()[3:] == ["RESYNC a", "RESYNC b"]
            assert calls(api, "list") == 1

    run(story)


def test_the_length_of_streams_is_spread() -> None:
    async def story(api: FakeKubeApi) -> None:
        async with follow(api, chance=0.0) as short, follow(api, chance=0.99) as long:
            assert short.reflector.trouble is None
            await asyncio.sleep(310)
            assert calls(api, "watch") == 3
            await asyncio.sleep(280)
            assert calls(api, "watch") == 3
            await asyncio.sleep(20)
            assert calls(api, "watch") == 5
            assert long.reflector.trouble is None

    run(story)


def test_nothing_is_open_after_the_consumer_has_left() -> None:
    async def story(api: FakeKubeApi) -> None:
        reflector = Reflector(api, Scope(CONFIG_MAP))
        async with aclosing(reflector.changes()) as changes:
            async for change in changes:
                if change.type is ChangeType.SYNCED:
                    break
        await asyncio.sleep(1)
        assert api.cluster._waiting == set()

    run(story)
