"""A cluster that cannot be seen: what is told, when it is over, and when a person has to help."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import pytest
from kubernetes_world import KubernetesWorld, job, runtime_on

from trialmill.engine.ports import Log, RuntimeLostError, Trouble
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeError
from trialmill.kube.configuration import KubeConfigError
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.testing.kube_fake import UNREACHABLE
from trialmill.testing.virtual_time import run_virtually

KEY = AttemptKey("e", 0, 1)
MINUTE = 60.0
UNAUTHORIZED = KubeError(401, "Unauthorized", "Unauthorized")
FORBIDDEN = KubeError(403, "Forbidden", "may not")


@dataclass
class Reader:
    """Reads an experiment's changes beside a story, and notes when which trouble was told."""

    world: KubernetesWorld
    runtime: KubernetesRuntime
    told: list[tuple[float, Trouble]] = field(default_factory=list)
    lost: RuntimeLostError | None = None

    @property
    def reasons(self) -> list[str]:
        return [trouble.reason for _, trouble in self.told]

    def blind(self, error: Exception) -> None:
        """Nothing is let through any more, and what is open ends."""
        for verb in ("list", "watch"):
            self.world.api.fail(verb, error, times=10**6)
        self.world.api.cut_watches(error)

    def clear(self) -> None:
        self.world.api._faults.clear()

    async def read(self) -> None:
        try:
            async with aclosing(self.runtime.changes("e", ())) as events:
                async for event in events:
                    if isinstance(event, Trouble):
                        self.told.append((asyncio.get_running_loop().time(), event))
        except RuntimeLostError as error:
            self.lost = error


Story = Callable[[Reader], Awaitable[None]]


def watched(story: Story, before: Sequence[tuple[str, Exception]] = ()) -> Reader:
    async def whole() -> Reader:
        world = KubernetesWorld()
        for verb, error in before:
            world.api.fail(verb, error, times=10**6)
        reader = Reader(world, runtime_on(world))
        reading = asyncio.create_task(reader.read())
        try:
            await asyncio.sleep(1)
            await story(reader)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return reader

    return run_virtually(whole())


def test_a_stream_that_breaks_and_is_opened_again_is_not_worth_a_word() -> None:
    async def story(reader: Reader) -> None:
        for _ in range(10):
            reader.world.api.cut_watches(UNREACHABLE)
            await asyncio.sleep(MINUTE)

    assert watched(story).told == []


def test_a_server_that_is_away_is_told_once_and_waited_for_without_an_end() -> None:
    async def story(reader: Reader) -> None:
        reader.blind(UNREACHABLE)
        await asyncio.sleep(120 * MINUTE)
        assert reader.reasons == ["Unreachable"]
        reader.clear()
        await asyncio.sleep(MINUTE)
        assert reader.reasons == ["Unreachable", ""]

    reader = watched(story)
    assert reader.lost is None
    assert 15 <= reader.told[0][0] < 30
    assert str(UNREACHABLE) in reader.told[0][1].message


def test_a_server_that_goes_away_twice_is_told_twice() -> None:
    async def story(reader: Reader) -> None:
        for _ in range(2):
            reader.blind(UNREACHABLE)
            await asyncio.sleep(MINUTE)
            reader.clear()
            await asyncio.sleep(MINUTE)

    assert watched(story).reasons == ["Unreachable", "", "Unreachable", ""]


@pytest.mark.parametrize("error", [UNAUTHORIZED, FORBIDDEN], ids=["no longer known", "no longer allowed"])
def test_who_is_not_let_in_is_waited_for_some_minutes(error: KubeError) -> None:
    async def story(reader: Reader) -> None:
        reader.blind(error)
        await asyncio.sleep(9 * MINUTE)
        assert reader.lost is None
        await asyncio.sleep(2 * MINUTE)
        assert reader.lost is not None

    reader = watched(story)
    assert reader.reasons == [error.reason]
    assert reader.lost is not None
    assert str(error) in reader.lost.message
    assert "trials that run there go on" in reader.lost.remedy


def test_a_login_in_time_is_noticed() -> None:
    async def story(reader: Reader) -> None:
        reader.blind(UNAUTHORIZED)
        await asyncio.sleep(8 * MINUTE)
        reader.clear()
        await asyncio.sleep(20 * MINUTE)

    reader = watched(story)
    assert reader.lost is None
    assert reader.reasons == ["Unauthorized", ""]


def test_time_without_an_answer_does_not_count_against_a_login() -> None:
    """The network is lost on the way to work: nobody could have logged in."""

    async def story(reader: Reader) -> None:
        for error in (UNAUTHORIZED, UNREACHABLE, UNAUTHORIZED):
            reader.clear()
            reader.blind(error)
            await asyncio.sleep(8 * MINUTE)

    reader = watched(story)
    assert reader.lost is None
    assert reader.reasons == ["Unauthorized", "Unreachable", "Unauthorized"]


@pytest.mark.parametrize("verb", ["discover", "list"])
def test_a_run_that_is_not_let_in_from_the_start_says_so_at_once(verb: str) -> None:
    async def story(reader: Reader) -> None:
        await asyncio.sleep(MINUTE)
        assert reader.lost is not None

    watched(story, [(verb, UNAUTHORIZED)])


def test_a_refusal_of_what_is_to_be_made_counts_though_open_streams_go_on() -> None:
    """A server ends no stream whose token has expired since."""

    async def story(reader: Reader) -> None:
        reader.world.api.fail("create", UNAUTHORIZED, times=10**6)
        for _ in range(80):
            await reader.runtime.ensure(KEY, job(name="trial"))
            await asyncio.sleep(10)

    reader = watched(story)
    assert reader.reasons == ["Unauthorized"]
    assert reader.lost is not None


def test_what_is_made_after_a_refusal_ends_the_trouble() -> None:
    async def story(reader: Reader) -> None:
        reader.world.api.fail("create", UNAUTHORIZED)
        await reader.runtime.ensure(KEY, job(name="trial"))
        await asyncio.sleep(MINUTE)
        await reader.runtime.ensure(KEY, job(name="trial"))
        await asyncio.sleep(20 * MINUTE)

    reader = watched(story)
    assert reader.lost is None
    assert reader.reasons == ["Unauthorized", ""]


def test_a_refusal_of_what_is_to_be_read_counts_too() -> None:
    async def story(reader: Reader) -> None:
        async with reader.world.running():
            await reader.runtime.ensure(KEY, job("loss=1", seconds=5, name="trial"))
            await asyncio.sleep(10)
            reader.world.api.fail("get", UNAUTHORIZED, plural="pods/log", times=10**6)
            (pod,) = await reader.runtime.pods(KEY)
            with suppress(TimeoutError):
                async with asyncio.timeout(20 * MINUTE):
                    async for _ in reader.runtime.read(Log(KEY, pod.name, "main"), None):
                        pass

    reader = watched(story)
    assert reader.reasons == ["Unauthorized"]
    assert reader.lost is not None


def test_a_refusal_that_nobody_asks_about_again_is_forgotten() -> None:
    async def story(reader: Reader) -> None:
        reader.world.api.fail("create", UNAUTHORIZED)
        await reader.runtime.ensure(KEY, job(name="trial"))
        await asyncio.sleep(20 * MINUTE)

    reader = watched(story)
    assert reader.lost is None
    assert reader.reasons == ["Unauthorized", ""]


def test_the_right_to_see_pods_is_not_needed() -> None:
    async def story(reader: Reader) -> None:
        reader.world.api.denied |= {("list", "pods"), ("watch", "pods")}
        reader.world.api.cut_watches()
        await asyncio.sleep(60 * MINUTE)

    reader = watched(story)
    assert (reader.lost, reader.told) == (None, [])


def test_credentials_that_cannot_be_had_come_with_what_helps() -> None:
    """A plugin that is gone is no login that is over."""

    async def story(reader: Reader) -> None:
        reader.blind(KubeConfigError("the exec plugin 'aws' is not there", "brew install it"))
        await asyncio.sleep(11 * MINUTE)

    reader = watched(story)
    (_, trouble), *_ = reader.told
    assert trouble.reason == "NoCredentials"
    assert "any more: the exec plugin 'aws' is not there; brew install it; what runs there goes on" in trouble.message
    assert reader.lost is not None
    assert reader.lost.remedy.startswith("brew install it; trials that run there go on")
    assert "log in" not in f"{trouble.message} {reader.lost.message} {reader.lost.remedy}"
