"""From a number between 0 and 1 to a parameter's value, and back.

Every algorithm goes through here, so each of them honours bounds, steps and distributions in the same way: no value
lies outside [min, max], steps count from min, and each value of a stepped range has the weight of its own cell,
the ends included.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from trialmill.api.space import Categorical, Dimension, Discrete, Distribution, Double, Integer, Space, Value
from trialmill.search.spread import Spread, spread_over

_UNIT_BITS = 53
_NARROW = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class Continuum:
    """A double without a step."""

    name: str
    spread: Spread

    def at(self, unit: float) -> float:
        """The value at `unit`, from 0 (min) to 1 (max)."""
        return self.spread.quantile(unit)

    def unit_of(self, value: Value) -> float | None:
        """The unit that `at` maps to `value`; None for a foreign value."""
        if isinstance(value, str) or not self.spread.low <= value <= self.spread.high:
            return None
        return self.spread.share(value)


@dataclass(frozen=True, slots=True)
class Lattice:
    """Numbers `origin`, `origin + step`, ... : integers, and doubles with a step.

    Doubles are counted in exact fractions of their shortest decimal forms, so that 0.1 and two steps of 0.1 are 0.3.
    `spread` is None where all values have equal weight; else it is over distances from `zero`, and a value has the
    weight of the cell that reaches half a step to each side.
    """

    name: str
    origin: int | Fraction
    step: int | Fraction
    count: int
    whole: bool
    spread: Spread | None = None
    zero: int | Fraction = 0

    def at(self, unit: float) -> Value:
        """The value into whose cell `unit` falls, from 0 (the first) to 1 (the last)."""
        return self.option(self.index_at(unit))

    def index_at(self, unit: float) -> int:
        """The index of `at`."""
        if self.spread is None:
            return _cell(unit, self.count)
        distance = self.spread.quantile(unit) - float(self.origin - self.zero)
        return min(max(round(distance / float(self.step)), 0), self.count - 1)

    def unit_of(self, value: Value) -> float | None:
        """A unit within the value's cell; None for a foreign value."""
        index = self.index_of(value)
        if index is None:
            return None
        if self.spread is None:
            return (index + 0.5) / self.count
        return self.spread.share(float(self.origin + index * self.step - self.zero))

    def option(self, index: int) -> Value:
        """Value number `index`, from 0 to count - 1, upwards."""
        value = self.origin + index * self.step
        return int(value) if self.whole else float(value)

    def index_of(self, value: Value) -> int | None:
        """The value's index; None for a foreign value."""
        if isinstance(value, str) or not math.isfinite(value):
            return None
        # Floats are good enough for a guess, as `option` tells exactly; fractions cost ten times as much.
        index = round((value - float(self.origin)) / float(self.step))
        if 0 <= index < self.count and self.option(index) == value:
            return index
        exact = value if isinstance(value, int) else Fraction(repr(value))
        index = round(Fraction(exact - self.origin) / self.step)
        return index if 0 <= index < self.count and self.option(index) == value else None


@dataclass(frozen=True, slots=True)
class Options:
    """Listed values of equal weight, in the order of the file; repeated ones count once.

    `ranks` orders numbers by size: the rank of each option, or None for words.
    """

    name: str
    values: tuple[str, ...]
    indices: dict[str, int]
    ranks: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        return len(self.values)

    def at(self, unit: float) -> str:
        """The value into whose cell `unit` falls, from 0 (the first) to 1 (the last)."""
        return self.values[self.index_at(unit)]

    def index_at(self, unit: float) -> int:
        """The index of `at`."""
        return _cell(unit, len(self.values))

    def option(self, index: int) -> str:
        """Value number `index`, from 0 to count - 1."""
        return self.values[index]

    def index_of(self, value: Value) -> int | None:
        """The value's index; None for a foreign value."""
        return self.indices.get(value) if isinstance(value, str) else None


Countable: TypeAlias = Lattice | Options
Axis: TypeAlias = Continuum | Countable
"""One parameter as algorithms see it."""


def axis_of(dimension: Dimension) -> Axis:
    """The axis of a parameter. Bounds, steps and lists must have been checked: low <= high, step > 0, lists not empty,
    low > 0 for logarithmic distributions.
    """
    match dimension:
        case Integer():
            return _integers(dimension)
        case Double(step=None) if dimension.low < dimension.high:
            return Continuum(dimension.name, spread_over(dimension.distribution, dimension.low, dimension.high))
        case Double():
            return _stepped_doubles(dimension)
        case Discrete():
            return _numbers(dimension)
        case Categorical():
            values = tuple(dict.fromkeys(dimension.choices))
            return Options(dimension.name, values, {v: i for i, v in enumerate(values)})


@lru_cache(maxsize=64)
def axes_of(space: Space) -> tuple[Axis, ...]:
    """The axes of all parameters, in the order of the file."""
    return tuple(axis_of(dimension) for dimension in space.dimensions)


def _cell(unit: float, count: int) -> int:
    """Which of `count` equal cells `unit` falls into; in integers, so that counts beyond 2**53 are no trouble."""
    return min(max((int(unit * 2**_UNIT_BITS) * count) >> _UNIT_BITS, 0), count - 1)


def _integers(dimension: Integer) -> Lattice:
    return _lattice(dimension, dimension.low, dimension.high, dimension.step, whole=True)


def _stepped_doubles(dimension: Double) -> Lattice:
    step = Fraction(1) if dimension.step is None else Fraction(repr(dimension.step))
    return _lattice(dimension, Fraction(repr(dimension.low)), Fraction(repr(dimension.high)), step, whole=False)


def _lattice(
    dimension: Double | Integer, low: int | Fraction, high: int | Fraction, step: int | Fraction, *, whole: bool
) -> Lattice:
    count = int((high - low) // step) + 1
    distribution = _resolvable(dimension.distribution, low, high)
    if count == 1 or distribution is Distribution.UNIFORM:
        return Lattice(dimension.name, low, step, count, whole)
    # Plain distances are taken from min, where floats resolve them; logarithms need the numbers themselves.
    zero = 0 if distribution.is_logarithmic else low
    last = low + (count - 1) * step
    # A step larger than min would put the first cell's edge at 0 or below, where there is no logarithm.
    margin = min(step, low) if distribution.is_logarithmic else step
    spread = spread_over(
        distribution,
        float(low - zero),
        float(high - zero),
        first=float(low - zero) - float(margin) / 2,
        last=float(last - zero) + float(step) / 2,
    )
    return Lattice(dimension.name, low, step, count, whole, spread, zero)


def _resolvable(distribution: Distribution, low: int | Fraction, high: int | Fraction) -> Distribution:
    """The distribution, without the logarithm where the range is so narrow that it is a straight line."""
    if distribution.is_logarithmic and high < low * Fraction(_NARROW):
        return Distribution.UNIFORM if distribution is Distribution.LOG_UNIFORM else Distribution.NORMAL
    return distribution


def _numbers(dimension: Discrete) -> Options:
    """Spellings of one number are one option: the first. All spellings find it."""
    first: dict[float, int] = {}
    values: list[str] = []
    indices: dict[str, int] = {}
    for text, number in zip(dimension.values, dimension.numbers, strict=True):
        if number not in first:
            first[number] = len(values)
            values.append(text)
        indices[text] = first[number]
    order = {number: rank for rank, number in enumerate(sorted(first))}
    return Options(dimension.name, tuple(values), indices, tuple(order[number] for number in first))
