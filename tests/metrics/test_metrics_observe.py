import math

import pytest

from trialmill.api.experiment import Objective, ObjectiveType
from trialmill.api.metric import MetricSummary, Observation, Point, Strategy
from trialmill.metrics.observe import Summary, objective_value, observe

Values = list[tuple[float | str, float | None]]

SUMMARIES: dict[str, tuple[Values, MetricSummary]] = {
    "by order without times": ([(3, None), (1, None), (2, None)], MetricSummary("loss", 1, 3, 2)),
    "by time": ([(3, 20.0), (1, 10.0)], MetricSummary("loss", 1, 3, 3)),
    "equal times": ([(3, 10.0), (1, 10.0)], MetricSummary("loss", 1, 3, 1)),
    "one without a time": ([(3, 20.0), (2, None), (1, 10.0)], MetricSummary("loss", 1, 3, 1)),
    "nan is left out": ([(1, None), (math.nan, None)], MetricSummary("loss", 1, 1, 1, "nan")),
    "nothing finite": ([(math.inf, None), (-math.inf, None)], MetricSummary("loss", text="-inf")),
    "text": ([("conv", None), ("pool", None)], MetricSummary("loss", text="pool")),
}


def points(values: Values, name: str = "loss") -> list[Point]:
    return [Point(name, value, i, time, "log", i) for i, (value, time) in enumerate(values)]


@pytest.mark.parametrize(("values", "expected"), SUMMARIES.values(), ids=SUMMARIES)
def test_points_add_up_to(values: Values, expected: MetricSummary) -> None:
    assert observe(points(values), ["loss"]).metrics == (expected,)


def test_a_running_summary_equals_one_of_all_points() -> None:
    everything = points([(3, 1.0), (math.nan, 2.0), (1, 3.0)])
    summary = Summary(["loss"])
    for point in everything:
        summary.add([point])

    assert summary.observation() == observe(everything, ["loss"])


def test_metrics_come_in_the_order_of_names_and_only_when_seen() -> None:
    seen = observe(
        [*points([(1, None)], "acc"), *points([(2, None)]), *points([(3, None)], "x")], ["loss", "f1", "acc"]
    )

    assert [m.name for m in seen.metrics] == ["loss", "acc"]


OBJECTIVES: dict[str, tuple[MetricSummary, Strategy, float | None]] = {
    "minimum": (MetricSummary("loss", 1, 3, 2), Strategy.MIN, 1),
    "maximum": (MetricSummary("loss", 1, 3, 2), Strategy.MAX, 3),
    "latest": (MetricSummary("loss", 1, 3, 2), Strategy.LATEST, 2),
    "latest where there is no minimum": (MetricSummary("loss", latest=2), Strategy.MIN, 2),
    "a minimum of zero": (MetricSummary("loss", 0, 3, 2), Strategy.MIN, 0),
    "nothing finite": (MetricSummary("loss", text="nan"), Strategy.MIN, None),
    "another metric": (MetricSummary("acc", 1, 1, 1), Strategy.MIN, None),
}


@pytest.mark.parametrize(("summary", "strategy", "expected"), OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_objective_goes_by(summary: MetricSummary, strategy: Strategy, expected: float | None) -> None:
    objective = Objective(ObjectiveType.MINIMIZE, "loss", strategies={"loss": strategy})

    assert objective_value(Observation((summary,)), objective) == expected
