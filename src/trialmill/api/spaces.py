"""The texts of feasible spaces, read into typed dimensions."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trialmill.api.experiment import Parameter, ParameterType
from trialmill.api.space import Categorical, Condition, Dimension, Discrete, Double, Integer, Space, Value

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
_INT64: Final = range(-(2**63), 2**63)


class SpaceError(ValueError):
    """A feasible space that means nothing: `field` of parameter `parameter` (min, max, step or list, or activeWhen) is
    to blame.
    """

    def __init__(self, parameter: str, field: str, message: str) -> None:
        super().__init__(f"parameter {parameter!r}: {message}")
        self.parameter = parameter
        self.field = field
        self.message = message


def read_number(text: str) -> float | None:
    """A finite number as Go's ParseFloat and Python's float both read it; None for anything else."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def read_integer(text: str) -> int | None:
    """A whole number in 64 bits, in decimal; None for anything else.

    `3.0` is read as 3: it means nothing else, and Katib's services that go by float accept it too. `3e2` is refused,
    as by all of them.
    """
    if not _WHOLE.fullmatch(text) or len(text) > 100:
        return None
    number = int(text.partition(".")[0])
    return number if number in _INT64 else None


def space_of(parameters: Sequence[Parameter]) -> Space:
    """The typed space, in the order of the file. Raises SpaceError for the first text that is not what its type needs.

    Whether the numbers make sense together (min below max, a step that fits) is not looked at.
    """
    dimensions = tuple(_dimension(p) for p in parameters)
    by_name = {dimension.name: dimension for dimension in dimensions}
    return Space(dimensions, tuple(c for p in parameters for c in _conditions(p, by_name)))


def possible_value(dimension: Dimension, text: str) -> Value | None:
    """The text as a value that a trial can have, spelled as assignments have it; None where no trial can."""
    match dimension:
        case Double(low=low, high=high, step=step):
            number = read_number(text)
            is_inside = number is not None and low <= number <= high
            return number if number is not None and is_inside and _is_on_step(number, low, step) else None
        case Integer(low=low, high=high, step=step):
            whole = read_integer(text)
            return whole if whole is not None and low <= whole <= high and (whole - low) % step == 0 else None
        case Discrete(values=values, numbers=numbers):
            number = read_number(text)
            return None if number not in numbers else values[numbers.index(number)]
        case Categorical(choices=choices):
            return text if text in choices else None


def _is_on_step(number: float, low: float, step: float | None) -> bool:
    """Counted in decimals, as steps are written: 0.3 is two steps of 0.1 above 0.1."""
    if step is None:
        return True
    from fractions import Fraction  # few need it, and it takes its time to import

    return (Fraction(repr(number)) - Fraction(repr(low))) % Fraction(repr(step)) == 0


def _conditions(parameter: Parameter, dimensions: Mapping[str, Dimension]) -> Iterator[Condition]:
    for entry in parameter.active_when:
        other = dimensions.get(entry.parameter)
        values = () if other is None else tuple(possible_value(other, text) for text in entry.values)
        if not values or None in values:
            message = f"activeWhen names no possible values of {entry.parameter or 'another parameter'}"
            raise SpaceError(parameter.name, "activeWhen", message)
        yield Condition(parameter.name, entry.parameter, tuple(value for value in values if value is not None))


def _dimension(parameter: Parameter) -> Dimension:
    match parameter.type:
        case ParameterType.DOUBLE:
            return _double(parameter)
        case ParameterType.INT:
            return _integer(parameter)
        case ParameterType.DISCRETE:
            values = _listed(parameter)
            return Discrete(parameter.name, values, tuple(_listed_number(parameter, v) for v in values))
        case ParameterType.CATEGORICAL:
            return Categorical(parameter.name, _listed(parameter))
        case ParameterType.UNKNOWN:
            raise SpaceError(parameter.name, "parameterType", "has no type")


def _double(parameter: Parameter) -> Double:
    space = parameter.space
    low = _number(parameter, "min", space.min)
    high = _number(parameter, "max", space.max)
    step = _number(parameter, "step", space.step) if space.step else None
    return Double(parameter.name, low, high, step, space.distribution)


def _integer(parameter: Parameter) -> Integer:
    space = parameter.space
    low = _whole(parameter, "min", space.min)
    high = _whole(parameter, "max", space.max)
    step = _whole(parameter, "step", space.step) if space.step else 1
    return Integer(parameter.name, low, high, step, space.distribution)


def _number(parameter: Parameter, field: str, text: str) -> float:
    number = read_number(text)
    if number is None:
        raise SpaceError(parameter.name, field, f"{field} is {text!r}, expected a number")
    return number


def _whole(parameter: Parameter, field: str, text: str) -> int:
    number = read_integer(text)
    if number is None:
        raise SpaceError(parameter.name, field, f"{field} is {text!r}, expected a whole number")
    return number


def _listed(parameter: Parameter) -> tuple[str, ...]:
    if not parameter.space.list:
        raise SpaceError(parameter.name, "list", "list names no values")
    return parameter.space.list


def _listed_number(parameter: Parameter, text: str) -> float:
    number = read_number(text)
    if number is None:
        raise SpaceError(parameter.name, "list", f"list holds {text!r}, expected numbers only")
    return number
