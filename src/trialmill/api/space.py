"""The search space, typed: what an experiment's `parameters` mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = int | float | str
"""An assigned value: float for double, int for int, the author's own spelling for discrete and categorical."""
Assignments: TypeAlias = Mapping[str, Value]


class Distribution(StrEnum):
    UNIFORM = "uniform"
    LOG_UNIFORM = "logUniform"
    NORMAL = "normal"
    LOG_NORMAL = "logNormal"

    @property
    def is_logarithmic(self) -> bool:
        return self in (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL)


@dataclass(frozen=True, slots=True)
class Double:
    """Numbers from `low` to `high`, both possible. With a step: low, low+step, ... as far as high."""

    name: str
    low: float
    high: float
    step: float | None = None
    distribution: Distribution = Distribution.UNIFORM


@dataclass(frozen=True, slots=True)
class Integer:
    """Whole numbers from `low` to `high`, both possible, in steps from low."""

    name: str
    low: int
    high: int
    step: int = 1
    distribution: Distribution = Distribution.UNIFORM


@dataclass(frozen=True, slots=True)
class Discrete:
    """Listed numbers. `values` keeps the author's spelling and order; `numbers` are the same, read."""

    name: str
    values: tuple[str, ...]
    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Categorical:
    """Listed words without an order."""

    name: str
    choices: tuple[str, ...]


Dimension: TypeAlias = Double | Integer | Discrete | Categorical


@dataclass(frozen=True, slots=True)
class Condition:
    """`parameter` counts only while the parameter `on` counts and has one of `values`, each as an assignment has it."""

    parameter: str
    on: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """All parameters of an experiment, in the order of the file. Of several conditions on one, all must hold."""

    dimensions: tuple[Dimension, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(d.name for d in self.dimensions)

    def active(self, assignments: Assignments) -> dict[str, Value]:
        """The assignments without those of inactive parameters: what a trial is given."""
        kept = dict(assignments)
        while failed := {c.parameter for c in self.conditions if c.parameter in kept and not _holds(c, kept)}:
            kept = {name: value for name, value in kept.items() if name not in failed}
        return kept

    @property
    def conditional(self) -> frozenset[str]:
        """The parameters that some trials have no value of."""
        return frozenset(condition.parameter for condition in self.conditions)


def _holds(condition: Condition, assignments: Assignments) -> bool:
    return condition.on in assignments and assignments[condition.on] in condition.values


def format_value(value: Value) -> str:
    """A value as text, canonically: integers without a point, floats in the shortest form that reads back the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) + ".0" if value.is_integer() and abs(value) < 1e16 else repr(value)
    return str(value)
