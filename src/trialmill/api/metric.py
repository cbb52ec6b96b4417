"""Metric points and what they add up to."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """Which of a metric's values stands for the trial (Katib's `metricStrategies`)."""

    MIN = "min"
    MAX = "max"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric.

    `value` is a float (nan and infinities included) or, for metrics that are not numbers, text. `step` is what the
    source says (a JSON line's key `step`) or the occurrence's number, from 0. `time` is seconds since the epoch, or
    None where the source gives no time. `seq` numbers the points of one source from 0 and makes appending idempotent.
    """

    name: str
    value: float | str
    step: int
    time: float | None
    source: str
    seq: int

    @property
    def is_finite(self) -> bool:
        return not isinstance(self.value, str) and math.isfinite(self.value)


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """A metric of one trial, summed up. Numbers are None where no finite value was seen; `text` is the latest text
    value.
    """

    name: str
    min: float | None = None
    max: float | None = None
    latest: float | None = None
    text: str | None = None

    def value(self, strategy: Strategy) -> float | None:
        """The value that the strategy picks."""
        match strategy:
            case Strategy.MIN:
                return self.min
            case Strategy.MAX:
                return self.max
            case Strategy.LATEST:
                return self.latest


@dataclass(frozen=True, slots=True)
class Observation:
    """All metrics of one trial, summed up, objective first."""

    metrics: tuple[MetricSummary, ...] = ()

    def find(self, name: str) -> MetricSummary | None:
        return next((m for m in self.metrics if m.name == name), None)
