"""`activeWhen`: whether each condition names another parameter and values that it can have, and can hold at all."""

from collections.abc import Iterator, Mapping, Sequence

from trialmill.api.experiment import ActiveWhen, Parameter
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Space, Value
from trialmill.api.spaces import possible_value
from trialmill.api.tree import Json, Path, get, get_object
from trialmill.template.corners import describe

_FIELD = "activeWhen"


def check_conditional(
    source: Json, parameters: Sequence[Parameter], places: Sequence[Path], space: Space, problems: Problems
) -> bool:
    """Whether the conditions of all parameters can be followed; what is wrong is reported.

    `places` are those of the parameters in `source`, and `space` holds their dimensions, without conditions.
    """
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    known = len(problems.found)
    for parameter, place in zip(parameters, places, strict=True):
        for entry, at in _entries(source, parameter, (*place, _FIELD)):
            _check_entry(parameter, entry, at, source, dimensions, problems)
    is_sound = len(problems.found) == known
    if is_sound:
        is_sound = _check_circles(parameters, places, problems)
    if is_sound:
        for parameter, place in zip(parameters, places, strict=True):
            is_sound &= _check_possible(parameter, parameters, dimensions, (*place, _FIELD), problems)
    return is_sound


def _entries(source: Json, parameter: Parameter, place: Path) -> Iterator[tuple[ActiveWhen, Path]]:
    """The conditions of a parameter with their places; entries that are no mappings have been left out."""
    listed = get(source, *place)
    if not isinstance(listed, list):
        yield from ((entry, place) for entry in parameter.active_when)
        return
    positions = [i for i, item in enumerate(listed) if isinstance(item, dict)]
    for entry, position in zip(parameter.active_when, positions, strict=False):
        yield entry, (*place, position)


def _check_entry(
    parameter: Parameter,
    entry: ActiveWhen,
    place: Path,
    source: Json,
    dimensions: Mapping[str, Dimension],
    problems: Problems,
) -> None:
    other = dimensions.get(entry.parameter)
    if not entry.parameter or problems.has_error_at((*place, "parameter")):
        return
    if other is None:
        meant = nearest(entry.parameter, [name for name in dimensions if name != parameter.name])
        remedy = f"did you mean {meant}?" if meant else f"there are {', '.join(dimensions)}"
        message = f"there is no parameter {entry.parameter}"
        problems.add("unknown-reference", message, (*place, "parameter"), found=entry.parameter, remedy=remedy)
        return
    if other.name == parameter.name:
        message = f"whether {parameter.name} is active cannot depend on its own value"
        problems.add("circular-condition", message, (*place, "parameter"), found=entry.parameter)
        return
    for text, at in _texts(source, entry, place):
        if possible_value(other, text) is None and not problems.has_error_at(at):
            problems.add(
                "impossible-value",
                f"{other.name} is {describe(other)}, and never {text}",
                at,
                found=text,
                expected=describe(other),
                remedy=_remedy(other, text),
            )


def _texts(source: Json, entry: ActiveWhen, place: Path) -> Iterator[tuple[str, Path]]:
    if "in" in get_object(source, *place):
        yield from ((text, (*place, "in", i)) for i, text in enumerate(entry.values))
    else:
        yield from ((text, (*place, "equals")) for text in entry.values)


def _remedy(dimension: Dimension, text: str) -> str:
    meant = nearest(text, dimension.choices) if isinstance(dimension, Categorical) else None
    return f"did you mean {meant}?" if meant else ""


def _check_circles(parameters: Sequence[Parameter], places: Sequence[Path], problems: Problems) -> bool:
    """Whether no parameter depends on itself by way of others; the first of each circle is reported."""
    needs = {p.name: [entry.parameter for entry in p.active_when] for p in parameters}
    reported: set[str] = set()
    for parameter, place in zip(parameters, places, strict=True):
        circle = _circle(parameter.name, needs)
        if circle and not reported & set(circle):
            reported.update(circle)
            message = f"{' depends on '.join([*circle, parameter.name])}, so none of them can ever be decided"
            remedy = "remove one of the conditions"
            problems.add("circular-condition", message, (*place, _FIELD), remedy=remedy, at_key=True)
    return not reported


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


def _check_possible(
    parameter: Parameter,
    parameters: Sequence[Parameter],
    dimensions: Mapping[str, Dimension],
    place: Path,
    problems: Problems,
) -> bool:
    """Whether the parameter is active in some trial; where it is in every one, its condition has no effect."""
    if not parameter.active_when:
        return True
    by_name = {p.name: p for p in parameters}
    allowed: dict[str, set[Value]] = {}
    waiting, seen = [parameter], {parameter.name}
    while waiting:
        for entry in waiting.pop().active_when:
            other = dimensions[entry.parameter]
            values = {value for text in entry.values if (value := possible_value(other, text)) is not None}
            allowed[other.name] = allowed.get(other.name, values) & values
            if not allowed[other.name]:
                message = f"{parameter.name} is never active: {other.name} has no value for which all conditions hold"
                problems.add("never-active", message, place, remedy="remove one of the conditions", at_key=True)
                return False
            if other.name not in seen:
                seen.add(other.name)
                waiting.append(by_name[other.name])
    if all(len(values) == _count(dimensions[name]) for name, values in allowed.items()):
        message = f"the condition holds for every value, so {parameter.name} is always active"
        problems.warn("no-effect", message, place, remedy="remove it", at_key=True)
    return True


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
