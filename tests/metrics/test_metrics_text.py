import math

import pytest

from trialmill.api.experiment import CollectorKind, FileFormat, FileSource, MetricsCollector
from trialmill.metrics.collector import make_collector
from trialmill.metrics.timestamps import parse_timestamp
from trialmill.metrics.values import format_metric, parse_value

JSON_FILE = MetricsCollector(CollectorKind.FILE, FileSource("/m", format=FileFormat.JSON))
MAY = 1714521600.0

Found = list[tuple[str, float | str]]


def read(spec: MetricsCollector, text: str, *names: str) -> Found:
    collector = make_collector(spec, names, "log", {})
    points, _ = collector.feed(text.encode())
    return [(p.name, p.value) for p in [*points, *collector.finish()]]


TEXT_LINES: dict[str, tuple[str, Found]] = {
    "one value": ("loss=0.5", [("loss", 0.5)]),
    "blanks around the sign": ("loss \t= 0.5", [("loss", 0.5)]),
    "several on a line": ("epoch=1 acc=2, loss=3", [("acc", 2.0), ("loss", 3.0)]),
    "exponents": ("loss=1e-3 acc=+2.5E+2", [("loss", 0.001), ("acc", 250.0)]),
    "no digit before the point": ("loss=.5", [("loss", 0.5)]),
    "no digit after the point": ("loss=5.", [("loss", 5.0)]),
    "a sentence's full stop": ("loss=5.5.", [("loss", 5.5)]),
    "infinities": ("loss=-Infinity acc=inf", [("loss", -math.inf), ("acc", math.inf)]),
    "a word that begins like one": ("loss=info acc=nano", []),
    "no value": ("loss= acc=", []),
    "no value, then one on the next line": ("loss=\n5", []),
    "a longer name": ("val_loss=1 train-loss=2 |loss=3 losses=4", []),
    "behind a slash, as in Katib": ("train/loss=1", [("loss", 1.0)]),
    "a name with a slash of its own": ("val/loss=1", [("val/loss", 1.0)]),
    "a name with a dot": ("val.acc=1", [("val.acc", 1.0)]),
    "progress bars": ("\rloss=1\rloss=0.9\r\nloss=0.8", [("loss", 1.0), ("loss", 0.9), ("loss", 0.8)]),
    "colours": ("\x1b[32mloss\x1b[0m=\x1b[1m2", [("loss", 2.0)]),
    "another metric": ("f1=3", []),
}


@pytest.mark.parametrize(("text", "expected"), TEXT_LINES.values(), ids=TEXT_LINES)
def test_the_default_filter_reads(text: str, expected: Found) -> None:
    assert read(MetricsCollector(), text, "loss", "acc", "val/loss", "val.acc") == expected


def test_nan_is_a_value() -> None:
    [(_, value)] = read(MetricsCollector(), "loss = -NaN", "loss")

    assert isinstance(value, float)
    assert math.isnan(value)


FILTER_LINES: dict[str, tuple[str, str, Found]] = {
    "Katib's example": (
        r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}",
        "{metricName: loss, metricValue: -0.5};{metricName: x, metricValue: 1}",
        [("loss", -0.5)],
    ),
    "text": (r"(\w+)=(.+)$", "loss=[[1, 2]]", [("loss", "[[1, 2]]")]),
    "an empty value": (r"(\w+)=(\d*)", "loss= loss=1", [("loss", 1.0)]),
    "a group that took no part": (r"(loss)|(acc)", "loss acc", []),
    "Katib's default": (r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)", "loss=inf", [("loss", math.inf)]),
    "no number by Go's rules": (r"(loss)=(.*)", "loss=1_000", [("loss", "1_000")]),
}


@pytest.mark.parametrize(("pattern", "text", "expected"), FILTER_LINES.values(), ids=FILTER_LINES)
def test_a_filter_reads(pattern: str, text: str, expected: Found) -> None:
    assert read(MetricsCollector(filters=(pattern,)), text, "loss", "acc") == expected


JSON_LINES: dict[str, tuple[str, Found]] = {
    "numbers": ('{"loss": 1e-3, "acc": 2}', [("loss", 0.001), ("acc", 2.0)]),
    "numbers in strings": ('{"loss": "0.5"}', [("loss", 0.5)]),
    "what Python writes for infinity": ('{"loss": -Infinity}', [("loss", -math.inf)]),
    "text": ('{"loss": "conv3"}', [("loss", "conv3")]),
    "no values": ('{"loss": true, "acc": null}\n{"loss": [1], "acc": ""}', []),
    "escapes in a key": ('{"val\\/loss": 1, "\\u006coss": 2}', [("val/loss", 1.0), ("loss", 2.0)]),
    "only the top level": ('{"a": {"loss": 1}}', []),
    "a number beyond floats": ('{"loss": 1' + "0" * 400 + "}", [("loss", math.inf)]),
    "a byte order mark": ('\ufeff{"loss": 1}', [("loss", 1.0)]),
    "other lines": ('loss=1\n["loss"]\n{"loss": \n' + "[" * 100_000 + '"loss"\n{"loss": 1}', [("loss", 1.0)]),
}


@pytest.mark.parametrize(("text", "expected"), JSON_LINES.values(), ids=JSON_LINES)
def test_json_lines_give(text: str, expected: Found) -> None:
    assert read(JSON_FILE, text, "loss", "acc", "val/loss") == expected


def test_lines_that_name_a_metric_and_are_no_objects_are_counted() -> None:
    collector = make_collector(JSON_FILE, ["loss"], "log", {})
    collector.feed(b'start\nC:\\path\nloss=1\n"loss"\n{"loss": 1}\n')

    assert collector.skipped == 2


def test_points_go_on_counting_from_what_is_stored() -> None:
    collector = make_collector(MetricsCollector(), ["loss", "acc"], "log", {"loss": 3, "acc": 1})
    points, settled = collector.feed(b"loss=1 acc=2\nloss=3")

    assert [(p.step, p.seq, p.source) for p in points] == [(3, 4, "log"), (1, 5, "log")]
    assert settled == len(b"loss=1 acc=2\n")


STEPS = {"3": 3, "3.0": 3, '"3"': 3, "3.5": 0, "true": 0, "1e300": 0, "null": 0}


@pytest.mark.parametrize(("written", "step"), STEPS.items())
def test_json_step(written: str, step: int) -> None:
    points, _ = make_collector(JSON_FILE, ["loss"], "log", {}).feed(f'{{"loss": 1, "step": {written}}}\n'.encode())

    assert [p.step for p in points] == [step]


TIMES = {
    "2024-05-01T00:00:00Z": MAY,
    "2024-05-01T02:00:00.25+02:00": MAY + 0.25,
    "2024-04-30T23:30:00.500000000-00:30": MAY + 0.5,
    "2024-05-01": None,
    "2024-13-01T00:00:00Z": None,
    "2024-05-01T00:00:00": None,
    "2024-05-01T00:00:00+24:00": None,
    "": None,
}


@pytest.mark.parametrize(("text", "seconds"), TIMES.items())
def test_rfc3339(text: str, seconds: float | None) -> None:
    assert parse_timestamp(text) == seconds


TIMED: dict[str, tuple[MetricsCollector, str, list[float | None]]] = {
    "text": (MetricsCollector(), "2024-05-01T00:00:00Z loss=1 loss=2\nloss=3", [MAY, MAY, None]),
    "filter": (MetricsCollector(filters=(r"(loss)=(\d)",)), "2024-05-01T00:00:00Z loss=1", [MAY]),
    "not first": (MetricsCollector(), " 2024-05-01T00:00:00Z loss=1", [None]),
    "json text": (JSON_FILE, '{"timestamp": "2024-05-01T00:00:00Z", "loss": 1}', [MAY]),
    "json float": (JSON_FILE, '{"timestamp": 1714521600.28721, "loss": 1}', [MAY + 0.28721]),
    "json nonsense": (JSON_FILE, '{"timestamp": NaN, "loss": 1}\n{"timestamp": "now", "loss": 1}', [None, None]),
}


@pytest.mark.parametrize(("spec", "text", "times"), TIMED.values(), ids=TIMED)
def test_points_carry_the_time_of_their_line(spec: MetricsCollector, text: str, times: list[float | None]) -> None:
    collector = make_collector(spec, ["loss"], "log", {})

    assert [p.time for p in [*collector.feed(text.encode())[0], *collector.finish()]] == times


VALUES = {"0x1p-2": 0.25, " 5. ": 5.0, "1e999": math.inf, "-0x1p99999": -math.inf, "١": "١", "": None, "e5": "e5"}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_values_are_read_as_go_reads_them(text: str, value: float | str | None) -> None:
    assert parse_value(text) == value


WRITTEN = {1.0: "1", 0.1: "0.1", 1e16: "1e+16", -3e-7: "-3e-07", math.inf: "inf", "conv": "conv"}


@pytest.mark.parametrize(("value", "text"), WRITTEN.items(), ids=str)
def test_values_are_written_short(value: float | str, text: str) -> None:
    assert format_metric(value) == text


def test_kinds_that_are_not_read_by_line_are_refused() -> None:
    with pytest.raises(ValueError, match="PrometheusMetric"):
        make_collector(MetricsCollector(CollectorKind.PROMETHEUS), ["loss"], "log", {})
