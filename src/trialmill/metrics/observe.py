"""What a trial's points add up to, and which number of it the objective goes by."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trialmill.api.experiment import Objective
from trialmill.api.metric import MetricSummary, Observation, Point
from trialmill.metrics.values import format_metric


class Summary:
    """Sums up points as they arrive; points of other metrics than `names` are left out.

    Minimum, maximum and latest are those of the finite values; `text` is the latest other value, such as an
    architecture or `nan`. The latest is the one with the latest time, where all values in question have one, else the
    one that was added last; of equal times, too, the one added last (Katib: the later entry).
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._metrics = {name: _Running(name) for name in names}

    def add(self, points: Iterable[Point]) -> None:
        for point in points:
            metric = self._metrics.get(point.name)
            if metric is not None:
                metric.add(point)

    def observation(self) -> Observation:
        """The metrics that have points, in the order of `names`."""
        return Observation(tuple(metric.summary() for metric in self._metrics.values() if metric.is_seen))


class _Running:
    """One metric so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.min = math.inf
        self.max = -math.inf
        self.numbers = _Latest()
        self.others = _Latest()

    @property
    def is_seen(self) -> bool:
        return self.numbers.last is not None or self.others.last is not None

    def add(self, point: Point) -> None:
        if isinstance(point.value, str) or not math.isfinite(point.value):
            self.others.add(point)
            return
        self.numbers.add(point)
        self.min = min(self.min, point.value)
        self.max = max(self.max, point.value)

    def summary(self) -> MetricSummary:
        other = self.others.value
        text = None if other is None else format_metric(other)
        latest = self.numbers.value
        if latest is None or isinstance(latest, str):
            return MetricSummary(self.name, text=text)
        return MetricSummary(self.name, self.min, self.max, latest, text)


@dataclass(slots=True)
class _Latest:
    """The latest of some points: by order, and by time for as long as all have one."""

    last: Point | None = None
    newest: Point | None = None
    all_timed: bool = True

    def add(self, point: Point) -> None:
        self.last = point
        if point.time is None:
            self.all_timed = False
        elif self.newest is None or self.newest.time is None or point.time >= self.newest.time:
            self.newest = point

    @property
    def value(self) -> float | str | None:
        latest = self.newest if self.all_timed else self.last
        return None if latest is None else latest.value


def observe(points: Iterable[Point], names: Sequence[str]) -> Observation:
    """The observation of all points at once; see `Summary`."""
    summary = Summary(names)
    summary.add(points)
    return summary.observation()


def objective_value(observation: Observation, objective: Objective) -> float | None:
    """The number that stands for the trial; None where the objective has no finite value, so that its metrics are
    unavailable.

    It is what the objective's strategy picks, or the latest value where there is no minimum or maximum (as in Katib:
    observations that came from elsewhere may lack them).
    """
    summary = observation.find(objective.metric)
    if summary is None:
        return None
    value = summary.value(objective.strategy(objective.metric))
    return summary.latest if value is None else value
