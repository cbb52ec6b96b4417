"""Feasible spaces in one word, for command lines and questions.

| written | is |
|---|---|
| `1..8` | an int, as both ends are whole numbers |
| `0.1..0.9` | a double |
| `log:1e-5..1e-1` | a double whose logarithm is uniform |
| `int:1..8`, `int:log:16..1024`, `double:1..8` | of the type that is said |
| `0.1..0.9/0.1`, `int:16..256/16` | in steps |
| `16,32,64` | a discrete, as all are numbers |
| `sgd,adam` | a categorical |
"""

from typing import Final

from trialmill.api.experiment import FeasibleSpace, ParameterType
from trialmill.api.space import Distribution
from trialmill.api.spaces import read_integer, read_number

_RANGE: Final = ".."
_TYPES: Final = {"int": ParameterType.INT, "double": ParameterType.DOUBLE}
_DISTRIBUTIONS: Final = {"log": Distribution.LOG_UNIFORM, "normal": Distribution.NORMAL}


def read_space(text: str) -> tuple[ParameterType, FeasibleSpace]:
    """The type and the space. Raises ValueError with one plain sentence for what is none."""
    words = text.strip().split(":")
    prefixes, body = [word.strip() for word in words[:-1]], words[-1].strip()
    if _RANGE not in body or not all(word in (*_TYPES, *_DISTRIBUTIONS) for word in prefixes):
        if _RANGE in body and prefixes:
            raise ValueError(f"{text!r}: a range begins with int:, double:, log: or normal:, or with none of them")
        return _listed(text)
    return _range(text, prefixes, body)


def write_space(space: FeasibleSpace) -> dict[str, str | list[str]]:
    """The fields that say the same in a file."""
    fields: dict[str, str | list[str]] = {
        name: value for name, value in (("min", space.min), ("max", space.max), ("step", space.step)) if value
    }
    if space.list is not None:
        fields["list"] = list(space.list)
    if space.distribution is not Distribution.UNIFORM:
        fields["distribution"] = str(space.distribution)
    return fields


def _range(text: str, prefixes: list[str], body: str) -> tuple[ParameterType, FeasibleSpace]:
    ends, _, step = body.partition("/")
    low, _, high = (part.strip() for part in ends.partition(_RANGE))
    kind = next((_TYPES[word] for word in prefixes if word in _TYPES), None)
    distribution = next((_DISTRIBUTIONS[word] for word in prefixes if word in _DISTRIBUTIONS), Distribution.UNIFORM)
    if kind is None:
        is_whole = not distribution.is_logarithmic and all(read_integer(end) is not None for end in (low, high))
        kind = ParameterType.INT if is_whole and not step.strip("0123456789 ") else ParameterType.DOUBLE
    for end in (low, high, *([step.strip()] if step else [])):
        wrong = read_integer(end) is None if kind is ParameterType.INT else read_number(end) is None
        if wrong:
            expected = "a whole number" if kind is ParameterType.INT else "a number"
            raise ValueError(f"{text!r}: {end!r} is not {expected}")
    least, most = read_number(low), read_number(high)
    if least is not None and most is not None and least >= most:
        raise ValueError(f"{text!r}: the range goes from the smaller to the larger number")
    if distribution.is_logarithmic and least is not None and least <= 0:
        raise ValueError(f"{text!r}: a range with log: begins above 0")
    return kind, FeasibleSpace(low, high, step.strip(), None, distribution)


def _listed(text: str) -> tuple[ParameterType, FeasibleSpace]:
    values = [value.strip() for value in text.split(",")]
    if len(values) < 2 or not all(values):
        raise ValueError(f"{text!r} is no space: write LOW..HIGH, log:LOW..HIGH, or values with commas between them")
    if len(set(values)) < len(values):
        raise ValueError(f"{text!r} names a value twice")
    is_numeric = all(read_number(value) is not None for value in values)
    return ParameterType.DISCRETE if is_numeric else ParameterType.CATEGORICAL, FeasibleSpace(list=tuple(values))
