"""The functions that Go's templates have built in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from trialmill.forms.go_template.errors import ErrorKind
from trialmill.forms.go_template.printf import format_text
from trialmill.forms.go_template.values import (
    Opaque,
    Record,
    UnfitValueError,
    Value,
    describe,
    refuse_opaque,
    text_of,
    truth,
)

Function: TypeAlias = Callable[[Sequence[Value]], Value]


def _not(arguments: Sequence[Value]) -> bool:
    _check_count("not", arguments, 1, 1)
    return not truth(arguments[0])


def _len(arguments: Sequence[Value]) -> int:
    _check_count("len", arguments, 1, 1)
    refuse_opaque(arguments[0], "measured")
    match arguments[0]:
        case str() as text:
            return len(text.encode())
        case tuple() as items:
            return len(items)
        case other:
            raise _wrong(f"{describe(other)} has no length")


def _index(arguments: Sequence[Value]) -> Value:
    _check_count("index", arguments, 1)
    value = arguments[0]
    for position in arguments[1:]:
        refuse_opaque(value, "taken apart")
        refuse_opaque(position, "counted with")
        if not isinstance(value, tuple | str):
            raise _wrong(f"{describe(value)} has no items")
        if not isinstance(position, int) or isinstance(position, bool):
            raise _wrong(f"the number of an item is an integer, found {describe(position)}")
        items = value.encode() if isinstance(value, str) else value
        if not 0 <= position < len(items):
            raise _wrong(
                f"there is no item {position}: the items are 0 to {len(items) - 1}" if items else "it is empty"
            )
        value = items[position]
    return value


def _print(arguments: Sequence[Value]) -> str:
    """With a space between two neighbours neither of which is a text."""
    text = ""
    for position, value in enumerate(arguments):
        if position and not any(isinstance(v, str | Opaque) for v in arguments[position - 1 : position + 1]):
            text += " "
        text += text_of(value)
    return text


def _println(arguments: Sequence[Value]) -> str:
    return " ".join(map(text_of, arguments)) + "\n"


def _printf(arguments: Sequence[Value]) -> str:
    _check_count("printf", arguments, 1)
    pattern = arguments[0]
    refuse_opaque(pattern, "used as a format")
    if not isinstance(pattern, str):
        raise _wrong(f"printf begins with its format, a string; found {describe(pattern)}")
    return format_text(pattern, arguments[1:])


def _eq(arguments: Sequence[Value]) -> bool:
    """Whether the first is equal to any of the others."""
    _check_count("eq", arguments, 2)
    return any(_compare(arguments[0], other) == 0 for other in arguments[1:])


def _ordering(name: str, holds: Callable[[int], bool]) -> Function:
    def function(arguments: Sequence[Value]) -> bool:
        _check_count(name, arguments, 2, 2)
        first, second = arguments
        order = _compare(first, second)
        if name != "ne" and isinstance(first, bool):
            raise _wrong("booleans have no order")
        return holds(order)

    return function


def _compare(first: Value, second: Value) -> int:
    """Below, at or above zero, as the first is below, equal to or above the second."""
    for value in (first, second):
        refuse_opaque(value, "compared")
        if isinstance(value, tuple | Record):
            raise UnfitValueError(ErrorKind.UNSUPPORTED, f"{describe(value)} cannot be compared", "compare its fields")
    for type_ in (bool, int, float, str):
        if (
            isinstance(first, type_)
            and isinstance(second, type_)
            and isinstance(first, bool) == isinstance(second, bool)
        ):
            return (first > second) - (first < second)  # type: ignore[operator]  # both are of one type that has an order
    raise _wrong(f"{describe(first)} and {describe(second)} cannot be compared")


def _and_or(name: str, stops_at: bool) -> Function:
    def function(arguments: Sequence[Value]) -> Value:
        _check_count(name, arguments, 1)
        for value in arguments[:-1]:
            if truth(value) is stops_at:
                return value
        return arguments[-1]

    return function


def _check_count(name: str, arguments: Sequence[Value], least: int, most: int | None = None) -> None:
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wanted = str(least) if most == least else f"at least {least}"
        raise _wrong(f"{name} takes {wanted} value{'s' if wanted[-1] != '1' else ''}, found {len(arguments)}")


def _wrong(message: str) -> UnfitValueError:
    return UnfitValueError(ErrorKind.EVALUATION, message)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": _and_or("and", stops_at=False),
    "or": _and_or("or", stops_at=True),
    "not": _not,
    "len": _len,
    "index": _index,
    "print": _print,
    "println": _println,
    "printf": _printf,
    "eq": _eq,
    "ne": _ordering("ne", lambda order: order != 0),
    "lt": _ordering("lt", lambda order: order < 0),
    "le": _ordering("le", lambda order: order <= 0),
    "gt": _ordering("gt", lambda order: order > 0),
    "ge": _ordering("ge", lambda order: order >= 0),
}
LAZY: Final[Mapping[str, bool]] = {"and": False, "or": True}
"""The functions whose later arguments are not evaluated once one is as true as this."""
UNSUPPORTED: Final = ("call", "html", "js", "slice", "urlquery")
