"""What a trial leaves behind."""

import math

import pytest

from trialmill.api.experiment import CollectorKind, FileSource, MetricFile, MetricsCollector
from trialmill.metrics.collector import make_collector

RESULTS = MetricsCollector(CollectorKind.OUTPUTS, FileSource("/outputs/results.yaml"))
FILES = MetricsCollector(CollectorKind.OUTPUTS, metric_files=(MetricFile("loss", "/o/loss"), MetricFile("acc", "/o/a")))
NAMES = ("loss", "acc")


def points(spec: MetricsCollector, data: bytes, path: str = "/outputs/results.yaml") -> list[tuple[str, float | str]]:
    collector = make_collector(spec, NAMES, f"pod/main:{path}", {})
    half = len(data) // 2
    assert collector.feed(data[:half]) == ([], 0)
    assert collector.feed(data[half:]) == ([], 0)
    return [(point.name, point.value) for point in collector.finish()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("loss: 0.5\nacc: 1e-3\nother: 3\n", [("loss", 0.5), ("acc", 0.001)]),
        ('{"loss": 1, "acc": "0.25"}', [("loss", 1.0), ("acc", 0.25)]),
        ("loss: [1]\nacc: true\n", []),
        ("- loss\n", []),
        ("loss: [", []),
        ("", []),
        ("loss: -.inf\n", [("loss", -math.inf)]),
    ],
    ids=["YAML", "JSON", "no scalars", "a list", "no YAML", "empty", "a value that JSON has not"],
)
def test_scalar_keys_of_a_file_of_results_are_metrics(text: str, found: list[tuple[str, float | str]]) -> None:
    assert points(RESULTS, text.encode()) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("3\n0.5\n\n", [("acc", 0.5)]), ("0.5", [("acc", 0.5)]), ("", []), ("\n \n", []), ("\xff", [("acc", "\xff")])],
)
def test_the_last_line_of_a_metrics_own_file_is_its_value(text: str, found: list[tuple[str, float | str]]) -> None:
    assert points(FILES, text.encode(), "/o/a") == found


def test_what_is_read_again_after_a_crash_is_read_whole() -> None:
    collector = make_collector(RESULTS, NAMES, "pod/main:/outputs/results.yaml", {})
    collector.feed(b"loss: 1\n")
    collector.finish()
    assert collector.finish() == []
