"""What a template computes with, and what can be done with each kind of value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from trialmill.forms.go_template.errors import ErrorKind
from trialmill.forms.go_template.literals import write_float


@dataclass(frozen=True, slots=True)
class Opaque:
    """A text that is known only when a trial is made; `text` stands for it, and `what` names it to the user.

    It can be printed. Whether it is empty can be asked where that is known: where it is `never_empty`.
    """

    text: str
    what: str
    never_empty: bool = False
    when: str = "not known before the trial"


@dataclass(frozen=True, slots=True)
class Record:
    """A value with fields; `what` names it to the user."""

    what: str
    fields: "Mapping[str, Value]"


Value: TypeAlias = "str | int | float | bool | Opaque | Record | tuple[Value, ...]"


class UnfitValueError(Exception):
    """Something that cannot be done with a value; who evaluates knows where in the template that is."""

    def __init__(self, kind: ErrorKind, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.remedy = remedy


def describe(value: Value) -> str:
    """What a value is, in the words of the template's author."""
    match value:
        case Opaque() | Record():
            return value.what
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a string"
        case _:
            return "a list"


def refuse_opaque(value: Value, doing: str) -> None:
    """Raise where a value is not known yet; `doing` is what was to be done with it: "compared"."""
    if isinstance(value, Opaque):
        raise UnfitValueError(
            ErrorKind.OPAQUE,
            f"{value.what} is {value.when}, so it cannot be {doing}",
            "print it as it is, and let the program that gets it decide",
        )


def truth(value: Value) -> bool:
    """What `if` thinks of a value: false for nothing, zero, an empty text and an empty list."""
    if isinstance(value, Opaque) and value.never_empty:
        return True
    refuse_opaque(value, "tested")
    return True if isinstance(value, Record) else bool(value)


def text_of(value: Value) -> str:
    """A value as it is printed."""
    match value:
        case Opaque():
            return value.text
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return write_float(value)
        case str():
            return value
        case Record():
            remedy = f"write one of its fields: {', '.join(f'.{name}' for name in value.fields)}"
        case _:
            remedy = "write its items one by one: {{range .HyperParameters}}...{{end}}"
    raise UnfitValueError(ErrorKind.UNSUPPORTED, f"{describe(value)} cannot be printed as a whole", remedy)
