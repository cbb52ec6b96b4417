"""Values that a user names on the command line, read as the search space has them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from trialmill.api.nearest import nearest
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Space, Value
from trialmill.api.spaces import read_integer, read_number
from trialmill.root.errors import InputError
from trialmill.template.corners import describe


@dataclass(slots=True)
class Assigned:
    """Values by parameter, and warnings about those that no trial would get."""

    values: dict[str, Value] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def assign(space: Space, texts: Sequence[str]) -> Assigned:
    """Read `name=value` texts. Raises InputError for what is no assignment, or of the wrong type."""
    assigned = Assigned()
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: expected NAME=VALUE")
        if name not in dimensions:
            raise _unknown(name, space)
        assigned.values[name] = read_value(dimensions[name], value)
        if not is_possible(dimensions[name], assigned.values[name]):
            assigned.warnings.append(f"{name} is {describe(dimensions[name])}; no trial would get {value}")
    return assigned


def read_value(dimension: Dimension, text: str) -> Value:
    """The text as a value of the dimension, possible or not. Raises InputError where it is of the wrong type."""
    number: Value | None
    match dimension:
        case Double():
            number = read_number(text)
        case Integer():
            number = read_integer(text)
        case Discrete():
            number = None if read_number(text) is None else _as_listed(dimension, text)
        case Categorical():
            number = text
        case _:
            assert_never(dimension)
    if number is None:
        raise InputError(f"{text!r} is no value of {dimension.name}, which is {describe(dimension)}")
    return number


def is_possible(dimension: Dimension, value: Value) -> bool:
    """Whether the value is in the range or the list; steps are not looked at."""
    match dimension:
        case Double(low=low, high=high) | Integer(low=low, high=high):
            return not isinstance(value, str) and low <= value <= high
        case Discrete(values=values):
            return value in values
        case Categorical(choices=choices):
            return value in choices


def _as_listed(dimension: Discrete, text: str) -> str:
    """The author's spelling of the same number, where it is listed."""
    number = float(text)
    same = (v for v, n in zip(dimension.values, dimension.numbers, strict=True) if n == number)
    return next(same, text)


def _unknown(name: str, space: Space) -> InputError:
    meant = nearest(name, space.names)
    remedy = f"did you mean {meant}?" if meant else f"there are {', '.join(space.names)}"
    return InputError(f"the experiment has no parameter {name}", remedy)
