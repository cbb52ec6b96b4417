"""`activeWhen`: whether each condition names another parameter and values that it can have, and can hold at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.api.experiment import ActiveWhen, Parameter
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Value
from trialmill.api.spaces import possible_value
from trialmill.api.tree import Json, Path, get, get_object
from trialmill.template.corners import describe

_FIELD: Final = "activeWhen"


def check_conditional(
    source: Json,
    parameters: Sequence[Parameter],
    places: Sequence[Path],
    dimensions: Mapping[str, Dimension],
    problems: Problems,
) -> None:
    """Report what is wrong with the conditions of all parameters.

    `places` are those of the parameters in `source`, and `dimensions` theirs by name, as far as they could be read.
    """
    known = len(problems.found)
    checks = _Checks(parameters, places, source, dimensions, problems)
    for parameter, place in zip(parameters, places, strict=True):
        for entry, at in _entries(source, parameter, (*place, _FIELD)):
            checks.entry(parameter, entry, at)
    checks.circles()
    if len(problems.found) == known and len(dimensions) == len(parameters):
        for parameter, place in zip(parameters, places, strict=True):
            checks.possible(parameter, (*place, _FIELD))


def _entries(source: Json, parameter: Parameter, place: Path) -> Iterator[tuple[ActiveWhen, Path]]:
    """The conditions of a parameter with their places; entries that are no mappings have been left out."""
    listed = get(source, *place)
    if not isinstance(listed, list):
        yield from ((entry, place) for entry in parameter.active_when)
        return
    positions = [i for i, item in enumerate(listed) if isinstance(item, dict)]
    for entry, position in zip(parameter.active_when, positions, strict=False):
        yield entry, (*place, position)


@dataclass(frozen=True, slots=True)
class _Checks:
    """What the checks of all conditions have in common."""

    parameters: Sequence[Parameter]
    places: Sequence[Path]
    source: Json
    dimensions: Mapping[str, Dimension]
    problems: Problems

    def entry(self, parameter: Parameter, entry: ActiveWhen, place: Path) -> None:
        """One condition: another parameter that exists, and values that it can have."""
        names = [p.name for p in self.parameters]
        at, name = (*place, "parameter"), entry.parameter
        if not name or self.problems.has_error_at(at):
            return
        if name not in names:
            meant = nearest(name, [n for n in names if n != parameter.name])
            remedy = f"did you mean {meant}?" if meant else f"there are {', '.join(names)}"
            self.problems.add("unknown-reference", f"there is no parameter {name}", at, found=name, remedy=remedy)
        elif name == parameter.name:
            message = f"whether {name} is active cannot depend on its own value"
            self.problems.add("circular-condition", message, at, found=name)
        elif name in self.dimensions:
            for text, text_place in _texts(self.source, entry, place):
                self._value(self.dimensions[name], text, text_place)

    def _value(self, other: Dimension, text: str, place: Path) -> None:
        if possible_value(other, text) is not None or self.problems.has_error_at(place):
            return
        meant = nearest(text, other.choices) if isinstance(other, Categorical) else None
        self.problems.add(
            "impossible-value",
            f"{other.name} is {describe(other)}, and never {text}",
            place,
            found=text,
            expected=describe(other),
            remedy=f"did you mean {meant}?" if meant else "",
        )

    def circles(self) -> None:
        """No parameter may depend on itself by way of others; the first of each circle is reported."""
        needs = {p.name: [e.parameter for e in p.active_when if e.parameter != p.name] for p in self.parameters}
        reported: set[str] = set()
        for parameter, place in zip(self.parameters, self.places, strict=True):
            circle = _circle(parameter.name, needs)
            if circle and not reported & set(circle):
                reported.update(circle)
                message = f"{', which depends on '.join([*circle, parameter.name])}: none of them can be decided"
                remedy = "remove one of the conditions"
                self.problems.add("circular-condition", message, (*place, _FIELD), remedy=remedy, at_key=True)

    def possible(self, parameter: Parameter, place: Path) -> None:
        """Some trial must have the parameter; where every one has it, its condition has no effect."""
        allowed = self._allowed(parameter)
        if never := next((name for name, values in allowed.items() if not values), None):
            message = f"{parameter.name} is never active: {never} has no value for which all conditions hold"
            self.problems.add("never-active", message, place, remedy="remove one of the conditions", at_key=True)
        elif allowed and all(len(values) == _count(self.dimensions[name]) for name, values in allowed.items()):
            message = f"the condition holds for every value, so {parameter.name} is always active"
            self.problems.warn("no-effect", message, place, remedy="remove it", at_key=True)

    def _allowed(self, parameter: Parameter) -> dict[str, set[Value]]:
        """By each parameter that this one depends on, itself or by way of others: the values for which it is active."""
        by_name = {p.name: p for p in self.parameters}
        allowed: dict[str, set[Value]] = {}
        waiting = [parameter]
        while waiting:
            for entry in waiting.pop().active_when:
                other = self.dimensions[entry.parameter]
                values = {value for text in entry.values if (value := possible_value(other, text)) is not None}
                if other.name not in allowed:
                    waiting.append(by_name[other.name])
                allowed[other.name] = allowed.get(other.name, values) & values
        return allowed


def _texts(source: Json, entry: ActiveWhen, place: Path) -> Iterator[tuple[str, Path]]:
    """The values of a condition with their places."""
    if "in" in get_object(source, *place):
        yield from ((text, (*place, "in", i)) for i, text in enumerate(entry.values))
    else:
        yield from ((text, (*place, "equals")) for text in entry.values)


def _circle(name: str, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The way from a parameter through those that it depends on back to itself; empty where there is none."""
    came_from: dict[str, str] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for other in needs.get(current, ()):
            if other == name:
                way = [current]
                while way[-1] != name:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if other not in came_from:
                came_from[other] = current
                waiting.append(other)
    return []


def _count(dimension: Dimension) -> int | None:
    """How many different values there are; None for endlessly many, and for doubles, which nobody lists in full."""
    match dimension:
        case Integer(low=low, high=high, step=step):
            return (high - low) // step + 1
        case Discrete(numbers=numbers):
            return len(set(numbers))
        case Categorical(choices=choices):
            return len(set(choices))
        case Double(low=low, high=high):
            return 1 if low == high else None
