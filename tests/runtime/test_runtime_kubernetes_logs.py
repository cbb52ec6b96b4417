"""A container's output, over broken streams, rotated logs and restarts: no line lost or doubled, gaps told."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes_world import KubernetesWorld, job, pod_of, pod_status, runtime_on

from trialmill.api.tree import Json, JsonObject
from trialmill.engine.ports import Chunk, Cursor, Log
from trialmill.engine.records import AttemptKey
from trialmill.engine.rules import COLLECTION_DEADLINE
from trialmill.kube.api import KubeError
from trialmill.runtime.kubernetes.log_lines import LogLines, comparable
from trialmill.runtime.kubernetes.log_place import Place, place_of
from trialmill.runtime.kubernetes.log_reader import SEGMENT
from trialmill.testing.kube_cluster import POD
from trialmill.testing.kube_fake import UNREACHABLE, Call
from trialmill.testing.virtual_time import run_virtually

KEY = AttemptKey("e", 0, 1)
SOURCE = Log(KEY, "p", "main")
LOG_KEY = ("default", "p", "main")
ENDED: JsonObject = {"terminated": {"exitCode": 0, "containerID": "containerd://0123456789abcdef"}}


class Output:
    """A pod `p` whose container prints, and a reader of it."""

    def __init__(self) -> None:
        self.world = KubernetesWorld()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.world.cluster.now = lambda: self.time
        self.world.cluster.create(POD, pod_of(job(), "p"), "default")
        self.running()

    def running(self, **more: Json) -> None:
        self.world.cluster.set_status(POD, "p", pod_status("Running", {"running": {}}, **more))

    def prints(self, *lines: str, seconds: float = 0.0) -> None:
        """Each line at the same time, which moves on before."""
        self.time += timedelta(seconds=seconds)
        self.world.api.write_log("p", "".join(line + "\n" for line in lines).encode())

    def ends(self) -> None:
        self.world.api.pod_logs.end(LOG_KEY)
        self.world.cluster.set_status(POD, "p", pod_status("Succeeded", ENDED))

    async def read(self, after: Cursor | None = None) -> list[Chunk]:
        return [chunk async for chunk in runtime_on(self.world).read(SOURCE, after)]


def lines_of(chunks: list[Chunk]) -> list[str]:
    return b"".join(chunk.data for chunk in chunks).decode().splitlines()


def gaps_of(chunks: list[Chunk]) -> list[str]:
    return [chunk.gap for chunk in chunks if chunk.gap]


def read_while(story: Callable[[Output], Awaitable[None]]) -> list[Chunk]:
    """What is read while the story goes on, to the end."""
    output = Output()

    async def whole() -> list[Chunk]:
        reading = asyncio.create_task(output.read())
        await asyncio.sleep(1)
        await story(output)
        return await asyncio.wait_for(reading, 3600)

    return run_virtually(whole())


def test_lines_come_without_their_times() -> None:
    async def story(output: Output) -> None:
        output.prints("loss=1", "loss=2")
        output.ends()

    assert lines_of(read_while(story)) == ["loss=1", "loss=2"]


def test_a_stream_that_is_cut_goes_on_with_the_next_line() -> None:
    async def story(output: Output) -> None:
        for number in range(20):
            output.prints(f"a{number}", f"b{number}", seconds=0.3)
            output.world.api.pod_logs.cut()
            await asyncio.sleep(3)
        output.ends()

    wanted = [f"{letter}{number}" for number in range(20) for letter in "ab"]
    assert lines_of(read_while(story)) == wanted


def test_a_stream_that_fell_silent_is_left_when_the_container_is_known_to_be_over() -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.pod_logs.freeze()
        output.prints("two", "three")
        output.ends()

    output = Output()
    took: list[float] = []

    async def whole() -> list[Chunk]:
        reading = asyncio.create_task(output.read())
        await asyncio.sleep(1)
        await story(output)
        before = asyncio.get_running_loop().time()
        chunks = await asyncio.wait_for(reading, 3600)
        took.append(asyncio.get_running_loop().time() - before)
        return chunks

    chunks = run_virtually(whole())
    assert lines_of(chunks) == ["one", "two", "three"]
    assert gaps_of(chunks) == []
    assert took[0] < COLLECTION_DEADLINE.total_seconds() / 2


def test_a_stream_that_is_silent_while_its_container_runs_is_opened_again() -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.pod_logs.freeze()
        output.prints("two")
        await asyncio.sleep(900)
        output.world.api.pod_logs.forget(LOG_KEY)
        output.world.cluster.vanish(POD, "p")

    chunks = read_while(story)
    assert lines_of(chunks) == ["one", "two"]
    assert gaps_of(chunks) == []


def test_a_pod_that_vanishes_behind_a_stream_that_fell_silent_leaves_a_gap() -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.pod_logs.freeze()
        output.prints("two")
        output.world.cluster.vanish(POD, "p")

    chunks = read_while(story)
    assert lines_of(chunks) == ["one"]
    assert len(gaps_of(chunks)) == 1


def test_a_container_that_is_silent_for_an_hour_costs_few_requests() -> None:
    output = Output()

    async def whole() -> None:
        reading = asyncio.create_task(output.read())
        await asyncio.sleep(1)
        output.prints("one")
        await asyncio.sleep(3600)
        output.ends()
        assert lines_of(await reading) == ["one"]

    run_virtually(whole())
    assert len(asked(output)) <= 8


@pytest.mark.parametrize("error", [UNREACHABLE, KubeError(500, "InternalError", "no"), KubeError(429, "Busy", "no")])
def test_a_server_that_is_away_for_a_minute_is_waited_for(error: Exception) -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.fail("get", error, plural="pods/log", times=25)
        output.world.api.pod_logs.cut()
        output.prints("two")
        await asyncio.sleep(60)
        output.ends()

    chunks = read_while(story)
    assert lines_of(chunks) == ["one", "two"]
    assert gaps_of(chunks) == []


def asked(output: Output) -> list[Call]:
    """The requests for output so far."""
    return [call for call in output.world.api.calls if call.plural == "pods/log"]


def test_a_node_that_is_lost_is_asked_less_and_less_often() -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.fail("get", KubeError(502, "", "no route to kubelet"), plural="pods/log", times=9999)
        output.world.api.pod_logs.cut()
        before = len(asked(output))
        await asyncio.sleep(600)
        assert 30 < len(asked(output)) - before < 60
        output.world.api.pod_logs.forget(LOG_KEY)
        output.world.cluster.vanish(POD, "p")

    assert lines_of(read_while(story)) == ["one"]


def test_lines_that_were_rotated_away_while_nobody_read_are_a_gap() -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.fail("get", UNREACHABLE, plural="pods/log", times=5)
        output.world.api.pod_logs.cut()
        await asyncio.sleep(0.1)
        for number in range(10):
            output.prints(f"{number}", seconds=1)
        output.world.api.pod_logs.rotate(LOG_KEY, keep=2)
        await asyncio.sleep(60)
        output.ends()

    chunks = read_while(story)
    assert lines_of(chunks) == ["one", "8", "9"]
    assert [gap.partition(":")[0] for gap in gaps_of(chunks)] == ["the log was rotated"]


def test_a_restarted_container_is_read_on_with_the_rest_of_its_first_run() -> None:
    first: JsonObject = {"terminated": {"exitCode": 1, "containerID": "containerd://0123456789abcdef"}}
    second = "containerd://fedcba9876543210"

    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.fail("get", UNREACHABLE, plural="pods/log", times=2)
        output.world.api.pod_logs.cut()
        output.prints("two", seconds=0.1)
        output.world.api.pod_logs.restart(LOG_KEY)
        output.running(lastState=first, containerID=second)
        output.prints("three", seconds=0.1)
        await asyncio.sleep(30)
        output.world.api.pod_logs.end(LOG_KEY)
        ended: JsonObject = {"terminated": {"exitCode": 0, "containerID": second}}
        output.world.cluster.set_status(POD, "p", pod_status("Succeeded", ended, lastState=first, containerID=second))

    chunks = read_while(story)
    assert lines_of(chunks) == ["one", "two", "three"]
    assert gaps_of(chunks) == []


def test_a_pod_that_vanishes_in_mid_stream_leaves_a_gap() -> None:
    async def story(output: Output) -> None:
        output.prints("one")
        await asyncio.sleep(10)
        output.world.api.fail("get", UNREACHABLE, plural="pods/log", times=1)
        output.world.api.pod_logs.cut()
        await asyncio.sleep(2)
        output.world.cluster.vanish(POD, "p")

    chunks = read_while(story)
    assert lines_of(chunks) == ["one"]
    assert len(gaps_of(chunks)) == 1


def test_any_place_within_the_output_can_be_gone_on_from() -> None:
    output = Output()
    for number in range(6):
        output.prints(f"line {number}", "twice", seconds=0.4)
    output.ends()

    async def whole() -> None:
        everything = await output.read()
        data = b"".join(chunk.data for chunk in everything)
        for chunk in everything:
            for skipped in range(len(chunk.data) + 1):
                rest = await output.read(Cursor(chunk.at.offset + skipped, chunk.at.token))
                assert (
                    b"".join(c.data for c in rest) == data[place_of(chunk.at.token).total + chunk.at.offset + skipped :]
                )

    run_virtually(whole())


def test_a_long_output_gets_new_tokens_at_line_ends() -> None:
    output = Output()
    for _ in range(10):
        output.prints(*["x" * 1000] * 30, seconds=0.1)
    output.ends()
    chunks = run_virtually(output.read())
    tokens = dict.fromkeys(chunk.at.token for chunk in chunks)
    assert 300 * 1001 / SEGMENT - 1 < len(tokens) < 300 * 1001 / SEGMENT + 2
    ends = [chunk.at.offset + len(chunk.data) for chunk in chunks]
    assert max(ends) <= SEGMENT + 1001


def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    lines = LogLines(Place("run"))
    pieces = lines.feed(b"2026-01-01T00:00:00.1") + lines.feed(b"Z lo") + lines.feed(b"ss=1\n2026-01-01T00:00:00.2Z x")
    assert b"".join(piece.data for piece in pieces) == b"loss=1\nx"
    assert lines.place == Place("run", "2026-01-01T00:00:00.1Z", 1, 7)
    assert lines.within == 1


def test_the_rest_of_a_line_that_began_before_the_stream_is_left_out() -> None:
    lines = LogLines(Place("run", "2026-01-01T00:00:00.5Z", 1, 3))
    pieces = lines.feed(b"tail of a long line\n2026-01-01T00:00:00.5Z old\n2026-01-01T00:00:01Z new\n")
    assert [piece.data for piece in pieces] == [b"new\n"]


def test_a_log_that_the_node_has_lost_is_known_by_its_words() -> None:
    lines = LogLines(Place("run"))
    assert lines.feed(b"unable to retrieve container logs for containerd://0123\n") == []
    assert "unable to retrieve" in lines.lost


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z"),
        ("2026-01-01T00:00:00.09Z", "2026-01-01T00:00:00.1Z"),
        ("2026-01-01T01:59:59.9+02:00", "2026-01-01T00:00:00Z"),
    ],
)
def test_times_compare_whatever_the_length_of_their_fractions_and_their_zone(earlier: str, later: str) -> None:
    assert comparable(earlier) < comparable(later)
