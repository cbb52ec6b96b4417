"""Assignments that nobody suggested: the corners of a space, for checks, and its middle, for a first try."""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import assert_never

from trialmill.api.experiment import TrialParameter
from trialmill.api.fields import FieldType
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Space, Value, format_value
from trialmill.api.tree import Json
from trialmill.template.conversion import convert


class Corner(StrEnum):
    MIN = "min"
    MAX = "max"


def corner(space: Space, which: Corner) -> dict[str, Value]:
    """All smallest, or all largest values that trials can get; the first or last of the listed words. Of inactive
    parameters too.
    """
    pick = _lowest if which is Corner.MIN else _highest
    return {dimension.name: pick(dimension) for dimension in space.dimensions}


def middle(space: Space, trial_parameters: Iterable[TrialParameter] = ()) -> dict[str, Value]:
    """The defaults of the trial parameters; elsewhere the middle of the range, on the parameter's own scale.

    The middle lies on the parameter's steps, and has six digits where there are none. A default that is no value of
    its parameter is passed over: `compile_template` reports it. Inactive parameters have values too.
    """
    defaults = {p.reference: p.default for p in trial_parameters if p.default is not None}
    values = {}
    for dimension in space.dimensions:
        default = read_default(dimension, defaults.get(dimension.name))
        values[dimension.name] = _middle(dimension) if default is None else default
    return values


def read_default(dimension: Dimension, default: Json) -> Value | None:
    """A default as a value of the dimension, None where it is none. It may lie outside the range, not the list."""
    text = format_value(default) if isinstance(default, bool | int | float | str) else ""
    try:
        match dimension:
            case Double():
                return value if math.isfinite(value := float(text)) else None
            case Integer():
                number = convert(text, FieldType.INTEGER)
                return number if isinstance(number, int) else None
            case Discrete(values=values, numbers=numbers):
                return text if text in values else values[numbers.index(float(text))]
            case Categorical(choices=choices):
                return text if text in choices else None
    except ValueError:
        return None
    assert_never(dimension)


def describe(dimension: Dimension) -> str:
    """The dimension in words, for messages."""
    match dimension:
        case Double(low=low, high=high):
            return f"a double from {low:g} to {high:g}"
        case Integer(low=low, high=high):
            return f"an integer from {low} to {high}"
        case Discrete(values=values):
            return f"one of the numbers {', '.join(values)}"
        case Categorical(choices=choices):
            return f"one of {', '.join(choices)}"


def _lowest(dimension: Dimension) -> Value:
    match dimension:
        case Double(low=low) | Integer(low=low):
            return low
        case Discrete(values=values, numbers=numbers):
            return values[numbers.index(min(numbers))]
        case Categorical(choices=choices):
            return choices[0]


def _highest(dimension: Dimension) -> Value:
    match dimension:
        case Double():
            return _on_step(dimension, dimension.high)
        case Integer(low=low, high=high, step=step):
            return low + (high - low) // step * step
        case Discrete(values=values, numbers=numbers):
            return values[numbers.index(max(numbers))]
        case Categorical(choices=choices):
            return choices[-1]


def _middle(dimension: Dimension) -> Value:
    match dimension:
        case Double(low=low, high=high, step=step):
            centre = _centre(low, high, logarithmic=dimension.distribution.is_logarithmic)
            return min(max(float(f"{centre:.6g}"), low), high) if step is None else _on_step(dimension, centre)
        case Integer(low=low, high=high, step=step):
            logarithmic = dimension.distribution.is_logarithmic and low > 0
            centre = math.isqrt(low * high) if logarithmic else (low + high) // 2
            return low + (centre - low) // step * step
        case Discrete(values=values):
            return values[(len(values) - 1) // 2]
        case Categorical(choices=choices):
            return choices[(len(choices) - 1) // 2]


def _centre(low: float, high: float, *, logarithmic: bool) -> float:
    """The arithmetic or geometric mean, without overflow on the way."""
    if logarithmic and low > 0:
        return math.sqrt(low) * math.sqrt(high)
    return low / 2 + high / 2


def _on_step(dimension: Double, value: float) -> float:
    """The step nearest to `value`. Counted in decimals, as steps are written: 0.05 + 4 * 0.2 is 0.85."""
    if dimension.step is None:
        return value
    from fractions import Fraction  # few need it, and it takes its time to import

    low, high, step = (Fraction(repr(number)) for number in (dimension.low, dimension.high, dimension.step))
    nearest = round((Fraction(repr(value)) - low) / step)
    return float(low + min(nearest, (high - low) // step) * step)
