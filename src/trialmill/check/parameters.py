"""The search space: each parameter's bounds, step and list (Katib: rules 14 and 15, and what they leave out)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from trialmill.api.experiment import Experiment, FeasibleSpace, Parameter, ParameterType
from trialmill.api.problem import Problems
from trialmill.api.space import Dimension, Distribution, Space
from trialmill.api.spaces import SpaceError, read_integer, read_number, space_of
from trialmill.api.tree import Path
from trialmill.check.conditional import check_conditional
from trialmill.check.places import SPEC, entries, has_error_below

_PARAMETERS: Path = (*SPEC, "parameters")


def check_parameters(experiment: Experiment, problems: Problems) -> Space | None:
    """The typed space; None when a parameter cannot be searched."""
    parameters = experiment.spec.parameters
    if not parameters:
        is_explained = has_error_below(problems, _PARAMETERS) or problems.has_error_at(SPEC)
        if experiment.spec.nas is None and not is_explained:
            remedy = "name what is to be tuned, and its feasible space"
            message = "there are no parameters to tune"
            problems.add("required", message, _PARAMETERS, expected="a list of parameters", remedy=remedy, at_key=True)
        return None
    if experiment.spec.nas is not None:
        message = "an experiment has either parameters or a nasConfig"
        problems.add("parameters-and-nas", message, (*SPEC, "nasConfig"), remedy="remove one of the two", at_key=True)
    places = entries(experiment.source, _PARAMETERS, len(parameters))
    _check_names(parameters, places, problems)
    for parameter, place in zip(parameters, places, strict=True):
        _ParameterCheck(parameter, (*place, "feasibleSpace"), problems).run()
    check_conditional(experiment.source, parameters, places, _dimensions(parameters, places, problems), problems)
    if has_error_below(problems, _PARAMETERS):
        return None
    try:
        return space_of(parameters)
    except SpaceError as error:
        problems.add("invalid-space", str(error), _PARAMETERS)
        return None


def _dimensions(parameters: Sequence[Parameter], places: Sequence[Path], problems: Problems) -> dict[str, Dimension]:
    """Those that can be read, by name, whatever is wrong with the others."""
    found: dict[str, Dimension] = {}
    for parameter, place in zip(parameters, places, strict=True):
        if not any(has_error_below(problems, (*place, field)) for field in ("parameterType", "feasibleSpace")):
            with suppress(SpaceError):
                found[parameter.name] = space_of([replace(parameter, active_when=())]).dimensions[0]
    return found


def _check_names(parameters: Sequence[Parameter], places: Sequence[Path], problems: Problems) -> None:
    seen: set[str] = set()
    for parameter, place in zip(parameters, places, strict=True):
        if parameter.name in seen:
            message = f"two parameters are named {parameter.name}"
            problems.add("duplicate-name", message, (*place, "name"), found=parameter.name)
        if parameter.name:
            seen.add(parameter.name)


class _ParameterCheck:
    """One parameter's feasible space, which stands at `place`."""

    def __init__(self, parameter: Parameter, place: Path, problems: Problems) -> None:
        self.parameter = parameter
        self.space: FeasibleSpace = parameter.space
        self.place = place
        self.problems = problems
        self.what = f"{'an' if parameter.type is ParameterType.INT else 'a'} {parameter.type}"

    def run(self) -> None:
        type_place = (*self.place[:-1], "parameterType")
        if self.problems.has_error_at(type_place) or self.problems.has_error_at(self.place):
            return
        match self.parameter.type:
            case ParameterType.DOUBLE | ParameterType.INT:
                self._range()
            case ParameterType.DISCRETE | ParameterType.CATEGORICAL:
                self._list()
            case ParameterType.UNKNOWN:
                message = "no algorithm can search a parameter of unknown type"
                expected = "double, int, discrete or categorical"
                self.problems.add("unknown-value", message, type_place, found="unknown", expected=expected)
            case _:
                assert_never(self.parameter.type)

    # --- Ranges

    def _range(self) -> None:
        if self.space.list is not None:
            self._misplaced("list", f"{self.what} has min and max")
        low, high = self._bound("min", self.space.min), self._bound("max", self.space.max)
        step = self._number("step", self.space.step) if self.space.step else None
        if step is not None and step <= 0:
            self._add("invalid-step", "the step must be above 0", "step", self.space.step)
            step = None
        if low is None or high is None:
            return
        if low > high:
            message = f"min {self.space.min} is above max {self.space.max}"
            self._add("min-above-max", message, "min", self.space.min, f"at most max, {self.space.max}")
            return
        if low == high:
            self._note("one-value-only", f"{self.parameter.name} has a single value, {self.space.min}", "max")
        elif step is not None and step > high - low:
            message = f"the step {self.space.step} is larger than the range, so {self.space.min} is the only value"
            self.problems.warn("step-above-range", message, (*self.place, "step"))
        if self.space.distribution.is_logarithmic and low <= 0:
            message = f"{self.space.distribution} takes the logarithm of min, so min must be above 0"
            self._add("log-needs-positive", message, "min", self.space.min, "a number above 0")

    def _bound(self, field: str, text: str) -> float | None:
        place = (*self.place, field)
        if text:
            return self._number(field, text)
        if not self.problems.has_error_at(place):
            message = f"{field} is missing: {self.what} needs min and max"
            self.problems.add("required", message, place, expected="a number", at_key=True)
        return None

    def _number(self, field: str, text: str) -> float | None:
        is_integer = self.parameter.type is ParameterType.INT
        number = read_integer(text) if is_integer else read_number(text)
        if number is None and not self.problems.has_error_at((*self.place, field)):
            expected = "a whole number" if is_integer else "a number"
            remedy = "make it a double" if is_integer and read_number(text) is not None else ""
            self._add("not-a-number", f"{field} is {text!r}, expected {expected}", field, text, expected, remedy)
        return number

    # --- Lists

    def _list(self) -> None:
        for field, text in (("min", self.space.min), ("max", self.space.max), ("step", self.space.step)):
            if text:
                self._misplaced(field, f"{self.what} has a list of its values")
        if self.space.distribution is not Distribution.UNIFORM:
            message = f"{self.what} has no distribution, this one has no effect"
            self.problems.warn("no-effect", message, (*self.place, "distribution"), remedy="remove it")
        if not self.space.list:
            if not self.problems.has_error_at((*self.place, "list")):
                message = f"list names no values, and {self.what} needs some"
                self.problems.add("required", message, (*self.place, "list"), expected="a list of values", at_key=True)
            return
        seen: dict[str | float, str] = {}
        for position, text in enumerate(self.space.list):
            self._listed(text, (*self.place, "list", position), seen)

    def _listed(self, text: str, place: Path, seen: dict[str | float, str]) -> None:
        """One value of a list. Two spellings of a number are the same value."""
        value: str | float | None = text
        if self.parameter.type is ParameterType.DISCRETE:
            value = read_number(text)
            if value is None and not self.problems.has_error_at(place):
                message = f"{text!r} is no number, and a discrete parameter lists numbers"
                remedy = "make it a categorical for words"
                self.problems.add("not-a-number", message, place, found=text, expected="a number", remedy=remedy)
        if value is None:
            return
        if value in seen:
            message = f"{_twice(seen[value], text)}, so it is tried more often than the others"
            self.problems.warn("duplicate-value", message, place, remedy="remove one of the two")
        seen[value] = text

    # --- Reporting

    def _misplaced(self, field: str, instead: str) -> None:
        message = f"{field} has no place here: {instead}"
        self.problems.add("misplaced-field", message, (*self.place, field), remedy="remove it", at_key=True)

    def _add(self, code: str, message: str, field: str, found: str, expected: str = "", remedy: str = "") -> None:
        place = (*self.place, field)
        self.problems.add(code, message, place, found=found, expected=expected, remedy=remedy)

    def _note(self, code: str, message: str, field: str) -> None:
        self.problems.note(code, message, (*self.place, field))


def _twice(first: str, second: str) -> str:
    return f"{second} is listed twice" if first == second else f"{second} is the same number as {first}"
