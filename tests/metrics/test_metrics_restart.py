"""The law that nothing is lost or doubled: chunks and crashes do not change what is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.experiment import CollectorKind, FileFormat, FileSource, MetricsCollector
from trialmill.api.metric import Point
from trialmill.metrics.collector import LineCollector, make_collector
from trialmill.metrics.lines import LineBlocks, lines_holding
from trialmill.metrics.numbering import Numbering
from trialmill.metrics.outputs import WholeCollector
from trialmill.metrics.text import NameValueReader

NAMES = ("loss", "val/loss", "acc")
JSON_FILE = MetricsCollector(CollectorKind.FILE, FileSource("/m", format=FileFormat.JSON))
FRAGMENTS = st.sampled_from(
    [
        b"loss=1",
        b"val/loss = 2e-3",
        b"acc=nan",
        b"los",
        b"s=.5",
        b"=",
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\xff\x00",
        b"7",
        b"2024-01-02T03:04:05Z ",
        b"\x1b[1m",
        b'{"loss": 3, "acc": "0.5"}',
        b'{"step": 4, ',
        b'"val\\/loss": 1}',
        b"x" * 30,
    ]
)
STREAMS = st.lists(FRAGMENTS, max_size=40).map(b"".join)


def collector(kind: str, counts: dict[str, int]) -> LineCollector | WholeCollector:
    match kind:
        case "json":
            return make_collector(JSON_FILE, NAMES, "s", counts)
        case "filters":
            spec = MetricsCollector(filters=(r"(\S+?)\s*=\s*(\S*)", r"(acc)=(n)"))
            return make_collector(spec, NAMES, "s", counts)
        case "short lines":
            return LineCollector(NameValueReader(NAMES, Numbering("s", counts)), line_limit=12)
        case _:
            return make_collector(MetricsCollector(), NAMES, "s", counts)


@pytest.mark.parametrize("kind", ["text", "json", "filters", "short lines"])
@settings(max_examples=150, deadline=None)
@given(data=STREAMS, steps=st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=30))
def test_chunks_and_crashes_do_not_change_the_points(kind: str, data: bytes, steps: list[tuple[int, bool]]) -> None:
    whole = collector(kind, {})
    expected = [*whole.feed(data)[0], *whole.finish()]

    stored: list[Point] = []
    settled = read = 0
    reader = collector(kind, {})
    for size, crashes in [*steps, (len(data) + 1, False)]:
        points, more = reader.feed(data[read : read + size])
        read = min(len(data), read + size)
        stored += points
        settled += more
        assert settled <= read
        if crashes:
            reader = collector(kind, {name: sum(p.name == name for p in stored) for name in NAMES})
            read = settled
    points, _ = reader.feed(data[read:])
    # By text, since nan is not equal to itself.
    assert repr([*stored, *points, *reader.finish()]) == repr(expected)


def test_an_endless_line_is_settled_in_bounded_memory() -> None:
    lines = LineBlocks(limit=1000)
    settled = sum(lines.feed(b"x" * 700)[1] for _ in range(1000))

    assert 700_000 - settled <= 1000
    assert len(lines.finish()) == 700_000 - settled


def test_a_line_that_is_too_long_is_cut_at_a_blank_so_that_values_stay_whole() -> None:
    reader = LineCollector(NameValueReader(["loss"], Numbering("s", {})), line_limit=20)

    points, _ = reader.feed(b"loss=0.125 " * 50 + b"\n")

    assert [p.value for p in points] == [0.125] * 50


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"\n", b"-"])).map(b"".join))
def test_lines_holding_finds_what_looking_at_each_line_finds(block: bytes) -> None:
    needles = [b"a", b"bb"]

    assert list(lines_holding(block, needles)) == [
        line for line in block.split(b"\n") if any(needle in line for needle in needles)
    ]


@pytest.mark.parametrize("kind", ["text", "json", "filters", "short lines"])
@given(data=st.binary(max_size=200))
def test_no_bytes_make_a_collector_raise(kind: str, data: bytes) -> None:
    reader = collector(kind, {})

    reader.feed(data + b'\nloss="\xff' + data + b'\n{"loss": ' + data)
    reader.finish()
