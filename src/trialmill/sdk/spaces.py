"""Feasible spaces: which values a parameter can have."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import SupportsFloat, TypeAlias

from trialmill.api.experiment import ParameterType
from trialmill.api.problem import Problems
from trialmill.api.space import Distribution, format_value
from trialmill.api.tree import Json, JsonObject
from trialmill.sdk.trees import tree_of

Number: TypeAlias = int | float | str | SupportsFloat
"""A number, or its text: `"0.10"` keeps its spelling."""
Choice: TypeAlias = Number | Mapping[str, object] | Sequence[object]
"""A word, or what is written as one: a number, a boolean, and as JSON a list or a mapping."""


@dataclass(frozen=True, slots=True)
class FeasibleSpace:
    """What a parameter can be; made by `double`, `integer`, `discrete` and `choice`.

    `default` serves a first try of the template, and `description` tells readers what the parameter is for.
    """

    type: ParameterType
    space: JsonObject
    default: Json = None
    description: str = ""
    active_when: tuple[JsonObject, ...] = ()

    def when(self, conditions: Mapping[str, object] | None = None, /, **more: object) -> "FeasibleSpace":
        """The same, for a parameter that counts only while other parameters have these values: one, or one of a list.

        >>> double(0, 1).when(optimizer="sgd", layers=[2, 3]).active_when
        ({'parameter': 'optimizer', 'equals': 'sgd'}, {'parameter': 'layers', 'in': ['2', '3']})

        Names that are no Python names go into a mapping: `when({"num-layers": 2})`. All conditions must hold.
        """
        added = tuple(_condition(name, wanted) for name, wanted in {**(conditions or {}), **more}.items())
        return replace(self, active_when=(*self.active_when, *added))


def _condition(name: str, wanted: object) -> JsonObject:
    if isinstance(wanted, list | tuple | set | frozenset):
        return {"parameter": str(name), "in": [text_of(value) for value in wanted]}
    return {"parameter": str(name), "equals": text_of(wanted)}


def double(
    low: Number,
    high: Number,
    *,
    log: bool = False,
    normal: bool = False,
    step: Number | None = None,
    default: Number | None = None,
    description: str = "",
) -> FeasibleSpace:
    """Numbers from `low` to `high`, both possible.

    >>> double(1e-4, 1e-1, log=True).space
    {'min': '0.0001', 'max': '0.1', 'distribution': 'logUniform'}

    `log`: each order of magnitude is as likely as the next. `normal`: values near the middle are likelier. With a
    `step`: low, low + step, and so on.
    """
    return _range(ParameterType.DOUBLE, low, high, step, _distribution(log, normal), default, description)


def integer(
    low: Number,
    high: Number,
    *,
    log: bool = False,
    normal: bool = False,
    step: Number | None = None,
    default: Number | None = None,
    description: str = "",
) -> FeasibleSpace:
    """Whole numbers from `low` to `high`, both possible. The rest is as for `double`.

    >>> integer(2, 8, step=2).space
    {'min': '2', 'max': '8', 'step': '2'}
    """
    return _range(ParameterType.INT, low, high, step, _distribution(log, normal), default, description)


def discrete(*values: Number, default: Number | None = None, description: str = "") -> FeasibleSpace:
    """One of the listed numbers.

    >>> discrete(16, 32, 64).space
    {'list': ['16', '32', '64']}
    """
    return _listed(ParameterType.DISCRETE, values, default, description)


def choice(*values: Choice, default: Choice | None = None, description: str = "") -> FeasibleSpace:
    """One of the listed words, which have no order. A boolean is the word `true` or `false`.

    >>> choice("sgd", "adam").space
    {'list': ['sgd', 'adam']}
    >>> choice(["python", "a.py"], ["python", "b.py", "--fast"]).space
    {'list': ['["python", "a.py"]', '["python", "b.py", "--fast"]']}

    Lists and mappings are written as JSON; `param(name, cast="json")` makes them of it again in the field that it is
    the whole value of. Raises TypeError for what is neither, None among it.
    """
    return _listed(ParameterType.CATEGORICAL, values, default, description)


def text_of(value: object) -> str:
    """A value as a file would have it: whole numbers without a point, other numbers as short as they read back, lists
    and mappings as JSON. Raises TypeError for what has no text of its own.
    """
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value  # a scalar of numpy
    if isinstance(plain, Enum):
        plain = plain.value
    if isinstance(plain, bool | int | float | str):
        return format_value(plain)
    if isinstance(plain, Mapping | list | tuple):
        return _json(plain)
    if isinstance(plain, bytes) or type(plain).__str__ is object.__str__:
        found = "None" if plain is None else f"a {type(plain).__name__}"
        raise TypeError(f"{found} cannot be a value: write text, a number, a boolean, a list or a dict")
    return str(plain)


def _json(value: object) -> str:
    problems = Problems()
    tree = tree_of(value, (), problems)
    for problem in problems:
        where = f" at {problem.path}" if problem.path else ""
        raise TypeError(f"this value cannot be written as JSON{where}: {problem.message}")
    return json.dumps(tree, ensure_ascii=False)


def _range(
    type_: ParameterType,
    low: Number,
    high: Number,
    step: Number | None,
    distribution: Distribution,
    default: Number | None,
    description: str,
) -> FeasibleSpace:
    space: JsonObject = {"min": text_of(low), "max": text_of(high)}
    if step is not None:
        space["step"] = text_of(step)
    if distribution is not Distribution.UNIFORM:
        space["distribution"] = distribution.value
    return FeasibleSpace(type_, space, None if default is None else text_of(default), description)


def _distribution(log: bool, normal: bool) -> Distribution:
    if normal:
        return Distribution.LOG_NORMAL if log else Distribution.NORMAL
    return Distribution.LOG_UNIFORM if log else Distribution.UNIFORM


def _listed(type_: ParameterType, values: tuple[object, ...], default: object, description: str) -> FeasibleSpace:
    space: JsonObject = {"list": [text_of(value) for value in values]}
    return FeasibleSpace(type_, space, None if default is None else text_of(default), description)
